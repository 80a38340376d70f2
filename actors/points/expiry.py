"""When points end: at the first instant after the last day their owner may spend them, by the programme's calendar.

Expiry is by calendar day, as people read it: points earned at any time of 20 September are all valid until the end of
the same last day, whatever the zone's clocks do that night. A reminder goes out on a morning, not at the midnight
arithmetic would choose. Points that came after the morning of their own reminder (an end of the month that is near)
are due for one at once.

Most events of a busy shop fall into the same day, so what was worked out for it is kept: a comparison instead of four
walks through a zone's history.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import lru_cache

from actors.calendar import Calendar, Unit, first
from actors.points.rules import Expiry
from actors.points.state import NEVER, SLIDES

EXPIRIES_KEPT = 1_024
"""Reminder dates remembered; a validity of a year has 366 expiries at a time."""
REMINDER_TIME = time(10)
"""Of the programme's day; nobody wants a text message at midnight."""
FAR = NEVER - 366 * 86_400_000
"""In the last year that calendars have; what ends after it needs no reminder and has no last day."""

_UNITS: dict[str, Unit] = {"months": "month", "quarters": "quarter", "years": "year"}


class Validity:
    """One rule of expiry. Immutable but for its memo; shared by threads."""

    def __init__(self, expiry: Expiry, calendar: Calendar) -> None:
        self._expiry = expiry
        self._calendar = calendar
        self._lately = (0, 0, 0)
        """(first ms of a period, first ms of the next, end of what becomes active in it)."""

    def ends(self, at: int) -> int:
        """The moment (ms) from which points that are active from `at` on can no longer be spent; NEVER, SLIDES. O(1)
        within one period.
        """
        begins, next_begins, ends = self._lately  # one read: another thread may replace it
        if not begins <= at < next_begins:
            self._lately = lately = self._worked_out(at)
            return lately[2]
        return ends

    def _worked_out(self, at: int) -> tuple[int, int, int]:
        match self._expiry:
            case Expiry(kind="never"):
                return 0, NEVER, NEVER
            case Expiry(kind="sliding"):
                return 0, NEVER, SLIDES
            case Expiry(kind="days", n=n):
                unit, after = "day", n + 1
            case Expiry(kind=kind, n=n):
                unit, after = _UNITS[kind], n + 1
        begins, day = self._calendar.begins, self._calendar.day(at)
        return begins(first(unit, day)), begins(first(unit, day, 1)), begins(first(unit, day, after))


class Reminders:
    """When owners hear of an expiry: `days` before its last day, in the morning. Shared by threads."""

    def __init__(self, days: int, calendar: Calendar) -> None:
        self._days = days
        self._calendar = calendar
        self.at = lru_cache(maxsize=EXPIRIES_KEPT)(self._at)

    def _at(self, expires: int) -> int:
        """The moment (ms) to remind of what expires at `expires`; 0 = never."""
        if not self._days or expires >= FAR:
            return 0
        return self._calendar.at(self._last_day(expires) - timedelta(days=self._days), REMINDER_TIME)

    def expires_on(self, expires: int) -> str:
        """The last day (YYYY-MM-DD) of what expires at `expires`, empty when that is never."""
        return self._last_day(expires).isoformat() if expires < FAR else ""

    def _last_day(self, expires: int) -> date:
        return self._calendar.day(expires - 1)
