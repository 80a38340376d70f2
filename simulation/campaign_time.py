"""When, as the reference model of campaigns reckons it: windows by looking at each moment's date on the wall, crons by
looking at the wall's clock minute by minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import count
from zoneinfo import ZoneInfo

from simulation.points_calendar import day_of

MINUTE_MS = 60_000
TWICE_MS = 3 * 3_600_000
"""Clocks do not go back further at once."""

_tz = lru_cache(maxsize=None)(ZoneInfo)


def within(window: str, zone: str, then: int, now: int) -> bool:
    """Whether the moment `then`, no later than `now`, is in the window that ends now."""
    what, _, number = window.partition(" ")
    match what:
        case "seconds":
            return now - then < int(number) * 1_000
        case "days":
            return day_of(zone, now) - day_of(zone, then) < int(number)
        case "calendar":
            week = number == "week"
            return _period(zone, then, week) == _period(zone, now, week)
        case _:
            return True


def _period(zone: str, at: int, week: bool) -> int:
    day = date.fromordinal(day_of(zone, at))
    return (day - timedelta(days=day.weekday() if week else 0)).toordinal()


def next_time(cron: str, zone: str, at: int) -> int:
    """The first time of a cron after the moment `at`."""
    minute, hour = cron.split()[:2]
    if hour == "*":
        return next(then for then in _minutes(at, 1) if then > at and _wall(zone, then).minute % int(minute[2:]) == 0)
    today = _wall(zone, at).date()
    days = (today + timedelta(days=n) for n in range(-1, 4))
    return min(then for day in days if (then := shows(zone, day, int(hour), int(minute))) > at)


def last_time(cron: str, zone: str, at: int) -> int:
    """The last one that is not after it."""
    minute, hour = cron.split()[:2]
    if hour == "*":
        return next(then for then in _minutes(at, -1) if then <= at and _wall(zone, then).minute % int(minute[2:]) == 0)
    today = _wall(zone, at).date()
    days = (today + timedelta(days=n) for n in range(-3, 2))
    return max(then for day in days if (then := shows(zone, day, int(hour), int(minute))) <= at)


def _minutes(at: int, step: int) -> Iterator[int]:
    """Whole minutes from the one of `at` on, forward or back."""
    return (at // MINUTE_MS * MINUTE_MS + n * MINUTE_MS for n in count(0, step))


@lru_cache(maxsize=4_096)
def shows(zone: str, day: date, hour: int, minute: int) -> int:
    """The first minute at which the wall shows so much, or already more because clocks went forward over it."""
    wanted = datetime.combine(day, time(hour, minute))
    first = round(wanted.replace(tzinfo=_tz(zone)).timestamp()) * 1_000 - TWICE_MS
    return next(then for then in _minutes(first, 1) if _wall(zone, then).replace(tzinfo=None) >= wanted)


def _wall(zone: str, at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000, _tz(zone))
