"""Signing in: once a day, more for many days in a row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.points import sign_ins
from actors.points.rules import SignInRules
from actors.points.sign_ins import Already, Signed
from actors.points.state import SignIns
from tests.calendar_days import ordinal

RULES = SignInRules(5, {"3": 10, "7": 50})
MONDAY = ordinal("2026-03-02")


def test_the_seventh_day_in_a_row_gives_more_and_the_eighth_is_a_first_again() -> None:
    kept = SignIns()
    signed = [sign_ins.sign(kept, RULES, MONDAY + n) for n in range(8)]
    assert signed == [Signed(5, n, {3: 10, 7: 50}.get(n, 0)) for n in (1, 2, 3, 4, 5, 6, 7, 1)]


def test_a_missed_day_begins_the_row_anew() -> None:
    kept = SignIns()
    for day in (0, 1, 3):
        signed = sign_ins.sign(kept, RULES, MONDAY + day)
    assert signed == Signed(5, 1, 0)


def test_a_second_sign_in_of_a_day_and_one_of_a_day_gone_by_change_nothing() -> None:
    kept = SignIns(MONDAY, 4)
    assert sign_ins.sign(kept, RULES, MONDAY) == Already(MONDAY, 4)
    assert sign_ins.sign(kept, RULES, MONDAY - 1) == Already(MONDAY, 4)
    assert sign_ins.sign(kept, RULES, MONDAY + 1) == Signed(5, 5, 0)


def test_without_a_table_the_row_has_no_end_and_no_bonus() -> None:
    kept = SignIns()
    assert [sign_ins.sign(kept, SignInRules(1), MONDAY + n) for n in range(400)][-1] == Signed(1, 400, 0)


def test_a_table_made_shorter_ends_a_row_that_is_longer_already() -> None:
    assert sign_ins.sign(SignIns(MONDAY, 6), SignInRules(5, {"3": 10}), MONDAY + 1) == Signed(5, 1, 0)


@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 9))
def test_rows_are_as_a_calendar_with_crosses_says(days: list[int], longest: int) -> None:
    kept, crosses = SignIns(), set[int]()
    for day in days:
        signed = sign_ins.sign(kept, SignInRules(1, {str(longest): 1}), day)
        sign_ins.check(kept)
        if day <= max(crosses, default=0):
            assert isinstance(signed, Already)
            continue
        crosses.add(day)
        row = next(n for n in range(1, 100) if day - n not in crosses)
        streak = (row - 1) % longest + 1
        assert signed == Signed(1, streak, int(streak == longest))
