"""When: crons, birthdays, ends and waits, also where clocks are moved and days are left out."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.calendar import calendar
from actors.campaign.schedule import (
    ON_TIME_MS,
    Due,
    after_last,
    before_end,
    birthday_after,
    due,
    moment,
    times,
    wake,
)
from actors.fields import rfc3339_ms

NEW_YORK = "America/New_York"
"""Forward at 02:00 on 9 March 2025, back at 02:00 on 2 November 2025."""


def ms(text: str) -> int:
    at = rfc3339_ms(text)
    assert at is not None
    return at


def local(at: int | None, zone: str) -> str:
    assert at is not None
    return calendar(zone).local(at).isoformat()


def following(cron: str, zone: str, after: str, number: int) -> list[str]:
    """Its next occurrences; each is also the latest at its own moment."""
    at, found = ms(after), list[str]()
    for _ in range(number):
        later = times(cron, zone).after(at)
        assert later is not None
        assert times(cron, zone).latest(later) == times(cron, zone).latest(later + 999) == later
        assert times(cron, zone).latest(later - 1) != later
        at = later
        found.append(local(at, zone))
    return found


def test_ten_in_the_morning_is_ten_of_the_zone_on_both_sides_of_a_change() -> None:
    assert following("0 10 * * *", NEW_YORK, "2025-03-08T00:00:00-05:00", 3) == [
        "2025-03-08T10:00:00-05:00", "2025-03-09T10:00:00-04:00", "2025-03-10T10:00:00-04:00",
    ]  # fmt: skip


def test_what_is_due_in_a_gap_happens_at_its_end_once() -> None:
    assert following("30 2 * * *", NEW_YORK, "2025-03-08T12:00:00-05:00", 2) == [
        "2025-03-09T03:00:00-04:00", "2025-03-10T02:30:00-04:00",
    ]  # fmt: skip
    assert following("*/20 2 * * *", NEW_YORK, "2025-03-08T12:00:00-05:00", 2) == [
        "2025-03-09T03:00:00-04:00", "2025-03-10T02:00:00-04:00",
    ]  # fmt: skip
    assert following("0 2,3 * * *", NEW_YORK, "2025-03-08T12:00:00-05:00", 2) == [
        "2025-03-09T03:00:00-04:00", "2025-03-10T02:00:00-04:00",
    ]  # fmt: skip
    assert following("0 */2 * * *", NEW_YORK, "2025-03-09T00:00:00-05:00", 2) == [
        "2025-03-09T03:00:00-04:00", "2025-03-09T04:00:00-04:00",
    ]  # fmt: skip


def test_what_the_wall_shows_twice_happens_the_first_time_only() -> None:
    assert following("30 1 * * *", NEW_YORK, "2025-11-02T00:00:00-04:00", 2) == [
        "2025-11-02T01:30:00-04:00", "2025-11-03T01:30:00-05:00",
    ]  # fmt: skip
    second = ms("2025-11-02T01:10:00-05:00")
    assert local(times("30 1 * * *", NEW_YORK).after(second), NEW_YORK) == "2025-11-03T01:30:00-05:00"
    assert local(times("30 1 * * *", NEW_YORK).latest(second), NEW_YORK) == "2025-11-02T01:30:00-04:00"


def test_every_hour_is_every_hour_that_passes() -> None:
    assert following("30 * * * *", NEW_YORK, "2025-11-02T00:00:00-04:00", 4) == [
        "2025-11-02T00:30:00-04:00", "2025-11-02T01:30:00-04:00",
        "2025-11-02T01:30:00-05:00", "2025-11-02T02:30:00-05:00",
    ]  # fmt: skip
    assert following("30 * * * *", NEW_YORK, "2025-03-09T01:00:00-05:00", 2) == [
        "2025-03-09T01:30:00-05:00", "2025-03-09T03:30:00-04:00",
    ]  # fmt: skip


def test_a_day_that_was_left_out_is_a_gap() -> None:
    assert following("0 10 * * *", "Pacific/Apia", "2011-12-29T00:00:00-10:00", 3) == [
        "2011-12-29T10:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T10:00:00+14:00",
    ]  # fmt: skip


def test_crons_29_february_is_that_of_leap_years() -> None:
    assert following("0 10 29 2 *", "Asia/Shanghai", "2025-01-01T00:00:00Z", 2) == [
        "2028-02-29T10:00:00+08:00", "2032-02-29T10:00:00+08:00",
    ]  # fmt: skip


def test_names_last_days_and_nth_weekdays_are_understood() -> None:
    assert following("0 0 l * *", "UTC", "2025-02-01T00:00:00Z", 2) == [
        "2025-02-28T00:00:00+00:00",
        "2025-03-31T00:00:00+00:00",
    ]
    assert following("0 0 * * mon#2", "UTC", "2025-02-01T00:00:00Z", 1) == ["2025-02-10T00:00:00+00:00"]


@pytest.mark.parametrize("cron", ["", "0 10 * *", "0 0 10 * * *", "@daily", "0 24 * * *", "0 0 30 2 *", "a b c d e"])
def test_what_is_no_cron_raises(cron: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        times(cron, "UTC")


def test_a_cron_that_never_comes_has_no_next_time() -> None:
    assert times("0 0 */31 2 mon#5", "UTC").after(0) is None
    assert times("0 0 */31 2 mon#5", "UTC").latest(ms("2025-01-01T00:00:00Z")) is None


def test_an_occurrence_that_is_due_is_carried_out_and_the_next_one_waited_for() -> None:
    daily, ten = times("0 10 * * *", "UTC"), ms("2025-09-20T10:00:00Z")
    day = 86_400_000
    for catch_up in ("once", "skip"):
        assert due(daily, ten - day, ten, catch_up) == Due(ten, ten + day)
        assert due(daily, ten - day, ten + ON_TIME_MS, catch_up) == Due(ten, ten + day)
        assert due(daily, ten, ten + 5, catch_up) == Due(None, ten + day)


def test_of_missed_occurrences_the_latest_is_caught_up_once_or_skipped() -> None:
    daily, ten = times("0 10 * * *", "UTC"), ms("2025-09-20T10:00:00Z")
    day = 86_400_000
    late = ten + ON_TIME_MS + 1
    assert due(daily, ten - 400 * day, late, "once") == Due(ten, ten + day)
    assert due(daily, ten - 400 * day, late, "skip") == Due(None, ten + day)


def test_a_birthday_on_29_february_is_the_28th_in_other_years() -> None:
    shanghai = calendar("Asia/Shanghai")
    at, found = ms("2026-12-01T00:00:00Z"), list[str]()
    for _ in range(3):
        at = birthday_after(shanghai, "02-29", "09:00", at)
        found.append(shanghai.local(at).isoformat())
    assert found == ["2027-02-28T09:00:00+08:00", "2028-02-29T09:00:00+08:00", "2029-02-28T09:00:00+08:00"]


def test_a_birthday_that_is_still_to_come_this_year_is_the_next_and_one_that_is_over_is_not() -> None:
    shanghai = calendar("Asia/Shanghai")
    nine = ms("2026-12-01T09:00:00+08:00")
    assert birthday_after(shanghai, "12-01", "09:00", nine - 1) == nine
    assert birthday_after(shanghai, "12-01", "09:00", nine) == ms("2027-12-01T09:00:00+08:00")
    # In Shanghai it is the new year already.
    assert birthday_after(shanghai, "01-01", "09:00", ms("2026-12-31T17:00:00Z")) == ms("2027-01-01T09:00:00+08:00")


def test_days_before_an_end_are_counted_from_its_last_day() -> None:
    shanghai = calendar("Asia/Shanghai")
    # Valid until the end of the 31st, which is the first moment of the 1st.
    end = ms("2026-01-01T00:00:00+08:00")
    assert shanghai.local(before_end(shanghai, end, 7, "10:00")).isoformat() == "2025-12-24T10:00:00+08:00"
    assert shanghai.local(before_end(shanghai, end + 1, 1, "10:00")).isoformat() == "2025-12-31T10:00:00+08:00"


def test_days_after_a_purchase_are_calendar_days() -> None:
    zone = calendar(NEW_YORK)
    assert (
        zone.local(after_last(zone, ms("2025-03-08T23:59:00-05:00"), 2, "10:00")).isoformat()
        == "2025-03-10T10:00:00-04:00"
    )


def test_a_wait_is_so_long_and_then_until_the_clock_time() -> None:
    zone, noon = calendar(NEW_YORK), ms("2025-03-08T12:00:00-05:00")
    assert wake(zone, noon, 90, None) == noon + 90_000
    assert wake(zone, noon, None, "12:00") == noon
    assert local(wake(zone, noon + 1, None, "12:00"), NEW_YORK) == "2025-03-09T12:00:00-04:00"
    assert local(wake(zone, noon, 12 * 3600, "02:30"), NEW_YORK) == "2025-03-09T03:00:00-04:00"


zones = st.sampled_from([NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Beirut", "UTC"])
changes = [datetime(2025, 3, 9, 2, 30), datetime(2025, 11, 2, 1, 30, fold=1), datetime(2010, 11, 7, 0, 0)]
walls = st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)).map(lambda wall: wall.replace(second=0, microsecond=0))


@given(zones, walls | st.sampled_from(changes))
def test_a_clock_time_is_the_first_moment_at_which_the_wall_shows_it_or_later(zone: str, wall: datetime) -> None:
    found, tz = moment(calendar(zone), wall), ZoneInfo(zone)

    def shown(at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, tz).replace(tzinfo=None)

    assert shown(found) >= wall
    # Clocks go back by three hours at most, so nothing earlier can matter.
    assert all(shown(found - 60_000 * back) < wall for back in range(1, 24 * 60))


crons = st.builds(
    "{} {} {} * {}".format,
    st.sampled_from(["0", "30", "*/20", "5,50"]),
    st.sampled_from(["*", "1", "2", "1-3", "*/2", "0,12"]),
    st.sampled_from(["*", "1,2,9,30", "L"]),
    st.sampled_from(["*", "SUN", "1-5"]),
)


@given(crons, zones, walls, st.integers(0, 59))
def test_next_and_latest_occurrences_fit_each_other_and_never_go_back(
    cron: str, zone: str, wall: datetime, seconds: int
) -> None:
    at = ms(f"{wall.isoformat()}Z") + seconds * 1_000
    found = times(cron, zone)
    later = found.after(at)
    assert later is not None
    assert later > at
    assert found.latest(later) == later
    before = found.latest(later - 1)
    assert before is not None
    assert before <= at
    assert found.after(before) == later


@given(st.text(st.sampled_from("0123456789*/,-L#W MON?\t日²"), max_size=20))
def test_no_text_makes_a_cron_raise_anything_but_value_errors(text: str) -> None:
    try:
        found = times(text, "UTC")
    except ValueError:
        return
    found.after(0)


def test_an_answer_takes_as_long_however_many_occurrences_were_missed() -> None:
    minutely, now = times("* * * * *", NEW_YORK), ms("2025-09-20T10:00:30Z")
    assert due(minutely, now - round(timedelta(days=9_000).total_seconds() * 1_000), now, "once").now == now - 30_000
