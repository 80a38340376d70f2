"""The log's clock: `at` never goes back, and does not follow a wall clock that leaps ahead.

Every expiry and cap is judged by `at`, so a clock set a year ahead for a minute would expire a year of points for
good. A leap is only visible against the monotonic clock; it is held for a while (somebody may set the clock back, as
time daemons do) and then believed, loudly. A wall clock that goes back simply makes the log's time stand still until
it has caught up.
"""

from __future__ import annotations

from supervision.clock import Clock

JUMP_S_MAX = 60
"""How far the wall clock may run ahead of the monotonic one between two readings."""
JUMP_HOLD_S = 10
"""How long a larger leap is not believed."""


class LogClock:
    """Reads `clock`; `now_ms` is monotone over the life of the log, not only of the process."""

    def __init__(self, clock: Clock, last_at: int) -> None:
        self._clock = clock
        self._last_at = last_at
        self._offset_ms = self._wall_minus_monotonic()
        self._leapt_at_s: float | None = None
        self.jumps = 0
        """Leaps that were held and then believed."""

    def _wall_minus_monotonic(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic_s() * 1000)

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC, never less than before."""
        now_s = self._clock.monotonic_s()
        offset = self._wall_minus_monotonic()
        if offset - self._offset_ms <= JUMP_S_MAX * 1000:
            self._offset_ms, self._leapt_at_s = offset, None
        elif self._leapt_at_s is None:
            self._leapt_at_s = now_s
        elif now_s - self._leapt_at_s >= JUMP_HOLD_S:
            self._offset_ms, self._leapt_at_s = offset, None
            self.jumps += 1
        self._last_at = max(self._last_at, round(now_s * 1000) + self._offset_ms)
        return self._last_at

    @property
    def holding(self) -> bool:
        """A leap of the wall clock is being held."""
        return self._leapt_at_s is not None
