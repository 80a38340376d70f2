"""Limits at work: which count what, who keeps them, and which of them can never be what decides.

"Three a day, once ever, and a day between two" reads like prudence and is one limit and two that nobody will ever meet.
Such limits do no harm and are no error, but their author believes something that is not so: `dead` names them, each
with the one that makes it so.

A limit is dead when another one, which counts at least the same, lets pass no more in the dead one's window. How often
the other's window fits into it is reckoned for the longest that windows of days can be.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.calendar import DAY_MS, Unit
from actors.campaign.campaign import Campaign, Limit
from actors.windows.window_spec import Calendar, Days, Ever, Rolling, WindowSpec

CAMPAIGN, ALL, TAG, CHANNEL = "campaign", "all", "tag:", "channel:"
LONGER_MS = 2 * 3_600_000
"""That clocks which go back may add to days and periods."""

_NESTED: dict[Unit, tuple[Unit, ...]] = {
    "day": ("day", "week", "month", "quarter", "year"),
    "week": ("week",),
    "month": ("month", "quarter", "year"),
    "quarter": ("quarter", "year"),
    "year": ("year",),
}
"""In which periods a period always lies whole."""
_LONGEST: dict[Unit, int] = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
_SHORTEST: dict[Unit, int] = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}
"""In days."""


class LimitSpec(msgspec.Struct, frozen=True):
    """At most `count` of `scope` in `window`, which has its zone. `place`: where it stands in its campaign."""

    place: str
    scope: str
    window: WindowSpec
    count: int

    @property
    def of_messages(self) -> bool:
        """Kept by the domain that sends, for all messages; else by that of campaigns, for entries."""
        return self.scope == ALL or self.scope.startswith(CHANNEL)


def limits_of(campaign: Campaign) -> tuple[LimitSpec, ...]:
    """The limits of a campaign, in its zone."""
    return tuple(_spec(limit, f"limits[{n}]", campaign.zone) for n, limit in enumerate(campaign.limits))


def dead(limits: tuple[LimitSpec, ...], tags: tuple[str, ...]) -> Iterator[tuple[LimitSpec, LimitSpec]]:
    """(a limit that is never reached, the one because of which). O(limits²)."""
    for index, limit in enumerate(limits):
        for other_index, other in enumerate(limits):
            if index == other_index or not _counts_all_of(other, limit, tags):
                continue
            mutual = _bound(limit, other.window) <= other.count and _counts_all_of(limit, other, tags)
            if _bound(other, limit.window) <= limit.count and (not mutual or other_index < index):
                yield limit, other
                break


def _spec(limit: Limit, place: str, zone: str) -> LimitSpec:
    return LimitSpec(place, limit.scope, limit.window.spec(zone), limit.count)


def _counts_all_of(wide: LimitSpec, narrow: LimitSpec, tags: tuple[str, ...]) -> bool:
    """Whether what `narrow` counts, `wide` counts too."""
    if wide.scope == narrow.scope:
        return True
    if wide.scope.startswith(TAG):
        return narrow.scope == CAMPAIGN and wide.scope.removeprefix(TAG) in tags
    return wide.scope == ALL and narrow.scope.startswith(CHANNEL)


def _bound(limit: LimitSpec, window: WindowSpec) -> float:
    """The most that `limit` alone lets pass within `window`."""
    return limit.count * _covers(limit.window, window)


def _covers(cover: WindowSpec, window: WindowSpec) -> float:
    """How many stretches of `cover` are needed to hold a `window`, wherever it lies."""
    match cover:
        case Ever():
            return 1
        case Rolling(ms=ms):
            return _up(_longest_ms(window), ms)
        case Days(n=n):
            return _up(_days(window), n)
        case Calendar(unit="day"):
            return _days(window)
        case Calendar(unit=unit):
            if isinstance(window, Calendar) and unit in _NESTED[window.unit]:
                return 1
            return _up(_days(window), _SHORTEST[unit]) + 1


def _days(window: WindowSpec) -> float:
    """On how many calendar days some of it may lie."""
    match window:
        case Rolling(ms=ms):
            return _up(ms, DAY_MS) + 1
        case Days(n=n):
            return n
        case Calendar(unit=unit):
            return _LONGEST[unit]
        case Ever():
            return float("inf")


def _longest_ms(window: WindowSpec) -> float:
    return window.ms if isinstance(window, Rolling) else _days(window) * DAY_MS + LONGER_MS


def _up(whole: float, part: int) -> float:
    return whole if whole == float("inf") else -(-int(whole) // part)
