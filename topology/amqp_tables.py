"""A message's headers as bytes, for whoever keeps them: AMQP's own field table, which alone can say all they can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pika import data

from topology.amqp_socket import decode_table


def packed(headers: Mapping[Any, Any]) -> bytes:
    """The table of `headers`, in the order of their names, which means nothing to anybody. Raises what pika does."""
    pieces: list[bytes] = []
    data.encode_table(pieces, dict(sorted(headers.items(), key=_bytes_of_name)))
    return b"".join(pieces)


def unpacked(table: bytes) -> dict[Any, Any]:
    """The headers in `table`."""
    return decode_table(table, 0)[0]


def _bytes_of_name(header: tuple[Any, Any]) -> bytes:
    """pika leaves a name that is no UTF-8 as the bytes it was."""
    name = header[0]
    return name if isinstance(name, bytes) else name.encode()
