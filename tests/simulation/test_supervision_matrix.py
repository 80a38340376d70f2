"""Supervision, exhaustively: every crash point of a child, once or always, under every strategy, for every kind of
child, in several orders of steps. What must come of it is a table of what DESIGN says, not a second supervisor.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any, Literal

import pytest

from supervision.backoff import BackOff
from supervision.clock import VirtualClock
from supervision.plan import Strategy
from supervision.runtime import Address, Behaviour, ChildSpec
from supervision.stepped import SteppedRuntime
from supervision.supervisor import SupervisorSpec
from supervision.tree import Tree, start_tree
from tests.cells import Probe, probe

Point = Literal["factory", "started", "receive", "stopping"]
Kind = Literal["permanent", "transient", "temporary", "parkable", "branch"]
POINTS: tuple[Point, ...] = ("factory", "started", "receive", "stopping")
STRATEGIES: tuple[Strategy, ...] = ("one_for_one", "rest_for_one")
KINDS: tuple[Kind, ...] = ("permanent", "transient", "temporary", "parkable", "branch")
SEEDS = range(4)
QUICK = BackOff(first_s=0.005, most_s=0.02, jitter=0.2)


class Dying(Probe):
    """Raises at `point` as long as `left` says so. In `receive`: at the first message, which it tells itself."""

    def __init__(self, me: Address, point: Point, left: list[int]) -> None:
        super().__init__(me)
        self._point, self._left = point, left
        self._raise_at("factory")

    def started(self) -> None:
        self._raise_at("started")
        self.me.tell("to itself")

    def receive(self, message: Any) -> Any:
        self._raise_at("receive")
        return super().receive(message)

    def stopping(self) -> None:
        self._raise_at("stopping")

    def _raise_at(self, point: Point) -> None:
        if point == self._point and self._left[0] > 0:
            self._left[0] -= 1
            raise RuntimeError(f"in {point}")


def child(kind: Kind, point: Point, times: int) -> ChildSpec | SupervisorSpec:
    left = [times]

    def factory(me: Address) -> Behaviour:
        return Dying(me, point, left)

    match kind:
        case "parkable":
            return ChildSpec("b", factory, parked_factory=lambda me, _reason: Probe(me))
        case "branch":
            return SupervisorSpec("b", [ChildSpec("leaf", factory)], backoff=QUICK, intensity=1, period_s=5.0)
        case _:
            return ChildSpec("b", factory, restart=kind)


def fate(point: Point, kind: Kind, always: bool) -> str:
    """What must become of b: DESIGN §6 and runtime.py's ChildSpec."""
    if point == "stopping":
        return "running"
    if kind == "temporary":
        return "stopped"
    if not always:
        return "running"
    return "parked" if kind == "parkable" else "fatal"


def lived(kind: Kind, point: Point, strategy: Strategy, times: int, seed: int) -> tuple[Tree, list[str]]:
    runtime = SteppedRuntime(Random(seed), VirtualClock())
    fatal: list[str] = []
    children = [probe("a"), child(kind, point, times), probe("c")]
    spec = SupervisorSpec("root", children, strategy=strategy, backoff=QUICK, intensity=3, period_s=5.0)
    tree = start_tree(runtime, spec, Random(seed), fatal.append)
    runtime.run_for(30.0)
    return tree, fatal


@pytest.mark.parametrize(("strategy", "kind"), list(product(STRATEGIES, KINDS)))
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("always", [False, True], ids=["once", "always"])
def test_whatever_raises_where_and_how_often_the_tree_comes_to_what_the_design_says(
    strategy: Strategy, kind: Kind, point: Point, always: bool
) -> None:
    for seed in SEEDS:
        tree, fatal = lived(kind, point, strategy, 1_000 if always else 1, seed)
        expected = fate(point, kind, always)
        assert len(fatal) == (expected == "fatal")
        if expected == "fatal":
            assert not [row.path for row in tree.rows() if row.state == "running"], "children outlive a dead root"
            continue
        states = {row.path: row.state for row in tree.rows()}
        assert states["b"] == expected and states["a"] == states["c"] == "running"
        assert tree.cell("a").incarnation == 1, "it came before"
        assert tree.cell("c").incarnation == 1 or strategy == "rest_for_one"
        tree.check()
        stops(tree)


def stops(tree: Tree) -> None:
    assert tree.stop() == []
    assert {row.state for row in tree.rows()} == {"stopped"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_mail_that_was_sent_before_a_crash_is_heard_by_the_next_incarnation(strategy: Strategy) -> None:
    heard: list[Any] = []
    says: list[Callable[[Probe], Any]] = [lambda me, n=n: heard.append(n) for n in range(5)]
    for seed in SEEDS:
        heard.clear()
        runtime = SteppedRuntime(Random(seed), VirtualClock())
        children = [probe("a"), probe("b"), probe("c")]
        tree = start_tree(runtime, SupervisorSpec("root", children, strategy=strategy, backoff=QUICK), Random(1), print)
        runtime.run_for(1.0)
        for name in ("b", "c"):
            tree.address(name).tell(RuntimeError("boom"))
            for say in says:
                tree.address(name).tell(say)
        runtime.run_for(30.0)
        assert sorted(heard) == sorted([*range(5), *range(5)])
