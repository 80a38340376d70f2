"""The job of every peer: decode a purchase, book its points in Redis, say it in two effects.

Shared by the contestants so that they differ in their library alone. The booking is one script: the order's key taken
with the balance, the dated lot and the ledger's line, so that a message that comes twice is booked once. That is as far
as a team gets without a log: what happens between the script and the last confirm may be said twice or never, which is
what Ganglion's commit is for. Redis keeps every answer on disk before it gives it (`appendfsync always`), as Ganglion
does; without that the two would not promise the same.

The effects have Ganglion's fields, headers and properties, to the byte but for their ids.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pika

from topology.ports import Outgoing, Props
from topology.table import EFFECTS

BOOK = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', 604800) then return false end
local balance = redis.call('HINCRBY', KEYS[2], 'points', ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1] .. ':' .. ARGV[2])
redis.call('RPUSH', KEYS[4], ARGV[4])
return balance
"""
VALID_S = 366 * 24 * 3600


class Purchase(msgspec.Struct):
    """What a team would declare of the shop's message."""

    event_type: str
    user_id: str
    change_type: str
    points: int
    reason: str
    order_id: str
    timestamp: str


class Earned(msgspec.Struct):
    event_type: str
    schema_version: int
    user_id: str
    points: int
    balance: int
    reason: str
    order_id: str
    expires_at: str
    referred_user_id: str | None
    at: str
    occurred_at: str
    cause: str
    source_id: str


class Sms(msgspec.Struct):
    event_type: str
    schema_version: int
    user_id: str
    template: str
    locale: str
    params: dict[str, Any]
    text: str
    at: str
    occurred_at: str
    cause: str
    source_id: str


purchase = msgspec.json.Decoder(Purchase).decode
_json = msgspec.json.Encoder().encode


def booking(purchase: Purchase, now_s: float) -> tuple[list[str], list[str | int | float]]:
    """Keys and arguments of the script for `purchase`. It answers with the balance, or nil for one it knows."""
    user = f"user:{{{purchase.user_id}}}"
    keys = [f"order:{purchase.order_id}:{purchase.reason}", user, f"{user}:lots", f"{user}:ledger"]
    line = _json({"at": now_s, "points": purchase.points, "reason": purchase.reason, "order_id": purchase.order_id})
    return keys, [purchase.order_id, purchase.points, now_s + VALID_S, line.decode()]


def effects(purchase: Purchase, message_id: str, balance: int) -> list[Outgoing]:
    """Both messages that `purchase` makes, as Ganglion would say them."""
    now = time.time()
    at, expires = _rfc3339(now), _rfc3339(now + VALID_S)
    said = (at, purchase.timestamp, message_id, f"shop|{message_id}")
    params = {"points": purchase.points, "balance": balance, "reason": purchase.reason}
    earned = Earned(
        "points_earned", 1, purchase.user_id, purchase.points, balance, purchase.reason, purchase.order_id, expires,
        None, *said,
    )  # fmt: skip
    sms = Sms(
        "notify_sms", 1, purchase.user_id, "points_earned", "zh-Hans", params, f"您获得{purchase.points}积分", *said
    )
    return [
        Outgoing(
            EFFECTS, f"points.earned.{purchase.reason}", _json(earned), _props(f"{message_id}/earned", now, earned)
        ),
        Outgoing(EFFECTS, "notify.sms", _json(sms), _props(f"{message_id}/sms", now, sms)),
    ]


def _props(message_id: str, now_s: float, effect: Earned | Sms) -> Props:
    headers = {"segment": "14", "seq": 1_000_000}
    return Props(
        "application/json", None, headers, 2, None, None, None, message_id, int(now_s), effect.event_type, "peer"
    )


def properties(props: Props, message_id: str | None = None) -> pika.BasicProperties:
    """As pika wants them; with `message_id` instead of its own."""
    return pika.BasicProperties(
        props.content_type, headers=dict(props.headers or {}), delivery_mode=pika.DeliveryMode.Persistent,
        message_id=message_id or props.message_id, timestamp=props.timestamp, type=props.type, app_id=props.app_id,
    )  # fmt: skip


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
