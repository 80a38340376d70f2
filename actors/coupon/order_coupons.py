"""The coupons used with one order: what each took off, and what it was, in case the order is taken back.

Beside the purse, under the order's business key, since it is looked at only when that order comes again.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.coupon.state import Coupon
from actors.orders import Order

FORMAT = 2
"""Format 1 knew no coupon that is handed over."""


class Used(msgspec.Struct, array_like=True, gc=False):
    """`by_item`: (product, minor units) of `discount`, the rest of which is `shipping`. `group` and `exclusive`: what
    it may be combined with. `amount`: what the order came to when it was used.
    """

    coupon: Coupon
    discount: int
    by_item: list[tuple[str, int]]
    shipping: int
    group: str
    exclusive: bool
    amount: int


class OrderCoupons(msgspec.Struct, array_like=True):
    """`used` in the order of use."""

    format: int = FORMAT
    currency: str = ""
    used: list[Used] = []


_decode = msgspec.msgpack.Decoder(OrderCoupons).decode
_encode = msgspec.msgpack.Encoder().encode


def decode(value: bytes | None) -> OrderCoupons:
    """The coupons of an order nothing is known of, when there is no value."""
    coupons = _decode(value) if value else OrderCoupons()
    coupons.format = FORMAT
    return coupons


def encode(coupons: OrderCoupons) -> bytes:
    return _encode(coupons)


def left(coupons: OrderCoupons, order: Order) -> tuple[list[int], int]:
    """(what is left to pay of each item of the order, and of its shipping)."""
    off = taken(coupons)
    items = [max(0, item.amount - off.get(item.product, 0)) for item in order.items]
    return items, max(0, order.shipping - sum(use.shipping for use in coupons.used))


def taken(coupons: OrderCoupons) -> Mapping[str, int]:
    """What has been taken off each product."""
    off: dict[str, int] = {}
    for used in coupons.used:
        for product, amount in used.by_item:
            off[product] = off.get(product, 0) + amount
    return off
