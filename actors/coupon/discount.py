"""What one coupon gives for an order, by item, or all the reasons why it gives nothing.

All reasons, not the first: a customer who is told to add an item of another category, does so, and is then told that
the coupon has ended, does not come back. Validating and redeeming ask the same function, so they give the same answer.

Which items a coupon is for, and what these come to, is judged by the order as it came, before any coupon. Whether a
coupon may be used therefore does not hang on which others are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from actors.coupon.narrowing import Terms
from actors.coupon.offer import Offer
from actors.coupon.reasons import Code, Reason, shown
from actors.coupon.taking import Discount, gift_place, pieces, take
from actors.coupon.template import FreeShipping, FullReduction, Gift, NthItem
from actors.orders import Order, OrderItem
from supervision.envelope import rfc3339

Judged = Discount | tuple[Reason, ...]


def judge(terms: Terms, offer: Offer, order: Order, at: int) -> Judged:
    """What a coupon on `terms` takes off `order` at the moment `at` (ms), or every reason why not. O(items)."""
    reasons = [*_times(terms, offer, at)]
    if order.currency != offer.template.currency:
        reasons.append(Reason(Code.CURRENCY, "currency", offer.template.currency, order.currency))
    places = places_of(terms, offer, order)
    if not places:
        reasons += _no_items(terms, offer, order)
    reasons += _amounts(terms, offer, order, places)
    if reasons:
        return tuple(reasons)
    discount = take(offer, order, places, [item.amount for item in order.items], order.shipping)
    return discount if discount.total else (Reason(Code.NOTHING_TO_DISCOUNT, "kind"),)


def places_of(terms: Terms, offer: Offer, order: Order) -> tuple[int, ...]:
    """Which items of the order the coupon is for."""
    return tuple(index for index, item in enumerate(order.items) if _miss(terms, offer, item) is None)


def _miss(terms: Terms, offer: Offer, item: OrderItem) -> Code | None:
    """Why the coupon is not for the item. O(1): a coupon's own labels are few."""
    if item.product in offer.excluded_products:
        return Code.EXCLUDED_PRODUCT
    if item.category in offer.excluded_categories:
        return Code.EXCLUDED_CATEGORY
    if (products := terms.products or offer.products) and item.product not in products:
        return Code.PRODUCT
    if (categories := terms.categories or offer.categories) and item.category not in categories:
        return Code.CATEGORY
    return None


def _times(terms: Terms, offer: Offer, at: int) -> Iterator[Reason]:
    if at < terms.valid_from:
        yield Reason(Code.NOT_YET_VALID, "valid_from", rfc3339(terms.valid_from), rfc3339(at))
    if at >= terms.valid_until:
        yield Reason(Code.EXPIRED, "valid_until", rfc3339(terms.valid_until), rfc3339(at))
    if not offer.weekdays and not offer.hours:
        return
    local = offer.calendar.local(at)
    if offer.weekdays and local.isoweekday() not in offer.weekdays:
        yield Reason(Code.WEEKDAY, "valid.weekdays", tuple(sorted(offer.weekdays)), local.isoweekday())
    if offer.hours and local.hour not in offer.hours:
        yield Reason(Code.HOUR, "valid.hours", offer.template.valid.hours, local.hour)


def _no_items(terms: Terms, offer: Offer, order: Order) -> Iterator[Reason]:
    """Why the coupon is for none of the items: each reason that one of them has."""
    products, categories = terms.products or offer.products, terms.categories or offer.categories
    for code, path, want, of_category in (
        (Code.EXCLUDED_PRODUCT, "exclude.products", None, False),
        (Code.EXCLUDED_CATEGORY, "exclude.categories", None, True),
        (Code.PRODUCT, "products", shown(products), False),
        (Code.CATEGORY, "categories", shown(categories), True),
    ):
        items = [item for item in order.items if _miss(terms, offer, item) is code]
        if items:
            saw = shown(item.category if of_category else item.product for item in items)
            yield Reason(code, path, want, saw)


def _amounts(terms: Terms, offer: Offer, order: Order, places: Sequence[int]) -> Iterator[Reason]:
    kind, known = offer.template.kind, order.currency == offer.template.currency
    if known and (counted := _counted(offer, order, places)) < terms.minimum:
        yield Reason(Code.MINIMUM_AMOUNT, "minimum_amount", terms.minimum, counted)
    match kind:
        case FullReduction(steps=steps) if known:
            counted = _counted(offer, order, places)
            if counted < steps[0].at_least:
                yield Reason(Code.MINIMUM_AMOUNT, "kind.steps[0].at_least", steps[0].at_least, counted)
        case NthItem(n=n) if (saw := pieces(order, places)) < n:
            yield Reason(Code.TOO_FEW_PIECES, "kind.n", n, saw)
        case Gift(product=product) if gift_place(kind, order) is None:
            yield Reason(Code.GIFT_NOT_IN_ORDER, "kind.product", product)
        case FreeShipping() if not order.shipping:
            yield Reason(Code.NO_SHIPPING, "kind", None, order.shipping)
        case _:
            pass


def _counted(offer: Offer, order: Order, places: Sequence[int]) -> int:
    """What the items that the coupon is for come to; pieces that it makes a gift do not count."""
    amounts = [item.amount for item in order.items]
    if isinstance(offer.template.kind, Gift):
        given = take(offer, order, places, amounts, 0).by_item
        amounts = [amount - gift for amount, gift in zip(amounts, given, strict=True)]
    return sum(amounts[place] for place in places)
