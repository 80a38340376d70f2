"""Moments of a user's own in the reference model of campaigns: a birthday, so many days after he last did something.

Which days they are is found by going through the calendar day by day. A moment that has come and was not told of yet
is late and not lost, whatever is heard meanwhile; but who does again what he was missed for was not away.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from itertools import count
from typing import Any

from simulation.campaign_time import shows
from simulation.points_calendar import day_of

OWN = frozenset({"birthday", "absent_for"})
"""Triggers whose time is each user's own."""


def away(trigger: dict[str, Any], zone: str, last: int) -> int:
    """When somebody who did it last at `last` has been away for long enough."""
    day = date.fromordinal(day_of(zone, last)) + timedelta(days=trigger["days"])
    return shows(zone, day, *_clock(trigger["at"]))


@lru_cache(maxsize=1_024)
def next_birthday(born: str, clock: str, zone: str, at: int) -> int:
    """The first one that is later than `at`."""
    month, day = (int(part) for part in born.split("-")[-2:])
    begin = date.fromordinal(day_of(zone, at))
    days = (begin + timedelta(days=n) for n in count(0))
    return next(then for on in days if _is_birthday(on, month, day) and (then := shows(zone, on, *_clock(clock))) > at)


def _is_birthday(on: date, month: int, day: int) -> bool:
    born_on_29 = (month, day) == (2, 29)
    return (on.month, on.day) == (month, day) or (
        born_on_29 and (on.month, on.day) == (2, 28) and (on + timedelta(days=1)).month == 3
    )


def _clock(text: str) -> tuple[int, int]:
    return int(text[:2]), int(text[3:])
