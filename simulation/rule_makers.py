"""Marketing operators who change the probe's rule, through the production code below the HTTP door.

They look at the active version first and name it, unless they work from an old one; they put a few rules again and
again, so that some changes change nothing and earlier versions come back. Who is not answered goes away: an answer that
did come must be the model's.
"""

from __future__ import annotations

from functools import partial
from random import Random

import msgspec

from actors.commands import Refusal
from actors.programmes.kind import Kind, Parsed
from actors.programmes.messages import PutAnswer
from gateway.programmes import Programmes, Wanted
from gateway.readers import ReaderPool
from simulation.clerk import Clerk, Office
from simulation.draw import Draw
from simulation.probe import NAME, Rule
from simulation.violation import Violation
from topology.wire import hash64

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


class RuleMakers:
    """All of a world's; outlives processes."""

    def __init__(self, rng: Random, draw: Draw, world: Office) -> None:
        self._rng = rng
        self._draw = draw
        self._world = world
        self.answers: dict[int, PutAnswer] = {}
        """By the id hash of the put."""
        self._clerk = Clerk("put", world, self.answers, kinds={NAME: KIND}, settings={NAME: NONE_YET})

    def plan_day(self) -> None:
        for _ in range(self._rng.randint(1, PUTS_MAX)):
            self._world.at(self._rng.uniform(0, self._draw.window_s), self._put)

    def _put(self) -> None:
        rng = self._rng
        body = b'{"rule":%d}' % rng.randrange(RULES)
        stale, gives_up = rng.random() < STALE_SHARE, rng.random() < GIVES_UP_SHARE
        self._clerk.carry_out(body.decode(), partial(_wanted, body, stale), gives_up=lambda: gives_up)

    def compare(self, answers: dict[int, PutAnswer]) -> None:
        """With what the model says."""
        for id, answer in self.answers.items():
            if answers.get(id) != answer:
                raise Violation(f"answers: put {id:x} was answered {answer}, the model says {answers.get(id)}")


def _wanted(body: bytes, stale: bool, programmes: Programmes, _readers: ReaderPool, _segments: int) -> Wanted:
    known = programmes.active(NAME).version if not stale else ""
    return programmes.read(NAME, body, known, "operator")
