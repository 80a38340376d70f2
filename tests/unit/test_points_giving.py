"""What one user may give away in a day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.points import giving
from actors.points.giving import GiftRefused
from actors.points.rules import Gifts
from actors.points.state import GiftDay

RULES = Gifts(3, 100)
DAY = 739_000


def given_away(*points: int, day: int = DAY) -> GiftDay:
    today = GiftDay()
    for part in points:
        assert giving.allow(today, RULES, part, day) is None
        giving.give(today, part, day)
    return today


def test_so_many_gifts_a_day_and_no_more() -> None:
    assert giving.allow(given_away(1, 1, 1), RULES, 1, DAY) == GiftRefused("gift_limit", 0, 97)


def test_so_many_points_a_day_and_no_more_and_the_answer_says_what_is_left() -> None:
    today = given_away(60)
    assert giving.allow(today, RULES, 41, DAY) == GiftRefused("gift_points_limit", 2, 40)
    assert giving.allow(today, RULES, 40, DAY) is None


def test_the_next_day_begins_with_nothing_given() -> None:
    today = given_away(60, 40)
    assert giving.allow(today, RULES, 100, DAY + 1) is None
    giving.give(today, 100, DAY + 1)
    assert today == GiftDay(DAY + 1, 1, 100)


def test_a_day_that_comes_back_has_had_its_gifts() -> None:
    today = given_away(60, day=DAY + 1)
    assert giving.allow(today, RULES, 60, DAY) == GiftRefused("gift_points_limit", 2, 40)
    giving.give(today, 40, DAY)
    assert today == GiftDay(DAY + 1, 2, 100)


@pytest.mark.parametrize("rules", [Gifts(0, 100), Gifts(10, 0)])
def test_a_limit_of_nothing_means_that_there_are_no_gifts(rules: Gifts) -> None:
    assert giving.allow(GiftDay(), rules, 1, DAY) == GiftRefused("gifts_off", 0, 0)


def test_limits_that_were_lowered_during_the_day_leave_nothing_and_not_less() -> None:
    assert giving.allow(given_away(60, 40), Gifts(1, 50), 1, DAY) == GiftRefused("gift_limit", 0, 0)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 60)), max_size=40))
def test_no_day_ever_has_more_than_its_limits_and_nothing_that_fits_is_refused(gifts: list[tuple[int, int]]) -> None:
    kept, day, accepted = GiftDay(), DAY, list[tuple[int, int]]()
    for later, points in gifts:
        day += later
        today = [part for when, part in accepted if when == day]
        fits = len(today) < RULES.per_day and sum(today) + points <= RULES.points_per_day
        assert (giving.allow(kept, RULES, points, day) is None) == fits
        if fits:
            giving.give(kept, points, day)
            giving.check(kept)
            accepted.append((day, points))
