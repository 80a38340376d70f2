"""The rows that keep one segment's calls in the store: a number for each call, used again when the call has ended.

The store keeps states and forgets none, so a row for each call ever made would be a row for ever. As it is there are as
many as calls once waited together, and a free one is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush

from supervision.entry import part_subject
from topology.webhooks.call import Call, unpack

FREE = b""
_PART = "call:"


class Rows:
    """Number -> call, of one segment."""

    def __init__(self, segment: int) -> None:
        self._segment = segment
        self._free: list[int] = []
        self._next = 0
        self.calls: dict[int, Call] = {}

    def subject(self, number: int) -> str:
        """What the store knows the row by."""
        return part_subject(self._segment, f"{_PART}{number}")

    def fill(self, found: Mapping[str, bytes]) -> None:
        """All rows as the store has them, by subject. Raises when one is none of ours."""
        numbered = {int(subject.rpartition(":")[2]): data for subject, data in found.items()}
        self.calls = {number: unpack(data) for number, data in numbered.items() if data != FREE}
        self._next = max(numbered, default=-1) + 1
        self._free = [number for number in range(self._next) if number not in self.calls]
        heapify(self._free)

    def take(self, call: Call) -> int:
        """A number for `call`. O(log n)."""
        if self._free:
            number = heappop(self._free)
        else:
            number, self._next = self._next, self._next + 1
        self.calls[number] = call
        return number

    def end(self, number: int) -> None:
        """The row is free. O(log n)."""
        del self.calls[number]
        heappush(self._free, number)

    def check(self) -> None:
        """Raise AssertionError unless each number below the next is either a call's or free."""
        assert len(set(self._free)) == len(self._free)
        assert sorted([*self._free, *self.calls]) == list(range(self._next))
