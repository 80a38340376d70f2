"""The actor of the notification domain: what happened to a user's points and coupons becomes a text for them, and what
others ask for is sent unless there is no longer a reason to.

That a text is sent once per fact follows from the engine (one entry, one checkpoint), not from a memory of its own.
What it remembers of a user is what he bought lately (bought.py): a reminder is judged here, where it would go out, by
every purchase that stands in the log before its request.

Nobody loses money when a text cannot be made, so a poisonous entry is set aside alone and the user's next texts go on;
a template that lacks a variable is no poison but an answer, `notify.refused`, which says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.behaviour.behaviour import known
from actors.behaviour.messages import PURCHASE_COMPLETE, SEEN
from actors.calendar import DAY_MS
from actors.coupon.effects import CouponEnded, CouponIssued
from actors.fields import rfc3339_ms
from actors.money import DEFAULT_CURRENCY
from actors.notification import bought
from actors.notification.bought import FORMAT, Bought
from actors.notification.messages import (
    MessageSuppressed,
    NotifyRefused,
    NotifySms,
    Param,
    SendNotification,
    SuppressionReason,
    Unless,
)
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


REQUESTED = "notify.requested"
SUPPRESSED = "message.suppressed"


class NotificationActor(Domain[Bought]):
    """Turns facts and requests into `notify.sms`; see templates.py for the texts. `currency` is the doors'."""

    name: ClassVar[str] = "notification"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        "points.earned": PointsEarned,
        "points.spent": PointsSpent,
        "points.expiring": PointsExpiring,
        "points.expired": PointsExpired,
        "coupon.issued": CouponIssued,
        "coupon.expiring": CouponEnded,
        REQUESTED: SendNotification,
        SEEN: msgspec.Raw,
    }
    state_type = Bought
    format = FORMAT
    parks = "entry"

    def __init__(self, templates: Templates, currency: str = DEFAULT_CURRENCY) -> None:
        self._templates = templates
        self._currency = currency

    def fresh(self, subject: str) -> Bought:
        return Bought()

    def react(self, state: Bought, event: Event) -> Iterator[Output]:
        match event.body:
            case msgspec.Raw():
                self._remember(state, event)
            case SendNotification() as asked:
                yield from self._send_unless(state, asked)
            case fact:
                params = _of_coupon(fact, event.at) if isinstance(fact, OfCoupon) else _of_points(fact)
                yield self._send(TEMPLATE_OF[type(fact)], params)

    def check(self, state: Bought) -> None:
        bought.check(state)

    def _remember(self, state: Bought, event: Event) -> None:
        seen = known(event.entry.body, self._currency)
        if seen.type == PURCHASE_COMPLETE:
            bought.buy(state, seen.order_id, [line.product for line in seen.lines], event.entry.offset)

    def _send_unless(self, state: Bought, asked: SendNotification) -> Iterator[Output]:
        if reason := _pointless(state, asked.unless):
            suppressed = MessageSuppressed(asked.template, asked.channel, asked.params, reason)
            yield Emit(SUPPRESSED, suppressed, route=SUPPRESSED)
        else:
            yield self._send(asked.template, asked.params)

    def _send(self, template: str, params: dict[str, Param]) -> Output:
        locale = self._templates.locale
        text = self._templates.render(template, params)
        if isinstance(text, NotRendered):
            refused = NotifyRefused(template, locale, params, text.code, text.detail)
            return Emit("notify.refused", refused, route="notify.refused")
        return Emit("notify.sms", NotifySms(template, locale, params, text), route="notify.sms")


def _pointless(state: Bought, unless: Unless) -> SuppressionReason | None:
    """Why there is no longer a reason to send; None where there is one."""
    since = unless.bought
    if since is not None and bought.since(state, since.changed_at, since.products):
        return "bought"
    return None


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
