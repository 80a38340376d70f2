"""All that is known of one order: the value of the business key ("points-order", user, order).

It stands apart from the account because orders are many and seldom looked at again. It says which changes were accepted
under the order (a resend is told from a contradiction by it), what the order was worth and of what it consisted, which
lots it earned and which were spent on it, and how far it has been refunded. refunds.py does the arithmetic.

Everything is kept as it was when the order came, in minor units of its currency: a refund takes back what those goods
earned then, whatever the rules are now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from actors.points import lots as lots_
from actors.points.ledger import TooMany
from actors.points.state import Lot

FORMAT = 1
CHANGES_MAX = 64
"""Accepted changes under one order, refunds among them."""
SPENT_PARTS_MAX = 512
"""Parts of lots that were spent on one order. Beyond it neighbours become one, with the later expiry: what comes back
never ends sooner for it."""


class Change(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An accepted change, and the place (segment.epoch.offset) of the entry that asked for it."""

    type: str
    reason: str
    points: int
    place: str
    referrer_id: str = ""
    referrer_points: int = 0


class Item(msgspec.Struct, array_like=True, gc=False):
    """Goods of one id: what they cost (minor units), how many there were, what they earned; and how much of each has
    been refunded item by item.
    """

    id: str
    amount: int
    quantity: int
    points: int
    refunded: int = 0
    returned: int = 0
    claimed: int = 0


class Earned(msgspec.Struct, array_like=True, gc=False):
    """A lot the order earned in a wallet, as it was then (its expiry is 0 when that is for the activation to say), and
    how many of its points refunds have claimed.
    """

    wallet: str
    lot: Lot
    claimed: int = 0


class Spent(msgspec.Struct, array_like=True, gc=False):
    """A part of a wallet's lot that was spent on the order, and how many of its points have come back."""

    wallet: str
    lot: Lot
    returned: int = 0


class OrderBook(msgspec.Struct, array_like=True, gc=False):
    """`amount` is in minor units of `currency`, 0 when nobody said; `at`: of its accrual; `refunded`: of the amount, in
    whatever way. `earned` and `spent` are in the order in which it happened.
    """

    format: int = FORMAT
    changes: list[Change] = []
    currency: str = ""
    amount: int = 0
    at: int = 0
    items: list[Item] = []
    earned: list[Earned] = []
    spent: list[Spent] = []
    refunded: int = 0
    completed: bool = False
    cancelled: bool = False


encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(OrderBook)


def decode(value: bytes) -> OrderBook:
    """Raises ValueError when `value` is no order book, or of another format."""
    book = _decoder.decode(value)
    if book.format != FORMAT:
        raise ValueError(f"an order book in format {book.format}, this program reads {FORMAT}")
    return book


def known(book: OrderBook, type: str, reason: str) -> Change | None:
    """The change of this type and reason that was accepted under the order."""
    for change in book.changes:
        if change.type == type and change.reason == reason:
            return change
    return None


def note(book: OrderBook, change: Change) -> TooMany | None:
    """Write down that `change` was accepted."""
    if len(book.changes) >= CHANGES_MAX:
        return TooMany(CHANGES_MAX)
    book.changes.append(change)
    return None


def describe(book: OrderBook, currency: str, amount: int, at: int, items: Iterable[Item]) -> None:
    """What the order was. Items of one id become one: a refund names the id, not the line."""
    book.currency, book.amount, book.at = currency, amount, at
    by_id: dict[str, Item] = {}
    for item in items:
        same = by_id.setdefault(item.id, Item(item.id, 0, 0, 0))
        same.amount += item.amount
        same.quantity += item.quantity
        same.points += item.points
    book.items = list(by_id.values())


def earned(book: OrderBook, wallet: str, lot: Lot) -> None:
    """The order earned `lot`: all of its points, those too that are pending or paid a debt."""
    book.earned.append(Earned(wallet, lots_.part_of(lot, lot.points)))


def spent(book: OrderBook, wallet: str, parts: Sequence[Lot]) -> None:
    """`parts` were spent on the order."""
    book.spent += [Spent(wallet, lots_.part_of(part, part.points)) for part in parts]
    while len(book.spent) > SPENT_PARTS_MAX and _halve(book):
        pass


def total(book: OrderBook) -> int:
    """What the order was worth, 0 when nobody said: its amount, else that of its items."""
    return book.amount or items_amount(book)


def items_amount(book: OrderBook) -> int:
    return sum([item.amount for item in book.items])


def earned_points(book: OrderBook) -> int:
    return sum([each.lot.points for each in book.earned])


def claimed_points(book: OrderBook) -> int:
    return sum([each.claimed for each in book.earned])


def spent_points(book: OrderBook) -> int:
    return sum([each.lot.points for each in book.spent])


def returned_points(book: OrderBook) -> int:
    return sum([each.returned for each in book.spent])


def check(book: OrderBook) -> None:
    """Raise AssertionError unless no part of the book claims more than the whole."""
    assert book.format == FORMAT, book.format
    assert 0 <= book.refunded <= max(total(book), 0), (book.refunded, total(book))
    for item in book.items:
        assert 0 <= item.refunded <= item.amount, item
        assert 0 <= item.returned <= item.quantity, item
        assert 0 <= item.claimed <= item.points, item
    for earned in book.earned:
        assert 0 <= earned.claimed <= earned.lot.points, earned
    for spent in book.spent:
        assert 0 <= spent.returned <= spent.lot.points, spent
    assert len(book.changes) <= CHANGES_MAX


def _halve(book: OrderBook) -> bool:
    """Make one of each two neighbours of one wallet; whether there were any."""
    fewer: list[Spent] = []
    last: Spent | None = None
    for each in book.spent:
        if last is not None and last.wallet == each.wallet:
            later = max(last.lot, each.lot, key=_expires)
            points = last.lot.points + each.lot.points
            fewer[-1] = Spent(each.wallet, lots_.part_of(later, points), last.returned + each.returned)
            last = None
        else:
            fewer.append(each)
            last = each
    halved = len(fewer) < len(book.spent)
    book.spent = fewer
    return halved


def _expires(lot: Lot) -> int:
    return lot.expires
