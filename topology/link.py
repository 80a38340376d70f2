"""What the rest of the house may know of a connection: one small board per side, written by its actor, read by any
thread.

It outlives the actor's incarnations, as what it says ("was connected once") must. Each attribute is replaced as a
whole; reading needs no lock.
"""

from __future__ import annotations


class Link:
    """The board of `side` ("bridge" or "relay")."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.ready = False
        """Connected, topology as it should be, and the consumer registered (bridge) or the channel open (relay)."""
        self.ever_ready = False
        """Was ready once in this process: from then on being away is `degraded`, not `starting`."""
        self.reason = "not connected yet"
        """Why it is not ready, empty when it is."""
        self.waiting = 0
        """Handed over and not yet acknowledged: to the broker (bridge), by the broker (relay)."""
        self.last_tick_s = 0.0
        """When the actor last ticked, monotonic seconds: liveness."""

    def opened(self) -> None:
        self.reason, self.ready, self.ever_ready = "", True, True

    def closed(self, reason: str) -> None:
        self.reason, self.ready = reason or "connection lost", False
