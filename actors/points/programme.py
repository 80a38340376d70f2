"""The rules of the points programme: how long points are valid, when their owner is reminded, where a day ends.

Expiry is by calendar day, as people read it: points earned at any time of 20 September are all valid until the end of
the same last day. The moment of expiry is therefore the first instant of the day after it in the programme's zone,
whatever that zone's clocks do that night. A reminder goes out on a morning, not at the midnight arithmetic would
choose.

Only the present rule is applied when points are earned; lots keep the expiry they were given.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

VALID_DAYS_MAX = 36_500
LOTS_MAX_DEFAULT = 2_000
LOTS_MAX_MAX = 10_000
"""An account of so many lots takes about 250 KB, a quarter of what the engine lets a state have."""
EXPIRIES_KEPT = 1_024
"""Reminder dates remembered; a validity of a year has 366 expiries at a time."""
REMINDER_TIME = time(10)
"""Of the programme's day; nobody wants a text message at midnight."""


class Programme:
    """Immutable; shared by all segments and threads. Raises ValueError, naming the setting and its limits."""

    def __init__(
        self,
        points_valid_days: int = 365,
        points_reminder_days: int = 7,
        lots_max: int = LOTS_MAX_DEFAULT,
        zone: str = "UTC",
    ) -> None:
        """`points_reminder_days` 0 = no reminder."""
        _within("points_valid_days", points_valid_days, 1, VALID_DAYS_MAX)
        _within("points_reminder_days", points_reminder_days, 0, points_valid_days - 1)
        _within("lots_max", lots_max, 2, LOTS_MAX_MAX)
        self.points_valid_days = points_valid_days
        self.points_reminder_days = points_reminder_days
        self.lots_max = lots_max
        self.zone = zone
        self._zone = _zone(zone)
        self._today = (0, 0, 0)
        """(first ms of a day, first ms of the next, expiry of what is earned in it): a memo for millions of events."""
        self.reminder = lru_cache(maxsize=EXPIRIES_KEPT)(self._reminder)

    def expiry(self, at: int) -> int:
        """The moment (ms since 1970 UTC) from which points earned at `at` can no longer be spent. O(1)."""
        begins, ends, expires = self._today  # one read: another thread may replace it
        if not begins <= at < ends:
            today = self._day(at)
            begins, ends = self._midnight(today), self._midnight(today + timedelta(days=1))
            expires = self._midnight(today + timedelta(days=self.points_valid_days + 1))
            self._today = (begins, ends, expires)
        return expires

    def _reminder(self, expires: int) -> int:
        """When (ms) to remind of what expires at `expires`: some days before its last, in the morning; 0 = never."""
        if not self.points_reminder_days:
            return 0
        day = self._last_day(expires) - timedelta(days=self.points_reminder_days)
        return _ms(datetime.combine(day, REMINDER_TIME, self._zone))

    def expires_on(self, expires: int) -> str:
        """The last day (YYYY-MM-DD) of what expires at `expires`."""
        return self._last_day(expires).isoformat()

    def _last_day(self, expires: int) -> date:
        return self._day(expires - 1)

    def _day(self, at: int) -> date:
        return datetime.fromtimestamp(at / 1000, self._zone).date()

    def _midnight(self, day: date) -> int:
        # Where clocks jump at midnight, fold 0 is the first instant of the new day in both directions.
        return _ms(datetime.combine(day, time(0), self._zone))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp()) * 1000


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}, not {value}")


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # needs no time zone database, which a bare machine may lack
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"zone must be a name of the IANA time zone database such as Asia/Shanghai, not {name!r}"
        ) from error
