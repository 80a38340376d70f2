"""Time comes in through a constructor, so that the simulator can own it.

`now_ms` is the wall clock, milliseconds since 1970 UTC; it may jump. `monotonic_s` never goes back and is for measuring
spans and deadlines only.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int: ...
    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's clocks. Built by `run.py` only."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


class VirtualClock:
    """A clock that stands still until somebody advances it."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self._start_ms = now_ms
        self._elapsed_s = 0.0
        self.skew_ms = 0
        """Added to the wall clock only: how a simulated world makes it jump."""

    def now_ms(self) -> int:
        return self._start_ms + self.skew_ms + round(self._elapsed_s * 1000)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def advance_to(self, monotonic_s: float) -> None:
        assert monotonic_s >= self._elapsed_s, "time never goes back"
        self._elapsed_s = monotonic_s

    def advance(self, seconds: float) -> None:
        self.advance_to(self._elapsed_s + seconds)
