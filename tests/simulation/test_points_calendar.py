"""The reference model's calendar, against production's and against what is known of three zones."""

from __future__ import annotations

from datetime import date

import pytest

from actors.calendar import calendar, first
from simulation import points_calendar
from simulation.points_calendar import NEVER, SLIDES, ms
from simulation.programmes_drawn import ZONES

BEGIN = ms("2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize("zone", ZONES)
def test_days_and_periods_are_those_of_the_other_calendar(zone: str) -> None:
    theirs = calendar(zone)
    for hours in range(0, 2 * 366 * 24, 7):
        at = BEGIN + hours * 3_600_000
        day = points_calendar.day_of(zone, at)
        assert day == theirs.ordinal(at), at
        assert points_calendar.begins(zone, day) == theirs.begins(theirs.day(at)), at
        for per in ("day", "week", "month", "year"):
            assert points_calendar.window(zone, per, at) == first(per, theirs.day(at)).toordinal(), (per, at)
        for per in ("month", "quarter", "year"):
            begins, ends = first(per, theirs.day(at)).toordinal(), first(per, theirs.day(at), 1).toordinal()
            assert points_calendar.period(per, day) == (begins, ends), (per, at)


def test_the_day_whose_first_hour_comes_twice_begins_once() -> None:
    november = date(2026, 11, 1).toordinal()
    assert points_calendar.begins("America/Havana", november) == ms("2026-11-01T04:00:00Z")
    assert points_calendar.begins("America/Havana", november + 1) == ms("2026-11-02T05:00:00Z")


def test_points_end_with_the_period_that_is_so_many_after_the_present_one() -> None:
    day = date(2026, 9, 21).toordinal()

    def ends(kind: str, n: int) -> int:
        return points_calendar.ends("UTC", kind, n, day)

    assert ends("days", 2) == ms("2026-09-24T00:00:00Z")
    assert (ends("months", 0), ends("months", 4)) == (ms("2026-10-01T00:00:00Z"), ms("2027-02-01T00:00:00Z"))
    assert (ends("quarters", 0), ends("quarters", 1)) == (ms("2026-10-01T00:00:00Z"), ms("2027-01-01T00:00:00Z"))
    assert ends("years", 0) == ms("2027-01-01T00:00:00Z")
    assert (ends("sliding", 3), ends("never", 365)) == (SLIDES, NEVER)


def test_a_reminder_comes_at_ten_of_the_day_so_many_before_the_last() -> None:
    end = ms("2026-10-01T00:00:00+08:00")
    assert points_calendar.reminder("Asia/Shanghai", 7, end) == ms("2026-09-23T10:00:00+08:00")
    assert points_calendar.last_day("Asia/Shanghai", end) == "2026-09-30"
