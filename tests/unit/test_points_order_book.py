"""What is kept of an order."""

from __future__ import annotations

import msgspec
import pytest

from actors.points import order_book
from actors.points.ledger import TooMany
from actors.points.order_book import CHANGES_MAX, SPENT_PARTS_MAX, Change, Earned, Item, OrderBook, Spent
from actors.points.state import Lot


def test_a_book_is_the_same_after_it_was_stored() -> None:
    book = OrderBook()
    order_book.describe(book, "CNY", 5_000, 7, [Item("a", 5_000, 2, 50)])
    order_book.earned(book, "gold", Lot(10, 50, 1, 1))
    order_book.spent(book, "", [Lot(9, 5, 1, 0, (8, 1, 0))])
    order_book.note(book, Change("increase", "purchase_order", 50, "3.1.1"))
    assert order_book.decode(order_book.encode(book)) == book


@pytest.mark.parametrize("value", [b"", b"\xc0", order_book.encode(OrderBook(format=2)), msgspec.msgpack.encode(["x"])])
def test_what_is_no_book_of_this_format_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  msgspec's words are its own
        order_book.decode(value)


def test_an_accepted_change_is_known_by_its_type_and_reason() -> None:
    book = OrderBook()
    change = Change("increase", "purchase_order", 50, "3.1.1")
    order_book.note(book, change)
    assert order_book.known(book, "increase", "purchase_order") == change
    assert order_book.known(book, "decrease", "purchase_order") is None
    assert order_book.known(book, "increase", "review") is None


def test_an_order_takes_so_many_changes_and_no_more() -> None:
    book = OrderBook()
    for i in range(CHANGES_MAX):
        assert order_book.note(book, Change("increase", str(i), 1, "")) is None
    assert order_book.note(book, Change("increase", "more", 1, "")) == TooMany(CHANGES_MAX)
    assert len(book.changes) == CHANGES_MAX


def test_lines_of_one_item_are_one_item() -> None:
    book = OrderBook()
    order_book.describe(book, "CNY", 0, 7, [Item("a", 10, 1, 3), Item("b", 1, 1, 1), Item("a", 30, 2, 4)])
    assert book.items == [Item("a", 40, 3, 7), Item("b", 1, 1, 1)]
    assert order_book.total(book) == 41


def test_an_order_on_which_very_many_parts_are_spent_keeps_the_points_and_the_later_expiry() -> None:
    book = OrderBook()
    order_book.spent(book, "gold", [Lot(7, 1, 1, 7)])
    book.spent[0].returned = 1
    order_book.spent(book, "", [Lot(i, 2, 1, i) for i in range(1, SPENT_PARTS_MAX + 2)])
    assert len(book.spent) <= SPENT_PARTS_MAX
    assert order_book.spent_points(book) == 1 + 2 * (SPENT_PARTS_MAX + 1)
    assert order_book.returned_points(book) == 1
    assert book.spent[:2] == [Spent("gold", Lot(7, 1, 1, 7), 1), Spent("", Lot(2, 4, 1, 2))]


@pytest.mark.parametrize(
    "broken",
    [
        OrderBook(format=2),
        OrderBook(refunded=1),
        OrderBook(amount=5, refunded=6),
        OrderBook(items=[Item("a", 5, 1, 1, refunded=6)]),
        OrderBook(items=[Item("a", 5, 1, 1, returned=2)]),
        OrderBook(items=[Item("a", 5, 1, 1, claimed=2)]),
        OrderBook(earned=[Earned("", Lot(1, 1, 1, 1), 2)]),
        OrderBook(spent=[Spent("", Lot(1, 1, 1, 1), 2)]),
    ],
    ids=repr,
)
def test_a_book_that_claims_more_than_the_whole_is_seen(broken: OrderBook) -> None:
    with pytest.raises(AssertionError):
        order_book.check(broken)
