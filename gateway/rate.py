"""How many requests a key may make: a bucket of tokens for each, refilled steadily.

A bucket holds a minute's worth, so a burst is served as long as the minute's average keeps to the limit. A request that
is turned away costs nothing. Time comes in with each question; nothing here waits or looks at a clock.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import msgspec

PERIOD_S = 60.0
SLACK = 1e-6
"""Of a token: what adding up fractions may lose, so that who waited as long as he was told is served."""


class Verdict(msgspec.Struct, frozen=True):
    """`left` requests could follow at once; in `full_s` the whole `limit`. `wait_s`: 0, or turned away until then."""

    limit: int
    left: int
    full_s: int
    wait_s: int = 0

    def headers(self) -> dict[str, str]:
        """What every answer to the key says."""
        said = {"limit": self.limit, "remaining": self.left, "reset": self.full_s}
        return {f"ratelimit-{name}": str(value) for name, value in said.items()}


class Buckets:
    """One bucket per key id. Used by the HTTP loop only."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}
        """Tokens, and when they were counted."""

    def take(self, id: str, per_minute: int, now_s: float) -> Verdict:
        """Count a request of `id` at `now_s` (monotonic). `per_minute` may differ from the last time's. O(1)."""
        tokens, then_s = self._levels.get(id, (float(per_minute), now_s))
        tokens = min(float(per_minute), tokens + (now_s - then_s) * per_minute / PERIOD_S)
        granted = tokens >= 1.0 - SLACK
        tokens = max(0.0, tokens - granted)
        self._levels[id] = (tokens, now_s)
        full_s = _whole_s((per_minute - tokens) * PERIOD_S / per_minute)
        wait_s = 0 if granted else max(1, _whole_s((1.0 - tokens) * PERIOD_S / per_minute))
        return Verdict(per_minute, int(tokens + SLACK), full_s, wait_s)

    def keep(self, ids: Collection[str]) -> None:
        """Forget everybody else."""
        self._levels = {id: level for id, level in self._levels.items() if id in ids}


def _whole_s(seconds: float) -> int:
    return math.ceil(seconds - SLACK)
