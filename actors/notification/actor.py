"""The actor of the notification domain: what happened to a user's points and coupons becomes a text for them.

It has no state. That a text is sent once per fact follows from the engine (one entry, one checkpoint), not from a
memory of its own. Nobody loses money when a text cannot be made, so a poisonous entry is set aside alone and the
user's next texts go on; a template that lacks a variable is no poison but an answer, `notify.refused`, which says what
is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from actors.calendar import DAY_MS
from actors.coupon.effects import CouponEnded, CouponIssued
from actors.fields import rfc3339_ms
from actors.notification.messages import NotifyRefused, NotifySms, Param
from actors.notification.templates import NotRendered, Templates
from actors.points.effects import PointsEarned, PointsExpired, PointsExpiring, PointsSpent
from supervision.domain import Domain, Event
from supervision.outputs import Emit, Output

OfPoints = PointsEarned | PointsSpent | PointsExpiring | PointsExpired
OfCoupon = CouponIssued | CouponEnded
Fact = OfPoints | OfCoupon

TEMPLATE_OF: Mapping[type[Fact], str] = {
    PointsEarned: "points_earned",
    PointsSpent: "points_spent",
    PointsExpiring: "points_expiring",
    PointsExpired: "points_expired",
    CouponIssued: "coupon_issued",
    CouponEnded: "coupon_expiring",
}
"""A coupon that has expired is no news: its owner was told a day before."""


class NotificationActor(Domain[None]):
    """Turns facts into `notify.sms`; see templates.py for the texts."""

    name: ClassVar[str] = "notification"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        "points.earned": PointsEarned,
        "points.spent": PointsSpent,
        "points.expiring": PointsExpiring,
        "points.expired": PointsExpired,
        "coupon.issued": CouponIssued,
        "coupon.expiring": CouponEnded,
    }
    parks = "entry"

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def fresh(self, subject: str) -> None:
        return None

    def react(self, state: None, event: Event) -> Iterator[Output]:
        fact: Fact = event.body
        params = _of_coupon(fact, event.at) if isinstance(fact, OfCoupon) else _of_points(fact)
        template, locale = TEMPLATE_OF[type(fact)], self._templates.locale
        text = self._templates.render(template, params)
        if isinstance(text, NotRendered):
            refused = NotifyRefused(template, locale, params, text.code, text.detail)
            yield Emit("notify.refused", refused, route="notify.refused")
        else:
            yield Emit("notify.sms", NotifySms(template, locale, params, text), route="notify.sms")


def _of_points(fact: OfPoints) -> dict[str, Param]:
    """What a template may speak of. A fact's empty fields are left out, so that a hole is missed, not printed."""
    params: dict[str, Param] = {"points": fact.points, "balance": fact.balance, "reason": fact.reason}
    if fact.order_id:
        params["order_id"] = fact.order_id
    if isinstance(fact, PointsExpiring):
        params["expires_on"] = fact.expires_on
    return params


def _of_coupon(fact: OfCoupon, at: int) -> dict[str, Param]:
    """`days`: how many whole ones are left; of less than one, 1. `template` is the coupon's."""
    left = (rfc3339_ms(fact.valid_until) or 0) - at
    return {
        "code": fact.code, "template": fact.template, "valid_until": fact.valid_until, "days": max(1, left // DAY_MS),
    }  # fmt: skip
