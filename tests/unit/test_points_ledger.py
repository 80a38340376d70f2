"""The arithmetic of lots."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.points import ledger
from actors.points.ledger import Account, Lot, Short

LOTS = st.lists(
    st.builds(Lot, st.integers(1, 12), st.integers(1, 50), st.just(1), st.integers(1, 1_000)), min_size=1, max_size=30
)


def account_of(*lots: Lot, lots_max: int = 2_000) -> Account:
    account = Account()
    for lot in lots:
        ledger.earn(account, lot, lots_max)
    return account


def one_by_one(account: Account) -> list[int]:
    """The expiry of every single point, soonest first."""
    return [lot.expires for lot in account.lots for _ in range(lot.points)]


def test_points_that_expire_first_are_spent_first_whenever_they_were_earned() -> None:
    account = account_of(Lot(30, 5, 1, 1), Lot(10, 5, 1, 2), Lot(20, 5, 1, 3))
    taken = ledger.spend(account, 7)
    assert taken == [Lot(10, 5, 1, 2), Lot(20, 2, 1, 3)]
    assert account.lots == [Lot(20, 3, 1, 3), Lot(30, 5, 1, 1)]


def test_a_spend_of_more_than_there_is_says_what_is_missing_and_takes_nothing() -> None:
    account = account_of(Lot(10, 5, 1, 1))
    before = msgspec.msgpack.encode(account)
    assert ledger.spend(account, 8) == Short(3)
    assert msgspec.msgpack.encode(account) == before


def test_a_lot_expires_at_its_moment_and_not_a_millisecond_before() -> None:
    account = account_of(Lot(10, 5, 1, 1), Lot(11, 6, 1, 2))
    assert not ledger.expire_due(account, 9)
    assert ledger.available_at(account, 10) == 6
    assert ledger.expire_due(account, 10) == [Lot(10, 5, 1, 1)]
    assert ledger.available(account) == 6


def test_expiring_from_outside_takes_what_there_is() -> None:
    account = account_of(Lot(10, 5, 1, 1), Lot(11, 6, 1, 2))
    assert sum(lot.points for lot in ledger.expire(account, 100)) == 11
    assert account.lots == []
    assert ledger.expire(account, 1) == []


def test_at_lots_max_the_oldest_lots_of_equal_expiry_become_one_under_their_oldest_origin() -> None:
    account = account_of(Lot(10, 1, 1, 5), Lot(20, 2, 1, 1), Lot(20, 3, 1, 2), Lot(30, 4, 1, 3), Lot(30, 4, 1, 4))
    merged = ledger.earn(account, Lot(40, 9, 1, 6), 5)
    assert merged == [Lot(20, 2, 1, 1), Lot(20, 3, 1, 2)]
    assert account.lots[1] == Lot(20, 5, 1, 1)
    assert len(account.lots) == 5
    ledger.check(account)


def test_when_no_lots_expire_together_the_closest_neighbours_become_one_with_the_later_expiry() -> None:
    account = account_of(Lot(10, 1, 1, 4), Lot(20, 2, 1, 2), Lot(23, 3, 1, 1), Lot(50, 4, 1, 3))
    merged = ledger.earn(account, Lot(60, 9, 1, 6), 4)
    assert merged == [Lot(20, 2, 1, 2), Lot(23, 3, 1, 1)]
    assert account.lots[1] == Lot(23, 5, 1, 1)
    ledger.check(account)


def test_one_merge_takes_no_more_lots_than_a_line_of_the_records_should_hold() -> None:
    account = account_of(*(Lot(10, 1, 1, offset) for offset in range(1, 2_001)))
    merged = ledger.earn(account, Lot(20, 1, 1, 3_000), 2_000)
    assert [lot.offset for lot in merged] == list(range(1, ledger.MERGE_LOTS_MAX + 1))
    assert ledger.available(account) == 2_001


@given(LOTS, st.integers(2, 8))
def test_however_small_lots_max_is_no_point_is_lost_and_none_expires_sooner(lots: list[Lot], lots_max: int) -> None:
    bounded = account_of(*lots, lots_max=lots_max)
    ledger.check(bounded)
    assert len(bounded.lots) <= lots_max
    free = one_by_one(account_of(*lots))
    kept = one_by_one(bounded)
    assert len(kept) == len(free)
    assert all(later >= sooner for later, sooner in zip(kept, free, strict=True))


@given(LOTS, st.lists(st.integers(1, 60), max_size=8))
def test_spending_is_dropping_single_points_from_the_front(lots: list[Lot], spends: list[int]) -> None:
    account = account_of(*lots)
    points = one_by_one(account)
    for asked in spends:
        if asked <= len(points):
            del points[:asked]
            assert not isinstance(ledger.spend(account, asked), Short)
        else:
            assert ledger.spend(account, asked) == Short(asked - len(points))
        ledger.check(account)
        assert one_by_one(account) == points


@given(LOTS, st.integers(0, 13))
def test_the_next_reminder_is_for_all_lots_of_the_soonest_expiry_not_yet_reminded(lots: list[Lot], upto: int) -> None:
    account = account_of(*lots)
    account.reminded = upto
    later = [lot for lot in lots if lot.expires > upto]
    if not later:
        assert ledger.next_to_remind(account) == 0
        return
    soonest = min(lot.expires for lot in later)
    points = sum(lot.points for lot in lots if lot.expires == soonest)
    assert ledger.next_to_remind(account) == soonest
    assert ledger.expiring_at(account, soonest) == points


@pytest.mark.parametrize(
    "broken",
    [
        Account(lots=[Lot(10, 0, 1, 1)]),
        Account(lots=[Lot(20, 1, 1, 1), Lot(10, 1, 1, 2)]),
        Account(lots=[Lot(10, 1, 1, 2), Lot(10, 1, 1, 1)]),
        Account(lots=[Lot(10, -5, 1, 1)]),
        Account(format=2),
        Account(reminded=-1),
    ],
)
def test_a_broken_account_is_seen_by_both_checks(broken: Account) -> None:
    with pytest.raises(AssertionError):
        ledger.check(broken)
    with pytest.raises(AssertionError):
        ledger.check_edges(broken)


def test_two_fresh_accounts_share_nothing() -> None:
    ledger.earn(one := Account(), Lot(1, 1, 1, 1), 2)
    assert one.lots
    assert Account().lots == []
