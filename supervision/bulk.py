"""The bulk lane: timers whose work can wait, so that what users wait for goes first.

While nothing ordinary comes in, they fire like any other. While it does, one fires every `pace_ms`, and only when the
journal has taken in all that came; but one every `starve_ms` whatever comes, so that nobody waits for ever. What is
ordinary: whatever a door appends that does not say it is bulk itself. Timers and what domains emit are not counted:
they are somebody's work already under way, a bulk one's too.

A firing amid ordinary traffic says `held`, so that whoever works in pages can make this one small: how much is done at
a time decides how long a request may wait behind it, how often only what the lane gets in all.
"""

from __future__ import annotations

import msgspec

LULL_MS = 1_000
"""Without ordinary traffic for so long, there is none."""


class BulkLane(msgspec.Struct):
    """Belongs to the journal. Times in ms, of its own clock."""

    pace_ms: int
    starve_ms: int
    ordinary_at: int = -LULL_MS
    fired_at: int = 0

    def ordinary(self, now: int) -> None:
        """Something came in that goes first."""
        self.ordinary_at = now

    def fired(self, now: int) -> None:
        self.fired_at = now

    def free(self, now: int) -> bool:
        """Nothing goes first at present."""
        return now >= self.ordinary_at + LULL_MS

    def quota(self, now: int, kept_up: bool, limit: int) -> int:
        """How many may fire now, of `limit`. `kept_up`: nothing that came in waits any more."""
        if self.free(now):
            return limit
        return min(limit, 1) if now >= self.fired_at + (self.pace_ms if kept_up else self.starve_ms) else 0

    def opens_at(self, now: int) -> int:
        """When one may fire that is due now, if nothing waits then."""
        return now if self.free(now) else self.fired_at + self.pace_ms
