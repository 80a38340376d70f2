"""The alarm about points that come too fast."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.points import jumps
from actors.points.jumps import BUCKET_MS, BUCKETS_MAX, WINDOW_MS, Jumped
from actors.points.rules import Alarms
from actors.points.state import Jump

RULES = Alarms(jump_points=100)
NOON = 1_790_000_000_000 // WINDOW_MS * WINDOW_MS
MINUTE = 60_000


def test_the_alarm_comes_when_the_bound_is_passed_and_once() -> None:
    jump = Jump()
    assert jumps.came(jump, RULES, 100, NOON) is None
    assert jumps.came(jump, RULES, 1, NOON + MINUTE) == Jumped(101, 100, NOON + MINUTE)
    assert jumps.came(jump, RULES, 500, NOON + 2 * MINUTE) is None


def test_a_jump_over_a_full_hour_of_the_clock_is_seen() -> None:
    jump = Jump()
    assert jumps.came(jump, RULES, 60, NOON - 25 * MINUTE) is None
    assert jumps.came(jump, RULES, 60, NOON + 25 * MINUTE) == Jumped(120, 100, NOON + 25 * MINUTE)


def test_an_hour_later_there_is_an_alarm_again() -> None:
    jump = Jump()
    assert jumps.came(jump, RULES, 101, NOON)
    assert jumps.came(jump, RULES, 101, NOON + WINDOW_MS + BUCKET_MS)


def test_without_a_bound_nothing_is_kept() -> None:
    jump = Jump([(NOON // BUCKET_MS, 5)])
    assert jumps.came(jump, Alarms(), 1_000_000, NOON) is None
    assert jump.buckets == []


def test_points_that_come_every_minute_take_as_many_buckets_as_there_may_be() -> None:
    jump = Jump()
    for minute in range(600):
        jumps.came(jump, RULES, 1, NOON + minute * MINUTE)
        jumps.check(jump)
    jumps.came(jump, RULES, 1, NOON + 605 * MINUTE)
    assert len(jump.buckets) == BUCKETS_MAX


@given(st.lists(st.tuples(st.integers(0, 2 * WINDOW_MS), st.integers(1, 90)), max_size=40))
def test_no_jump_is_missed_and_a_false_alarm_had_the_points_within_seventy_minutes(
    arrivals: list[tuple[int, int]],
) -> None:
    jump, at, came, above = Jump(), NOON, list[tuple[int, int]](), False
    for pause, points in arrivals:
        at += pause
        came.append((at, points))
        alarm = jumps.came(jump, RULES, points, at)
        jumps.check(jump)
        exact = sum(part for when, part in came if when > at - WINDOW_MS)
        loose = sum(part for when, part in came if when > at - WINDOW_MS - BUCKET_MS)
        kept = sum(part for _, part in jump.buckets)
        assert exact <= kept <= loose
        assert alarm is None or alarm.points == kept > RULES.jump_points
        above = alarm is not None or (above and kept > RULES.jump_points)
        assert above or exact <= RULES.jump_points
