"""The live cart of one user: lines by product and variant, what they are worth, and since when nothing happened.

What counts is the order of the log, never a sender's clock: an addition that is told after the purchase it belonged to
begins a new cart. Who wants it otherwise must have his shop tell things in the order in which they happened.

A cart's value is the sum of its lines, moved by what the shop said last: where it sends the cart's total, the shop is
right, and the difference (a discount, a message that never came, a price that nobody told) stays until the shop speaks
again or the cart is empty. So the value is never stored apart from its lines.

A purchase clears what was bought. One that names its goods takes these pieces of them; one that names none, as the
seed's `purchase_complete`, takes the whole cart. An order counts once, whatever ids its messages come under, for as
long as it is remembered; cancelled soon after, it gives back what it took, and stays over: a later message of the same
order is a resend.

`no` names the cart: it rises each time that an empty one gets its first line. `changed` is the offset of the entry that
changed it last: who knows both, knows of which cart, and of which moment of it, somebody speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from actors.money import AMOUNT_MAX
from actors.orders import QUANTITY_MAX

FORMAT = 2
"""Of the stored state. In the first one lines had no category."""
LINES_MAX = 100
"""Of one cart; what finds no room is not kept, and the cart says so (`more`)."""
LINES_BYTES_MAX = 8 * 1024
"""Of their products and variants."""
CATEGORIES_BYTES_MAX = 4 * 1024
"""Of their categories: one that finds no room is not kept, and its line is."""
ORDERS_MAX = 32
"""Last ones, whose resends are known."""
CANCEL_GIVES_BACK_MS = 30 * 60 * 1000
"""After an order; later, cancelling it leaves the cart alone."""

Reason = Literal["added", "removed", "cleared", "bought", "given_back", "corrected"]


class Line(msgspec.Struct, array_like=True, gc=False):
    """`price`: of one piece, in minor units; None where nobody told. `variant` is empty where there is none,
    `category` where nobody told it; of two that are told the first counts.
    """

    product: str
    variant: str
    quantity: int
    price: int | None = None
    category: str = ""


class Taken(msgspec.Struct, array_like=True, gc=False):
    """What an order took at `at`, at prices of `currency`; without lines when that can no longer be given back."""

    order_id: str
    at: int
    currency: str
    lines: list[Line] = []


class Cart(msgspec.Struct, array_like=True):
    """The state of one user. `idle_since` in ms; `told`: that it was abandoned has been said since it last changed.
    `currency` is empty while nobody has told an amount.
    """

    format: int = FORMAT
    no: int = 0
    lines: list[Line] = []
    correction: int = 0
    currency: str = ""
    idle_since: int = 0
    changed: int = 0
    told: bool = False
    more: bool = False
    orders: list[Taken] = []


class Add(msgspec.Struct, frozen=True, gc=False):
    """So much more. `total`: what the shop has the cart at; `currency`: of all amounts, empty where none is told."""

    lines: Sequence[Line]
    total: int | None = None
    currency: str = ""


class Remove(msgspec.Struct, frozen=True, gc=False):
    """So much less; a line without pieces means all that there are."""

    lines: Sequence[Line]
    total: int | None = None
    currency: str = ""


class Clear(msgspec.Struct, frozen=True, gc=False):
    """Nothing is left."""


class Buy(msgspec.Struct, frozen=True, gc=False):
    """An order. Without lines: of the whole cart."""

    order_id: str
    lines: Sequence[Line] = ()


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """The order is off."""

    order_id: str


Act = Add | Remove | Clear | Buy | CancelOrder


class Applied(msgspec.Struct, frozen=True, gc=False):
    """`reason`: what changed it, None when it is as it was. `touched`: somebody was busy with it all the same.
    `corrected`: all prices are known, and the shop has it at another value than they come to.
    """

    reason: Reason | None = None
    touched: bool = False
    corrected: bool = False


UNTOUCHED = Applied()


def apply(cart: Cart, act: Act, offset: int, at: int) -> Applied:
    """Do `act`, told by the entry at `offset` and the time `at`, in place. O(lines)."""
    _forget(cart, at)
    was_empty, was_worth = not cart.lines, value(cart)
    if isinstance(act, Add | Remove) and act.currency:
        _reckon_in(cart, act.currency)
    reason = _lines_changed(cart, act, at)
    if reason is None and isinstance(act, Buy | CancelOrder):
        return UNTOUCHED
    corrected = False
    if not cart.lines:
        cart.correction, cart.more, cart.currency = 0, False, ""
    elif isinstance(act, Add | Remove) and act.total is not None and act.total != value(cart):
        corrected = all(line.price is not None for line in cart.lines)
        cart.correction = act.total - _sum(cart)
        reason = reason or "corrected"
    elif value(cart) != was_worth:  # prices of another currency, told of goods that are not in it
        reason = reason or "corrected"
    if reason is not None:
        cart.no += was_empty and bool(cart.lines)
        cart.changed, cart.told = offset, False
    if reason is not None or cart.lines:
        cart.idle_since = at
    return Applied(reason, bool(cart.lines), corrected)


def upgrade(fields: list[Any]) -> Cart:
    """The state whose fields, as they were stored, are `fields`: lines had no category."""
    if fields[0] != 1:
        raise ValueError(f"no cart was ever written in format {fields[0]}")
    return msgspec.convert([FORMAT, *fields[1:]], Cart)


def value(cart: Cart) -> int:
    """Of the cart in minor units of its currency, as the shop would say. O(lines)."""
    return min(max(0, _sum(cart) + cart.correction), AMOUNT_MAX)


def abandon(cart: Cart) -> bool:
    """Nothing happened for long enough: whether that is news, which it is once until the cart changes."""
    news = bool(cart.lines) and not cart.told
    cart.told = cart.told or news
    return news


def check(cart: Cart) -> None:
    """Raise AssertionError unless the cart is one that acts can have made."""
    assert cart.format == FORMAT
    assert len(cart.lines) <= LINES_MAX and _nbytes(cart.lines) <= LINES_BYTES_MAX, "the cart is too full"
    assert _categories_nbytes(cart.lines) <= CATEGORIES_BYTES_MAX, "too many categories are kept"
    keys = [(line.product, line.variant) for line in cart.lines]
    assert len(set(keys)) == len(keys), f"a line stands twice: {keys}"
    assert all(1 <= line.quantity <= QUANTITY_MAX for line in cart.lines), cart.lines
    assert cart.no > 0 or not cart.lines, "a cart without a number"
    assert cart.lines or not (cart.correction or cart.more or cart.told or cart.currency), "nothing, and yet something"
    ids = [taken.order_id for taken in cart.orders]
    assert all(ids) and len(set(ids)) == len(ids) <= ORDERS_MAX, ids


def _lines_changed(cart: Cart, act: Act, at: int) -> Reason | None:
    match act:
        case Add():
            return "added" if _put(cart, act.lines) else None
        case Remove():
            return "removed" if _take(cart, act.lines) else None
        case Clear():
            return "cleared" if _take_all(cart) else None
        case Buy():
            return "bought" if _buy(cart, act, at) else None
        case CancelOrder():
            return "given_back" if _give_back(cart, act.order_id) else None


def _buy(cart: Cart, order: Buy, at: int) -> bool:
    if any(taken.order_id == order.order_id for taken in cart.orders):
        return False
    lines = _take(cart, order.lines) if order.lines else _take_all(cart)
    cart.orders.append(Taken(order.order_id, at, cart.currency, lines))
    del cart.orders[:-ORDERS_MAX]
    return bool(lines)


def _give_back(cart: Cart, order_id: str) -> bool:
    taken = next((taken for taken in cart.orders if taken.order_id == order_id), None)
    if taken is None:
        return False
    lines, taken.lines = taken.lines, []
    if taken.currency and any(_room(cart, line) for line in lines):
        _reckon_in(cart, taken.currency)
    return _put(cart, lines)


def _forget(cart: Cart, at: int) -> None:
    """Let go of what can no longer be given back; the orders' ids stay."""
    for taken in cart.orders:
        if taken.lines and at - taken.at > CANCEL_GIVES_BACK_MS:
            taken.lines = []


