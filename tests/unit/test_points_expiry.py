"""Calendar days: when points expire, and when their owner hears of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.calendar import Unit, calendar, first
from actors.points.expiry import Reminders, Validity
from actors.points.programme import from_settings
from actors.points.rules import Expiry
from actors.points.state import MAIN, NEVER, SLIDES

Kind = Literal["days", "months", "quarters", "years", "sliding", "never"]
SHANGHAI = "Asia/Shanghai"


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def ends(kind: Kind, n: int, at: str, zone: str = "UTC") -> int:
    return Validity(Expiry(kind, n), calendar(zone)).ends(ms(at, zone))


@pytest.mark.parametrize("earned", ["2025-09-20T00:00:00", "2025-09-20T14:30:00", "2025-09-20T23:59:59.999"])
def test_whatever_is_earned_in_one_day_expires_at_the_end_of_the_same_day(earned: str) -> None:
    programme = from_settings()
    assert programme.expiry(MAIN, ms(earned)) == ms("2026-09-21T00:00:00")
    assert programme.expires_on(programme.expiry(MAIN, ms(earned))) == "2026-09-20"


def test_a_leap_year_is_counted_in_days() -> None:
    assert ends("days", 365, "2027-09-20T12:00:00") == ms("2028-09-20T00:00:00")


@pytest.mark.parametrize(
    ("kind", "n", "at", "expires"),
    [
        ("days", 1, "2024-02-28T12:00:00", "2024-03-01T00:00:00"),
        ("days", 365, "2024-02-29T12:00:00", "2025-03-01T00:00:00"),
        ("months", 0, "2024-02-29T23:59:59", "2024-03-01T00:00:00"),
        ("months", 1, "2024-01-31T00:00:00", "2024-03-01T00:00:00"),
        ("months", 12, "2024-02-29T12:00:00", "2025-03-01T00:00:00"),
        ("months", 1, "2023-01-31T12:00:00", "2023-03-01T00:00:00"),
        ("quarters", 0, "2024-03-31T23:59:59", "2024-04-01T00:00:00"),
        ("quarters", 3, "2024-05-15T12:00:00", "2025-04-01T00:00:00"),
        ("years", 0, "2024-02-29T12:00:00", "2025-01-01T00:00:00"),
        ("years", 1, "2024-12-31T23:59:59", "2026-01-01T00:00:00"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", SHANGHAI, "America/New_York"])
def test_points_end_with_the_last_day_of_the_nth_period(kind: Kind, n: int, at: str, expires: str, zone: str) -> None:
    assert ends(kind, n, at, zone) == ms(expires, zone)


def test_the_day_ends_where_the_programme_lives() -> None:
    shanghai = from_settings(zone=SHANGHAI)
    late = ms("2025-09-20T23:30:00", SHANGHAI)
    assert shanghai.expiry(MAIN, late) == ms("2026-09-21T00:00:00", SHANGHAI)
    assert shanghai.expires_on(shanghai.expiry(MAIN, late)) == "2026-09-20"
    assert ends("months", 0, "2025-09-30T23:30:00", SHANGHAI) == ms("2025-10-01T00:00:00", SHANGHAI)


def test_where_clocks_jump_at_midnight_the_day_ends_at_the_first_instant_of_the_next() -> None:
    # In Beirut 2022-03-27 began at 01:00; in Havana 2022-11-06 had its first hour twice.
    assert ends("days", 10, "2022-03-16T12:00:00", "Asia/Beirut") == ms("2022-03-26T22:00:00")
    assert ends("days", 10, "2022-10-26T12:00:00", "America/Havana") == ms("2022-11-06T04:00:00")
    # In Amman April 2016 began at 01:00.
    assert ends("months", 0, "2016-03-05T12:00:00", "Asia/Amman") == ms("2016-03-31T22:00:00")


def test_sliding_points_end_with_their_owners_activity_and_others_never() -> None:
    assert ends("sliding", 30, "2025-09-20T12:00:00") == SLIDES
    assert ends("never", 365, "2025-09-20T12:00:00") == NEVER
    programme = from_settings(30)
    assert programme.slides_end(ms("2025-09-20T12:00:00"), MAIN) == ms("2025-10-21T00:00:00")


def test_a_reminder_comes_in_the_morning_so_many_days_before_the_last() -> None:
    programme = from_settings(zone=SHANGHAI)
    expires = ms("2026-09-21T00:00:00", SHANGHAI)
    assert programme.reminder(expires) == ms("2026-09-13T10:00:00", SHANGHAI)
    assert from_settings(reminder_days=0).reminder(expires) == 0


def test_a_reminder_is_at_ten_of_the_wall_on_both_sides_of_a_clock_change() -> None:
    reminders = Reminders(7, calendar("America/New_York"))
    assert reminders.at(ms("2024-03-14T00:00:00", "America/New_York")) == ms("2024-03-06T15:00:00")
    assert reminders.at(ms("2024-03-18T00:00:00", "America/New_York")) == ms("2024-03-10T14:00:00")
    assert reminders.expires_on(ms("2024-03-01T00:00:00", "America/New_York")) == "2024-02-29"


@pytest.mark.parametrize("zone", ["UTC", SHANGHAI, "America/New_York"])
def test_what_never_expires_has_no_reminder_and_no_last_day(zone: str) -> None:
    reminders = Reminders(7, calendar(zone))
    for expires in (NEVER, SLIDES):
        assert reminders.at(expires) == 0
        assert reminders.expires_on(expires) == ""


def test_a_reminder_is_never_due_when_points_of_days_are_earned() -> None:
    for valid in (2, 7, 365):
        programme = from_settings(valid_days=valid, reminder_days=valid - 1)
        at = ms("2025-09-20T23:59:59")
        assert programme.reminder(programme.expiry(MAIN, at)) > at


@given(
    st.sampled_from(["days", "months", "quarters", "years"]),
    st.integers(1, 20),
    st.lists(st.integers(0, 60 * 24 * 400), min_size=1, max_size=20),
    st.sampled_from(["UTC", SHANGHAI, "America/Havana", "America/St_Johns"]),
)
def test_the_memo_of_one_period_does_not_serve_another(kind: Kind, n: int, minutes: list[int], zone: str) -> None:
    start = round(datetime(2009, 9, 20, tzinfo=UTC).timestamp() * 1000)
    moments = [start + minute * 60_000 for minute in minutes]
    kept = Validity(Expiry(kind, n), calendar(zone))
    assert [kept.ends(at) for at in moments] == [Validity(Expiry(kind, n), calendar(zone)).ends(at) for at in moments]


@given(
    st.sampled_from(["months", "quarters", "years"]), st.integers(0, 20), st.dates(date(2000, 1, 1), date(2030, 1, 1))
)
def test_points_live_through_n_whole_periods_and_never_into_the_next(kind: Kind, n: int, day: date) -> None:
    unit: dict[str, Unit] = {"months": "month", "quarters": "quarter", "years": "year"}
    local = calendar(SHANGHAI)
    expires = Validity(Expiry(kind, n), local).ends(local.begins(day))
    last = local.day(expires - 1)
    assert first(unit[kind], last) == first(unit[kind], day, n)
    assert first(unit[kind], last + timedelta(days=1)) == last + timedelta(days=1)
