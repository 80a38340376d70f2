"""What the points domain can be asked to do, as messages: the same at both doors.

Over HTTP `user_id` comes from the path. Fields that we do not know are ignored and stay in the entry's bytes. Times are
RFC 3339 text, points are whole numbers; money is in `order`, as orders.py reads it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

ACCRUE = "points.accrue"
REDEEM = "points.redeem"
RESERVE = "points.reserve"
CONFIRM = "points.confirm"
CANCEL = "points.cancel"
REVERSE = "points.reverse"
GIFT = "points.gift"
ADJUST = "points.adjust"
ORDER_COMPLETED = "order.completed"
ORDER_CANCELLED = "order.cancelled"
SIGN_IN = "user.sign_in"
TIER_GRANT = "tier.grant"
PURCHASE = "purchase"
"""The reason of an accrual that names none."""
GIFT_ARRIVES = "points.gift_arrives"
"""Inward: what somebody else's gift brings."""


class PendingUntil(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """When accrued points can be spent: at a time, `days` later, or at `order_completed`. One of them."""

    at: str | None = None
    days: int | None = None
    on: Literal["order_completed"] | None = None


class AccruePoints(msgspec.Struct, frozen=True, gc=False):
    """`points_accrue`: so many `points`, or what the programme gives for `order`. `expires_at`, `pending` and `wallet`
    override the programme.
    """

    event_type: str
    user_id: str
    points: int | None = None
    order: msgspec.Raw = msgspec.Raw(b"null")
    order_id: str | None = None
    """With `points`: the order they belong to, so that a refund finds them."""
    reason: str = PURCHASE
    wallet: str | None = None
    pending: PendingUntil | None = None
    expires_at: str | None = None
    timestamp: str | None = None


class RedeemPoints(msgspec.Struct, frozen=True, gc=False):
    """`points_redeem`: spend now."""

    event_type: str
    user_id: str
    points: int
    reason: str
    order_id: str | None = None
    wallet: str | None = None
    timestamp: str | None = None


class ReservePoints(msgspec.Struct, frozen=True, gc=False):
    """`points_reserve`: hold them for a check-out, for `ttl_s` seconds. Without `reservation_id` one is made."""

    event_type: str
    user_id: str
    points: int
    ttl_s: int | None = None
    order_id: str | None = None
    reservation_id: str | None = None
    wallet: str | None = None
    timestamp: str | None = None


class ConfirmReservation(msgspec.Struct, frozen=True, gc=False):
    """`points_confirm`: spend what is held, or `points` of it; the rest is free again."""

    event_type: str
    user_id: str
    reservation_id: str
    points: int | None = None
    timestamp: str | None = None


class CancelReservation(msgspec.Struct, frozen=True, gc=False):
    """`points_cancel`: what is held is free again."""

    event_type: str
    user_id: str
    reservation_id: str
    timestamp: str | None = None


class ReverseOrder(msgspec.Struct, frozen=True, gc=False):
    """`points_reverse`: the order was refunded: these `items`, this `amount`, or (nothing said) all that is left. A
    refund with a `refund_id` is carried out once, whatever message it comes in.
    """

    event_type: str
    user_id: str
    order_id: str
    refund_id: str | None = None
    items: msgspec.Raw = msgspec.Raw(b"null")
    amount: msgspec.Raw = msgspec.Raw(b"null")
    currency: str | None = None
    timestamp: str | None = None


class GivePoints(msgspec.Struct, frozen=True, gc=False):
    """`points_gift`: from `user_id` to the user `to`."""

    event_type: str
    user_id: str
    to: str
    points: int
    timestamp: str | None = None


class AdjustPoints(msgspec.Struct, frozen=True, gc=False):
    """`points_adjust`, for operators alone: give (positive) or take (negative), with a note."""

    event_type: str
    user_id: str
    points: int
    note: str
    wallet: str | None = None
    timestamp: str | None = None


class OrderEvent(msgspec.Struct, frozen=True, gc=False):
    """`order_completed`, `order_cancelled`."""

    event_type: str
    user_id: str
    order_id: str
    timestamp: str | None = None


class SignIn(msgspec.Struct, frozen=True, gc=False):
    """`sign_in`. The day is the log's, in the user's zone; `timestamp` is only kept."""

    event_type: str
    user_id: str
    timestamp: str | None = None


class GrantTier(msgspec.Struct, frozen=True, gc=False):
    """`tier_grant`: a floor under the computed tier, `until` a time or for ever."""

    event_type: str
    user_id: str
    level: str
    until: str | None = None
    timestamp: str | None = None


class AccruePointsWithin(AccruePoints, frozen=True, gc=False):
    """The same from another domain, which hears what came of it where it gives it a name, `campaign_action`."""

    campaign_action: str = ""


class GrantTierWithin(GrantTier, frozen=True, gc=False):
    """As AccruePointsWithin."""

    campaign_action: str = ""


class GiftPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    expires: int
    points: int


class GiftArrives(msgspec.Struct, frozen=True, gc=False):
    """`points.gift_arrives`, inward: the subject is given these parts by `from_user_id`, each with its old expiry."""

    from_user_id: str
    points: int
    parts: tuple[GiftPart, ...]
