"""What a coupon takes off an order, as the reference model reckons: for a fixed amount and for percent, no other kinds.

An order is [(product, category, amount)] with a total; what earlier coupons took is by product.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Items = list[tuple[str, str, int]]


def items_of(order: Mapping[str, Any]) -> Items:
    """The order's items; the model's worlds write what all pieces cost together."""
    return [(item["product_id"], item["category"], item["amount"]) for item in order["items"]]


def why_not(rules: Mapping[str, Any], until: int, items: Items, at: int) -> str:
    """The first reason why the coupon is not for the order, empty when it is."""
    if at >= until:
        return "expired"
    concerned = sum(amount for _, _, amount in _concerned(rules, items))
    if not _concerned(rules, items):
        return "category"
    return "minimum_amount" if concerned < rules.get("minimum_amount", 0) else ""


def off(rules: Mapping[str, Any], items: Items, taken: Mapping[str, int]) -> dict[str, int]:
    """What it takes off each product of what `taken` has left: the whole rounded down, dealt by largest remainder."""
    concerned = [product for product, _, _ in _concerned(rules, items)]
    left = {product: max(0, amount - taken.get(product, 0)) for product, _, amount in items if product in concerned}
    together, kind = sum(left.values()), rules["kind"]
    if kind["type"] == "fixed":
        total = min(kind["amount"], together)
    else:
        total = int(together * Fraction(kind["percent"]) / 100)
        total = min(total, kind["maximum"]) if kind.get("maximum") else total
    return _dealt(total, left)


def _concerned(rules: Mapping[str, Any], items: Items) -> Items:
    categories = rules.get("categories", [])
    return [item for item in items if not categories or item[1] in categories]


def _dealt(total: int, shares: Mapping[str, int]) -> dict[str, int]:
    together = sum(shares.values()) or 1
    exact = {product: Fraction(total * share, together) for product, share in shares.items()}
    whole = {product: int(part) for product, part in exact.items()}
    neediest = sorted(exact, key=lambda product: whole[product] - exact[product])
    for product in neediest[: total - sum(whole.values())]:
        whole[product] += 1
    return {product: part for product, part in whole.items() if part}
