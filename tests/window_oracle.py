"""Counters and limits as whoever has all the paper would keep them: every event on a list, read anew for each question.

What is in a window is told by the dates of the two moments alone, not by where a window begins or ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import msgspec

from actors.calendar import calendar, first
from actors.windows.slots import Limit, Slot
from actors.windows.window_spec import (
    Calendar,
    Count,
    CounterSpec,
    Days,
    DistinctDays,
    Ever,
    LastTime,
    Rolling,
    Sum,
    WindowSpec,
)


@dataclass
class PlainEvents:
    """All that happened: [when, how much is left of it], and nothing else."""

    events: list[list[int]] = field(default_factory=list)

    def within(self, window: WindowSpec, now: int) -> list[list[int]]:
        return [event for event in self.events if event[0] <= now and is_in(window, event[0], now)]

    def value(self, spec: CounterSpec, now: int) -> int | None:
        there = [event for event in self.within(spec.window, now) if event[1]]
        match spec.measure:
            case Count() | Sum():
                return sum(amount for _, amount in there)
            case DistinctDays(zone=zone):
                return len({day(zone, at) for at, _ in there})
            case LastTime():
                return max((at for at, _ in there), default=None)


class PlainLimit(msgspec.Struct, frozen=True):
    scope: str
    window: WindowSpec
    count: int


@dataclass
class PlainSlots:
    """Every slot that is out, in full."""

    out: list[Slot] = field(default_factory=list)

    def room(self, limit: Limit, now: int) -> int:
        of_scope = [slot.at for slot in self.out if limit.scope in slot.scopes and slot.at <= now]
        return limit.count - sum(is_in(limit.window, at, now) for at in of_scope)

    def lets_pass(self, limits: Sequence[Limit], now: int) -> bool:
        return all(self.room(limit, now) > 0 for limit in limits)


def is_in(window: WindowSpec, at: int, now: int) -> bool:
    """Whether an event of `at` is in the window at `now`."""
    match window:
        case Rolling(ms=length):
            return at > now - length
        case Days(n=n, zone=zone):
            return (day(zone, now) - day(zone, at)).days < n
        case Calendar(unit=unit, zone=zone):
            return first(unit, day(zone, at)) == first(unit, day(zone, now))
        case Ever():
            return True


@lru_cache(100_000)
def day(zone: str, at: int) -> date:
    return calendar(zone).day(at)
