"""Days and periods of a zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.calendar import Unit, anniversary, calendar, first
from tests.zones import CHANGES, DAY, near_a_change

UNITS: tuple[Unit, ...] = ("day", "week", "month", "quarter", "year")
HOUR_MS = 3_600_000
MINUTE = 60_000
ZONES = (
    "UTC", "Asia/Shanghai", "America/New_York", "Asia/Beirut", "America/Havana", "America/St_Johns", "Pacific/Apia",
    "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo", "Asia/Kathmandu", "Antarctica/Casey",
)  # fmt: skip
"""Jumps at midnight and just after it, of a day, of half an hour, and none."""

days = st.dates(date(1975, 1, 1), date(2037, 12, 1))
moments = st.datetimes(datetime(1975, 1, 1), datetime(2037, 12, 1)).map(
    lambda moment: round(moment.replace(tzinfo=UTC).timestamp() * 1000)
)


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@given(st.sampled_from(ZONES), days)
def test_a_day_begins_when_the_wall_first_shows_its_date(zone: str, day: date) -> None:
    begins, tz = calendar(zone).begins(day), ZoneInfo(zone)
    assert datetime.fromtimestamp(begins / 1000, tz).date() >= day
    assert datetime.fromtimestamp(begins / 1000 - 1, tz).date() < day


@given(st.sampled_from(ZONES), moments)
def test_every_moment_lies_in_its_day_and_in_each_period_of_it(zone: str, at: int) -> None:
    local = calendar(zone)
    day = local.day(at)
    assert local.begins(day) <= at < local.begins(day + timedelta(days=1))
    for unit in UNITS:
        begins, ends = local.period(unit, at)
        assert begins <= at < ends
        assert local.period(unit, ends)[0] == ends


@given(st.sampled_from(ZONES), moments, st.integers(0, 48 * HOUR_MS))
def test_days_never_go_back(zone: str, at: int, later: int) -> None:
    assert calendar(zone).ordinal(at) <= calendar(zone).ordinal(at + later)


def test_an_hour_that_the_clock_shows_twice_after_midnight_belongs_to_the_day_that_has_begun() -> None:
    # In Saint John's clocks went from 00:01 of 7 November 2010 back to 23:01 of the 6th.
    st_johns = calendar("America/St_Johns")
    midnight = ms("2010-11-07T00:00:00", "America/St_Johns")
    half_an_hour_later = midnight + HOUR_MS // 2
    assert st_johns.local(half_an_hour_later).date() == date(2010, 11, 6)
    assert st_johns.day(half_an_hour_later) == date(2010, 11, 7)
    assert st_johns.day(midnight - 1) == date(2010, 11, 6)


def test_where_midnight_is_left_out_or_comes_twice_the_first_instant_counts() -> None:
    # In Beirut 2022-03-27 began at 01:00; in Havana 2022-11-06 had its first hour twice.
    assert calendar("Asia/Beirut").begins(date(2022, 3, 27)) == ms("2022-03-26T22:00:00")
    assert calendar("America/Havana").begins(date(2022, 11, 6)) == ms("2022-11-06T04:00:00")


def test_a_day_that_was_left_out_is_empty() -> None:
    apia = calendar("Pacific/Apia")
    assert apia.begins(date(2011, 12, 30)) == apia.begins(date(2011, 12, 31))
    assert apia.day(apia.begins(date(2011, 12, 30))) == date(2011, 12, 31)


def test_a_day_of_23_hours_and_one_of_25_are_one_day_each() -> None:
    york = calendar("America/New_York")
    spring, autumn = date(2024, 3, 10), date(2024, 11, 3)
    assert [york.begins(d + timedelta(days=1)) - york.begins(d) for d in (spring, autumn)] == [
        23 * HOUR_MS,
        25 * HOUR_MS,
    ]


def test_the_first_moment_of_an_hour_is_that_which_looking_at_the_clock_every_minute_finds() -> None:
    random = Random(3)
    for zone in CHANGES:
        for begin in [near_a_change(random, zone, 2 * DAY) // MINUTE * MINUTE for _ in range(2)]:
            shown = [calendar(zone).local(begin + n * MINUTE).hour for n in range(5 * 24 * 60)]
            for _ in range(400):
                minute, hours = random.randrange(3 * 24 * 60), frozenset(random.sample(range(24), random.randint(1, 3)))
                within = random.randrange(MINUTE)
                looks = (n for n in range(minute + (within > 0), len(shown)) if shown[n] in hours)
                expected = begin + minute * MINUTE + within if shown[minute] in hours else begin + next(looks) * MINUTE
                assert calendar(zone).when(begin + minute * MINUTE + within, hours) == expected


def test_an_hour_that_is_left_out_is_not_shown_that_day_and_one_that_comes_twice_is_shown_twice() -> None:
    berlin = calendar("Europe/Berlin")
    assert berlin.when(ms("2026-03-29T00:00"), {2}) == ms("2026-03-30T00:00")
    assert berlin.when(ms("2026-03-29T00:00"), {2, 3}) == ms("2026-03-29T01:00")
    assert berlin.when(ms("2026-10-24T23:00"), {2}) == ms("2026-10-25T00:00")
    assert berlin.when(ms("2026-10-25T01:30"), {2}) == ms("2026-10-25T01:30")
    assert berlin.when(ms("2026-10-25T01:30"), frozenset()) is None


def test_the_hour_that_half_an_hour_brings_back_begins_in_its_middle() -> None:
    # On Lord Howe clocks go from 02:00 back to 01:30, which was at 15:00 UTC, and forward from 02:00 to 02:30.
    howe = calendar("Australia/Lord_Howe")
    assert howe.when(ms("2026-04-04T14:59"), {2}) == ms("2026-04-04T15:30")
    assert howe.when(ms("2026-10-03T15:00"), {2}) == ms("2026-10-03T15:30")


def test_a_wall_time_is_the_first_of_two_and_moves_on_where_it_is_left_out() -> None:
    york = calendar("America/New_York")
    assert york.at(date(2024, 11, 3), time(1, 30)) == ms("2024-11-03T05:30:00")
    assert york.at(date(2024, 3, 10), time(2, 30)) == ms("2024-03-10T07:30:00")


@given(days, st.integers(-50, 50))
def test_periods_follow_each_other_without_a_gap(day: date, after: int) -> None:
    for unit in UNITS:
        firsts = [first(unit, day, after + n) for n in range(5)]
        assert all(low < high for low, high in pairwise(firsts))
        assert [first(unit, one) for one in firsts] == firsts
        assert [first(unit, high - timedelta(days=1)) for high in firsts[1:]] == firsts[:-1]


def test_weeks_are_those_of_iso_8601() -> None:
    for day in (date(2024, 12, 30), date(2025, 1, 5)):
        assert first("week", day).isocalendar() == (2025, 1, 1)


@pytest.mark.parametrize(
    ("unit", "day", "after", "expected"),
    [
        ("month", date(2024, 1, 31), 1, date(2024, 2, 1)),
        ("month", date(2024, 2, 29), 12, date(2025, 2, 1)),
        ("month", date(2024, 12, 1), -12, date(2023, 12, 1)),
        ("quarter", date(2024, 2, 29), 3, date(2024, 10, 1)),
        ("year", date(2024, 2, 29), 1, date(2025, 1, 1)),
        ("day", date(2024, 2, 28), 1, date(2024, 2, 29)),
    ],
)
def test_the_nth_period_after_a_day_ignores_how_long_months_are(
    unit: Unit, day: date, after: int, expected: date
) -> None:
    assert first(unit, day, after) == expected


def test_29_february_is_the_28th_in_other_years() -> None:
    assert [anniversary(2, 29, year) for year in (2023, 2024, 2100)] == [
        date(2023, 2, 28),
        date(2024, 2, 29),
        date(2100, 2, 28),
    ]


@pytest.mark.parametrize("zone", ["Asia/Atlantis", "../etc/passwd", "", "UTC\n", "x" * 300])
def test_a_zone_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="zone must be a name of the IANA time zone database"):
        calendar(zone)
