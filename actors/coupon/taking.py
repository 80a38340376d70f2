"""What a coupon takes off what is left of an order, by item, kind by kind.

`items` is what is left to pay for each item, `shipping` for the way: the order's own amounts for the first coupon, less
for the next. How much a kind gives, and whether it gives at all, hangs on the order as it came (thresholds, how many
pieces); only what it is reckoned on hangs on what is left. So a coupon never gives more beside others than alone.

A sum is rounded once, down to a whole minor unit, and dealt to the items it was reckoned on by largest remainder: the
parts come to the sum, and none is more than what is left of its item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from actors.coupon.offer import Offer
from actors.coupon.template import Fixed, FreeShipping, FullReduction, Gift, NthItem, Percent
from actors.dealing import split
from actors.orders import Order


class Discount(msgspec.Struct, frozen=True, gc=False):
    """Minor units: `by_item` in the order of the order's items, and of the shipping."""

    by_item: tuple[int, ...]
    shipping: int = 0

    @property
    def total(self) -> int:
        return sum(self.by_item) + self.shipping


def take(offer: Offer, order: Order, places: Sequence[int], items: Sequence[int], shipping: int) -> Discount:
    """What a coupon of `offer` takes; `places` are the items it is for. O(items × log items)."""
    weights = [0] * len(items)
    for place in places:
        weights[place] = items[place]
    match offer.template.kind:
        case Fixed(amount=amount):
            total = min(amount, sum(weights))
        case Percent(maximum=maximum):
            total = _part(offer, sum(weights), maximum)
        case FullReduction() as reduction:
            total = min(_reduction(reduction, sum(order.items[place].amount for place in places)), sum(weights))
        case FreeShipping(maximum=maximum):
            free = shipping if maximum is None else min(shipping, maximum)
            return Discount((0,) * len(items), free)
        case Gift() as gift:
            weights = _gifts(gift, order, items)
            total = sum(weights)
        case NthItem() as nth:
            weights = _nth(nth, order, places, items)
            total = _part(offer, sum(weights), None)
    return Discount(tuple(split(total, weights)))


def gift_place(gift: Gift, order: Order) -> int | None:
    """Which item of the order is the gift. An order has one item of each product."""
    return next((index for index, item in enumerate(order.items) if item.product == gift.product), None)


def pieces(order: Order, places: Sequence[int]) -> int:
    """How many pieces that cost something there are."""
    return sum(order.items[place].quantity for place in places if order.items[place].amount)


def _part(offer: Offer, amount: int, maximum: int | None) -> int:
    part = amount * offer.part.numerator // offer.part.denominator
    return part if maximum is None else min(part, maximum)


def _reduction(reduction: FullReduction, amount: int) -> int:
    reached = [step for step in reduction.steps if amount >= step.at_least]
    if not reached:
        return 0
    return reached[-1].off * min(amount // reached[-1].at_least, reduction.times_max)


def _gifts(gift: Gift, order: Order, items: Sequence[int]) -> list[int]:
    place = gift_place(gift, order)
    return _cheapest(gift.quantity, order, () if place is None else (place,), items)


def _nth(nth: NthItem, order: Order, places: Sequence[int], items: Sequence[int]) -> list[int]:
    count = min(pieces(order, places) // nth.n, nth.times_max)
    return _cheapest(count, order, [place for place in places if order.items[place].amount], items)


def _cheapest(count: int, order: Order, places: Sequence[int], items: Sequence[int]) -> list[int]:
    """What is left to pay for the `count` cheapest pieces of the items at `places`, by item."""
    prices = [0] * len(items)
    for price, place, several in sorted(_runs(order, places, items)):
        taken = min(count, several)
        prices[place] += price * taken
        count -= taken
    return prices


def _runs(order: Order, places: Sequence[int], items: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(price, item, how many) of pieces: what does not divide evenly makes some of an item's pieces one unit dearer."""
    for place in places:
        quantity = order.items[place].quantity
        price, dearer = divmod(items[place], quantity)
        yield price, place, quantity - dearer
        if dearer:
            yield price + 1, place, dearer
