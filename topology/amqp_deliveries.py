"""Reading deliveries off the wire: three frames that are here whole become one value, without an object for each.

pika decodes frame by frame, looks for callbacks at each, assembles them again and cuts the rest of its buffer anew
every time: 40 µs per message, a seventh of the engine's whole cost per event. Here only the one thing that comes in
masses is read, a `Basic.Deliver` with its header and a body of one frame. Everything else, and everything doubtful (a
long body, a body in parts, a frame that does not end where it says), is left to pika from its first byte on, so that
there is one place that knows what to do about it. Tests hold the two readers against each other.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Literal

from pika import BasicProperties

from topology.ports import Delivery

BODY_BYTES_MAX = 64 * 1024
"""A longer body is pika's: waiting until it is here whole would copy its beginning at every read."""
NAMES_MAX = 1_024
"""Exchanges and routing keys that are kept decoded."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = struct.pack(">HH", 60, 60)
_END = 0xCE
_FRAME_BYTES = 8
"""What a frame has besides its payload: 7 bytes before, one behind."""
_METHOD_ARGS_AT = 11
_PROPS_AT = 19
_frame_head = struct.Struct(">BHI").unpack_from
_header_head = struct.Struct(">BHIHHQ").unpack_from
_tag_and_redelivered = struct.Struct(">QB").unpack_from

Unread = Literal["partial", "other"]


def delivery(buffer: bytes, at: int) -> tuple[Delivery, int] | Unread:
    """The delivery whose first frame begins at `at`, and where the next frame does. O(bytes of the message).

    "partial": it may become one when more bytes have come. "other": not for us.
    """
    if buffer[at] != _METHOD:
        return "other"
    size = len(buffer)
    if size < at + _METHOD_ARGS_AT:
        return "partial"
    if buffer[at + 7 : at + _METHOD_ARGS_AT] != _DELIVER:
        return "other"
    _, channel, method_bytes = _frame_head(buffer, at)
    header_at = at + _FRAME_BYTES + method_bytes
    if size < header_at + _PROPS_AT:
        return "partial"
    kind, _, header_bytes, _, _, body_bytes = _header_head(buffer, header_at)
    if kind != _HEADER or body_bytes > BODY_BYTES_MAX:
        return "other"
    body_at = header_at + _FRAME_BYTES + header_bytes
    end = body_at + (_FRAME_BYTES + body_bytes if body_bytes else 0)
    if size < end:
        return "partial"
    if body_bytes and _frame_head(buffer, body_at) != (_BODY, channel, body_bytes):
        return "other"
    if not buffer[header_at - 1] == buffer[body_at - 1] == buffer[end - 1] == _END:
        return "other"
    made: Any = BasicProperties()
    props = made.decode(buffer[header_at + _PROPS_AT : body_at - 1])
    return _method(buffer, at + _METHOD_ARGS_AT, props, buffer[body_at + 7 : end - 1] if body_bytes else b""), end


def _method(buffer: bytes, at: int, props: Any, body: bytes) -> Delivery:
    at += 1 + buffer[at]  # the consumer's tag: there is one consumer to a connection
    tag, redelivered = _tag_and_redelivered(buffer, at)
    at += 9
    key_at = at + 1 + buffer[at]
    key_end = key_at + 1 + buffer[key_at]
    return Delivery(
        tag, _text(buffer[at + 1 : key_at]), _text(buffer[key_at + 1 : key_end]), props, body, bool(redelivered & 1)
    )


@lru_cache(NAMES_MAX)
def _text(raw: bytes) -> Any:
    """As pika reads a short text: what is no UTF-8 stays the bytes it was."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
