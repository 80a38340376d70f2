"""The slots that a user's limits have: one is reserved with the decision to send and given back when nothing was sent.

A limit is so many within a window, of all that shares a scope: a campaign, a tag, a channel, everything. Whoever sends
asks at once for all the limits of all the scopes that the message belongs to. A cool-down is a limit of one in a
rolling window.

Of a scope, the times of what was sent are all that is kept, and of these only the last `count` (of its largest limit).
That is enough. A limit has room when its `count`-th last has left the window: nobody asks about earlier ones. Those
could matter only when later ones are given back; but when the last was let in, fewer than `count` were in each window,
so what was forgotten then was outside every window already, and a window does not take back what has left it. So the
answer is exact, in whatever order slots come back.

That is so where all of a scope are let in by the same limits. Whoever is counted without being asked about all of them
(`also`: a campaign bears a tag that others limit) comes in while they are full; given back, he would leave a gap where
one stood that was forgotten for his sake. So `kept` must then be as many more as may still be given back.

"Does not take back" holds as long as the limits stay as they are. When one gets a longer window, or its calendar a
zone further west, what was forgotten may be missed: then as many more may pass as were given back of the last `count`
or as `count` has grown by, and none otherwise. What is remembered is counted in the new window from then on.

Times of one scope are alike: what a slot gives back is one of its moment. Whoever reserved a slot gives it back once.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec

from actors.windows.window_edges import kept_from, leaves
from actors.windows.window_spec import WindowSpec

COUNT_MAX = 366
"""Of a limit: one a day for a year."""
RETURNABLE_MAX = 128
"""Of one scope, that may still be given back and are kept for that."""


class Limit(Protocol):
    """No more than `count`, 1 to COUNT_MAX, of `scope` within `window`."""

    @property
    def scope(self) -> str: ...
    @property
    def window(self) -> WindowSpec: ...
    @property
    def count(self) -> int: ...


class Slots(msgspec.Struct, array_like=True, gc=False):
    """By scope the times (ms) of what was sent last, oldest first."""

    times: dict[str, list[int]] = {}


class Slot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was reserved at `at`, one of each of `scopes`."""

    at: int
    scopes: tuple[str, ...]


class Capped(msgspec.Struct, frozen=True):
    """Nothing was reserved. The limit at `index` is the one that stays full longest, of equal ones the first; each has
    room from `free_at` on unless more is sent (NEVER: it has not).
    """

    index: int
    free_at: int


def capped(slots: Slots, limits: Sequence[Limit], now: int) -> Capped | None:
    """Whether a slot could not be reserved at `now`. Changes nothing. O(limits)."""
    free_at, index = max([(_free_at(slots, limit), -place) for place, limit in enumerate(limits)], default=(0, 0))
    return Capped(-index, free_at) if free_at > now else None


def reserve(
    slots: Slots, limits: Sequence[Limit], now: int, also: Collection[str] = (), kept: int = 0
) -> Slot | Capped:
    """One of each scope that `limits` name, and of those in `also`, at `now`, which never goes back; or none of any.
    `kept`: so many times are kept at least, where others ask about a scope with limits of their own, and those that may
    be given back besides (the module's essay). O(limits × count).
    """
    if no := capped(slots, limits, now):
        return no
    slot = Slot(now, tuple(dict.fromkeys([*[limit.scope for limit in limits], *also])))
    for scope in slot.scopes:
        times = slots.times.setdefault(scope, [])
        insort(times, now)
        del times[: -max([kept, *[limit.count for limit in limits if limit.scope == scope]])]
    return slot


def give_back(slots: Slots, slot: Slot) -> None:
    """Nothing was sent for `slot`. One that has been forgotten counts no longer anyway."""
    for scope in slot.scopes:
        times = slots.times.get(scope, [])
        at = bisect_left(times, slot.at)
        if at < len(times) and times[at] == slot.at:
            del times[at]
            if not times:
                del slots.times[scope]


def forget(slots: Slots, limits: Collection[Limit], now: int) -> None:
    """Drop what none of `limits`, which are all that there are, will ask about. O(limits + what is kept)."""
    needed: dict[str, int] = {}
    for limit in limits:
        needed[limit.scope] = min(kept_from(limit.window, now), needed.get(limit.scope, now))
    kept = {
        scope: times[bisect_left(times, needed[scope]) :] for scope, times in slots.times.items() if scope in needed
    }
    slots.times = {scope: times for scope, times in kept.items() if times}


def check(slots: Slots) -> None:
    """Raise AssertionError unless what is kept is in order and bounded."""
    for scope, times in slots.times.items():
        assert times, f"{scope}: nothing is kept as something"
        most = COUNT_MAX + RETURNABLE_MAX
        assert len(times) <= most, f"{scope}: more than {most} times"
        assert all(time <= later for time, later in pairwise(times)), f"{scope}: times out of order"


def _free_at(slots: Slots, limit: Limit) -> int:
    """When the limit has room, 0 when it has been so all along."""
    times = slots.times.get(limit.scope, [])
    return leaves(limit.window, times[-limit.count]) if len(times) >= limit.count else 0
