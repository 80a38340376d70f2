"""A limit: so many within a window, of all that shares a scope; and which limits can never be what stops anything.

Scopes are names that the caller makes: a campaign, a tag, a channel, everything. Whoever sends asks for all the limits
of all the scopes that the message belongs to, at once. A cool-down is a limit of one in a rolling window.

Marketing people write limits side by side that contradict each other ("three a day, once per user, 24 hours between
two": the second leaves nothing for the others to do). `idle` names those that another one of the same scope never lets
be reached: not wrong, but not what their writer thinks either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from actors.calendar import DAY_MS, HOUR_MS, LONGEST_DAYS, Unit
from actors.campaign.window_spec import Calendar, Days, Ever, Rolling, WindowSpec

COUNT_MAX = 366
"""One a day for a year."""
_WHOLE: Mapping[Unit, tuple[Unit, ...]] = {
    "day": ("day",),
    "week": ("day", "week"),
    "month": ("day", "month"),
    "quarter": ("day", "month", "quarter"),
    "year": ("day", "month", "quarter", "year"),
}
"""What a unit is made of without a rest."""
_LONGER_MS = 3 * HOUR_MS
"""By how much clocks that are put back lengthen a window of days: an hour nearly everywhere, at Casey station three."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No more than `count` of `scope` within `window`."""

    scope: str
    window: WindowSpec
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX)]


def idle(limits: Sequence[Limit]) -> Iterator[tuple[Limit, Limit]]:
    """(limit that is never reached, the one of the same scope because of which). Of two that say the same the later is
    idle. Not all are found: two others may together leave nothing to a third. O(limits²).
    """
    for index, limit in enumerate(limits):
        for place, other in enumerate(limits):
            if place != index and other.scope == limit.scope and _within(limit, other, place < index):
                yield limit, other
                break


def _within(limit: Limit, other: Limit, first: bool) -> bool:
    """Whether `other` alone never lets `limit` stop anything; where each does so of the other, the `first` does."""
    return _never_stops(limit, other) and (first or not _never_stops(other, limit))


def _never_stops(limit: Limit, other: Limit) -> bool:
    """A limit stops something only when `count` are in its window and `other` would let one more pass. If the window of
    `other` holds this one, these are in it too; else so many of its windows cover this one, each with its count.
    """
    if _holds(other.window, limit.window):
        return other.count <= limit.count
    if isinstance(other.window, Rolling) and (length := _length_ms(limit.window)):
        return -(-length // other.window.ms) * other.count <= limit.count
    return False


def _holds(outer: WindowSpec, inner: WindowSpec) -> bool:
    """Whether whatever is in `inner` is in `outer` at the same moment."""
    match outer, inner:
        case Ever(), _:
            return True
        case Rolling(ms=ms), _:
            return 0 < _length_ms(inner) <= ms
        case Days(n=n, zone=zone), Days(n=fewer, zone=same):
            return zone == same and fewer <= n
        case Days(n=n, zone=zone), Calendar(unit=unit, zone=same):
            return zone == same and LONGEST_DAYS[unit] <= n
        case Calendar(unit=unit, zone=zone), Calendar(unit=shorter, zone=same):
            return zone == same and shorter in _WHOLE[unit]
        case _:
            return False


def _length_ms(window: WindowSpec) -> int:
    """As long as the window can be; 0: it has no end."""
    match window:
        case Rolling():
            return window.ms
        case Days():
            return window.n * DAY_MS + _LONGER_MS
        case Calendar():
            return LONGEST_DAYS[window.unit] * DAY_MS + _LONGER_MS
        case Ever():
            return 0
