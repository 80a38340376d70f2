"""What limits ask of a calendar: which day a moment is in, when a day begins, where its month begins.

Limits reckon in days, as ordinals (`date.toordinal`) of the programme's zone; only the edges of days are moments. So
one thing alone knows of zones and summer time, and whoever tests a limit can give it a calendar of ten lines.
"""

from __future__ import annotations

from typing import Literal, Protocol

Period = Literal["week", "month", "quarter", "year"]

_LONGEST: dict[Period, int] = {"week": 7, "month": 31, "quarter": 92, "year": 366}
"""Days. So many after a period's first day lie in the next period, and never in the one after that."""


class Days(Protocol):
    """Days of one zone; of one thread or of all, it has no state that anybody could see."""

    def day(self, at: int) -> int:
        """The ordinal of the day that holds the moment `at` (ms since 1970 UTC)."""
        ...

    def start_of(self, day: int) -> int:
        """The first instant (ms) of `day`."""
        ...

    def first_day(self, day: int, per: Period) -> int:
        """The first day of the week (from Monday), month, quarter or year that holds `day`."""
        ...


def next_first_day(days: Days, day: int, per: Period) -> int:
    """The first day of the period after the one that holds `day`."""
    return days.first_day(days.first_day(day, per) + _LONGEST[per], per)
