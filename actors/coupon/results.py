"""What came of a command, said to whoever asked: the `result` of its answer. Field names are a contract with other
programs. Money is in minor units of `currency`, times are RFC 3339.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.coupon.effects import ItemDiscount


class CouponShown(msgspec.Struct, frozen=True, gc=False):
    """One coupon of a user."""

    code: str
    template: str
    state: Literal["issued", "held", "redeemed", "expired"]
    valid_from: str
    valid_until: str


class Issued(msgspec.Struct, frozen=True, gc=False):
    """The coupons that were issued for the occasion, now or before."""

    coupons: tuple[CouponShown, ...]


class Held(msgspec.Struct, frozen=True, gc=False):
    """The coupon is for this order until `until`."""

    code: str
    order_id: str
    currency: str
    discount: int
    by_item: tuple[ItemDiscount, ...]
    until: str


class Redeemed(msgspec.Struct, frozen=True, gc=False):
    """The coupon is used up with this order."""

    code: str
    order_id: str
    currency: str
    discount: int
    by_item: tuple[ItemDiscount, ...]


class Released(msgspec.Struct, frozen=True, gc=False):
    """The coupon is free again."""

    code: str
    order_id: str


class RolledBack(msgspec.Struct, frozen=True, gc=False):
    """The coupon is the user's again."""

    code: str
    order_id: str
    discount: int
    valid_until: str


class Transferred(msgspec.Struct, frozen=True, gc=False):
    """The coupon is the other user's, under another code. `code`: what it was known by."""

    code: str
    to: str
