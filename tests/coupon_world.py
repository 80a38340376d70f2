"""Templates, coupons and orders for tests of coupons: short to write, and drawn by hypothesis."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from actors.coupon.narrowing import Terms, terms
from actors.coupon.offer import Offer, parse
from actors.fields import rfc3339_ms
from actors.orders import Order, OrderItem

PRODUCTS, CATEGORIES = ("p", "q", "r", "s", "gift"), ("tea", "cups", "")
NOON = rfc3339_ms("2025-11-11T12:00:00+08:00") or 0
"""A Tuesday, at noon in Shanghai."""


def words(kind: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A template's JSON, valid for 30 days where nothing else is said."""
    return {"name": "test", "kind": kind, "valid": {"days": 30}, "zone": "Asia/Shanghai"} | fields


def offer(kind: dict[str, Any], **fields: Any) -> Offer:
    parsed = parse(msgspec.json.encode(words(kind, **fields)))
    assert isinstance(parsed, Offer), parsed
    return parsed


def issued(one: Offer, at: int = NOON, days: int | None = None, conditions: Any = None) -> Terms:
    found = terms(one, at, days, msgspec.json.encode(conditions))
    assert isinstance(found, Terms), found
    return found


def order(*amounts: int, shipping: int = 0, category: str = "tea", quantity: int = 1) -> Order:
    items = tuple(OrderItem(PRODUCTS[n], category, quantity, amount) for n, amount in enumerate(amounts))
    return Order("A-1", "CNY", sum(amounts) + shipping, items, shipping)


items = st.builds(
    OrderItem,
    st.sampled_from(PRODUCTS), st.sampled_from(CATEGORIES), st.integers(1, 5),
    st.integers(0, 20_000),
)  # fmt: skip


@st.composite
def orders(draw: st.DrawFn, items_max: int = 5) -> Order:
    found = tuple(draw(st.lists(items, min_size=1, max_size=items_max, unique_by=lambda item: item.product)))
    way = draw(st.sampled_from((0, 600, 1_000)))
    return Order("A-1", "CNY", sum(item.amount for item in found) + way, found, way)
