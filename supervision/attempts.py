"""What a cell remembers over its incarnations: which entry it died of, how often, and how many it has set aside lately.

An incarnation is thrown away whole when it crashes; this outlives it, in memory, beside the cell's address. What must
outlive the process is said to the witness (witness.py), whose suspect of the processes before this one is taken for an
entry that has raised so often.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from supervision.runtime import SparesBudget
from supervision.store import Reader
from supervision.tail import Subscription
from supervision.witness import ONE_BY_ONE_DEATHS, Stand

ATTEMPTS_MAX = 3
"""A reaction that raised (or ended the process) this often on one entry gives up on it."""
DIED = "the process died while reacting to it"
PARKS_PER_HOUR_MAX = 20
"""More set aside in an hour than this: not the entries are ill but the domain."""
HOUR_MS = 3_600_000


class ReactionFailed(SparesBudget):
    """A reaction raised. Counts to the entry at `offset`, not to the restart budget."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"entry {offset}: {reason}")
        self.offset = offset


class Failures(msgspec.Struct, frozen=True):
    """Of one entry: how often it raised or killed, the last reason, and at which row of a retry, from 1, if any."""

    times: int = 0
    reason: str = ""
    row: int = 0


NONE = Failures()


class Attempts:
    """One cell's history. Touched only by the cell's own incarnations, one at a time; the watchdog reads the mark."""

    def __init__(self, stand: Stand) -> None:
        self.mark = stand.mark
        self.incarnation = 0
        self.subscription: Subscription | None = None
        self.reader: Reader | None = None
        """Of the newest incarnation. One that crashed could not close its own; the next one does."""
        self.one_by_one = 0
        """Entries up to here are taken one at a time: the process died over several of them at once."""
        self.recalled = False
        """What the processes before this one have set aside is counted."""
        self._failed: dict[int, Failures] = {}
        self._parks: deque[int] = deque()
        self._suspected = 0
        """Up to here the witness suspects somebody; 0: nobody."""
        one, several = stand.suspects.one, stand.suspects.several
        if one is not None:
            self._failed[one.offset] = Failures(one.times, DIED, one.row)
        if one is not None or several is not None:
            self._suspected = max(s.offset + s.span - 1 for s in (one, several) if s is not None)
        if several is not None and several.times >= ONE_BY_ONE_DEATHS:
            self.one_by_one = several.offset + several.span - 1

    def failed(self, offset: int, reason: str) -> None:
        self._failed[offset] = Failures(self.times(offset) + 1, reason)

    def poison(self, after: int) -> int | None:
        """The lowest entry beyond `after` that is known to have raised, or to have been there when a process died."""
        if not self._failed:  # asked with every batch
            return None
        return min((offset for offset in self._failed if offset > after), default=None)

    def hopeless(self, offset: int) -> str | None:
        """The last reason, when the entry has had its attempts."""
        failures = self._failed.get(offset) if self._failed else None  # asked of every entry
        return failures.reason if failures is not None and failures.times >= ATTEMPTS_MAX else None

    def deadly_row(self, offset: int) -> int | None:
        """Which of the rows, from 1, that the retry at `offset` folds is not to be tried any more."""
        return None if self.hopeless(offset) is None else self._failed[offset].row

    def times(self, offset: int) -> int:
        return self._failed.get(offset, NONE).times

    def passed(self, upto: int) -> None:
        """The checkpoint has moved: forget what lies behind it."""
        for offset in [o for o in self._failed if o <= upto]:
            del self._failed[offset]
        if 0 < self._suspected <= upto:
            self._suspected = 0
            self.mark.acquit()

    def recall(self, parks: Sequence[int]) -> None:
        """When (ms, newest first) those were set aside that still are: those of processes before this one count, too.
        More than PARKS_PER_HOUR_MAX would say nothing new. Once in a process.
        """
        assert not (self.recalled or self._parks), "counted twice"
        self.recalled = True
        self._parks.extendleft(parks)

    def parked(self, at: int) -> bool:
        """Note one set aside at `at` (ms); False when that was one too many within an hour."""
        self._parks.append(at)
        while self._parks and self._parks[0] <= at - HOUR_MS:
            self._parks.popleft()
        return len(self._parks) <= PARKS_PER_HOUR_MAX

    def resumed(self) -> None:
        """An operator let the domain go on: a new chance."""
        self._parks.clear()
        self._failed.clear()
        self._suspected = 0
        self.mark.acquit()
