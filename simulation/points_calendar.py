"""Days and longer periods of a zone as the reference model reckons them: by looking at the wall's date, nothing else.

A day begins at the first second whose local date is that day, which is found by halving, so no rule of a zone is known
here. Only for zones in which a date does not come back once it was over: worlds have no others.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
NEVER = 253_402_300_799_999
SLIDES = NEVER + 1
"""Ends as states write them: what never ends, and what ends by its owner's inactivity."""
_SPREAD_S = 15 * 3_600
"""No zone is further from UTC."""
_MONTHS = {"months": 1, "quarters": 3, "years": 12}

_tz = lru_cache(maxsize=None)(ZoneInfo)


def day_of(zone: str, at: int) -> int:
    """The day of the moment `at`, counted since 1 January of year 1."""
    return at // DAY_MS + 719_163 if zone == "UTC" else datetime.fromtimestamp(at // 1000, _tz(zone)).toordinal()


@lru_cache(maxsize=4_096)
def begins(zone: str, day: int) -> int:
    """The first moment of a day."""
    utc = (day - 719_163) * 86_400
    low, high = utc - _SPREAD_S, utc + _SPREAD_S
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if day_of(zone, middle * 1000) >= day else (middle + 1, high)
    return low * 1000


def month_begins(zone: str, month: int) -> int:
    """The first moment of a month, counted since year 0."""
    return begins(zone, _first_of(month))


@lru_cache(maxsize=4_096)
def period(kind: str, day: int) -> tuple[int, int]:
    """The first day of the month, quarter or year that holds `day`, and that of the next one."""
    on, months = date.fromordinal(day), _MONTHS[f"{kind}s"]
    month = (on.year * 12 + on.month - 1) // months * months
    return _first_of(month), _first_of(month + months)


def window(zone: str, per: str, at: int) -> int:
    """The first day of the day, week, month or year that `at` lies in; of a lifetime 0."""
    day = day_of(zone, at)
    on = date.fromordinal(day)
    firsts = {"day": day, "week": day - on.isoweekday() + 1, "lifetime": 0}
    firsts |= {"month": day - on.day + 1, "year": date(on.year, 1, 1).toordinal()}
    return firsts[per]


@lru_cache(maxsize=4_096)
def ends(zone: str, kind: str, n: int, day: int) -> int:
    """When points end that became active on `day`."""
    if kind == "never":
        return NEVER
    if kind == "sliding":
        return SLIDES
    if kind == "days":
        return begins(zone, day + n + 1)
    on, months = date.fromordinal(day), _MONTHS[kind]
    month = on.year * 12 + on.month - 1
    return month_begins(zone, (month // months + n + 1) * months)


@lru_cache(maxsize=4_096)
def reminder(zone: str, days: int, expires: int) -> int:
    """When to remind of what ends then: at ten in the morning, so many days before the last day."""
    ten = datetime.combine(date.fromordinal(day_of(zone, expires - 1) - days), datetime.min.time(), _tz(zone))
    return round(ten.replace(hour=10).timestamp()) * 1000


def last_day(zone: str, expires: int) -> str:
    """On which points that end then can be spent last."""
    return date.fromordinal(day_of(zone, expires - 1)).isoformat()


def _first_of(month: int) -> int:
    return date(month // 12, month % 12 + 1, 1).toordinal()


def ms(text: str) -> int:
    """A moment that somebody wrote."""
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)
