"""What `points_change` must look like to be taken, and the sentence that says so when it does not.

The message is decoded once with the type the actor will use, so the door cannot accept what the actor cannot read. A
message that is right costs no more than that; only a wrong one is looked at field by field. Implausible times are not
refused: a sender's clock is the sender's affair, and no rule trusts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors import mistakes
from actors.commands import NOT_JSON, Command, CommandSpec, Refusal, refusal
from actors.fields import rfc3339_ms, text_code
from actors.orders import ORDER_ID_BYTES_MAX
from actors.points.messages import (
    CHANGE,
    CHANGES,
    POINTS_MAX,
    REASON_BYTES_MAX,
    USER_ID_BYTES_MAX,
    PointsChange,
    ReferralMetadata,
)

RULES: Mapping[str, str] = {
    "event_type": "the string points_change",
    "user_id": f"a string of 1 to {USER_ID_BYTES_MAX} bytes of UTF-8 without control characters",
    "change_type": f"one of {', '.join(CHANGES)}",
    "points": f"an integer from 1 to {POINTS_MAX}",
    "reason": f"a string of 1 to {REASON_BYTES_MAX} bytes of UTF-8 without control characters",
    "order_id": f"absent, null or a string of at most {ORDER_ID_BYTES_MAX} bytes of UTF-8",
    "timestamp": "absent, null or an RFC 3339 time with its offset from UTC, such as 2025-09-20T14:30:00Z",
    "metadata": "absent, null or an object",
    "metadata.referrer_id": (
        f"a string of 1 to {USER_ID_BYTES_MAX} bytes of UTF-8 without control characters when the reason is referral"
    ),
    "metadata.referrer_points": f"absent, null or an integer from 1 to {POINTS_MAX}",
}
"""What each field must be; the whole contract, and the text of each refusal."""

_change = msgspec.json.Decoder(PointsChange)
_referral = msgspec.json.Decoder(ReferralMetadata)


def decode(raw: bytes, decoded: Mapping[str, Any]) -> Command | Refusal:
    """What to do with the message `raw`, which is known to be the JSON object `decoded`."""
    try:
        change = _change.decode(raw)
    except msgspec.ValidationError as error:
        return mistakes.by_rules(error, PointsChange, RULES)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NOT_JSON
    return _checked(change)


def _checked(change: PointsChange) -> Command | Refusal:
    if code := text_code(change.user_id, USER_ID_BYTES_MAX):
        return _refusal(code, "user_id")
    if change.change_type not in CHANGES:
        return _refusal("unknown_change_type", "change_type")
    if not 1 <= change.points <= POINTS_MAX:
        return _refusal("out_of_range", "points")
    if code := text_code(change.reason, REASON_BYTES_MAX):
        return _refusal(code, "reason")
    # An order id may hold anything, and an empty one is none.
    if change.order_id and text_code(change.order_id, ORDER_ID_BYTES_MAX) == "too_long":
        return _refusal("too_long", "order_id")
    if (metadata := bytes(change.metadata)) != b"null" and metadata[:1] != b"{":
        return _refusal("wrong_type", "metadata")
    if change.refers and (refused := _referral_refusal(metadata, change.user_id)):
        return refused
    return _command(change)


def _command(change: PointsChange) -> Command | Refusal:
    occurred_at = 0
    if change.timestamp is not None:
        sent = rfc3339_ms(change.timestamp)
        if sent is None:
            return _refusal("not_rfc3339", "timestamp")
        occurred_at = sent
    return Command(CHANGE, f"user:{change.user_id}", occurred_at, keep_long=not change.order_id)


def _referral_refusal(metadata: bytes, user_id: str) -> Refusal | None:
    if metadata == b"null":
        return _refusal("missing", "metadata.referrer_id")
    try:
        referral = _referral.decode(metadata)
    except msgspec.ValidationError as error:
        return mistakes.by_rules(error, ReferralMetadata, RULES, "metadata")
    if code := text_code(referral.referrer_id, USER_ID_BYTES_MAX):
        return _refusal(code, "metadata.referrer_id")
    if referral.referrer_id == user_id:
        return Refusal("own_referrer", "metadata.referrer_id", "metadata.referrer_id must be another user than user_id")
    if referral.referrer_points is not None and not 1 <= referral.referrer_points <= POINTS_MAX:
        return _refusal("out_of_range", "metadata.referrer_points")
    return None


def _refusal(code: str, field: str) -> Refusal:
    return refusal(RULES, code, field)


POINTS_CHANGE = CommandSpec(
    event_type="points_change",
    kind=CHANGE,
    exchange="marketing.points.events",
    routing_keys=("points.increase.*", "points.decrease.*", "points.expire.*"),
    decode=decode,
)
