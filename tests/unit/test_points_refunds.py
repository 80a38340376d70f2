"""Refunds: how much a piece claims, whence it is taken, and what comes back."""

from __future__ import annotations

import pytest

from actors.points import books, ledger, order_book, refunds, reservations
from actors.points.order_book import Item, OrderBook
from actors.points.refunds import Claim, ItemRefund, Piece, Policy, Refused, Taken
from actors.points.state import SLIDES, Account, Lot, Pending, Wallet

LOTS_MAX = 2_000
NO_GRACE = 0


def book_of(points: int, amount: int = 0, *items: Item) -> OrderBook:
    book = OrderBook()
    order_book.describe(book, "CNY", amount, 1, items)
    order_book.earned(book, "", Lot(100, points, 1, 5))
    return book


def account_of(*lots: Lot) -> Account:
    account = Account()
    for lot in lots:
        ledger.earn(account.main, lot, LOTS_MAX)
    return account


def refund(
    account: Account, book: OrderBook, what: list[ItemRefund] | int | None, policy: Policy = "within_balance"
) -> list[Taken]:
    claim = refunds.claim(book, what)
    assert isinstance(claim, Claim), claim
    taken = refunds.take_back(account, book, claim, lambda _: policy)
    books.check(account)
    order_book.check(book)
    return taken


def claimed(book: OrderBook, *pieces: list[ItemRefund] | int | None) -> list[int]:
    """The points of each piece, refunded one after the other."""
    account = account_of(Lot(100, order_book.earned_points(book), 1, 5))
    return [sum(lot.points for each in refund(account, book, piece) for lot in each.lots) for piece in pieces]


def test_an_order_refunded_in_pieces_takes_back_what_it_earned_and_no_more() -> None:
    assert claimed(book_of(10, 3), 1, 1, 1) == [3, 3, 4]
    assert claimed(book_of(1, 3), 1, 1, 1) == [0, 0, 1]
    assert claimed(book_of(10, 100), 99, 1) == [9, 1]


def test_an_item_takes_back_what_it_earned_and_the_last_one_what_was_rounded_away() -> None:
    items = Item("a", 30, 3, 10), Item("b", 70, 1, 20)
    assert claimed(book_of(31, 100, *items), [ItemRefund("a")], [ItemRefund("b")]) == [10, 21]
    assert claimed(book_of(31, 100, *items), [ItemRefund("a", quantity=1)], [ItemRefund("a", quantity=2)]) == [3, 7]
    assert claimed(book_of(31, 100, *items), [ItemRefund("b", amount=35)], [ItemRefund("b"), ItemRefund("a")]) == [
        10,
        21,
    ]


def test_an_amount_claims_of_what_items_have_not() -> None:
    items = Item("a", 50, 1, 40), Item("b", 50, 1, 10)
    assert claimed(book_of(50, 100, *items), [ItemRefund("a")], 25, 25) == [40, 5, 5]


def test_an_item_after_an_amount_claims_no_more_than_is_left() -> None:
    items = Item("a", 50, 1, 50), Item("b", 50, 1, 0)
    assert claimed(book_of(50, 100, *items), 50, [ItemRefund("a")]) == [25, 25]


def test_a_free_item_claims_by_quantity() -> None:
    book = book_of(9, 100, Item("a", 100, 1, 0), Item("gift", 0, 3, 9))
    assert claimed(book, [ItemRefund("gift", quantity=1)], [ItemRefund("gift")], 100) == [3, 6, 0]


def test_items_that_cost_more_together_than_the_order_are_worth_their_share() -> None:
    items = Item("a", 100, 1, 10), Item("b", 100, 1, 10), Item("c", 100, 1, 10)
    book = book_of(31, 200, *items)
    assert claimed(book, [ItemRefund("a")], [ItemRefund("b")], [ItemRefund("c")]) == [10, 10, 11]
    assert book.refunded == 200


def test_an_order_of_unknown_amount_is_refunded_as_a_whole_or_by_its_items() -> None:
    assert refunds.claim(book_of(10), 5) == Refused("amount_unknown")
    assert claimed(book_of(10), None) == [10]
    assert claimed(book_of(10, 0, Item("a", 0, 2, 9)), [ItemRefund("a", quantity=1)], [ItemRefund("a")]) == [4, 6]
    assert claimed(book_of(10, 0, Item("a", 20, 1, 9)), 10, 10) == [5, 5]


def test_nothing_is_claimed_twice() -> None:
    book = book_of(10, 100, Item("a", 50, 1, 5), Item("b", 50, 1, 5))
    refund(account_of(Lot(100, 10, 1, 5)), book, None)
    for what in (None, 1, [ItemRefund("a")]):
        assert refunds.claim(book, what) == Refused("nothing_to_reverse")


def test_an_order_that_nobody_knows_has_nothing_to_reverse() -> None:
    assert refunds.claim(OrderBook(), None) == Refused("nothing_to_reverse")


