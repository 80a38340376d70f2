"""How long to wait before a restart: twice as long each time, with jitter: what fell together must not rise together.

It keeps no count of its own. The attempt is the number of restarts in the budget's period, so a child that behaves for
a period begins again at the first delay.
"""

from __future__ import annotations

from functools import cache
from random import Random

import msgspec


class BackOff(msgspec.Struct, frozen=True):
    """Seconds. Attempt n waits `first_s * 2 ** (n - 1)`, at most `most_s`, plus up to `jitter` of it."""

    first_s: float = 0.1
    most_s: float = 5.0
    jitter: float = 0.2

    def delay_s(self, attempt: int, rng: Random) -> float:
        """Before restart number `attempt`, counted from 1."""
        assert attempt >= 1, attempt
        return min(self.first_s * 2.0 ** min(attempt - 1, 64), self.most_s) * (1.0 + self.jitter * rng.random())

    def longest_s(self, attempts: int) -> float:
        """At most this long do `attempts` waits take together."""
        return _longest_s(self, attempts)


@cache
def _longest_s(of: BackOff, attempts: int) -> float:
    """Each supervisor of a tree asks, and they are few kinds."""
    return sum([min(of.first_s * 2.0 ** min(n, 64), of.most_s) for n in range(attempts)]) * (1.0 + of.jitter)
