"""The tail: the newest committed entries of one segment, in a bounded ring that readers pull from.

Readers pull because then a slow one costs the ring nothing, and one that was restarted has a single way back whether
it is one entry behind or a million: what the ring no longer holds comes from the store. An entry enters the ring only
after the transaction that holds it has returned; that is the only moment at which anybody can see it.

Written by the journal's thread, read by every reader's: the lock is held for slices only, never while the store is
read.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from supervision.entry import Entry
from supervision.messages import WAKE, Wake
from supervision.store import Reader

RING_ENTRIES_MAX = 8_192
RING_BYTES_MAX = 8 * 1024 * 1024

OUTWARD = frozenset({"*outward*"})
"""Instead of kinds, or beside some: every entry with a routing key."""


class Wakeable(Protocol):
    """What the tail needs of an address."""

    def tell(self, message: Wake, /) -> None: ...


class Subscription:
    """One reader's wake flag: at most one Wake is under way to it. The reader clears it before it looks at the head."""

    def __init__(self, ref: Wakeable, kinds: frozenset[str]) -> None:
        self._ref = ref
        self._kinds = kinds
        self._outward = kinds >= OUTWARD
        self._flag = threading.Lock()  # as an atomic flag: locked = a Wake is under way

    def wants(self, kinds: AbstractSet[str], outward: bool) -> bool:
        """Whether entries of these kinds concern it; `outward`: some of them have a routing key."""
        return (outward and self._outward) or not self._kinds.isdisjoint(kinds)

    def wake(self) -> None:
        if self._flag.acquire(blocking=False):
            self._ref.tell(WAKE)

    def clear(self) -> None:
        if self._flag.locked():
            self._flag.release()


class Tail:
    """The ring `base..head` of `segment`; empty when base = head + 1."""

    def __init__(
        self, segment: int, head: int, entries_max: int = RING_ENTRIES_MAX, bytes_max: int = RING_BYTES_MAX
    ) -> None:
        self.segment = segment
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._ring: list[Entry] = []
        self._base = head + 1
        self._bytes = 0
        self._subscriptions: list[Subscription] = []

    @property
    def head(self) -> int:
        """The last visible offset."""
        with self._lock:
            return self._base + len(self._ring) - 1

    @property
    def length(self) -> int:
        """Entries held."""
        with self._lock:
            return len(self._ring)

    def subscribe(self, ref: Wakeable, kinds: frozenset[str]) -> Subscription:
        """Wake `ref` whenever an entry of these kinds (or OUTWARD) becomes visible."""
        subscription = Subscription(ref, kinds)
        with self._lock:
            self._subscriptions = [*self._subscriptions, subscription]
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = [s for s in self._subscriptions if s is not subscription]

    def publish(self, new: Sequence[Entry]) -> None:
        """Make `new` visible; called by the journal alone, after the commit."""
        with self._lock:
            assert new[0].offset == self._base + len(self._ring), (new[0].offset, self._base, len(self._ring))
            self._ring.extend(new)
            self._bytes += sum(len(entry.body) for entry in new)
            self._trim()
            subscriptions = self._subscriptions
        kinds, outward = {entry.kind for entry in new}, any(entry.seq for entry in new)
        for subscription in subscriptions:
            if subscription.wants(kinds, outward):
                subscription.wake()

    def wake_all(self) -> None:
        """Wake every reader, whatever its kinds: so that the checkpoints of quiet ones move."""
        for subscription in self._subscriptions:
            subscription.wake()

    def _trim(self) -> None:
        """Dropping from the front of a list moves the rest, so it is done in eighths of the ring, not one by one."""
        surplus = len(self._ring) - self._entries_max
        if surplus < max(1, self._entries_max // 8) and self._bytes <= self._bytes_max + self._bytes_max // 8:
            return
        surplus = max(0, surplus)
        freed = sum(len(entry.body) for entry in self._ring[:surplus])
        while self._bytes - freed > self._bytes_max and surplus < len(self._ring):
            freed += len(self._ring[surplus].body)
            surplus += 1
        del self._ring[:surplus]
        self._base += surplus
        self._bytes -= freed

    def read(self, cursor: int, n: int, kinds: frozenset[str], reader: Reader) -> tuple[list[Entry], int]:
        """The next entries of `kinds` after `cursor`, looking at `n` at most, and the last offset looked at.

        From the ring where it reaches back far enough, else from the store; never past the head. Contiguity is
        asserted: a hole here would be a lost event.
        """
        with self._lock:
            base, head = self._base, self._base + len(self._ring) - 1
            taken = self._ring[cursor + 1 - base : cursor + 1 - base + n] if cursor + 1 >= base else None
        if cursor >= head:
            return [], cursor
        if taken is None:
            taken = list(reader.read_log(self.segment, cursor, min(head, cursor + n), n))
        assert taken and taken[0].offset == cursor + 1, f"segment {self.segment}: entry {cursor + 1} is gone"
        assert taken[-1].offset == cursor + len(taken), f"segment {self.segment}: a hole after {cursor}"
        if kinds >= OUTWARD:
            return [entry for entry in taken if entry.seq or entry.kind in kinds], taken[-1].offset
        return [entry for entry in taken if entry.kind in kinds], taken[-1].offset

    def check(self) -> None:
        """Raise AssertionError when the ring is not contiguous or its accounting is off."""
        with self._lock:
            for i, entry in enumerate(self._ring):
                assert entry.offset == self._base + i and entry.segment == self.segment
            assert self._bytes == sum(len(entry.body) for entry in self._ring)
