"""The watchdog: names an entry whose reaction takes too long. It can end nothing, since a thread cannot be ended
from outside.

A reaction that never returns delays its own segment's domain and nobody else; what the person on call needs is the
entry, and that the process which is killed for it leaves a witness (witness.py). At which entry each cell is, its mark
says already, so the hosts measure nothing: one that is seen at the same entry again and again is slow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from supervision.attempts import Attempts
from supervision.counters import Counters
from supervision.runtime import Address, Runtime
from supervision.witness import At, Cell

REACTION_S_MAX = 2.0
"""Seen at one entry for so long; it has been there for up to LOOK_S longer."""
LOOK_S = 1.0

log = structlog.get_logger("watchdog")


class LookRound(msgspec.Struct, frozen=True):
    """To itself: look at every host."""


class Sight(msgspec.Struct):
    """What a cell was seen at, at each look since `since_s` (monotonic)."""

    at: At
    since_s: float
    named: bool = False


class Watchdog:
    """A Behaviour. `attempts` are the hosts' histories by (segment, domain)."""

    def __init__(self, me: Address, attempts: Mapping[Cell, Attempts], runtime: Runtime, counters: Counters) -> None:
        self._me = me
        self._attempts = attempts
        self._runtime = runtime
        self._counters = counters
        self._seen: dict[Cell, Sight] = {}

    def started(self) -> None:
        self._runtime.send_after(LOOK_S, self._me, LookRound())

    def stopping(self) -> None:
        """Nothing to let go of."""

    def receive(self, message: Any) -> Any:
        assert isinstance(message, LookRound)
        now_s = self._runtime.clock.monotonic_s()
        for cell, attempts in self._attempts.items():
            self._look(cell, attempts.mark.read(), now_s)
        self._runtime.send_after(LOOK_S, self._me, LookRound())

    def _look(self, cell: Cell, at: At | None, now_s: float) -> None:
        seen = self._seen.get(cell)
        if at is None:
            self._seen.pop(cell, None)
        elif seen is None or seen.at != at:
            self._seen[cell] = Sight(at, now_s)
        elif now_s - seen.since_s >= REACTION_S_MAX and not seen.named:
            seen.named = True
            self._name(cell, at, now_s - seen.since_s)

    def _name(self, cell: Cell, at: At, seconds: float) -> None:
        segment, domain = cell
        self._counters.count("reactions_slow", domain=domain)
        log.error(
            "a reaction takes too long", segment=segment, domain=domain, offset=at.offset, entries=at.span, row=at.row,
            seconds=round(seconds, 1),
        )  # fmt: skip
