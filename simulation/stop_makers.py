"""Whoever is on call presses the buttons: a channel, a campaign or everything is stopped and, mostly, let go again.

All of it goes through the production code below the HTTP door. A press that is lost on its way is not made again; what
is stopped is what the log says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Protocol

import msgspec

from actors.campaign.listing import FAMILY
from actors.campaign.programme import campaign_kind
from actors.money import DEFAULT_CURRENCY
from actors.programmes.messages import PutAnswer, subject_of
from actors.stops.programme import STOPS
from actors.stops.stops import PROGRAMME
from gateway.campaigns import Campaigns
from gateway.problems import Problem
from gateway.programmes import SOURCE, Active, Programmes, Wanted
from gateway.readers import ReaderPool
from gateway.stops import StopButtons
from gateway.wiring import Wiring
from simulation.bent_clock import BentClock
from simulation.draw import Draw
from simulation.notices_drawn import presses
from simulation.violation import Violation
from supervision.store import Refused
from topology.wire import id_hash

OVERTAKEN = "unknown_campaign"
"""What may be wrong when the campaign was lost on its way."""


class OnCall(Protocol):
    """What they need of their world."""

    wiring: Wiring
    clock: BentClock

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class StopMakers:
    """All of a world's; outlive processes. `answers` gets those to puts, by the id hash of the put."""

    def __init__(self, seed: str, draw: Draw, world: OnCall, answers: dict[int, PutAnswer]) -> None:
        self._rng = rng = Random(seed)
        self._draw, self._world, self._answers = draw, world, answers
        self._presses = presses(rng, draw.campaigns) if draw.notices else []
        self._numbers = 0

    def plan_round(self, left: int) -> None:
        """At most one button, so that what is stopped is so over a pause; so many rounds are left with this one."""
        if self._rng.random() < len(self._presses) / left:
            self._world.at(self._rng.uniform(0, self._draw.window_s), self._next)

    def _next(self) -> None:
        engine = self._world.wiring.engine
        if not self._presses or not engine.begun():
            return
        self._numbers += 1
        name = f"stops-{self._numbers}"
        readers, segments = ReaderPool(engine.store.reader), engine.store.segments
        programmes = Programmes(
            {PROGRAMME: STOPS}, {}, readers, engine.journal, segments, lambda: name, {FAMILY.prefix: campaign_kind}
        )
        campaigns = Campaigns(programmes, readers, segments, "UTC", DEFAULT_CURRENCY)
        buttons = StopButtons(programmes, campaigns, readers, segments, self._world.clock)
        verb, scope = self._presses[0]
        wanted: Wanted | Active | None = None
        try:
            wanted = buttons.wanted(verb, buttons.read(msgspec.json.encode({"scope": scope})), "who is on call")
        except Refused:
            return
        except Problem as problem:
            if problem.code != OVERTAKEN:
                raise Violation(f"stops: {verb} {scope} was answered with {problem}") from None
        self._presses.pop(0)
        if isinstance(wanted, Wanted):
            programmes.put(wanted, partial(self._answered, name))

    def _answered(self, name: str, answer: PutAnswer | Problem) -> None:
        if isinstance(answer, PutAnswer):
            self._answers[id_hash(f"{SOURCE}|{name}", subject_of(PROGRAMME))] = answer
