"""Counters: how the engine says how often, how much and how long, without knowing who listens.

Everything below the doors counts through this one small protocol, so that supervision needs no metrics library and a
simulated world can read the same numbers that an operator sees. Names are plain words (`restarts`, not a metric's
full name); the table of all of them, with their labels and units, stands in gateway/metrics.py, and a test holds
every call in the house to it.

Counting must never fail and never wait: no method raises, blocks on I/O or allocates without bound. A label's values
therefore come from small closed sets (a domain, a segment, a refusal code), never from what a sender wrote, and never
name a person.
"""

from __future__ import annotations

import threading
from typing import Protocol

Labels = tuple[tuple[str, str], ...]
"""Sorted (label, value) pairs."""


class Counters(Protocol):
    """Called by any thread. A label's value may be a string or an integer; it is written as `str(value)`."""

    def count(self, name: str, n: int = 1, /, **labels: str | int) -> None:
        """Add `n` >= 0 to a counter, which only ever grows."""
        ...

    def gauge(self, name: str, value: float, /, **labels: str | int) -> None:
        """Set what is so at the moment: a length, a lag, an age."""
        ...

    def observe(self, name: str, value: float, /, **labels: str | int) -> None:
        """Add one measurement to a distribution: seconds, or how many of something."""
        ...


class NullCounters:
    """Counts nothing: for tests and tools that do not ask."""

    def count(self, name: str, n: int = 1, /, **labels: str | int) -> None:
        """Nothing."""

    def gauge(self, name: str, value: float, /, **labels: str | int) -> None:
        """Nothing."""

    def observe(self, name: str, value: float, /, **labels: str | int) -> None:
        """Nothing."""


class Tally:
    """Counts into plain dicts, for tests and simulated worlds.

    >>> tally = Tally()
    >>> tally.count("appended", 3, segment=1)
    >>> tally.counted("appended"), tally.counted("appended", segment=2)
    (3, 0)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: dict[tuple[str, Labels], int] = {}
        self.gauges: dict[tuple[str, Labels], float] = {}
        self.observed: dict[tuple[str, Labels], tuple[int, float, float]] = {}
        """How many, their sum, the largest: bounded however long a world runs."""

    def count(self, name: str, n: int = 1, /, **labels: str | int) -> None:
        assert n >= 0, f"{name} would shrink by {-n}"
        key = (name, _sorted(labels))
        with self._lock:
            self.counts[key] = self.counts.get(key, 0) + n

    def gauge(self, name: str, value: float, /, **labels: str | int) -> None:
        with self._lock:
            self.gauges[(name, _sorted(labels))] = value

    def observe(self, name: str, value: float, /, **labels: str | int) -> None:
        key = (name, _sorted(labels))
        with self._lock:
            n, total, largest = self.observed.get(key, (0, 0.0, value))
            self.observed[key] = (n + 1, total + value, max(largest, value))

    def counted(self, name: str, /, **labels: str | int) -> int:
        """The sum over all children of counter `name` that carry these labels. O(children)."""
        wanted = set(_sorted(labels))
        with self._lock:
            return sum(n for (key, pairs), n in self.counts.items() if key == name and wanted <= set(pairs))


def _sorted(labels: dict[str, str | int]) -> Labels:
    return tuple(sorted((label, str(value)) for label, value in labels.items()))
