"""The calls of one endpoint that are not ended: whose turn it is.

Each endpoint has its own queue and its own places, so one that answers slowly holds up nobody else's calls. The one
that is due soonest goes first; an order is not promised, since a call that failed comes behind later ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

Key = tuple[int, int]
"""A call: its segment, and the number of its row there."""


class Queue:
    """Keys with the moment at which each is due, ms. `parallel` of them may be under way."""

    def __init__(self, parallel: int) -> None:
        self._parallel = parallel
        self._waiting: list[tuple[int, Key]] = []
        self._under_way: set[Key] = set()
        self._paused_until = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def add(self, key: Key, due: int) -> None:
        """O(log n)."""
        heappush(self._waiting, (due, key))

    def pause(self, until: int) -> None:
        """Nobody's turn comes before."""
        self._paused_until = max(self._paused_until, until)

    def due(self, now: int) -> Iterator[Key]:
        """Those whose turn it is; each is under way from here on. O(log n) each."""
        while (
            self._waiting
            and self._waiting[0][0] <= now
            and self._paused_until <= now
            and len(self._under_way) < self._parallel
        ):
            key = heappop(self._waiting)[1]
            self._under_way.add(key)
            yield key

    def ended(self, key: Key) -> None:
        """The attempt is over; the key is no longer here unless it is added again."""
        self._under_way.remove(key)

    def check(self) -> None:
        """Raise AssertionError when a key is in two places or too many are under way."""
        waiting = [key for _, key in self._waiting]
        assert len(set(waiting)) == len(waiting), "a call waits twice"
        assert self._under_way.isdisjoint(waiting), "a call waits and is under way"
        assert len(self._under_way) <= self._parallel
