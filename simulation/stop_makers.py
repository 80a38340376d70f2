"""Whoever is on call presses the buttons: a channel, a campaign or everything is stopped and, mostly, let go again."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Protocol

import msgspec

from actors.money import DEFAULT_CURRENCY
from actors.programmes.messages import PutAnswer
from gateway.campaigns import Campaigns
from gateway.programmes import Active, Programmes, Wanted
from gateway.readers import ReaderPool
from gateway.stops import StopButtons
from simulation.bent_clock import BentClock
from simulation.clerk import Clerk, Office
from simulation.draw import Draw
from simulation.notices_drawn import Press, presses

OVERTAKEN = frozenset({"unknown_campaign"})
"""The campaign was lost on its way."""


class OnCall(Office, Protocol):
    """What they need of their world."""

    clock: BentClock


class StopMakers:
    """All of a world's; outlive processes. `answers` gets those to puts, by the id hash of the put."""

    def __init__(self, seed: str, draw: Draw, world: OnCall, answers: dict[int, PutAnswer]) -> None:
        self._rng = rng = Random(seed)
        self._draw, self._world = draw, world
        self._presses = presses(rng, draw.campaigns) if draw.notices else []
        self._clerk = Clerk("stops", world, answers, OVERTAKEN)

    def plan_round(self, left: int) -> None:
        """At most one button, so that what is stopped is so over a pause; so many rounds are left with this one."""
        if self._rng.random() < len(self._presses) / left:
            self._world.at(self._rng.uniform(0, self._draw.window_s), self._next)

    def _next(self) -> None:
        if self._presses and self._clerk.carry_out(str(self._presses[0]), partial(self._pressed, self._presses[0])):
            self._presses.pop(0)

    def _pressed(
        self, press: Press, programmes: Programmes, readers: ReaderPool, segments: int
    ) -> Wanted | Active | None:
        verb, scope = press
        campaigns = Campaigns(programmes, readers, segments, "UTC", DEFAULT_CURRENCY)
        buttons = StopButtons(programmes, campaigns, readers, segments, self._world.clock)
        return buttons.wanted(verb, buttons.read(msgspec.json.encode({"scope": scope})), "who is on call")
