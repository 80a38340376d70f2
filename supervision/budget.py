"""How often a child may be restarted before that is no longer a cure: at most `intensity` times within any `period_s`.

Checked before each restart, failed starts included, as OTP does. Each child has its own: where siblings share one, a
flapping child spends what a healthy one will need.
"""

from __future__ import annotations

from collections import deque

RESTART_INTENSITY_MAX = 100
"""Restarts per period. More is a loop, not supervision."""


class RestartBudget:
    """A sliding window over the times of the last restarts. Times are monotonic seconds and never go back."""

    def __init__(self, intensity: int, period_s: float) -> None:
        assert 0 <= intensity <= RESTART_INTENSITY_MAX, (
            f"intensity {intensity} is not within 0..{RESTART_INTENSITY_MAX}"
        )
        assert period_s > 0, f"period of {period_s} s"
        self.intensity = intensity
        self.period_s = period_s
        self._restarts: deque[float] = deque()

    def spend(self, now_s: float) -> bool:
        """Take one restart at `now_s`; False, and nothing taken, when the period's are used up."""
        while self._restarts and self._restarts[0] <= now_s - self.period_s:
            self._restarts.popleft()
        if len(self._restarts) >= self.intensity:
            return False
        self._restarts.append(now_s)
        return True

    @property
    def spent(self) -> int:
        """Restarts in the period that ended at the last `spend`."""
        return len(self._restarts)

    def clear(self) -> None:
        """Somebody looked at it and wants it tried again."""
        self._restarts.clear()
