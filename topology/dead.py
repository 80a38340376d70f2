"""Dead letters: input that no door can take, kept with the reason, so that nothing bad is lost and nothing bad comes
back.

The message goes to `marketing.dead` as it came, plus headers that say why and where it was first published. Left out
is only what the broker would act upon: the traces of earlier dead-lettering (brokers before 4.0 take a copied
`x-death` for a cycle and drop the message, confirmed), an expiry, a publisher's user id that is not ours, carbon
copies, a direct reply address. It is acked only after the broker has confirmed the copy. A crash between the two makes
a second copy, never a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from supervision.runtime import Address
from topology.ports import Delivery, Outgoing, Props
from topology.table import DEAD
from topology.wire import BadMessage

DETAIL_CHARS_MAX = 512
HEADERS_BYTES_MAX = 64 * 1024
"""Of the sender's own headers. AMQP cannot split a header frame (128 KiB), and ours must still fit."""
DIRECT_REPLY = "amq.rabbitmq.reply-to"
DROPPED_HEADERS = frozenset({"x-delivery-count", "x-acquired-count", "CC", "BCC"})
"""The counts are a quorum queue's, of what it delivers again: the second of them since RabbitMQ 4.3."""
DROPPED_PREFIXES = ("x-death", "x-first-death-", "x-last-death-")


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """The copy to publish of delivery `tag`."""

    tag: int
    message: Outgoing


class BuryDead(msgspec.Struct, frozen=True):
    """To the relay, whose connection publishes: these, of the consuming connection `generation`. Answered by Buried."""

    generation: int
    letters: Sequence[DeadLetter]
    to: Address


class Buried(msgspec.Struct, frozen=True):
    """To the bridge: confirmed by the broker."""

    generation: int
    tags: Sequence[int]


def dead_letter(delivery: Delivery, bad: BadMessage) -> DeadLetter:
    """The copy of `delivery` that says why it is dead."""
    props = delivery.props
    headers = _kept(props.headers or {})
    headers |= {
        "reason": bad.code,
        "field": bad.field,
        "detail": bad.message[:DETAIL_CHARS_MAX],
        "first_exchange": delivery.exchange,
        "first_key": delivery.key,
    }
    reply_to = props.reply_to
    direct = str(reply_to).startswith(DIRECT_REPLY)
    copied = Props(
        content_type=props.content_type,
        content_encoding=props.content_encoding,
        headers=headers,
        priority=props.priority,
        correlation_id=props.correlation_id,
        reply_to=None if direct else reply_to,
        message_id=props.message_id,
        timestamp=props.timestamp,
        type=props.type,
        app_id=props.app_id,
    )
    return DeadLetter(delivery.tag, Outgoing(DEAD, delivery.key, delivery.body, copied))


def _kept(headers: Mapping[str, Any]) -> dict[str, Any]:
    kept = {_name(name): _plain(value) for name, value in headers.items() if not is_of_broker(name)}
    if kept and _size(kept) > HEADERS_BYTES_MAX:
        return {"headers_dropped": f"more than {HEADERS_BYTES_MAX} bytes"}
    return kept


def is_of_broker(name: Any) -> bool:
    """Whether a broker would act upon a header of this name."""
    plain = _name(name)
    return plain in DROPPED_HEADERS or plain.startswith(DROPPED_PREFIXES)


def _name(name: Any) -> str:
    """pika leaves a name that is no UTF-8 as bytes; it must not become longer than AMQP's 255 bytes."""
    return name.decode("ascii", "replace").replace("\ufffd", "?") if isinstance(name, bytes) else str(name)


def _plain(value: Any) -> Any:
    """`value` in types that can be written as surely as they were read: pika reads decimals and cannot write floats."""
    if isinstance(value, dict):
        return {_name(k): _plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [_plain(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Decimal | float):
        return str(value)
    if value is None or isinstance(value, str | bytes | bool | int | datetime):
        return value
    return repr(value)


def _size(value: Any) -> int:
    """About the bytes of `value` in a field table, rounded up."""
    if isinstance(value, dict):
        return 5 + sum(1 + len(str(k)) * 4 + _size(v) for k, v in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return 5 + sum(_size(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        return 5 + len(value.encode())
    return 5 + len(value) if isinstance(value, bytes) else 9
