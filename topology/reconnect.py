"""When to try a connection again: jittered doubling, so that engines that lost the same broker don't all come back at
once.

A connection counts as good only after it has carried something or stood for a while. One that opens and dies at once
(a message the client library cannot read, a queue of another make) must not turn into a tight loop.
"""

from __future__ import annotations

from random import Random

RETRY_S_MIN = 0.2
RETRY_S_MAX = 15.0


class Reconnect:
    """Doubles from `RETRY_S_MIN` to `RETRY_S_MAX` until `good`; each wait is drawn from the upper half of its step."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._failures = 0

    def wait_s(self) -> float:
        step = min(RETRY_S_MAX, RETRY_S_MIN * 2 ** min(self._failures, 16))
        self._failures += 1
        return step * self._rng.uniform(0.5, 1.0)

    def good(self) -> None:
        self._failures = 0
