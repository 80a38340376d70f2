"""What the coupon domain can be asked to do, as messages: the same at both doors.

The seed's names (`coupon_template_id`, `trigger_source`, `issue_quantity`) and the shorter ones of HTTP (`template`,
`source`, `quantity`) are the same fields; a message uses one of each. Fields that we do not know are ignored and stay
in the entry's bytes. Times are RFC 3339 text; an order is as orders.py reads it.
"""

from __future__ import annotations

import msgspec

ISSUE = "coupon.issue"
USE = "coupon.use"
HOLD = "coupon.hold"
RELEASE = "coupon.release"
ROLL_BACK = "coupon.roll_back"
TRANSFER = "coupon.transfer"

NO_SOURCE = "manual"
"""The source of an issue that names none."""


class IssueCoupons(msgspec.Struct, frozen=True, gc=False):
    """`coupon_issue`: so many coupons of a template for `user_id`. `expire_days` and `conditions` narrow what the
    template says. `order_id`, `activity_id` and `job_id` name the occasion: what is issued for it is issued once.
    """

    event_type: str
    user_id: str
    coupon_template_id: str | None = None
    template: str | None = None
    trigger_source: str | None = None
    source: str | None = None
    issue_quantity: int | None = None
    quantity: int | None = None
    expire_days: int | None = None
    conditions: msgspec.Raw = msgspec.Raw(b"null")
    order_id: str | None = None
    activity_id: str | None = None
    job_id: str | None = None
    timestamp: str | None = None

    @property
    def of(self) -> str:
        """The template."""
        return self.coupon_template_id or self.template or ""

    @property
    def why(self) -> str:
        """The source, in the sender's own word."""
        return self.trigger_source or self.source or NO_SOURCE

    @property
    def number(self) -> int:
        return self.issue_quantity or self.quantity or 1


class IssueListed(IssueCoupons, frozen=True, gc=False, kw_only=True):
    """`coupon.listed`: the same to a user of a job's list `list_no`. No other program can send it."""

    list_no: int


class UseCoupon(msgspec.Struct, frozen=True, gc=False):
    """`coupon_use`: redeem `code` with `order`. `order_id` may stand beside it, as the seed has it; it is the same."""

    event_type: str
    user_id: str
    code: str
    order: msgspec.Raw
    order_id: str | None = None
    timestamp: str | None = None


class HoldCoupon(msgspec.Struct, frozen=True, gc=False):
    """`coupon_hold`: `code` is for `order` and no other, for `ttl_s` seconds."""

    event_type: str
    user_id: str
    code: str
    order: msgspec.Raw
    ttl_s: int | None = None
    timestamp: str | None = None


class ReleaseCoupon(msgspec.Struct, frozen=True, gc=False):
    """`coupon_release`: the hold for `order_id` is over."""

    event_type: str
    user_id: str
    code: str
    order_id: str
    timestamp: str | None = None


class RollBackCoupon(msgspec.Struct, frozen=True, gc=False):
    """`coupon_rollback`: `order_id` will not be; its coupon is the user's again. `extend_days`: valid so much longer
    than it was; a coupon whose time has passed meanwhile is over without it.
    """

    event_type: str
    user_id: str
    code: str
    order_id: str
    extend_days: int | None = None
    timestamp: str | None = None


class TransferCoupon(msgspec.Struct, frozen=True, gc=False):
    """`coupon_transfer`: from `user_id` to the user `to`, who gets it under a code of his own, valid as long as it
    was.
    """

    event_type: str
    user_id: str
    code: str
    to: str
    timestamp: str | None = None
