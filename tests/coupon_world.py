"""Templates, coupons and orders for tests of coupons: short to write, and drawn by hypothesis."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from actors.coupon.narrowing import Terms, terms
from actors.coupon.offer import Offer, parse
from actors.coupon.stacking import COUPONS_PER_ORDER_MAX, Candidate
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


def coupon(code: str, kind: dict[str, Any], template: str = "", days: int | None = None, **fields: Any) -> Candidate:
    """A coupon, of a template of its own where none is named."""
    one = offer(kind, **fields)
    return Candidate(code, template or f"template of {code}", one, issued(one, days=days))


def order(*amounts: int, shipping: int = 0, category: str = "tea", quantity: int = 1) -> Order:
    items = tuple(OrderItem(PRODUCTS[n], category, quantity, amount) for n, amount in enumerate(amounts))
    return Order("A-1", "CNY", sum(amounts) + shipping, items, shipping)


fixed = st.builds(lambda amount: {"type": "fixed", "amount": amount}, st.integers(1, 5_000))
percents = st.builds(
    lambda percent, most: {"type": "percent", "percent": percent, "maximum": most},
    st.sampled_from(("10", "12.5", "100/3", "50", "100")),
    st.none() | st.integers(1, 3_000),
)
every = st.builds(
    lambda at_least, off, times: {
        "type": "full_reduction", "steps": [{"at_least": at_least + off, "off": off}], "times_max": times,
    },
    st.integers(0, 2_000), st.integers(1, 1_000), st.integers(1, 4),
)  # fmt: skip
stepped = st.builds(
    lambda low, high: {
        "type": "full_reduction",
        "steps": [{"at_least": 2 * low, "off": low}, {"at_least": 2 * (low + high), "off": low + high}],
    },
    st.integers(1, 800), st.integers(1, 1_000),
)  # fmt: skip
shipping = st.builds(lambda most: {"type": "free_shipping", "maximum": most}, st.none() | st.integers(1, 900))
gifts = st.builds(
    lambda product, quantity: {"type": "gift", "product": product, "quantity": quantity},
    st.sampled_from(PRODUCTS), st.integers(1, 3),
)  # fmt: skip
nth = st.builds(
    lambda n, percent, times: {"type": "nth_item", "n": n, "percent": percent, "times_max": times},
    st.integers(2, 4), st.sampled_from(("30", "50", "100")), st.integers(1, 3),
)  # fmt: skip
kinds = st.one_of(fixed, percents, every, stepped, shipping, gifts, nth)

some_fields = st.fixed_dictionaries(
    {},
    optional={
        "minimum_amount": st.integers(0, 2_000),
        "categories": st.lists(st.sampled_from(CATEGORIES[:2]), min_size=1, max_size=2, unique=True),
        "exclude": st.builds(lambda product: {"products": [product]}, st.sampled_from(PRODUCTS)),
        "stacking": st.one_of(
            st.builds(
                lambda group, priority: {"group": group, "priority": priority},
                st.none() | st.sampled_from(("a", "b", "c", "d")), st.integers(0, 2),
            ),
            st.just({"exclusive": True}),
        ),
    },
)  # fmt: skip

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


@st.composite
def coupons(draw: st.DrawFn, code: str) -> Candidate:
    template = draw(st.sampled_from(("T1", "T2", "", "", "")))
    kind, fields = draw(kinds), draw(some_fields)
    if len(kind.get("steps", ())) > 1:
        fields.pop("minimum_amount", None)  # it may make the first step one that never counts
    return coupon(code, kind, template, draw(st.none() | st.integers(1, 3)), **fields)


@st.composite
def wallets(draw: st.DrawFn, least: int = 1) -> list[Candidate]:
    return [draw(coupons(f"C{n}")) for n in range(draw(st.integers(least, COUPONS_PER_ORDER_MAX)))]
