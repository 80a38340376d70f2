"""Points held for a check-out."""

from __future__ import annotations

from actors.points import books, ledger, reservations
from actors.points.ledger import Short, TooMany
from actors.points.reservations import RESERVATIONS_MAX, Ended, Exceeds, InUse, Unknown
from actors.points.state import NEVER, Account, Lot, Reservation

LOTS_MAX = 2_000


def account_of(*lots: Lot) -> Account:
    account = Account()
    for lot in lots:
        ledger.earn(account.main, lot, LOTS_MAX)
    return account


def test_what_is_held_is_out_of_the_lots_and_neither_spent_nor_expired() -> None:
    account = account_of(Lot(10, 5, 1, 1), Lot(20, 5, 1, 2))
    held = reservations.hold(account, "r", "", 7, 50, "o")
    assert held == Reservation("", 50, "o", [Lot(10, 5, 1, 1), Lot(20, 2, 1, 2)])
    assert ledger.expire_due(account.main, 10, NEVER) == ()
    assert (ledger.available(account.main), reservations.held(account, "")) == (3, 7)
    assert account.main.books.spent == 0
    books.check(account)


def test_a_part_is_confirmed_soonest_first_and_the_rest_joins_its_lot_again() -> None:
    account = account_of(Lot(10, 5, 1, 1), Lot(20, 5, 1, 2))
    reservations.hold(account, "r", "", 7, 50, "")
    ended = reservations.confirm(account, "r", 3, LOTS_MAX)
    assert isinstance(ended, Ended)
    assert ended.spent == [Lot(10, 3, 1, 1)]
    assert ended.released == [Lot(10, 2, 1, 1), Lot(20, 2, 1, 2)]
    assert account.main.lots == [Lot(10, 2, 1, 1), Lot(20, 5, 1, 2)]
    assert account.main.books.spent == 3
    assert account.reservations == {}
    books.check(account)


def test_all_is_confirmed_when_nobody_says_how_much() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    reservations.hold(account, "r", "", 5, 50, "")
    ended = reservations.confirm(account, "r", None, LOTS_MAX)
    assert isinstance(ended, Ended)
    assert (ended.spent, ended.released) == ([Lot(10, 5, 1, 1)], [])
    books.check(account)


def test_a_reservation_ends_once() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    reservations.hold(account, "r", "", 5, 50, "")
    assert isinstance(reservations.release(account, "r", LOTS_MAX), Ended)
    assert reservations.confirm(account, "r", None, LOTS_MAX) == Unknown()
    assert reservations.release(account, "r", LOTS_MAX) == Unknown()
    assert account.main.lots == [Lot(10, 5, 1, 1)]
    assert account.main.books.spent == 0


def test_no_more_is_confirmed_than_is_held_and_no_more_is_held_than_there_is() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    assert reservations.hold(account, "r", "", 6, 50, "") == Short(1)
    reservations.hold(account, "r", "", 4, 50, "")
    assert reservations.confirm(account, "r", 5, LOTS_MAX) == Exceeds(4)
    assert reservations.held(account, "") == 4
    assert reservations.hold(account, "r", "", 1, 50, "") == InUse()
    books.check(account)


def test_what_would_have_expired_while_it_was_held_expires_after_the_release() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    reservations.hold(account, "r", "", 5, 50, "")
    assert reservations.due(account, 49) == []
    assert reservations.due(account, 50) == ["r"]
    reservations.release(account, "r", LOTS_MAX)
    assert ledger.expire_due(account.main, 50, NEVER) == [Lot(10, 5, 1, 1)]
    books.check(account)


def test_what_is_released_pays_a_debt_that_arose_meanwhile() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    reservations.hold(account, "r", "", 5, 50, "")
    account.main.debt = account.main.books.reversed = 3
    ended = reservations.release(account, "r", LOTS_MAX)
    assert isinstance(ended, Ended)
    assert (ended.came.points, ended.came.to_debt) == (2, 3)
    books.check(account)


def test_reservations_fall_due_in_the_order_of_their_times() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    assert reservations.next_due(account) == 0
    for rid, until in (("a", 30), ("b", 10), ("c", 20)):
        reservations.hold(account, rid, "", 1, until, "")
    assert reservations.next_due(account) == 10
    assert reservations.due(account, 25) == ["b", "c"]


def test_a_user_holds_so_many_reservations_and_no_more() -> None:
    account = account_of(Lot(10, 500, 1, 1))
    for i in range(RESERVATIONS_MAX):
        assert isinstance(reservations.hold(account, str(i), "", 1, 50, ""), Reservation)
    assert reservations.hold(account, "more", "", 1, 50, "") == TooMany(RESERVATIONS_MAX)
    books.check(account)


def test_what_is_held_of_one_wallet_goes_back_to_that_wallet() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    ledger.earn(ledger.wallet(account, "gold"), Lot(10, 5, 1, 2), LOTS_MAX)
    reservations.hold(account, "r", "gold", 5, 50, "")
    books.check(account)
    reservations.release(account, "r", LOTS_MAX)
    assert account.wallets["gold"].lots == [Lot(10, 5, 1, 2)]
    books.check(account)
