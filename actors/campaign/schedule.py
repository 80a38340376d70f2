"""When: the next time of a cron, a birthday, so many days before an end, after a last purchase, until a clock time.

Time triggers are durable timers, and each needs one answer only: the moment after this one. All of it is here, pure, so
that what a zone's clocks do twice a year is decided once:

- A clock time that the wall does not show on some day (clocks go forward) is the first instant after the gap: what is
  due at 02:30 happens at 03:00 and is not lost. Several that fall into one gap are one occurrence.
- A clock time that the wall shows twice (clocks go back) is the first of the two, once.
- A cron with `*` as its hour means every hour that passes, not every hour that the wall shows: there is none in a gap
  and one more where clocks go back.
- A day that a zone left out altogether (Samoa, 30 December 2011) is a gap like any other.
- Cron's 29 February is the 29th of leap years; a birthday on 29 February is the 28th in other years.

A cron is Debian's as cronsim reads it, five fields, with `L`, `LW` and `MON#2`. Day of the month and day of the week
must both fit where one of them begins with `*`, else one is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from functools import lru_cache
from itertools import islice
from typing import Literal

import msgspec
from cronsim import CronSim, CronSimError

from actors.calendar import Calendar, anniversary, calendar, first
from actors.fields import EPOCH

FIELDS = 5
ON_TIME_MS = 60_000
"""An occurrence that is at most so late was not missed."""
TWICE_MAX = timedelta(hours=3)
"""As far as clocks have gone back at once since there are such programs."""
TRIED_MAX = 10_000
"""Clock times that are looked at for one answer; a cron of every minute has 180 within TWICE_MAX."""
CRONS_REMEMBERED_MAX = 4_096
_EVERY_HOUR = "*"


class Times:
    """A cron in a zone. Immutable; shared by threads. Raises ValueError when `cron` is none."""

    def __init__(self, cron: str, zone: str) -> None:
        self._cron = normal_cron(cron)
        self._calendar = calendar(zone)
        fields = self._cron.split()
        if len(fields) != FIELDS:
            raise ValueError(f"it has {len(fields)} fields, not {FIELDS}")
        self._hourly = fields[1] == _EVERY_HOUR
        try:
            CronSim(self._cron, EPOCH)
        except CronSimError as error:
            raise ValueError(str(error).lower()) from error

    def after(self, at: int) -> int | None:
        """The first occurrence later than `at` (ms since 1970 UTC); None: there is none within 50 years."""
        wall = self._calendar.local(at)
        found = self._walls(wall if self._hourly else wall.replace(tzinfo=None))
        return next((moment for moment in self._moments(found) if moment > at), None)

    def latest(self, at: int) -> int | None:
        """The last occurrence that is not later than `at`; None: there was none within 50 years."""
        wall = self._calendar.local(at + 1_000)  # going back, cronsim begins a second earlier
        begin = wall if self._hourly else wall.replace(tzinfo=None) + TWICE_MAX
        return next((moment for moment in self._moments(self._walls(begin, back=True)) if moment <= at), None)

    def _walls(self, begin: datetime, back: bool = False) -> Iterator[datetime]:
        return islice(CronSim(self._cron, begin, back), TRIED_MAX)

    def _moments(self, walls: Iterator[datetime]) -> Iterator[int]:
        for wall in walls:
            yield round(wall.timestamp() * 1_000) if wall.tzinfo else moment(self._calendar, wall)


class Due(msgspec.Struct, frozen=True):
    """What an occurrence's timer finds: the occurrence to carry out now, if any, and the next to wait for."""

    now: int | None
    next: int | None


def due(times: Times, last: int, now: int, catch_up: Literal["once", "skip"]) -> Due:
    """What is to be done at `now` of a cron whose occurrences up to `last` have been dealt with.

    Of those that were missed only the latest counts: `once` carries it out, `skip` only when it is not late. However
    many there were, the answer takes as long.
    """
    latest = times.latest(now)
    missed = latest is None or latest <= last
    late = latest is not None and now - latest > ON_TIME_MS
    return Due(None if missed or (late and catch_up == "skip") else latest, times.after(now))


def birthday_after(calendar: Calendar, month_day: str, clock: str, at: int) -> int:
    """The first moment later than `at` that is `clock` on the birthday `month_day` (MM-DD)."""
    month, day = int(month_day[:2]), int(month_day[-2:])
    year = calendar.local(at).year
    walls = (_wall(anniversary(month, day, year + n), clock) for n in range(-1, 3))
    return next(found for wall in walls if (found := moment(calendar, wall)) > at)


def before_end(calendar: Calendar, end: int, days: int, clock: str) -> int:
    """`clock` on the day that is `days` before the last day of what ends at `end`, its first moment no more."""
    return moment(calendar, _wall(first("day", calendar.day(end - 1), -days), clock))


def after_last(calendar: Calendar, last: int, days: int, clock: str) -> int:
    """`clock` on the day that is `days` after that of the moment `last`."""
    return moment(calendar, _wall(first("day", calendar.day(last), days), clock))


def wake(calendar: Calendar, at: int, seconds: int | None, until: str | None) -> int:
    """When somebody who begins to wait at `at` goes on: `seconds` later, or at the first moment from then on at which
    the wall shows `until`, or the one after the other.
    """
    rested = at + (seconds or 0) * 1_000
    if until is None:
        return rested
    today = calendar.local(rested).date()
    walls = (_wall(today + timedelta(days=n), until) for n in range(3))
    return next(found for wall in walls if (found := moment(calendar, wall)) >= rested)


def moment(calendar: Calendar, wall: datetime) -> int:
    """The first moment (ms since 1970 UTC) at which the wall shows `wall`, whole minutes, or later. O(1); in a gap
    O(log its length).
    """
    at = calendar.at(wall.date(), wall.time().replace(fold=0))
    shown = _shown(calendar, at)
    if shown <= wall:
        return at
    # In a gap `at` is as long after it as `wall` is after its begin, so the gap's end lies within what is jumped over.
    low, high = at - round((shown - wall).total_seconds()) * 1_000, at
    while high - low > 1_000:
        middle = (low + high) // 2_000 * 1_000
        low, high = (low, middle) if _shown(calendar, middle) >= wall else (middle, high)
    return high


def normal_cron(cron: str) -> str:
    """The one way to write it: capitals, single spaces.

    >>> normal_cron(" 0 10  * * mon-fri ")
    '0 10 * * MON-FRI'
    """
    return " ".join(cron.upper().split())


@lru_cache(maxsize=CRONS_REMEMBERED_MAX)
def times(cron: str, zone: str) -> Times:
    """The times of `cron` in `zone`; ValueError when it is none."""
    return Times(cron, zone)


def _wall(day: date, clock: str) -> datetime:
    return datetime.combine(day, clock_time(int(clock[:2]), int(clock[3:])))


def _shown(calendar: Calendar, at: int) -> datetime:
    return calendar.local(at).replace(tzinfo=None)
