"""What the passing of time does to the coupons in a purse: holds end, reminders are due, coupons expire.

A purse has one timer, set to whatever comes next. A firing looks at the coupons of one template only, since it has that
template's shelf beside it; if others are due too, the timer fires again NEAR_MS later. That is just no step deeper into
a chain of causes: of a user's coupons that end at one midnight, of however many templates, each must be heard of. A
held coupon does not expire: what would have, expires when its hold ends.
"""

from __future__ import annotations

from actors.calendar import DAY_MS
from actors.coupon import using
from actors.coupon.clerk import Clerk
from actors.coupon.effects import CouponEnded
from actors.coupon.state import Coupon, Purse, next_due, staying
from supervision.envelope import rfc3339
from supervision.outcome import NEAR_MS
from supervision.outputs import Arm, Cancel

TIMER = "next"
REMIND_MS = DAY_MS
"""Before a coupon's end its owner hears of it."""
COUPONS_AT_ONCE = 40
"""That one reaction sees to: each has up to four outputs."""


def due_template(purse: Purse, at: int) -> str:
    """The template of the coupon that is due first; empty when none is."""
    first = min(staying(purse), key=_order, default=None)
    return first.template if first is not None and next_due(first, REMIND_MS) <= at else ""


def settle(clerk: Clerk) -> None:
    """Everything of the clerk's template that is due by now, or the first part of it."""
    due = [coupon for coupon in staying(clerk.purse) if coupon.template == clerk.template]
    due = [coupon for coupon in due if next_due(coupon, REMIND_MS) <= clerk.at]
    for coupon in sorted(due, key=_order)[:COUPONS_AT_ONCE]:
        if coupon.hold is not None:
            using.let_go(clerk, coupon, "expired")
        if coupon.serial not in clerk.purse.coupons or coupon.hold is not None:
            continue
        if coupon.terms.valid_until <= clerk.at:
            _expire(clerk, coupon)
        elif next_due(coupon, REMIND_MS) <= clerk.at:
            _remind(clerk, coupon)


def arm(clerk: Clerk) -> None:
    """Set the purse's timer to what comes next."""
    purse = clerk.purse
    due = min([next_due(coupon, REMIND_MS) for coupon in staying(purse)], default=0)
    if due and due <= clerk.at:
        due = purse.armed if 0 < purse.armed <= clerk.at + NEAR_MS else clerk.at + NEAR_MS
    if due != purse.armed:
        purse.armed = due
        clerk.outputs.append(Arm(TIMER, due) if due else Cancel(TIMER))


def _order(coupon: Coupon) -> tuple[int, int]:
    return next_due(coupon, REMIND_MS), coupon.serial


def _expire(clerk: Clerk, coupon: Coupon) -> None:
    del clerk.purse.coupons[coupon.serial]
    clerk.shelf.tally.expired += 1
    clerk.line("expired", coupon)
    clerk.say("coupon.expired", _ended(clerk, coupon))
    clerk.usage("expired")


def _remind(clerk: Clerk, coupon: Coupon) -> None:
    """Once; a coupon that is issued for less time than that is not announced to end."""
    coupon.reminded = True
    if coupon.terms.valid_until - coupon.terms.valid_from > REMIND_MS:
        clerk.say("coupon.expiring", _ended(clerk, coupon))


def _ended(clerk: Clerk, coupon: Coupon) -> CouponEnded:
    return CouponEnded(clerk.code(coupon), coupon.template, rfc3339(coupon.terms.valid_until))
