"""Counters of a world: by name alone, in one thread, since counting must not be a tenth of a simulation's time."""

from __future__ import annotations

from collections import Counter


class Tally:
    """Counters (supervision/counters.py) without labels and locks."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}

    def count(self, name: str, n: int = 1, /, **labels: str | int) -> None:
        self.counts[name] += n

    def gauge(self, name: str, value: float, /, **labels: str | int) -> None:
        self.gauges[name] = value

    def observe(self, name: str, value: float, /, **labels: str | int) -> None:
        """Nobody asks."""
