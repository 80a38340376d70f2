"""Days, weeks, months, quarters and years as people of one time zone read them.

A day is an interval of moments: from its first instant up to the first instant of the next day. That is not the same
as "all moments whose local date it is": in Saint John's clocks went back at 00:01 until 2011, so an hour after
midnight the wall showed yesterday's date again. Such an hour belongs to the day that had begun, since what has ended
(points, a period) does not come to life again. First instants are therefore the one thing worked out here, and all
else is told from them; where a day was left out altogether (Samoa skipped 30 December 2011), it is empty.

Dates are added to in whole days or whole periods, never in milliseconds: a day may have 23 or 25 hours.

The zone's rules are those of the machine's time zone database: what was worked out yesterday is kept as a moment, and
a country that changes its mind changes only what is worked out from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Unit = Literal["day", "week", "month", "quarter", "year"]
"""A week begins on Monday, as in ISO 8601."""

LONGEST_DAYS: Mapping[Unit, int] = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
DAY_MS = 24 * 3600 * 1000
"""Of days that are counted as so much time, whatever the calendar says."""
HOUR_MS = 3_600_000
CALENDARS_KEPT = 1_024
"""There are some 600 names of zones."""
DAYS_KEPT = 8_192
"""Whose first instant is remembered, of all zones: everybody asks for those around today. Some 2.5 MB when full."""
_DAY = timedelta(days=1)


class Calendar:
    """Immutable; shared by threads. Raises ValueError when `zone` is no name of the IANA time zone database."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._tz = _tz(zone)

    def day(self, at: int) -> date:
        """The day that the moment `at` (ms since 1970 UTC) belongs to."""
        day = self.local(at).date()
        return day if at < self.begins(day + _DAY) else day + _DAY

    def ordinal(self, at: int) -> int:
        """The day of `at` as `date.toordinal` counts."""
        return self.day(at).toordinal()

    def begins(self, day: date) -> int:
        """The first instant (ms) of `day`."""
        return _begins(self.zone, day)

    def at(self, day: date, clock: time) -> int:
        """The moment (ms) when the wall shows `clock` on `day`: the first one of two, and where that time is left out
        as long after the jump as it would have been."""
        return round(datetime.combine(day, clock, self._tz).timestamp()) * 1000

    def local(self, at: int) -> datetime:
        """What calendar and clock on the wall show at the moment `at`."""
        return datetime.fromtimestamp(at / 1000, self._tz)

    def when(self, at: int, hours: Set[int]) -> int | None:
        """The first moment from `at` on when the wall's clock shows one of `hours` (0 to 23); None when there are none.

        An hour that the clocks leave out is not shown that day, one that they show twice is shown twice. From hour to
        hour is reckoned with the offset that holds; only when it turns out to have changed on the way the moment of the
        change is looked for (no zone has changed twice within two days since 1901). O(1).
        """
        if not hours:
            return None
        while True:
            wall = self.local(at)
            if wall.hour in hours:
                return at
            later = min((hour - wall.hour) % 24 for hour in hours)
            then = at + later * HOUR_MS - _into_hour(wall)
            if self.local(then).utcoffset() == wall.utcoffset():
                return then
            at = self._change(at, then)

    def _change(self, before: int, after: int) -> int:
        """The moment up to `after` from which the offset is not that of `before` any more."""
        offset = self.local(before).utcoffset()
        while after - before > 1:
            middle = (before + after) // 2
            if self.local(middle).utcoffset() == offset:
                before = middle
            else:
                after = middle
        return after

    def period(self, unit: Unit, at: int) -> tuple[int, int]:
        """(first instant, first instant of the next) of the `unit` that the moment `at` lies in."""
        day = self.day(at)
        return self.begins(first(unit, day)), self.begins(first(unit, day, 1))


def first(unit: Unit, day: date, after: int = 0) -> date:
    """The first day of the `unit` that is `after` units later than the one `day` lies in.

    >>> first("month", date(2024, 2, 29)), first("quarter", date(2024, 12, 31), 1), first("week", date(2025, 1, 1))
    (datetime.date(2024, 2, 1), datetime.date(2025, 1, 1), datetime.date(2024, 12, 30))
    """
    match unit:
        case "day":
            return day + timedelta(days=after)
        case "week":
            return day + timedelta(days=7 * after - day.weekday())
        case "month":
            return _month(day.year, day.month - 1 + after)
        case "quarter":
            return _month(day.year, (day.month - 1) // 3 * 3 + 3 * after)
        case "year":
            return date(day.year + after, 1, 1)


def anniversary(month: int, day: int, year: int) -> date:
    """The `day` of `month` in `year`; 29 February is the 28th where there is none.

    >>> anniversary(2, 29, 2024), anniversary(2, 29, 2025)
    (datetime.date(2024, 2, 29), datetime.date(2025, 2, 28))
    """
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, day - 1)


class Ordinals:
    """A calendar for those who reckon in days: each is its `date.toordinal`."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.day = calendar.ordinal

    def start_of(self, day: int) -> int:
        """The first instant (ms) of `day`."""
        return self._calendar.begins(date.fromordinal(day))

    def first_day(self, day: int, per: Unit) -> int:
        """The first day of the `per` that holds `day`."""
        return first(per, date.fromordinal(day)).toordinal()


@lru_cache(maxsize=CALENDARS_KEPT)
def calendar(zone: str) -> Calendar:
    """The calendar of `zone`; ValueError when there is none."""
    return Calendar(zone)


@lru_cache(maxsize=DAYS_KEPT)
def _begins(zone: str, day: date) -> int:
    # Where clocks jump at midnight, fold 0 is the first instant of the new day in both directions.
    return calendar(zone).at(day, time(0))


def _into_hour(wall: datetime) -> int:
    """How many ms of the hour that it shows have passed."""
    return (wall.minute * 60 + wall.second) * 1000 + wall.microsecond // 1000


def _month(year: int, months: int) -> date:
    """The first day of the month that is `months` after January of `year`."""
    return date(year + months // 12, months % 12 + 1, 1)


def _tz(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # needs no time zone database, which a bare machine may lack
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"zone must be a name of the IANA time zone database such as Asia/Shanghai, not {name!r}"
        ) from error
