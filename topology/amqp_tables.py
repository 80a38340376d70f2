"""A message's headers as bytes, for whoever keeps them: AMQP's own field table, which alone can say all they can be.

The broker's client, which knows the table, is loaded by the first message that has one: not by a simulated world.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def packed(headers: Mapping[Any, Any]) -> bytes:
    """The table of `headers`, in the order of their names, which means nothing to anybody. Raises what pika does."""
    from topology import amqp_socket

    pieces: list[bytes] = []
    amqp_socket.encode_table(pieces, dict(sorted(headers.items(), key=_bytes_of_name)))
    return b"".join(pieces)


def unpacked(table: bytes) -> dict[Any, Any]:
    """The headers in `table`."""
    from topology import amqp_socket

    return amqp_socket.decode_table(table, 0)[0]


def _bytes_of_name(header: tuple[Any, Any]) -> bytes:
    """pika leaves a name that is no UTF-8 as the bytes it was."""
    name = header[0]
    return name if isinstance(name, bytes) else name.encode()