@pytest.mark.parametrize(
    ("what", "refused"),
    [
        (101, Refused("exceeds_order", left=100)),
        ([ItemRefund("x")], Refused("unknown_item", "x")),
        ([ItemRefund("a", amount=61)], Refused("exceeds_order", "a", 60)),
        ([ItemRefund("a", quantity=4)], Refused("exceeds_order", "a", 3)),
        ([ItemRefund("a"), ItemRefund("a")], Refused("nothing_to_reverse", "a")),
        ([ItemRefund("a", amount=50), ItemRefund("a", amount=11)], Refused("exceeds_order", "a", 10)),
        ([ItemRefund("a", amount=50), ItemRefund("a", quantity=1)], Refused("exceeds_order", "a", 10)),
    ],
    ids=repr,
)  # fmt: skip
def test_a_refund_beyond_the_order_is_refused_with_what_is_left(
    what: list[ItemRefund] | int, refused: Refused
) -> None:  # fmt: skip
    assert refunds.claim(book_of(10, 100, Item("a", 60, 3, 5)), what) == refused


def test_items_beyond_what_amounts_have_left_are_refused() -> None:
    book = book_of(10, 100, Item("a", 100, 1, 10))
    refund(account_of(Lot(100, 10, 1, 5)), book, 50)
    assert refunds.claim(book, [ItemRefund("a")]) == Refused("exceeds_order", left=50)


def test_a_piece_too_small_for_a_point_is_accepted_and_counts() -> None:
    claim = refunds.claim(book_of(1, 100), 30)
    assert claim == Claim(0, 30, 0)


def test_a_claim_names_its_pieces() -> None:
    claim = refunds.claim(book_of(10, 100, Item("a", 60, 3, 6)), [ItemRefund("a", quantity=2)])
    assert claim == Claim(4, 40, 0, [Piece(0, 40, 2, 4)])


def test_the_very_lots_of_the_order_are_taken_and_others_are_left() -> None:
    account = account_of(Lot(50, 10, 1, 4), Lot(100, 10, 1, 5))
    (taken,) = refund(account, book_of(10), None)
    assert taken == Taken("", lots=[Lot(100, 10, 1, 5)])
    assert account.main.lots == [Lot(50, 10, 1, 4)]


def test_pending_points_of_the_order_are_taken_first() -> None:
    account = account_of(Lot(100, 6, 1, 5))
    ledger.pend(account.main, Pending(0, 0, 4, 1, 6, "o"))
    ledger.pend(account.main, Pending(0, 0, 4, 1, 7, "p"))
    book = book_of(6, 10)
    order_book.earned(book, "", Lot(0, 4, 1, 6))
    (taken,) = refund(account, book, 3)
    assert taken == Taken("", pending=[Pending(0, 0, 3, 1, 6, "o")])
    (taken,) = refund(account, book, 7)
    assert taken == Taken("", pending=[Pending(0, 0, 1, 1, 6, "o")], lots=[Lot(100, 6, 1, 5)])
    assert account.main.pending == [Pending(0, 0, 4, 1, 7, "p")]


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        ("only_pending", Taken("", lots=[Lot(100, 2, 1, 5)], written_off=8)),
        ("within_balance", Taken("", lots=[Lot(100, 2, 1, 5)], balance=[Lot(200, 3, 1, 6)], written_off=5)),
        ("allow_negative", Taken("", lots=[Lot(100, 2, 1, 5)], balance=[Lot(200, 3, 1, 6)], to_debt=5)),
    ],
)
def test_what_was_spent_is_waived_or_taken_from_the_balance_or_owed_by_policy(policy: Policy, taken: Taken) -> None:
    account = account_of(Lot(100, 10, 1, 5))
    ledger.spend(account.main, 8)
    ledger.earn(account.main, Lot(200, 3, 1, 6), LOTS_MAX)
    assert refund(account, book_of(10), None, policy) == [taken]
    assert account.main.debt == taken.to_debt
    assert account.main.books.written_off == taken.written_off
    assert account.main.books.reversed == 10


def test_a_debt_that_the_order_paid_is_a_debt_again() -> None:
    account = account_of(Lot(50, 6, 1, 1))
    ledger.spend(account.main, 6)
    refund(account, book_of_lot(Lot(50, 6, 1, 1)), None, "allow_negative")
    assert account.main.debt == 6
    ledger.earn(account.main, Lot(100, 10, 1, 5), LOTS_MAX)
    assert ledger.available(account.main) == 4
    (taken,) = refund(account, book_of(10), None, "allow_negative")
    assert (taken.lots, taken.to_debt) == ([Lot(100, 4, 1, 5)], 6)
    assert account.main.debt == 6


def book_of_lot(lot: Lot) -> OrderBook:
    book = OrderBook()
    order_book.earned(book, "", lot)
    return book


def test_what_a_reservation_holds_is_left_alone() -> None:
    account = account_of(Lot(100, 10, 1, 5))
    reservations.hold(account, "r", "", 10, 50, "")
    (taken,) = refund(account, book_of(10), None)
    assert taken.written_off == 10
    assert reservations.held(account, "") == 10


