"""The reference model of points beside the ledger alone: no engine, no faults, long lives; and a proof that objects.

Worlds with an engine are short, since they cost tens of milliseconds. Here some hundred commands meet one user and his
friends over months, and effects, states and timers are compared after each.
"""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from actors.points.actor import Active
from actors.points.programme import Programme, parse
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from simulation.draw import draw_of
from simulation.ledger_proof import LedgerProof
from simulation.points_model import PointsModel, plain_rules
from simulation.programmes_drawn import programmes
from simulation.shoppers import Shoppers
from simulation.violation import Violation
from supervision.entry import Draft, Entry, Origin, segment_subject
from supervision.messages import Emission, RecordRow, Stage
from supervision.outputs import Emit, Output
from tests.points_world import DAY_MS, PointsWorld

LIVES = 25
COMMANDS = 200
PROGRAMMES = 4
"""In one life, one after the other."""
EPOCH = 1_790_000_000


class Beside(PointsWorld):
    """The ledger's world, in which the model folds whatever the ledger folds."""

    def __init__(self, rules: dict[str, Any]) -> None:
        programme = parse(msgspec.json.encode(rules))
        assert isinstance(programme, Programme), programme
        super().__init__(programme, EPOCH * 1000)
        self.model = PointsModel(plain_rules(rules))
        self._under_way: list[Emit] = []

    def put(self, rules: dict[str, Any]) -> None:
        """From now on this programme counts."""
        body = msgspec.json.encode(rules).decode()
        number = self.shared.number + 1
        self.shared = Active(1, number, f"v{number}", body)
        told = ProgrammeActivated("points", number, f"v{number}", body)
        subject, raw = segment_subject(0), msgspec.json.encode(told)
        assert self.model.fold(Entry(0, EPOCH, 1, self.at, 0, ACTIVATED, subject, raw), self.at) == []

    def _react(self, kind: str, subject: str, raw: bytes) -> list[Output]:
        offset, asked = self.offset + 1, not kind.startswith("timer.")
        entry = Entry(0, EPOCH, offset, self.at, 0, kind, subject, raw, origin=Origin.OUTSIDE, asked=asked)
        expected = self.model.fold(entry, self.at)
        outputs = super()._react(kind, subject, raw)
        said = [self.model.heard(self._emission(subject, out)) for out in outputs if isinstance(out, Emit)]
        assert [each for each in said if each is not None] == expected, (kind, raw)
        assert self.model.state_fits(subject, self.stored[subject]) == "", (kind, raw)
        gen, due = self.timers.get((subject, "next"), (0, 0))
        assert (due, gen) == (self.model.armed(subject) or (0, 0)), (kind, raw)
        while self._under_way:
            emit = self._under_way.pop(0)
            self._react(emit.kind, emit.subject or subject, msgspec.json.encode(emit.body))
        return outputs

    def _keep(self, subject: str, output: Output) -> None:
        """What goes to another user arrives when this reaction is done."""
        if isinstance(output, Emit) and not output.route:
            self._under_way.append(output)
        else:
            super()._keep(subject, output)

    def _emission(self, subject: str, emit: Emit) -> Emission:
        return Emission(Draft(emit.kind, emit.subject or subject, msgspec.json.encode(emit.body)), b"", 0)


@pytest.mark.parametrize("seed", range(LIVES))
def test_over_months_the_ledger_does_what_the_model_does(seed: int) -> None:
    rng = Random(seed)
    drawn = msgspec.structs.replace(draw_of(seed), ledger=1.0, users=3, orders=6, switches=PROGRAMMES - 1)
    first, *later = programmes(rng, drawn)
    world, shoppers = Beside(first), Shoppers(rng, drawn)
    for i in range(COMMANDS):
        if later and i % (COMMANDS // PROGRAMMES) == COMMANDS // PROGRAMMES - 1:
            world.put(later.pop(0))
        user = rng.randrange(drawn.users)
        world.say(shoppers.message(user) if rng.random() < 0.5 else shoppers.request(user))
        if rng.random() < 0.15:
            world.advance(world.at + round(rng.choice((0.001, 0.3, 1, 8, 40)) * DAY_MS))
    world.check()
    assert world.model.at_rest() == ""


def stage(line: dict[str, Any], **more: Any) -> Stage:
    whole = {"change": "increase", "offset": 1, "balance": 0, **line}
    return Stage(0, "points", 1, 0, 1, records=[RecordRow("user:1", 1, 0, msgspec.json.encode(whole))], **more)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"moves": {"issued": 5}}, "does not balance"),
        ({"moves": {"issued": 5, "available": 5}, "balance": 6}, "the lines add up to 5"),
        ({"moves": {"sent": 5, "available": -5}, "balance": -5}, "sends 0 points and takes 5"),
        ({"moves": {"received": 5, "available": 5}, "balance": 5, "change": "gift_received"}, "of 0 points brings 5"),
    ],
)
def test_a_line_that_is_off_is_found_without_a_model(line: dict[str, Any], says: str) -> None:
    proof = LedgerProof({0: [Entry(0, EPOCH, 1, 0, 0, "points.change", "user:1", b"{}")]})
    with pytest.raises(Violation, match=says):
        proof.stage(stage(line))


def test_a_state_that_says_something_else_than_its_lines_is_found() -> None:
    proof = LedgerProof({})
    wallet = [[[9, 4, 1, 1]], [], 0, 0, [5, 0, 0, 0, 0, 0, 0, 0]]
    account = msgspec.msgpack.encode([2, wallet, 0, 0, 0, 0, {}, {}, [], {}, None, None, None, None, None])
    line = {"moves": {"issued": 5, "available": 5}, "balance": 5}
    with pytest.raises(Violation, match="available"):
        proof.stage(stage(line, states=[("user:1", account)]))
