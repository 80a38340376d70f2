"""Calendars to test limits with: UTC by plain arithmetic, and the days of a zone that changes its clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from actors.points.days import Period

HOUR = 3_600_000
DAY = 24 * HOUR
_EPOCH = date(1970, 1, 1).toordinal()


def ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def ms(text: str) -> int:
    """Of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


class UtcDays:
    def day(self, at: int) -> int:
        return at // DAY + _EPOCH

    def start_of(self, day: int) -> int:
        return (day - _EPOCH) * DAY

    def first_day(self, day: int, per: Period) -> int:
        there = date.fromordinal(day)
        match per:
            case "week":
                return day - there.weekday()
            case "month":
                return there.replace(day=1).toordinal()
            case "quarter":
                return there.replace(month=(there.month - 1) // 3 * 3 + 1, day=1).toordinal()
            case "year":
                return there.replace(month=1, day=1).toordinal()


class ZoneDays(UtcDays):
    """What is a day or a month has no zone; where a day begins has."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def day(self, at: int) -> int:
        return datetime.fromtimestamp(at / 1000, self._zone).toordinal()

    def start_of(self, day: int) -> int:
        return round(datetime.combine(date.fromordinal(day), time(0), self._zone).timestamp()) * 1000
