"""What the coupon domain says to the world.

Field names are the contract with other programs (see docs/semantics.md) and with the log: they are only added to, never
renamed. What every effect carries besides (`event_type`, `schema_version`, `user_id`, `at`, `occurred_at`, `cause`,
`source_id`) is the envelope's and stands nowhere here. Money is in minor units of `currency`, times are RFC 3339.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from actors.coupon.reasons import Reason

Asked = Literal["issue", "hold", "redeem", "release", "rollback", "transfer"]


class CouponIssued(msgspec.Struct, frozen=True, gc=False):
    """`coupon.issued.<source>`: one coupon. `trigger_source` is the sender's word, the key has it in short. One that
    was handed over names who did, `from_user_id`, and by which code he had it, `origin`; no other has these two.
    """

    code: str
    template: str
    template_version: str
    trigger_source: str
    valid_from: str
    valid_until: str
    order_id: str | UnsetType = UNSET
    activity_id: str | UnsetType = UNSET
    job_id: str | UnsetType = UNSET
    origin: str | UnsetType = UNSET
    from_user_id: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class CouponRefused(msgspec.Struct, frozen=True, gc=False):
    """`coupon.refused.<source>`: nothing was done. `asked`: issue, hold, redeem, release, rollback or transfer; `code`
    says why, `reasons` all of it where an order did not fulfil conditions.
    """

    asked: Asked
    code: str
    detail: str
    template: str | UnsetType = UNSET
    coupon: str | UnsetType = UNSET
    """Its code, as sent."""
    quantity: int | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    activity_id: str | UnsetType = UNSET
    job_id: str | UnsetType = UNSET
    reasons: tuple[Reason, ...] | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class ItemDiscount(msgspec.Struct, frozen=True, gc=False):
    """What of a discount falls on one item of the order."""

    product_id: str
    discount: int


class CouponHeld(msgspec.Struct, frozen=True, gc=False):
    """`coupon.held`: for this order alone until `until`."""

    code: str
    template: str
    order_id: str
    currency: str
    discount: int
    until: str

    schema_version: ClassVar[int] = 1


class CouponReleased(msgspec.Struct, frozen=True, gc=False):
    """`coupon.released`: a hold is over without use. `reason`: cancelled, expired or replaced."""

    code: str
    template: str
    order_id: str
    reason: str

    schema_version: ClassVar[int] = 1


class CouponRedeemed(msgspec.Struct, frozen=True, gc=False):
    """`coupon.redeemed`: used up with this order of `amount`. The items' discounts come to `discount`."""

    code: str
    template: str
    order_id: str
    currency: str
    amount: int
    discount: int
    items: tuple[ItemDiscount, ...]

    schema_version: ClassVar[int] = 1


class CouponRolledBack(msgspec.Struct, frozen=True, gc=False):
    """`coupon.rolled_back`: the order will not be, the coupon is the user's again, valid until `valid_until`.
    `expired`: its time had passed meanwhile.
    """

    code: str
    template: str
    order_id: str
    currency: str
    discount: int
    valid_until: str
    expired: bool = False

    schema_version: ClassVar[int] = 1


class CouponTransferred(msgspec.Struct, frozen=True, gc=False):
    """`coupon.transferred`: it is the user's no more but `to_user_id`'s, under another code."""

    code: str
    template: str
    to_user_id: str

    schema_version: ClassVar[int] = 1


class CouponEnded(msgspec.Struct, frozen=True, gc=False):
    """`coupon.expired` and `coupon.expiring`: it can no longer be used, or not for much longer."""

    code: str
    template: str
    valid_until: str

    schema_version: ClassVar[int] = 1


class CouponUsage(msgspec.Struct, frozen=True, gc=False):
    """`coupon.usage.<what>`: a line for the statistics of a template. `discount` and `revenue` are negative when a use
    was rolled back.
    """

    template: str
    what: str
    number: int
    discount: int = 0
    revenue: int = 0
    order_id: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1