def _reckon_in(cart: Cart, currency: str) -> None:
    """A cart has one currency, the last one told; amounts in another say nothing any more."""
    if cart.currency and cart.currency != currency:
        cart.correction = 0
        for line in cart.lines:
            line.price = None
    cart.currency = currency


def _put(cart: Cart, lines: Sequence[Line]) -> bool:
    """Whether anything changed."""
    return sum(_put_one(cart, line) for line in lines) > 0


def _put_one(cart: Cart, line: Line) -> bool:
    """Whether it found room. What is known of its price holds for all pieces: the shop sells them at one price."""
    for there in cart.lines:
        if (there.product, there.variant) == (line.product, line.variant):
            before = there.quantity, there.price
            there.quantity = min(there.quantity + line.quantity, QUANTITY_MAX)
            there.price = there.price if line.price is None else line.price
            _classify(cart, there, line.category)
            return (there.quantity, there.price) != before
    if not _room(cart, line):
        cart.more = True
        return False
    cart.lines.append(Line(line.product, line.variant, line.quantity, line.price))
    _classify(cart, cart.lines[-1], line.category)
    return True


def _room(cart: Cart, line: Line) -> bool:
    """Whether the line is there, or finds room."""
    there = any((one.product, one.variant) == (line.product, line.variant) for one in cart.lines)
    return there or (len(cart.lines) < LINES_MAX and _nbytes([*cart.lines, line]) <= LINES_BYTES_MAX)


def _classify(cart: Cart, line: Line, category: str) -> None:
    """Where there is room for it."""
    if not line.category and _categories_nbytes(cart.lines) + len(category.encode()) <= CATEGORIES_BYTES_MAX:
        line.category = category


def _take(cart: Cart, wanted: Iterable[Line]) -> list[Line]:
    """What of `wanted` was there, which is now gone."""
    taken: list[Line] = []
    for want in wanted:
        left = want.quantity or QUANTITY_MAX
        for line in _meant(cart, want):
            pieces = min(left, line.quantity)
            if pieces > 0:
                line.quantity -= pieces
                left -= pieces
                taken.append(Line(line.product, line.variant, pieces, line.price, line.category))
        cart.lines = [line for line in cart.lines if line.quantity]
    return taken


def _meant(cart: Cart, want: Line) -> list[Line]:
    """The lines of the product: that variant first, then those where one of the two does not say which."""
    same = [line for line in cart.lines if line.product == want.product]
    exact = [line for line in same if line.variant == want.variant]
    vague = [line for line in same if line.variant != want.variant and not (line.variant and want.variant)]
    return exact + vague


def _take_all(cart: Cart) -> list[Line]:
    lines, cart.lines = cart.lines, []
    return lines


def _sum(cart: Cart) -> int:
    return sum(min(line.quantity * (line.price or 0), AMOUNT_MAX) for line in cart.lines)


def _nbytes(lines: Sequence[Line]) -> int:
    return sum(len(line.product.encode()) + len(line.variant.encode()) for line in lines)


def _categories_nbytes(lines: Sequence[Line]) -> int:
    return sum(len(line.category.encode()) for line in lines)
