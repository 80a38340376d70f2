"""Coupons on an order once more, by brute force: every piece is one number in one list, every sum a fraction, and every
set of coupons is tried.

It shares the words of templates with actors/coupon and none of its arithmetic or search. It is slow and meant to be
plainly right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import floor

from actors.coupon.stacking import COUPONS_PER_ORDER_MAX, Candidate
from actors.coupon.template import Fixed, FreeShipping, FullReduction, Gift, Kind, NthItem, Percent
from actors.orders import Order

KIND_ORDER = ("gift", "nth_item", "percent", "full_reduction", "fixed", "free_shipping")


@dataclass
class Left:
    items: list[int]
    shipping: int


@dataclass(frozen=True)
class Deal:
    """Coupons by code in the order of computing, with what each takes off: (by item, of the shipping)."""

    codes: tuple[str, ...]
    parts: tuple[tuple[tuple[int, ...], int], ...]

    @property
    def total(self) -> int:
        return sum(sum(by_item) + shipping for by_item, shipping in self.parts)


def for_items(one: Candidate, order: Order) -> list[int]:
    template, terms = one.offer.template, one.terms
    found: list[int] = []
    for index, item in enumerate(order.items):
        allowed = [terms.categories or template.categories, terms.products or template.products]
        wrong_category = bool(allowed[0]) and item.category not in allowed[0]
        wrong_product = bool(allowed[1]) and item.product not in allowed[1]
        out = item.category in template.exclude.categories or item.product in template.exclude.products
        if not (wrong_category or wrong_product or out):
            found.append(index)
    return found


def pieces(amount: int, quantity: int) -> list[int]:
    """The prices of the pieces, the dearer ones last."""
    prices = [amount // quantity] * quantity
    for index in range(amount % quantity):
        prices[-1 - index] += 1
    return prices


def dealt(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """By largest remainder, one unit at a time."""
    if not sum(weights):
        return (0,) * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [floor(share) for share in exact]
    while sum(parts) < total:
        hungry = [index for index in range(len(parts)) if parts[index] <= exact[index]]
        neediest = max(hungry, key=lambda index: (exact[index] - parts[index], -index))
        parts[neediest] += 1
    return tuple(parts)


def takes(one: Candidate, order: Order, left: Left) -> tuple[tuple[int, ...], int]:
    """What the coupon takes off what is left."""
    kind, places = one.offer.template.kind, for_items(one, order)
    weights = [amount if index in places else 0 for index, amount in enumerate(left.items)]
    match kind:
        case Fixed(amount=amount):
            return dealt(min(amount, sum(weights)), weights), 0
        case Percent(percent=percent, maximum=maximum):
            off = floor(sum(weights) * Fraction(percent) / 100)
            return dealt(off if maximum is None else min(off, maximum), weights), 0
        case FullReduction(steps=steps, times_max=times):
            amount = sum(order.items[place].amount for place in places)
            off = 0
            for step in steps:
                if amount >= step.at_least:
                    off = step.off * min(times, amount // step.at_least)
            return dealt(min(off, sum(weights)), weights), 0
        case FreeShipping(maximum=maximum):
            return (0,) * len(weights), left.shipping if maximum is None else min(maximum, left.shipping)
        case Gift(product=product, quantity=quantity):
            return cheapest(order, left, [i for i, item in enumerate(order.items) if item.product == product], quantity)
        case NthItem(n=n, percent=percent, times_max=times):
            places = [place for place in places if order.items[place].amount]
            count = min(sum(order.items[place].quantity for place in places) // n, times)
            prices, _ = cheapest(order, left, places, count)
            return dealt(floor(sum(prices) * Fraction(percent) / 100), prices), 0


def cheapest(order: Order, left: Left, places: Sequence[int], count: int) -> tuple[tuple[int, ...], int]:
    each = [(price, place) for place in places for price in pieces(left.items[place], order.items[place].quantity)]
    prices = [0] * len(left.items)
    for price, place in sorted(each)[:count]:
        prices[place] += price
    return tuple(prices), 0


def deal(together: Sequence[Candidate], order: Order) -> Deal:
    """What these coupons come to together."""
    left = Left([item.amount for item in order.items], order.shipping)
    parts: list[tuple[tuple[int, ...], int]] = []
    ordered = sorted(together, key=turn)
    for one in ordered:
        by_item, shipping = takes(one, order, left)
        left = Left([amount - off for amount, off in zip(left.items, by_item, strict=True)], left.shipping - shipping)
        parts.append((by_item, shipping))
    return Deal(tuple(one.code for one in ordered), tuple(parts))


def turn(one: Candidate) -> tuple[int, int, str, str]:
    template = one.offer.template
    return -template.stacking.priority, KIND_ORDER.index(tag(template.kind)), one.template, one.code


def tag(kind: Kind) -> str:
    return str(kind.__struct_config__.tag)


def combine(one: Candidate, other: Candidate) -> bool:
    mine, yours = one.offer.template.stacking, other.offer.template.stacking
    if mine.exclusive or yours.exclusive:
        return False
    if mine.group is None and yours.group is None:
        return one.template != other.template
    return mine.group != yours.group


def sets(candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, ...]]:
    """All that may be combined."""
    for count in range(min(len(candidates), COUPONS_PER_ORDER_MAX) + 1):
        for together in combinations(candidates, count):
            if all(combine(one, other) for one, other in combinations(together, 2)):
                yield together


def best(applicable: Sequence[Candidate], order: Order) -> Deal:
    """The best of all sets of coupons each of which may be used."""
    by_code = {one.code: one for one in applicable}

    def rank(one: Deal) -> tuple[object, ...]:
        ends = sorted((by_code[code].terms.valid_until, code) for code in one.codes)
        return -one.total, len(one.codes), ends

    return min((deal(together, order) for together in sets(applicable)), key=rank)
