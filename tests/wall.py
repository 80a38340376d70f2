"""What the wall of a zone shows, looked up minute by minute: for oracles that must not ask the calendar they judge.

A day goes on until the next has begun: where clocks are put back over midnight, the hour that shows yesterday's date
again belongs to the day that had begun.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE = 60_000


class Shown(NamedTuple):
    """`day` counts as `date.toordinal`."""

    hour: int
    day: int


class Wall:
    """Between two moments (ms, whole minutes) in `zone`; asked of others it does not answer."""

    def __init__(self, zone: str, begin: int, end: int) -> None:
        self.end = end
        self._tz = ZoneInfo(zone)
        self._begin = begin
        self._moments: list[int] = []
        self._shows: list[Shown] = []
        day = 0
        for at in range(begin, end, MINUTE):
            local = datetime.fromtimestamp(at / 1_000, self._tz)
            day = max(day, local.toordinal())
            if not self._shows or self._shows[-1] != (local.hour, day):
                self._moments.append(at)
                self._shows.append(Shown(local.hour, day))
        self._known: dict[int, Shown] = {}
        self._firsts: dict[datetime, int] = {}

    def shows(self, at: int) -> Shown:
        known = self._known.get(at)
        if known is None:
            assert self._begin <= at < self.end, datetime.fromtimestamp(at / 1_000, UTC)
            known = self._known[at] = self._shows[bisect_right(self._moments, at) - 1]
        return known

    def changes(self, after: int, before: int) -> list[int]:
        """The moments between the two when the hour or the day becomes another."""
        return self._moments[bisect_right(self._moments, after) : bisect_right(self._moments, before - 1)]

    def reached(self, clock: str, at: int) -> int:
        """The first moment not before `at` when the wall comes to `clock` (HH:MM) of some day, or, where it leaves that
        out, beyond it.
        """
        days = [self._local(at).date() + timedelta(days=n) for n in (-1, 0, 1, 2)]
        found = [self._first(datetime.combine(day, time.fromisoformat(clock))) for day in days]
        return min(moment for moment in found if moment >= at)

    def _first(self, wall: datetime) -> int:
        if wall not in self._firsts:
            around = round(wall.replace(tzinfo=UTC).timestamp()) * 1_000
            minutes = range(around - 30 * 60 * MINUTE, around + 30 * 60 * MINUTE, MINUTE)
            self._firsts[wall] = next(at for at in minutes if self._local(at) >= wall)
        return self._firsts[wall]

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1_000, self._tz).replace(tzinfo=None)


@lru_cache
def wall(zone: str, begin: int, end: int) -> Wall:
    return Wall(zone, begin, end)
