"""What limits ask of a calendar: which day a moment is in, when a day begins, where its month begins.

Limits reckon in days, as ordinals (`date.toordinal`) of the programme's zone; only the edges of days are moments. So
one thing alone knows of zones and summer time, and whoever tests a limit can give it a calendar of ten lines.
"""

from __future__ import annotations

from typing import Literal, Protocol

from actors.calendar import LONGEST_DAYS

Period = Literal["week", "month", "quarter", "year"]


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
    # So many days after a period's first one lie in the next period, and never in the one after that.
    return days.first_day(days.first_day(day, per) + LONGEST_DAYS[per], per)
