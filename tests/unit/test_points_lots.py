"""Lists of lots: their order, what is taken from them, and how they are merged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.points import lots as lots_
from actors.points.state import Lot

LOTS = st.lists(
    st.builds(Lot, st.integers(1, 12), st.integers(1, 50), st.just(1), st.integers(1, 1_000)), min_size=1, max_size=30
)


def list_of(*lots: Lot, lots_max: int = 2_000) -> list[Lot]:
    made: list[Lot] = []
    for lot in lots:
        lots_.add(made, lots_.part_of(lot, lot.points), lots_max)
    return made


def one_by_one(lots: list[Lot]) -> list[int]:
    """The expiry of every single point, soonest first."""
    return [lot.expires for lot in lots for _ in range(lot.points)]


def test_points_that_expire_first_are_taken_first_whenever_they_were_earned() -> None:
    lots = list_of(Lot(30, 5, 1, 1), Lot(10, 5, 1, 2), Lot(20, 5, 1, 3))
    assert lots_.take(lots, 7) == [Lot(10, 5, 1, 2), Lot(20, 2, 1, 3)]
    assert lots == [Lot(20, 3, 1, 3), Lot(30, 5, 1, 1)]


def test_points_that_come_back_join_what_is_left_of_their_lot() -> None:
    lots = list_of(Lot(10, 5, 1, 1), Lot(10, 5, 1, 2))
    part = lots_.take(lots, 7)
    for lot in part:
        assert lots_.add(lots, lot, 2) == ()
    assert lots == [Lot(10, 5, 1, 1), Lot(10, 5, 1, 2)]


def test_at_lots_max_the_oldest_lots_of_equal_expiry_become_one_under_their_oldest_origin() -> None:
    lots = list_of(Lot(10, 1, 1, 5), Lot(20, 2, 1, 1), Lot(20, 3, 1, 2), Lot(30, 4, 1, 3), Lot(30, 4, 1, 4))
    assert lots_.add(lots, Lot(40, 9, 1, 6), 5) == [Lot(20, 2, 1, 1), Lot(20, 3, 1, 2)]
    assert lots[1] == Lot(20, 5, 1, 1, (20, 1, 2))
    assert len(lots) == 5
    lots_.check(lots)


def test_when_no_lots_expire_together_the_closest_neighbours_become_one_with_the_later_expiry() -> None:
    lots = list_of(Lot(10, 1, 1, 4), Lot(20, 2, 1, 2), Lot(23, 3, 1, 1), Lot(50, 4, 1, 3))
    assert lots_.add(lots, Lot(60, 9, 1, 6), 4) == [Lot(20, 2, 1, 2), Lot(23, 3, 1, 1)]
    assert lots[1] == Lot(23, 5, 1, 1, (20, 1, 2))
    lots_.check(lots)


def test_a_lot_that_is_the_same_as_what_a_merge_made_joins_it() -> None:
    lots = list_of(Lot(10, 1, 1, 1), Lot(20, 2, 1, 2))
    assert lots_.add(lots, Lot(20, 4, 1, 1), 2) == [Lot(10, 1, 1, 1), Lot(20, 2, 1, 2)]
    assert lots == [Lot(20, 7, 1, 1, (10, 1, 2))]


def test_one_merge_takes_no_more_lots_than_a_line_of_the_records_should_hold() -> None:
    lots = list_of(*(Lot(10, 1, 1, offset) for offset in range(1, 2_001)))
    merged = lots_.add(lots, Lot(20, 1, 1, 3_000), 2_000)
    assert [lot.offset for lot in merged] == list(range(1, lots_.MERGE_LOTS_MAX + 1))
    assert lots_.total(lots) == 2_001


def test_the_very_lots_of_an_origin_are_taken_before_a_merged_one_that_took_it_in() -> None:
    lots = [Lot(10, 5, 1, 1, (10, 1, 9)), Lot(20, 5, 1, 3)]
    assert lots_.take_of(lots, Lot(10, 9, 1, 3), 7) == [Lot(20, 5, 1, 3), Lot(10, 2, 1, 1, (10, 1, 9))]
    assert lots == [Lot(10, 3, 1, 1, (10, 1, 9))]


@pytest.mark.parametrize(
    "earned", [Lot(10, 1, 1, 10), Lot(10, 1, 0, 9), Lot(9, 1, 1, 5), Lot(21, 1, 1, 5)], ids=repr
)  # fmt: skip
def test_a_merged_lot_does_not_answer_for_what_lies_outside_its_span(earned: Lot) -> None:
    assert lots_.take_of([Lot(20, 5, 1, 1, (10, 1, 9))], earned, 1) == []


def test_a_merged_lot_answers_for_an_expiry_that_was_not_known_when_it_was_earned() -> None:
    assert lots_.take_of([Lot(20, 5, 1, 1, (10, 1, 9))], Lot(0, 1, 1, 5), 1) == [Lot(20, 1, 1, 1, (10, 1, 9))]


def test_a_lot_that_was_never_merged_answers_for_no_other_origin() -> None:
    assert lots_.take_of([Lot(20, 5, 1, 1)], Lot(20, 1, 1, 5), 1) == []


def test_parts_of_a_merged_lot_that_meet_again_have_the_wider_span() -> None:
    lots = [Lot(20, 5, 1, 1, (10, 1, 5))]
    lots_.add(lots, Lot(20, 1, 1, 1, (15, 1, 9)), 5)
    lots_.add(lots, Lot(20, 1, 1, 1), 5)
    assert lots == [Lot(20, 7, 1, 1, (10, 1, 9))]


@given(LOTS, st.integers(2, 8))
def test_however_small_lots_max_is_no_point_is_lost_and_none_expires_sooner(lots: list[Lot], lots_max: int) -> None:
    bounded = list_of(*lots, lots_max=lots_max)
    lots_.check(bounded)
    assert len(bounded) <= lots_max
    free, kept = one_by_one(list_of(*lots)), one_by_one(bounded)
    assert len(kept) == len(free)
    assert all(later >= sooner for later, sooner in zip(kept, free, strict=True))


@given(LOTS, st.integers(2, 8))
def test_however_lots_are_merged_each_origin_still_finds_its_points(lots: list[Lot], lots_max: int) -> None:
    for lot in lots:
        bounded = list_of(*lots, lots_max=lots_max)
        assert lots_.total(lots_.take_of(bounded, lot, lot.points)) == lot.points
        lots_.check(bounded)


@pytest.mark.parametrize(
    "broken",
    [
        [Lot(10, 0, 1, 1)],
        [Lot(10, -5, 1, 1)],
        [Lot(20, 1, 1, 1), Lot(10, 1, 1, 2)],
        [Lot(10, 1, 1, 2), Lot(10, 1, 1, 1)],
        [Lot(10, 1, 1, 1), Lot(10, 1, 1, 1)],
    ],
    ids=repr,
)
def test_a_broken_list_is_seen(broken: list[Lot]) -> None:
    with pytest.raises(AssertionError):
        lots_.check(broken)
