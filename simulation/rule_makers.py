"""Marketing operators who change the probe's rule, through the production code below the HTTP door.

They look at the active version first and name it, unless they work from an old one; they put a few rules again and
again, so that some changes change nothing and earlier versions come back. Who is not answered goes away: an answer that
did come must be the model's.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

import msgspec

from actors.commands import Refusal
from actors.programmes.kind import Kind, Parsed
from actors.programmes.messages import PutAnswer, subject_of
from gateway.problems import Problem
from gateway.programmes import SOURCE, Programmes
from gateway.readers import ReaderPool
from gateway.wiring import Wiring
from simulation.draw import Draw
from simulation.probe import NAME, Rule
from simulation.violation import Violation
from supervision.store import Refused
from topology.wire import hash64, id_hash

RULES = 4
PUTS_MAX = 6
"""In a day."""
STALE_SHARE = 0.25
GIVES_UP_SHARE = 0.2


class Text(msgspec.Struct, frozen=True):
    """A rule as it was put; its content does not matter."""

    version: str
    canonical: bytes


def parse(body: bytes) -> Parsed | Refusal:
    return Text(f"{hash64(body):016x}", body)


NONE_YET = Text("none", b"{}")
"""In force before the first put."""
KIND = Kind(NAME, parse, lambda state: msgspec.msgpack.decode(state, type=Rule).number)


class Ruled(Protocol):
    """What rule makers need of their world."""

    wiring: Wiring

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...


class RuleMakers:
    """All of a world's; outlives processes."""

    def __init__(self, rng: Random, draw: Draw, world: Ruled) -> None:
        self._rng = rng
        self._draw = draw
        self._world = world
        self._puts = 0
        self.answers: dict[int, PutAnswer] = {}
        """By the id hash of the put."""

    def plan_day(self) -> None:
        for _ in range(self._rng.randint(1, PUTS_MAX)):
            self._world.at(self._rng.uniform(0, self._draw.window_s), self._put)

    def _put(self) -> None:
        rng, engine = self._rng, self._world.wiring.engine
        body = b'{"rule":%d}' % rng.randrange(RULES)
        stale, gives_up = rng.random() < STALE_SHARE, rng.random() < GIVES_UP_SHARE
        if not engine.begun():
            return
        self._puts += 1
        name = f"put-{self._puts}"
        programmes = Programmes(
            {NAME: KIND},
            {NAME: NONE_YET},
            ReaderPool(engine.store.reader),
            engine.journal,
            engine.store.segments,
            lambda: name,
        )
        try:
            known = programmes.active(NAME).version if not stale else ""
            wanted = programmes.read(NAME, body, known, "operator")
        except Refused:
            return
        give_up = programmes.put(wanted, lambda answer: self._answered(name, answer))
        if gives_up:
            give_up()

    def _answered(self, name: str, answer: PutAnswer | Problem) -> None:
        if isinstance(answer, PutAnswer):
            self.answers[id_hash(f"{SOURCE}|{name}", subject_of(NAME))] = answer

    def compare(self, answers: dict[int, PutAnswer]) -> None:
        """With what the model says."""
        for id, answer in self.answers.items():
            if answers.get(id) != answer:
                raise Violation(f"answers: put {id:x} was answered {answer}, the model says {answers.get(id)}")
