"""The front door for messages to be published later: any bytes, with what to do in their properties.

`message_id` names the message, `type: cancel` takes it back (anew under another `correlation_id` or `timestamp`), and
else one of the headers `deliver_at` (RFC 3339) and `delay_ms` says when. Everything that is passed on is what was sent,
but for what a broker would act upon: traces of dead-lettering, carbon copies, an expiry, a publisher's user id, a
direct reply address. What could not be published again as it came is refused here, where its sender can still be told,
and not at the relay, which nothing may stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.commands import must_be
from actors.delay.messages import CANCEL, LATER, SUBJECT, CancelDelayed, Message, PublishLater
from actors.delay.waiting import DELAY_MS_MAX
from actors.fields import rfc3339_ms
from supervision.entry import Draft, encode_draft, segment_of
from supervision.messages import Item
from topology.amqp_tables import packed
from topology.dead import DIRECT_REPLY, is_of_broker
from topology.ports import UNREADABLE, Delivery, Properties
from topology.wire import (
    ID_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    BadMessage,
    deeper_than,
    full_id,
    hash64,
    id_hash,
    text_problem,
)

HEADERS_MAX = 64
HEADERS_BYTES_MAX = 32 * 1024
HEADERS_DEPTH_MAX = 8
CANCELS = "cancel"
"""The property `type` of a message that takes back another."""
DELIVER_AT, DELAY_MS = "deliver_at", "delay_ms"
_TEXTS = ("content_type", "content_encoding", "correlation_id", "reply_to", "type", "app_id")

_encode = msgspec.json.encode


def read(delivery: Delivery, source: str, segments: int) -> Item | BadMessage:
    """What a message to `marketing.delay` becomes, or why it does not. Never raises, whatever it is."""
    props = delivery.props
    message_id = props.message_id
    if not message_id or text_problem(message_id, ID_BYTES_MAX):
        wanted = f"1 to {ID_BYTES_MAX} bytes of UTF-8 without control characters: it names the message"
        return must_be("bad_id" if message_id else "missing", "message_id", wanted)
    if props.type == CANCELS:
        return _cancel(props, message_id, source, segments)
    asked = _later(delivery, message_id)
    if isinstance(asked, BadMessage):
        return asked
    id = full_id(source, message_id)
    return id if isinstance(id, BadMessage) else _item(LATER, message_id, id, asked, segments)


def _cancel(props: Properties, message_id: str, source: str, segments: int) -> Item | BadMessage:
    """By another id than what it cancels, since the log takes two commands under one id for a mistake. And what the
    broker delivers again is the same cancel, but not what its sender sends again, after a refusal for instance; so the
    id has the properties by which he can tell them apart.
    """
    sent: Any = props.correlation_id or ""
    if not isinstance(sent, str):
        return must_be("not_utf8", "correlation_id", "UTF-8")
    if sent and text_problem(sent, ID_BYTES_MAX):
        return must_be("bad_id", "correlation_id", f"at most {ID_BYTES_MAX} bytes without control characters")
    told = [str(props.timestamp or ""), sent] if props.timestamp or sent else []
    id = full_id(source, "|".join([CANCELS, *told, message_id]))
    return id if isinstance(id, BadMessage) else _item(CANCEL, message_id, id, CancelDelayed(message_id), segments)


def _item(kind: str, message_id: str, id: str, said: PublishLater | CancelDelayed, segments: int) -> Item:
    raw, subject = _encode(said), f"{SUBJECT}{message_id}"
    draft = Draft(kind, subject, raw, id, id)
    return Item(
        segment_of(subject, segments), draft, encode_draft(draft), id_hash(id, subject), hash64(raw), keep_long=True
    )


def _later(delivery: Delivery, message_id: str) -> PublishLater | BadMessage:
    if len(delivery.body) > MESSAGE_BYTES_MAX:
        return BadMessage(
            "too_large", "", f"the message has {len(delivery.body)} bytes, the limit is {MESSAGE_BYTES_MAX}"
        )
    headers = delivery.props.headers or {}
    if _unread(headers):
        return must_be("unreadable", "headers", "of types and values that AMQP 0-9-1 knows")
    when = _when(headers)
    if isinstance(when, BadMessage):
        return when
    table = _table({name: value for name, value in headers.items() if not is_of_broker(name)})
    if isinstance(table, BadMessage):
        return table
    message = _message(delivery, message_id, table)
    return message if isinstance(message, BadMessage) else PublishLater(message, *when)


def _when(headers: Mapping[Any, Any]) -> tuple[int | None, int | None] | BadMessage:
    """(deliver_at in ms, delay_ms), one of them."""
    said, delay = headers.get(DELIVER_AT), headers.get(DELAY_MS)
    if (said is None) == (delay is None):
        code = "missing" if said is None else "contradictory"
        return must_be(code, DELIVER_AT, f"given as a header, or {DELAY_MS} instead: one of the two")
    if said is not None:
        at = rfc3339_ms(said) if isinstance(said, str) else None
        return (
            must_be("not_rfc3339", DELIVER_AT, "an RFC 3339 time with its offset from UTC")
            if at is None
            else (at, None)
        )
    if isinstance(delay, bool) or not isinstance(delay, int) or not 0 <= delay <= DELAY_MS_MAX:
        return must_be("out_of_range", DELAY_MS, f"a whole number from 0 to {DELAY_MS_MAX}")
    return None, int(delay)


def _unread(headers: Mapping[Any, Any]) -> bool:
    """Whether a table of them, or all, could not be read (amqp_socket.py)."""
    waiting: list[Any] = [headers]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if list(value) == [UNREADABLE]:  # pyright: ignore[reportUnknownArgumentType]
                return True
            waiting.extend(value.values())  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list):
            waiting.extend(value)  # pyright: ignore[reportUnknownArgumentType]
    return False


def _table(headers: Mapping[Any, Any]) -> bytes | BadMessage:
    if len(headers) > HEADERS_MAX or deeper_than(headers, HEADERS_DEPTH_MAX):
        return must_be("too_many", "headers", f"at most {HEADERS_MAX}, nested at most {HEADERS_DEPTH_MAX} deep")
    try:
        table = packed(headers)
    except Exception as error:  # whatever pika read and cannot write
        return must_be("unreadable", "headers", f"such that they can be written again: {type(error).__name__}")
    if len(table) > HEADERS_BYTES_MAX:
        return must_be("too_large", "headers", f"at most {HEADERS_BYTES_MAX} bytes, and they have {len(table)}")
    return table


def _message(delivery: Delivery, message_id: str, table: bytes) -> Message | BadMessage:
    """pika leaves a short text that is no UTF-8 as bytes."""
    props: Properties = delivery.props
    texts: dict[str, Any] = {name: getattr(props, name) for name in _TEXTS}
    for name, text in {"routing_key": delivery.key, **texts}.items():
        if isinstance(text, bytes):
            return must_be("not_utf8", name, "UTF-8")
    if str(props.reply_to).startswith(DIRECT_REPLY):
        texts["reply_to"] = None
    return Message(
        message_id, delivery.key, table, delivery.body, priority=props.priority, timestamp=props.timestamp, **texts
    )
