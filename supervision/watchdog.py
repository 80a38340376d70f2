"""The watchdog: names a batch of reactions that takes too long. It can end nothing, since a thread cannot be ended
from outside.

A reaction that never returns delays its own segment's domain and nobody else; what the person on call needs is the
entry, and that the process which is killed for it leaves a witness (witness.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from supervision.attempts import Attempts
from supervision.counters import Counters
from supervision.runtime import Address, Runtime

REACTION_S_MAX = 2.0
LOOK_S = 1.0

log = structlog.get_logger("watchdog")


class LookRound(msgspec.Struct, frozen=True):
    """To itself: look at every host."""


class Watchdog:
    """A Behaviour. `attempts` are the hosts' histories by (segment, domain)."""

    def __init__(
        self, me: Address, attempts: Mapping[tuple[int, str], Attempts], runtime: Runtime, counters: Counters
    ) -> None:
        self._me = me
        self._attempts = attempts
        self._runtime = runtime
        self._counters = counters
        self._named: set[tuple[int, str, int]] = set()

    def started(self) -> None:
        self._runtime.send_after(LOOK_S, self._me, LookRound())

    def stopping(self) -> None:
        """Nothing to let go of."""

    def receive(self, message: Any) -> Any:
        assert isinstance(message, LookRound)
        now = self._runtime.clock.monotonic_s()
        for (segment, domain), attempts in self._attempts.items():
            reacting = attempts.reacting
            if reacting is not None and now - reacting[1] > REACTION_S_MAX:
                self._name(segment, domain, reacting[0], now - reacting[1])
        self._runtime.send_after(LOOK_S, self._me, LookRound())

    def _name(self, segment: int, domain: str, offset: int, seconds: float) -> None:
        if (segment, domain, offset) in self._named:
            return
        self._named.add((segment, domain, offset))
        self._counters.count("reactions_slow", domain=domain)
        log.error("a reaction takes too long", segment=segment, domain=domain, offset=offset, seconds=round(seconds, 1))
