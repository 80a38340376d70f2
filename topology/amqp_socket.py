"""The one place that reaches into pika: a connection that can be cut, and that joins what it writes.

pika's own `close` cancels the consumers first, and then the broker gives the next messages to a waiting successor
before it gives him those that we still hold: users' events would overtake each other. So we cut the socket. And pika
writes each frame with a `send` of its own, three per message, which is half of the whole cost of publishing; here a
burst is joined.

Headers are a sender's bytes, and pika cannot read all of them: a timestamp of the year 300,000 or a type it does not
know raises in the middle of a read, and the connection is gone, again and again, for as long as that message is at the
head of the queue. So a table that cannot be read is read as one that says so; its length stands before it. And pika
reads 0.5 as 0 and writes no fraction at all: a header that came as one is read and written as the double that it is.

Writing and cutting go through the hooks that pika's adapters implement (`_adapter_*`), from a subclass, which is what
they are for.
"""

# pyright: reportUntypedBaseClass=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
# What pyright sees of pika's adapters has no types; here is where they are given some.

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pika
from pika import data
from pika.adapters.select_connection import IOLoop

from topology.amqp_deliveries import delivery
from topology.amqp_frames import publication
from topology.amqp_reason import reason_of
from topology.ports import UNREADABLE, Delivery, Outgoing

JOIN_BYTES_MAX = 64 * 1024
"""A longer write is passed on in parts: what the kernel does not take at once is copied again."""

encode_table = data.encode_table
_decode_table = data.decode_table
_decode_value = data.decode_value
_encode_value = data.encode_value
_FRACTIONS = {b"d": struct.Struct(">d"), b"f": struct.Struct(">f")}
"""How the two types of numbers with a fraction are packed."""


def decode_table(encoded: bytes, offset: int) -> tuple[dict[Any, Any], int]:
    """pika's `decode_table`, but for what it raises: the table then says why it cannot be read."""
    try:
        decode: Any = _decode_table
        return decode(encoded, offset)
    except Exception as error:
        (length,) = struct.unpack_from(">I", encoded, offset)
        return {UNREADABLE: f"{type(error).__name__}: {error}"[:200]}, offset + 4 + length


def decode_value(encoded: bytes, offset: int) -> tuple[Any, int]:
    """pika's `decode_value`, but for numbers with a fraction, of which pika drops it."""
    packed = _FRACTIONS.get(encoded[offset : offset + 1])
    if packed is None:
        decode: Any = _decode_value
        return decode(encoded, offset)
    return packed.unpack_from(encoded, offset + 1)[0], offset + 1 + packed.size


def encode_value(pieces: list[bytes], value: Any) -> int:
    """pika's `encode_value`, and of numbers with a fraction too."""
    if not isinstance(value, float):
        return _encode_value(pieces, value)
    pieces.append(struct.pack(">cd", b"d", value))
    return 9


data.decode_table = decode_table
data.decode_value = decode_value
data.encode_value = encode_value


_Connection: Any = pika.SelectConnection


class AmqpConnection(_Connection):
    """A SelectConnection on a loop of its own. Used by the loop's thread only."""

    def __init__(
        self,
        parameters: pika.URLParameters,
        opened: Callable[[], None],
        ended: Callable[[str], None],
        loop: IOLoop,
    ) -> None:
        super().__init__(
            parameters,
            on_open_callback=lambda _: opened(),
            on_open_error_callback=lambda _, error: ended(reason_of(error)),
            on_close_callback=lambda _, error: ended(reason_of(error)),
            custom_ioloop=loop,
        )

    deliver: Callable[[Delivery], None] | None = None
    """Who is given the deliveries that are read here instead of by pika, in order with all else. Others may come by
    pika's own callback."""

    def _on_data_available(self, data_in: bytes) -> None:
        """As pika's, but for whole deliveries."""
        if self.deliver is None:
            super()._on_data_available(data_in)
            return
        self._frame_buffer += data_in
        while self._take_deliveries(self.deliver):
            nbytes, frame = self._read_frame()
            if not frame:
                return
            self._trim_frame_buffer(nbytes)
            self._process_frame(frame)

    def _take_deliveries(self, deliver: Callable[[Delivery], None]) -> bool:
        """Pass on what is here whole; -> whether a frame for pika may follow it."""
        buffer: bytes = self._frame_buffer
        at = 0
        while at < len(buffer):
            found = delivery(buffer, at)
            if isinstance(found, str):
                self._trim_frame_buffer(at)
                return found == "other"
            deliver(found[0])
            at = found[1]
        self._trim_frame_buffer(at)
        return False

    def publish(self, channel: int, messages: Sequence[Outgoing]) -> None:
        """Write `messages` to an open channel, in as few writes as can be. O(bytes)."""
        frame_max: int = self.params.frame_max
        pieces: list[bytes] = []
        nbytes = 0
        for message in messages:
            piece = publication(channel, frame_max, message)
            pieces.append(piece)
            nbytes += len(piece)
            if nbytes >= JOIN_BYTES_MAX:
                self._emit(pieces, nbytes)
                pieces, nbytes = [], 0
        if pieces:
            self._emit(pieces, nbytes)

    def _emit(self, pieces: Sequence[bytes], nbytes: int) -> None:
        self.bytes_sent += nbytes
        self._adapter_emit_data(b"".join(pieces))

    @property
    def unsent_bytes(self) -> int:
        """Written here and not yet taken by the kernel."""
        transport: Any = self._transport
        return transport.get_write_buffer_size() if transport is not None else 0

    def cut(self, reason: str) -> None:
        """Close the socket without a word to the broker; `ended` follows from the loop. A second time is nothing."""
        if not self._opened or self._transport is not None:
            self._terminate_stream(ConnectionAbortedError(reason))
