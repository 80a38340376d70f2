"""Limits as whoever keeps every line would judge them: all that was counted stands in a list, and whether there is room
at some moment is told by going through it.

When there will be room is not reckoned but tried, at each moment at which anything may become otherwise: the wall of a
zone shows another hour or day, or something grows too old for a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.wall import Wall, wall

USER = "user"
"""In the place of a zone: that of whoever is sent to."""
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class Limit:
    """`per`: "day", "week", "month", "quarter", "year"; "7 days", today and those before; "90m", so long; "ever"."""

    scope: str
    count: int
    per: str
    zone: str = USER

    @property
    def rolling_ms(self) -> int:
        """0: it is of days."""
        return int(self.per[:-1]) * _UNITS_S[self.per[-1]] * 1_000 if self.per[:-1].isdigit() else 0

    def in_campaign(self) -> dict[str, Any]:
        """As a campaign says it, whose zone its own must be."""
        window: dict[str, Any] = {"calendar": self.per}
        if self.rolling_ms:
            window = {"seconds": self.rolling_ms // 1_000}
        elif self.per.endswith(" days"):
            window = {"days": int(self.per.split()[0])}
        elif self.per == "ever":
            window = {}
        return {"scope": self.scope, "count": self.count, "window": window}

    def in_request(self) -> dict[str, Any]:
        """As who asks for a message says it."""
        window: dict[str, Any] = {"type": "calendar", "unit": self.per, "zone": self.zone}
        if self.rolling_ms:
            window = {"type": "rolling", "ms": self.rolling_ms}
        elif self.per.endswith(" days"):
            window = {"type": "days", "n": int(self.per.split()[0]), "zone": self.zone}
        elif self.per == "ever":
            window = {"type": "ever"}
        return {"scope": self.scope, "count": self.count, "window": window}

    def in_settings(self) -> str:
        return f"{self.scope} {self.count} per {self.per}"


@dataclass(frozen=True)
class Clocks:
    """The walls of all zones between two moments."""

    begin: int
    end: int

    def of(self, zone: str) -> Wall:
        return wall(zone, self.begin, self.end)

    def counts(self, limit: Limit, zone: str, at: int, now: int) -> bool:
        """Whether what was at `at` is counted at `now`; `zone`: the user's."""
        if limit.rolling_ms:
            return now - at < limit.rolling_ms
        if limit.per == "ever":
            return True
        shown = self.of(zone if limit.zone == USER else limit.zone)
        then, today = shown.shows(at).day, shown.shows(now).day
        if limit.per.endswith(" days"):
            return today - then < int(limit.per.split()[0])
        return _period(limit.per, then) == _period(limit.per, today)

    def room(self, limit: Limit, zone: str, times: Iterable[int], now: int) -> bool:
        """Whether one more may follow `times` at `now`."""
        return sum(at <= now and self.counts(limit, zone, at, now) for at in times) < limit.count

    def moments(self, limits: Sequence[Limit], zone: str, times: Iterable[int], now: int, before: int) -> list[int]:
        """`now`, and whenever the answer may become another."""
        zones = {zone, *(limit.zone for limit in limits if limit.zone != USER)}
        found = {moment for one in zones for moment in self.of(one).changes(now, before)}
        found |= {at + limit.rolling_ms for limit in limits if limit.rolling_ms for at in times}
        return [now, *sorted(moment for moment in found if now < moment < before)]


def _period(unit: str, day: int) -> tuple[int, ...]:
    then = date.fromordinal(day)
    match unit:
        case "day":
            return (day,)
        case "week":
            return then.isocalendar()[:2]
        case "month":
            return then.year, then.month
        case "quarter":
            return then.year, (then.month - 1) // 3
        case _:
            return (then.year,)
