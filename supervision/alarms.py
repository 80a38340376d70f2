"""Messages to be sent later: a heap that both runtimes share. It holds no clock; they say what time it is.

Cancelled alarms stay in the heap until their time or until they are the greater half of it: a relay that arms and
cancels a deadline per message would otherwise keep an hour of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from supervision.runtime import Address

SWEEP_ALARMS_MIN = 64
"""Below this many cancelled ones a sweep is not worth its while."""


class Alarm:
    """One message to be sent at `due_s` (monotonic seconds)."""

    __slots__ = ("_on_cancel", "due_s", "message", "to")

    def __init__(self, due_s: float, to: Address, message: Any, on_cancel: Callable[[], None]) -> None:
        self.due_s = due_s
        self.message = message
        self.to: Address | None = to
        self._on_cancel = on_cancel

    def cancel(self) -> None:
        """The message is not sent, unless it already was. Any thread; again is nothing."""
        if self.to is not None:
            self.to = self.message = None
            self._on_cancel()


class Alarms:
    """Ordered by (due, order of setting). Not thread-safe but for `Alarm.cancel`; the owner locks."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._set = 0
        self._cancelled = 0
        """How many in the heap are cancelled, at most: those cancelled after they were sent are counted too."""

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, due_s: float, to: Address, message: Any) -> Alarm:
        """O(log n)."""
        if self._cancelled > SWEEP_ALARMS_MIN and self._cancelled * 2 > len(self._heap):
            self.keep(lambda _: True)
        alarm = Alarm(due_s, to, message, self._count_cancelled)
        self._set += 1
        heapq.heappush(self._heap, (due_s, self._set, alarm))
        return alarm

    def next_due_s(self) -> float | None:
        """When the first alarm that still stands is due."""
        while self._heap and self._heap[0][2].to is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_s: float) -> list[Alarm]:
        """Those due by `now_s`, in order. One may still be cancelled before it is sent."""
        due: list[Alarm] = []
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            alarm = heapq.heappop(heap)[2]
            if alarm.to is None:
                self._cancelled -= 1
            else:
                due.append(alarm)
        return due

    def keep(self, wanted: Callable[[Address], bool]) -> None:
        """Forget all alarms whose address is not `wanted`, and the cancelled ones. O(n)."""
        self._heap = [item for item in self._heap if item[2].to is not None and wanted(item[2].to)]
        heapq.heapify(self._heap)
        self._cancelled = 0

    def waiting(self) -> list[Alarm]:
        """What stands, soonest first. O(n log n); for people."""
        return [alarm for _, _, alarm in sorted(self._heap) if alarm.to is not None]

    def _count_cancelled(self) -> None:
        self._cancelled += 1
