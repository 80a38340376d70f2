"""What comes into a wallet, what goes, and when."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.points import books, ledger
from actors.points.ledger import PENDING_MAX, Came, Short, TooMany
from actors.points.state import NEVER, SLIDES, Account, Lot, Pending, Wallet

LOTS_MAX = 2_000
LOTS = st.lists(
    st.builds(Lot, st.integers(1, 12), st.integers(1, 50), st.just(1), st.integers(1, 1_000)), min_size=1, max_size=30
)


def account_of(*lots: Lot, debt: int = 0) -> Account:
    account = Account()
    for lot in lots:
        ledger.earn(account.main, lot, LOTS_MAX)
    account.main.debt = account.main.books.reversed = debt
    return account


def wallet_of(*lots: Lot, debt: int = 0) -> Wallet:
    return account_of(*lots, debt=debt).main


def days_later(at: int) -> int:
    return at + 100


def test_points_that_expire_first_are_spent_first_whenever_they_were_earned() -> None:
    account = account_of(Lot(30, 5, 1, 1), Lot(10, 5, 1, 2), Lot(20, 5, 1, 3))
    assert ledger.spend(account.main, 7) == [Lot(10, 5, 1, 2), Lot(20, 2, 1, 3)]
    assert (account.main.books.issued, account.main.books.spent) == (15, 7)
    books.check(account)


def test_a_spend_of_more_than_there_is_says_what_is_missing_and_takes_nothing() -> None:
    wallet = wallet_of(Lot(10, 5, 1, 1))
    before = msgspec.msgpack.encode(wallet)
    for asked in (ledger.spend, ledger.withdraw, ledger.send):
        assert asked(wallet, 8) == Short(3)
    assert msgspec.msgpack.encode(wallet) == before


def test_each_way_to_take_points_has_its_own_place_in_the_books() -> None:
    account = account_of(Lot(10, 9, 1, 1))
    ledger.spend(account.main, 1)
    ledger.withdraw(account.main, 2)
    ledger.send(account.main, 3)
    ledger.expire(account.main, 1)
    kept = account.main.books
    assert (kept.spent, kept.withdrawn, kept.sent, kept.expired) == (1, 2, 3, 1)
    books.check(account)


def test_a_lot_expires_at_its_moment_and_not_a_millisecond_before() -> None:
    wallet = wallet_of(Lot(10, 5, 1, 1), Lot(11, 6, 1, 2))
    assert not ledger.expire_due(wallet, 9, NEVER)
    assert ledger.available_at(wallet, 10, NEVER) == 6
    assert ledger.expire_due(wallet, 10, NEVER) == [Lot(10, 5, 1, 1)]
    assert ledger.available(wallet) == 6
    assert wallet.books.expired == 5


def test_sliding_lots_end_when_their_owner_has_been_away_and_are_spent_last() -> None:
    wallet = wallet_of(Lot(SLIDES, 5, 1, 1), Lot(10, 4, 1, 2), Lot(NEVER, 3, 1, 3))
    assert ledger.next_expiry(wallet, 8) == 8
    assert ledger.next_expiry(wallet, 15) == 10
    assert ledger.available_at(wallet, 8, 8) == 7
    assert ledger.expire_due(wallet, 8, 8) == [Lot(SLIDES, 5, 1, 1)]
    assert ledger.expire_due(wallet, 10, 8) == [Lot(10, 4, 1, 2)]
    assert ledger.next_expiry(wallet, 8) == 0
    ledger.earn(wallet, Lot(SLIDES, 1, 1, 4), LOTS_MAX)
    assert ledger.spend(wallet, 4) == [Lot(NEVER, 3, 1, 3), Lot(SLIDES, 1, 1, 4)]


def test_dated_and_sliding_lots_that_are_due_together_go_together() -> None:
    wallet = wallet_of(Lot(SLIDES, 5, 1, 1), Lot(10, 4, 1, 2), Lot(30, 1, 1, 3))
    assert ledger.expire_due(wallet, 20, 15) == [Lot(10, 4, 1, 2), Lot(SLIDES, 5, 1, 1)]
    assert ledger.available(wallet) == 1


def test_expiring_from_outside_takes_what_there_is() -> None:
    wallet = wallet_of(Lot(10, 5, 1, 1), Lot(11, 6, 1, 2))
    assert sum(lot.points for lot in ledger.expire(wallet, 100)) == 11
    assert wallet.lots == []
    assert ledger.expire(wallet, 1) == []


def test_what_comes_pays_the_debt_first() -> None:
    account = account_of(debt=8)
    assert ledger.earn(account.main, Lot(10, 5, 1, 1), LOTS_MAX) == Came(5 - 5, 5)
    assert ledger.earn(account.main, Lot(10, 5, 1, 2), LOTS_MAX) == Came(2, 3)
    assert account.main.lots == [Lot(10, 2, 1, 2)]
    assert account.main.debt == 0
    books.check(account)


def test_pending_points_become_available_at_their_time_and_end_counted_from_it() -> None:
    account = account_of()
    ledger.pend(account.main, Pending(20, 0, 5, 1, 1))
    ledger.pend(account.main, Pending(10, 50, 3, 1, 2))
    ledger.pend(account.main, Pending(0, 0, 1, 1, 3, "o"))
    assert (ledger.pending(account.main), ledger.available(account.main)) == (9, 0)
    assert ledger.next_activation(account.main) == 10
    assert not ledger.activate(account.main, 9, days_later, LOTS_MAX)
    activated = ledger.activate(account.main, 25, days_later, LOTS_MAX)
    assert [(each.pending.offset, each.expires) for each in activated] == [(2, 50), (1, 120)]
    assert account.main.lots == [Lot(50, 3, 1, 2), Lot(120, 5, 1, 1)]
    assert (ledger.pending(account.main), ledger.next_activation(account.main)) == (1, 0)
    books.check(account)


def test_points_whose_time_has_passed_before_they_were_looked_at_go_at_once() -> None:
    account = account_of()
    ledger.pend(account.main, Pending(10, 50, 3, 1, 2))
    ledger.activate(account.main, 60, days_later, LOTS_MAX)
    assert ledger.expire_due(account.main, 60, NEVER) == [Lot(50, 3, 1, 2)]
    books.check(account)


def test_points_that_wait_for_an_order_become_available_with_it_and_with_no_other() -> None:
    account = account_of(debt=1)
    ledger.pend(account.main, Pending(0, 0, 5, 1, 1, "o"))
    ledger.pend(account.main, Pending(0, 0, 6, 1, 2, "p"))
    (done,) = ledger.confirm_order(account.main, "o", 7, days_later, LOTS_MAX)
    assert (done.expires, done.came) == (107, Came(4, 1))
    assert ledger.confirm_order(account.main, "o", 8, days_later, LOTS_MAX) == ()
    assert ledger.pending(account.main) == 6
    books.check(account)


def test_pending_points_of_a_cancelled_order_vanish_and_completing_it_later_is_nothing() -> None:
    account = account_of()
    ledger.pend(account.main, Pending(0, 0, 5, 1, 1, "o"))
    ledger.pend(account.main, Pending(30, 0, 6, 1, 2, "o"))
    assert [waits.points for waits in ledger.cancel_order(account.main, "o")] == [5, 6]
    assert ledger.cancel_order(account.main, "o") == []
    assert ledger.confirm_order(account.main, "o", 8, days_later, LOTS_MAX) == ()
    assert ledger.activate(account.main, 99, days_later, LOTS_MAX) == ()
    assert account.main.books.reversed == 11
    books.check(account)


def test_a_wallet_holds_so_many_pending_accruals_and_no_more() -> None:
    wallet = Wallet()
    for offset in range(PENDING_MAX):
        assert ledger.pend(wallet, Pending(9, 9, 1, 1, offset)) is None
    assert ledger.pend(wallet, Pending(9, 9, 1, 1, PENDING_MAX)) == TooMany(PENDING_MAX)
    assert wallet.books.issued == ledger.pending(wallet) == PENDING_MAX


def test_a_gift_keeps_its_expiry_and_has_the_origin_of_what_brought_it() -> None:
    giver, taker = account_of(Lot(10, 5, 1, 1), Lot(20, 5, 1, 2)), account_of(debt=1)
    parts = ledger.send(giver.main, 7)
    assert isinstance(parts, list)
    came = ledger.receive(taker.main, parts, 3, 4, LOTS_MAX)
    assert came == Came(6, 1, [])
    assert taker.main.lots == [Lot(10, 4, 3, 4), Lot(20, 2, 3, 4)]
    assert giver.main.books.sent == taker.main.books.received == 7
    books.check(giver)
    books.check(taker)


def test_wallets_are_apart_and_made_when_they_are_asked_for() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    gold = ledger.wallet(account, "gold")
    ledger.earn(gold, Lot(10, 7, 1, 1), LOTS_MAX)
    assert ledger.wallet(account, "gold") is gold
    assert ledger.wallet(account, "") is account.main
    assert ledger.spend(account.main, 6) == Short(1)
    books.check(account)


@given(LOTS, st.lists(st.integers(1, 60), max_size=8))
def test_spending_is_dropping_single_points_from_the_front(lots: list[Lot], spends: list[int]) -> None:
    account = account_of(*lots)
    points = [lot.expires for lot in account.main.lots for _ in range(lot.points)]
    for asked in spends:
        if asked <= len(points):
            del points[:asked]
            assert not isinstance(ledger.spend(account.main, asked), Short)
        else:
            assert ledger.spend(account.main, asked) == Short(asked - len(points))
        books.check(account)
        assert [lot.expires for lot in account.main.lots for _ in range(lot.points)] == points


@given(LOTS, st.integers(0, 13))
def test_the_next_reminder_is_for_all_lots_of_the_soonest_expiry_not_yet_reminded(lots: list[Lot], upto: int) -> None:
    wallet = wallet_of(*[msgspec.structs.replace(lot) for lot in lots])
    wallet.reminded = upto
    later = [lot for lot in lots if lot.expires > upto]
    if not later:
        assert ledger.next_to_remind(wallet, NEVER) == 0
        return
    soonest = min(lot.expires for lot in later)
    points = sum(lot.points for lot in lots if lot.expires == soonest)
    assert ledger.next_to_remind(wallet, NEVER) == soonest
    assert ledger.expiring_at(wallet, soonest, NEVER) == points


def test_sliding_points_are_reminded_of_again_when_their_end_has_moved() -> None:
    wallet = wallet_of(Lot(SLIDES, 5, 1, 1), Lot(30, 4, 1, 2))
    assert ledger.next_to_remind(wallet, 20) == 20
    assert ledger.expiring_at(wallet, 20, 20) == 5
    wallet.reminded = 20
    assert ledger.next_to_remind(wallet, 20) == 30
    wallet.reminded = 30
    assert ledger.next_to_remind(wallet, 20) == 0
    assert ledger.next_to_remind(wallet, 40) == 40


def test_points_that_never_expire_are_not_reminded_of() -> None:
    wallet = wallet_of(Lot(NEVER, 5, 1, 1))
    assert ledger.next_to_remind(wallet, NEVER) == ledger.next_expiry(wallet, NEVER) == 0


def test_two_fresh_accounts_share_nothing() -> None:
    ledger.earn((one := Account()).main, Lot(1, 1, 1, 1), 2)
    assert one.main.lots
    assert Account().main.lots == []
    assert Account().main.books.issued == 0