def test_a_lot_that_was_merged_is_found_in_the_one_that_took_it_in() -> None:
    account = Account()
    for offset in (4, 5, 6):
        ledger.earn(account.main, Lot(100, 10, 1, offset), 2)
    assert [lot.offset for lot in account.main.lots] == [4, 6]
    (taken,) = refund(account, book_of(10), None, "only_pending")
    assert taken.lots == [Lot(100, 10, 1, 4, (100, 1, 5))]
    assert ledger.available(account.main) == 20


def test_points_in_two_wallets_are_claimed_in_the_order_in_which_they_were_earned() -> None:
    account = account_of(Lot(100, 10, 1, 5))
    ledger.earn(ledger.wallet(account, "gold"), Lot(100, 10, 1, 6), LOTS_MAX)
    book = book_of(10, 20)
    order_book.earned(book, "gold", Lot(100, 10, 1, 6))
    assert [taken.wallet for taken in refund(account, book, 10)] == [""]
    assert [taken.wallet for taken in refund(account, book, 5)] == ["gold"]
    assert (ledger.available(account.main), ledger.available(account.wallets["gold"])) == (0, 5)


def test_each_wallet_has_its_own_policy() -> None:
    account, book = Account(), book_of(3)
    order_book.earned(book, "gold", Lot(100, 4, 1, 6))
    account.main.books.issued = account.main.books.spent = 3
    account.wallets["gold"] = Wallet()
    account.wallets["gold"].books.issued = account.wallets["gold"].books.spent = 4
    policies: dict[str, Policy] = {"": "only_pending", "gold": "allow_negative"}
    claim = refunds.claim(book, None)
    assert isinstance(claim, Claim)
    taken = refunds.take_back(account, book, claim, policies.__getitem__)
    assert taken == [Taken("", written_off=3), Taken("gold", to_debt=4)]
    books.check(account)


def test_a_cancel_after_a_partial_refund_takes_the_rest_of_what_is_pending() -> None:
    account = Account()
    ledger.pend(account.main, Pending(0, 0, 10, 1, 5, "o"))
    book = book_of(10, 10)
    refund(account, book, 4)
    (taken,) = refunds.cancel(account, book, "o")
    assert [waits.points for waits in taken.pending] == [6]
    assert book.cancelled
    assert account.main.books.reversed == 10
    assert ledger.confirm_order(account.main, "o", 1, lambda at: at, LOTS_MAX) == ()
    assert refund(account, book, None) == []
    books.check(account)


def spent_on(book: OrderBook, account: Account, points: int) -> None:
    parts = ledger.spend(account.main, points)
    assert isinstance(parts, list)
    order_book.spent(book, "", parts)


def test_what_was_spent_on_the_order_comes_back_in_proportion_and_the_rest_at_the_end() -> None:
    account = account_of(Lot(100, 4, 1, 1), Lot(200, 6, 1, 2))
    book = OrderBook(amount=3)
    spent_on(book, account, 10)
    for piece, back in ((1, 3), (1, 3), (1, 4)):
        claim = refunds.claim(book, piece)
        assert isinstance(claim, Claim)
        assert (claim.points, claim.back) == (0, back)
        refunds.take_back(account, book, claim, lambda _: "allow_negative")
        refunds.give_back(account, book, claim.back, 50, NO_GRACE, LOTS_MAX)
        books.check(account)
    assert account.main.lots == [Lot(100, 4, 1, 1), Lot(200, 6, 1, 2)]
    assert account.main.books.spent == 0


def test_what_comes_back_too_late_expires_at_once_or_lives_for_the_grace() -> None:
    for grace_until, lots, expired in (
        (NO_GRACE, [Lot(SLIDES, 1, 1, 2)], 4),
        (250, [Lot(250, 4, 1, 1), Lot(SLIDES, 1, 1, 2)], 0),
    ):
        account, book = account_of(Lot(100, 4, 1, 1), Lot(SLIDES, 1, 1, 2)), OrderBook()
        spent_on(book, account, 5)
        (given,) = refunds.give_back(account, book, 5, 150, grace_until, LOTS_MAX)
        assert account.main.lots == lots
        assert account.main.books.expired == sum(lot.points for lot in given.expired) == expired
        books.check(account)


def test_what_comes_back_pays_a_debt_first() -> None:
    account, book = account_of(Lot(100, 9, 1, 1)), OrderBook()
    spent_on(book, account, 9)
    account.main.debt, account.main.books.reversed = 4, 4
    (given,) = refunds.give_back(account, book, 9, 1, NO_GRACE, LOTS_MAX)
    assert (given.came.points, given.came.to_debt) == (5, 4)
    books.check(account)


def test_what_came_back_once_does_not_come_back_again() -> None:
    account, book = account_of(Lot(100, 9, 1, 1)), OrderBook()
    spent_on(book, account, 9)
    refunds.give_back(account, book, 9, 1, NO_GRACE, LOTS_MAX)
    assert refunds.give_back(account, book, 9, 1, NO_GRACE, LOTS_MAX) == []
    assert refunds.claim(book, None) == Refused("nothing_to_reverse")
