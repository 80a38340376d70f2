"""A clock whose wall time can be bent: it jumps ahead, back, or stands still while time goes on.

`skew_ms` (VirtualClock's) makes it jump; while it stands, `now_ms` says the same again and again, as a guest's clock
does when its host forgets it. The monotonic side is never touched.
"""

from __future__ import annotations

from supervision.clock import VirtualClock


class BentClock(VirtualClock):
    """A world's clock."""

    def __init__(self, now_ms: int) -> None:
        super().__init__(now_ms)
        self._stands_at: int | None = None

    def now_ms(self) -> int:
        return VirtualClock.now_ms(self) if self._stands_at is None else self._stands_at

    def stand(self) -> None:
        """From now on the wall clock says the same."""
        self._stands_at = self.now_ms()

    def go_on(self) -> None:
        """It has caught up with what it missed."""
        self._stands_at = None
