"""What each of the points domain's commands must look like to be taken: the whole contract, as one table of forms.

`points_change`, the seed's own message and by far the most frequent, has a door of its own (door.py).
"""

from __future__ import annotations

from typing import Any

from actors import orders
from actors.commands import Refusal
from actors.forms import (
    EVENT_TYPE,
    TIMESTAMP,
    Check,
    Field,
    Form,
    Named,
    about_a_user,
    between,
    maybe,
    maybe_number,
    maybe_text,
    moment,
    plain,
    text,
    text_rule,
)
from actors.orders import ORDER_ID_BYTES_MAX
from actors.points import inputs, refund_request
from actors.points.messages import POINTS_MAX, REASON_BYTES_MAX, USER_ID_BYTES_MAX

WALLET_BYTES_MAX = 32
RESERVATION_ID_BYTES_MAX = 128
NOTE_BYTES_MAX = 500
LEVEL_BYTES_MAX = 64
TTL_S_MAX = 7 * 24 * 3600
PENDING_DAYS_MAX = 3_650
FRONT_DOOR = "marketing.points.events"

_USER = text(USER_ID_BYTES_MAX)
_POINTS = Field(f"an integer from 1 to {POINTS_MAX}", between(1, POINTS_MAX))
_SOME_POINTS = maybe_number(1, POINTS_MAX)
_REASON = text(REASON_BYTES_MAX)
_ORDER_ID = text(ORDER_ID_BYTES_MAX)
_MAYBE_ORDER_ID = maybe_text(ORDER_ID_BYTES_MAX)
_WALLET = Field(f"absent, null or the name of a wallet, {text_rule(WALLET_BYTES_MAX)}", maybe(plain(WALLET_BYTES_MAX)))
_RESERVATION = text(RESERVATION_ID_BYTES_MAX)
_EVENT = {"event_type": EVENT_TYPE, "user_id": _USER, "timestamp": TIMESTAMP}


def _not_zero(limit: int) -> Check:
    return lambda value: None if value and -limit <= value <= limit else "out_of_range"


def _accrual(message: inputs.AccruePoints) -> Refusal | None:
    has_order = bytes(message.order) != b"null"
    if has_order == (message.points is not None):
        return Refusal("exclusive", "points", "exactly one of points and order must be given")
    if has_order and message.order_id is not None:
        return Refusal("exclusive", "order_id", "order_id must stand in order when order is given")
    if message.pending is not None and (problem := _pending(message.pending)):
        return problem
    if message.pending is not None and message.pending.on and not (has_order or message.order_id):
        return Refusal("missing", "order_id", "order_id must name the order for whose completion the points wait")
    if has_order and isinstance(order := orders.parse(bytes(message.order)), Refusal):
        return order
    return None


def _pending(pending: inputs.PendingUntil) -> Refusal | None:
    if sum(one is not None for one in (pending.at, pending.days, pending.on)) != 1:
        return Refusal("exclusive", "pending", "pending must have exactly one of at, days and on")
    if pending.at is not None and moment(pending.at):
        return Refusal("not_rfc3339", "pending.at", "pending.at must be an RFC 3339 time with its offset from UTC")
    if pending.days is not None and not 1 <= pending.days <= PENDING_DAYS_MAX:
        return Refusal("out_of_range", "pending.days", f"pending.days must be an integer from 1 to {PENDING_DAYS_MAX}")
    return None


def _reversal(message: inputs.ReverseOrder) -> Refusal | None:
    request = refund_request.read(message)
    return request if isinstance(request, Refusal) else None


def _gift(message: inputs.GivePoints) -> Refusal | None:
    if message.to == message.user_id:
        return Refusal("own_gift", "to", "to must be another user than user_id")
    return None


ACCRUE = Form(
    inputs.AccruePoints,
    {
        **_EVENT, "points": _SOME_POINTS, "order_id": _MAYBE_ORDER_ID, "reason": _REASON, "wallet": _WALLET,
        "order": Field("absent, null or an object with order_id, currency, amount and items"),
        "pending": Field("absent, null or an object with one of at, days and on"),
        "expires_at": Field("absent, null or an RFC 3339 time with its offset from UTC", maybe(moment)),
    },
    _accrual,
)  # fmt: skip
REDEEM = Form(
    inputs.RedeemPoints,
    {**_EVENT, "points": _POINTS, "reason": _REASON, "order_id": _MAYBE_ORDER_ID, "wallet": _WALLET},
)
RESERVE = Form(
    inputs.ReservePoints,
    {
        **_EVENT, "points": _POINTS, "order_id": _MAYBE_ORDER_ID, "wallet": _WALLET,
        "ttl_s": maybe_number(1, TTL_S_MAX),
        "reservation_id": maybe_text(RESERVATION_ID_BYTES_MAX),
    },
)  # fmt: skip
CONFIRM = Form(inputs.ConfirmReservation, {**_EVENT, "reservation_id": _RESERVATION, "points": _SOME_POINTS})
CANCEL = Form(inputs.CancelReservation, {**_EVENT, "reservation_id": _RESERVATION})
REVERSE = Form(
    inputs.ReverseOrder,
    {**_EVENT, "order_id": _ORDER_ID, "refund_id": _MAYBE_ORDER_ID, **refund_request.FIELDS},
    _reversal,
)
GIFT = Form(inputs.GivePoints, {**_EVENT, "to": _USER, "points": _POINTS}, _gift)
ADJUST = Form(
    inputs.AdjustPoints,
    {
        **_EVENT, "wallet": _WALLET, "note": text(NOTE_BYTES_MAX),
        "points": Field(f"an integer from {-POINTS_MAX} to {POINTS_MAX}, not 0", _not_zero(POINTS_MAX)),
    },
)  # fmt: skip
ORDER = Form(inputs.OrderEvent, {**_EVENT, "order_id": _ORDER_ID})
SIGN_IN = Form(inputs.SignIn, _EVENT)
TIER_GRANT = Form(
    inputs.GrantTier,
    {
        **_EVENT, "level": text(LEVEL_BYTES_MAX),
        "until": Field("absent, null or an RFC 3339 time with its offset from UTC", maybe(moment)),
    },
)  # fmt: skip


def _named(event_type: str, kind: str, form: Form[Any]) -> Named:
    return about_a_user(event_type, kind, FRONT_DOOR, (f"points.{event_type.removeprefix('points_')}",), form)


PUBLIC = (
    _named("points_accrue", inputs.ACCRUE, ACCRUE),
    _named("points_redeem", inputs.REDEEM, REDEEM),
    _named("points_reserve", inputs.RESERVE, RESERVE),
    _named("points_confirm", inputs.CONFIRM, CONFIRM),
    _named("points_cancel", inputs.CANCEL, CANCEL),
    _named("points_reverse", inputs.REVERSE, REVERSE),
    _named("points_gift", inputs.GIFT, GIFT),
    _named("order_completed", inputs.ORDER_COMPLETED, ORDER),
    _named("order_cancelled", inputs.ORDER_CANCELLED, ORDER),
    _named("sign_in", inputs.SIGN_IN, SIGN_IN),
    _named("tier_grant", inputs.TIER_GRANT, TIER_GRANT),
)
"""What both doors take."""
FOR_OPERATORS = (_named("points_adjust", inputs.ADJUST, ADJUST),)
"""What HTTP alone takes, from who may."""
