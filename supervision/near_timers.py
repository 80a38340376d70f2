"""The near timers: those rows of the timer table that come due soon, in memory, for the journal alone.

The table is the truth; this is a window on its beginning, in the order (due, segment, domain, subject, key). Rows up
to `loaded_to` are here, the others only in the store. Whatever is armed, cancelled or fired passes through `apply`
after the commit that made it durable, so the window cannot disagree with the table. Bounded: a million timers due in
one second are loaded in slices, each after the one before has fired.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from supervision.messages import ABSENCE, BULK, PLAIN, TimerOp, TimerRow

SLICE_ROWS = 5_000
"""Rows loaded at once; the window holds at most about twice as many, and what was armed into it."""
WINDOW_MS = 10 * 60 * 1000
"""How far ahead the window looks."""

Position = tuple[int, int, str, str, str]
TimerId = tuple[int, str, str, str]
Load = Callable[[Position, int, int], Sequence[TimerRow]]


def position(row: TimerRow) -> Position:
    return (row.due, row.segment, row.domain, row.subject, row.key)


def identity(row: TimerRow) -> TimerId:
    return (row.segment, row.domain, row.subject, row.key)


class NearTimers:
    """`load(after, until_ms, limit)` is the store's `timers_due`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._rows: dict[TimerId, TimerRow] = {}
        self._heaps: tuple[list[Position], ...] = ([], [], [])  # plain ones, absence ones, bulk ones
        self._loaded_to: Position = (0, 0, "", "", "")

    def refill(self, now_ms: int) -> None:
        """Load the next slice when the window is running low. One short read of the store at most."""
        # Those that wait for the watermark or for their lane do not count: they must not keep the plain ones from being
        # loaded.
        if len(self._heaps[PLAIN]) >= SLICE_ROWS or self._loaded_to[0] > now_ms + WINDOW_MS // 2:
            return
        until = now_ms + WINDOW_MS
        rows = self._load(self._loaded_to, until, SLICE_ROWS)
        for row in rows:
            self._add(row)
        self._loaded_to = position(rows[-1]) if len(rows) == SLICE_ROWS else (until + 1, 0, "", "", "")

    def _add(self, row: TimerRow) -> None:
        self._rows[identity(row)] = row
        heapq.heappush(self._heaps[row.sort], position(row))

    def apply(self, segment: int, domain: str, ops: Iterable[TimerOp]) -> None:
        """Take note of what a committed stage did to its domain's timers."""
        for op in ops:
            self._rows.pop((segment, domain, op.subject, op.key), None)
            if op.row is not None and position(op.row) <= self._loaded_to:
                self._add(op.row)

    def fired(self, rows: Iterable[TimerRow]) -> None:
        """Take note of rows that a commit marked as fired."""
        for row in rows:
            if self._rows.get(identity(row)) == row:
                del self._rows[identity(row)]

    def due(self, now_ms: int, watermark_ms: int, limit: int, bulk_max: int = 0) -> list[TimerRow]:
        """Rows to fire now, oldest first; absence ones only up to the watermark, and `bulk_max` bulk ones. They stay
        until `fired`. O(limit log n).
        """
        found: list[TimerRow] = []
        for sort, until in ((PLAIN, now_ms), (ABSENCE, min(now_ms, watermark_ms)), (BULK, now_ms)):
            heap = self._heaps[sort]
            if not heap or heap[0][0] > until:  # asked in every turn
                continue
            seen: list[Position] = []
            most = limit if sort != BULK else min(limit, len(found) + bulk_max)
            while heap and heap[0][0] <= until and len(found) < most:
                at = heapq.heappop(heap)
                row = self._standing(at, sort)
                if row is not None and (not seen or seen[-1] != at):
                    found.append(row)
                    seen.append(at)
            for at in seen:  # back again: only the commit may take a row out
                heapq.heappush(heap, at)
        return found

    def _standing(self, at: Position, sort: int) -> TimerRow | None:
        """The row that this place in its heap is for. Places outlive their rows: a key may have been armed anew since,
        for another moment, or for the same one as the other sort.
        """
        row = self._rows.get(at[1:])
        return row if row is not None and row.due == at[0] and row.sort == sort else None

    def next_due(self, bulk: bool = False) -> int | None:
        """When the soonest plain (or bulk) timer is due, ms; None when none is near."""
        sort = BULK if bulk else PLAIN
        heap = self._heaps[sort]
        while heap:
            if self._standing(heap[0], sort) is not None:
                return heap[0][0]
            heapq.heappop(heap)
        return None

    def __len__(self) -> int:
        return len(self._rows)

    def check(self) -> None:
        """Raise AssertionError when a row of the window could not be found by its due time."""
        at = {p for heap in self._heaps for p in heap}
        for row in self._rows.values():
            assert position(row) in at and position(row) <= self._loaded_to
