"""Supervisors with real cells: the matrix of crash point, strategy and runtime."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from supervision.backoff import BackOff
from supervision.counters import Tally
from supervision.plan import Strategy
from supervision.runtime import Address, Behaviour, ChildSpec, SparesBudget
from supervision.supervisor import SupervisorSpec
from supervision.tree import CellRuntime, Tree, start_tree
from tests.cells import FailingStart, Probe, ask, both_runtimes, failing_times, probe, running, settle

QUICK = BackOff(first_s=0.005, most_s=0.02, jitter=0.2)


def tree_of(
    runtime: CellRuntime,
    *children: ChildSpec | SupervisorSpec,
    fatal: list[str] | None = None,
    tally: Tally | None = None,
    **fields: Any,
) -> Tree:
    spec = SupervisorSpec("root", children, **{"backoff": QUICK, "intensity": 3, "period_s": 5.0, **fields})
    return start_tree(runtime, spec, Random(2), (fatal if fatal is not None else []).append, tally)


def all_running(tree: Tree) -> Callable[[], bool]:
    return lambda: all(row.state == "running" for row in tree.rows())


def incarnations(tree: Tree) -> dict[str, int]:
    return {row.path: row.incarnation for row in tree.rows() if row.path}


class Dying(Probe):
    """Raises in one of its hooks, in its first incarnation only."""

    def __init__(self, me: Address, point: str, first: bool) -> None:
        super().__init__(me)
        self.point = point if first else ""
        if self.point == "factory":
            raise RuntimeError("in the factory")

    def started(self) -> None:
        if self.point == "started":
            raise RuntimeError("in its start")

    def receive(self, message: Any) -> Any:
        if self.point == "receive":
            raise RuntimeError("in a handler")
        return super().receive(message)

    def stopping(self) -> None:
        if self.point == "stopping":
            raise RuntimeError("in its stop")


def dying(point: str) -> ChildSpec:
    made = list[int]()

    def factory(me: Address) -> Behaviour:
        made.append(1)
        return Dying(me, point, first=len(made) == 1)

    return ChildSpec("b", factory)


@both_runtimes
@pytest.mark.parametrize(
    ("strategy", "restarted"),
    [("one_for_one", {"a": 1, "b": 2, "c": 1}), ("rest_for_one", {"a": 1, "b": 2, "c": 2})],
)
def test_a_crash_in_a_handler_restarts_whom_the_strategy_says(
    kind: str, strategy: Strategy, restarted: dict[str, int]
) -> None:
    with running(kind) as runtime:
        tree = tree_of(runtime, probe("a"), dying("receive"), probe("c"), strategy=strategy)
        settle(runtime, all_running(tree))
        tree.address("b").tell("boom")
        settle(runtime, lambda: incarnations(tree) == restarted and all_running(tree)())
        assert tree.stop() == []


@both_runtimes
@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one"])
@pytest.mark.parametrize("point", ["factory", "started"])
def test_a_start_that_fails_once_is_tried_again_and_nobody_else_suffers(
    kind: str, strategy: Strategy, point: str
) -> None:
    with running(kind) as runtime:
        tree = tree_of(runtime, probe("a"), dying(point), probe("c"), strategy=strategy)
        settle(runtime, all_running(tree))
        assert incarnations(tree) == {"a": 1, "b": 2, "c": 1}
        assert tree.stop() == []


@both_runtimes
@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one"])
def test_a_stop_that_raises_still_stops(kind: str, strategy: Strategy) -> None:
    with running(kind) as runtime:
        tree = tree_of(runtime, probe("a"), dying("stopping"), probe("c"), strategy=strategy)
        settle(runtime, all_running(tree))
        assert tree.stop() == []
        assert {row.state for row in tree.rows()} == {"stopped"}


@both_runtimes
def test_rest_for_one_halts_in_reverse_and_starts_in_order(kind: str) -> None:
    with running(kind) as runtime:
        book = list[str]()
        tree = tree_of(runtime, *(probe(name, book) for name in "abcd"), strategy="rest_for_one")
        settle(runtime, all_running(tree))
        book.clear()
        tree.address("b").tell(RuntimeError("boom"))
        settle(runtime, lambda: len(book) == 5 and all_running(tree)())
        assert book == ["d stopping", "c stopping", "b started", "c started", "d started"]


@both_runtimes
def test_mail_survives_the_restart_of_an_earlier_sibling(kind: str) -> None:
    with running(kind) as runtime:
        tree = tree_of(runtime, probe("a"), probe("b"), strategy="rest_for_one")
        settle(runtime, all_running(tree))
        tree.address("a").tell(RuntimeError("boom"))
        settle(runtime, lambda: tree.cell("b").state == "waiting" or tree.cell("b").incarnation == 2)
        assert ask(tree.cell("b"), "kept") == 1


@both_runtimes
def test_a_used_up_budget_escalates_and_the_parent_restarts_the_whole_branch(kind: str) -> None:
    with running(kind) as runtime:
        fatal, tally = list[str](), Tally()
        branch = SupervisorSpec("branch", [probe("x"), failing_times(3, "y")], intensity=2, period_s=5.0, backoff=QUICK)
        tree = tree_of(runtime, probe("a"), branch, fatal=fatal, tally=tally)
        settle(runtime, lambda: all_running(tree)() and tree.cell("branch").incarnation == 2)
        assert incarnations(tree) == {"a": 1, "branch": 2, "branch/x": 2, "branch/y": 4}
        assert tally.counted("escalations", child="branch") == 1
        assert tally.counted("restarts", child="y") == 2
        assert tally.counted("restarts", child="branch") == 1
        assert fatal == []
        assert tree.stop() == []


@both_runtimes
def test_when_the_root_has_used_up_its_budget_on_fatal_is_called_once_with_the_reason(kind: str) -> None:
    with running(kind) as runtime:
        fatal = list[str]()
        tree = tree_of(runtime, probe("a"), ChildSpec("b", FailingStart), fatal=fatal, intensity=2)
        settle(runtime, lambda: bool(fatal))
        assert fatal == ["Escalated: b used up its restarts: RuntimeError: cannot start"]
        assert tree.cell("a").behaviour is None
        assert tree.stop() == []
        assert len(fatal) == 1


@both_runtimes
def test_an_on_fatal_that_raises_does_not_reach_the_actors(kind: str) -> None:
    def on_fatal(_reason: str) -> None:
        raise SystemExit(1)

    with running(kind) as runtime:
        tree = start_tree(
            runtime, SupervisorSpec("root", [ChildSpec("b", FailingStart)], intensity=0), Random(1), on_fatal
        )
        settle(runtime, lambda: tree.cell("").crashes == 1)
        assert tree.stop() == []


@both_runtimes
def test_a_domain_is_parked_instead_answers_through_its_stand_in_and_can_be_resumed(kind: str) -> None:
    with running(kind) as runtime:
        tally = Tally()
        broken = [True]

        def factory(me: Address) -> Behaviour:
            return FailingStart(me) if broken[0] else Probe(me)

        def stand_in(me: Address, reason: str) -> Behaviour:
            return Probe(me, name=f"parked: {reason}")

        tree = tree_of(
            runtime, probe("a"), ChildSpec("points", factory, parked_factory=stand_in), tally=tally, intensity=2
        )
        settle(runtime, lambda: tree.cell("points").state == "parked")
        assert ask(tree.cell("points"), lambda behaviour: behaviour.name) == "parked: RuntimeError: cannot start"
        assert tally.counted("parks", domain="points", what="domain") == 1
        assert incarnations(tree)["a"] == 1
        broken[0] = False
        assert tree.resume("points")
        settle(runtime, all_running(tree))
        assert not tree.resume("points")
        assert tree.stop() == []


@both_runtimes
def test_a_crash_that_spares_the_budget_never_uses_it_up(kind: str) -> None:
    with running(kind) as runtime:
        fatal = list[str]()
        tree = tree_of(runtime, probe("a"), fatal=fatal, intensity=0)
        settle(runtime, all_running(tree))
        for _ in range(50):
            tree.address("a").tell(SparesBudget("poison"))
        settle(runtime, lambda: incarnations(tree)["a"] == 51 and all_running(tree)())
        assert fatal == []


@both_runtimes
def test_a_supervisor_that_crashes_by_its_own_fault_gets_its_children_back(kind: str) -> None:
    with running(kind) as runtime:
        book = list[str]()
        branch = SupervisorSpec("branch", [probe("x", book), probe("y", book)], backoff=QUICK)
        tree = tree_of(runtime, branch)
        settle(runtime, all_running(tree))

        def broken(_message: Any) -> None:
            raise RuntimeError("a bug in the supervisor")

        behaviour = tree.cell("branch").behaviour
        assert behaviour is not None
        behaviour.receive = broken  # type: ignore[method-assign]
        tree.address("branch").tell("anything")
        settle(runtime, lambda: incarnations(tree)["branch/y"] == 2 and all_running(tree)())
        assert book == ["x started", "y started", "y stopping", "x stopping", "x started", "y started"]
        assert tree.stop() == []


@both_runtimes
def test_a_temporary_child_is_not_restarted_and_its_mail_is_refused(kind: str) -> None:
    with running(kind) as runtime:
        tally = Tally()
        tree = tree_of(runtime, probe("once", restart="temporary"), probe("a"), tally=tally)
        settle(runtime, all_running(tree))
        tree.address("once").tell(RuntimeError("boom"))
        settle(runtime, tree.cell("once").ended.is_set)
        tree.address("once").tell("nobody there")
        assert tally.counted("dropped_messages") == 1
        assert ask(tree.cell("a"), "hello") == 1
        assert tree.stop() == []


@both_runtimes
def test_every_restart_park_and_escalation_is_one_log_line_without_the_errors_text(kind: str) -> None:
    structlog.reset_defaults()
    with running(kind) as runtime, capture_logs() as lines:
        stand_in = ChildSpec("p", FailingStart, parked_factory=lambda me, _reason: Probe(me))
        branch = SupervisorSpec("branch", [stand_in, failing_times(3, "q")], intensity=2, period_s=5.0, backoff=QUICK)
        tree = tree_of(runtime, branch)
        settle(runtime, lambda: incarnations(tree)["branch"] == 2 and tree.cell("branch/q").state == "running")
        settle(runtime, lambda: tree.cell("branch/p").state == "parked")
        tree.stop()
    assert [line["event"] for line in lines].count("escalated") == 1
    assert any(line["event"] == "child_crashed" and line["child"] == "root/branch" for line in lines)
    assert [line["event"] for line in lines if line.get("child") == "branch/q"] == ["child_crashed"] * 2
    assert "cannot start" not in str(lines)
    assert "more to come" not in str(lines)


def test_threads_and_steps_make_the_same_decisions() -> None:
    def decisions(kind: str) -> list[Any]:
        structlog.reset_defaults()
        with running(kind) as runtime, capture_logs() as lines:
            fatal = list[str]()
            tree_of(runtime, failing_times(9, "a"), fatal=fatal)
            settle(runtime, lambda: bool(fatal))
        return [fatal, *((line["event"], line.get("restart_in_s")) for line in lines)]

    assert decisions("threads") == decisions("stepped")
    assert [event for event, _ in decisions("stepped")[1:]] == ["child_crashed"] * 3 + ["escalated", "root_died"]


@pytest.mark.parametrize("ids", [("a", "a"), ("",), ("a/b",)])
def test_a_spec_with_ids_that_cannot_be_told_apart_is_refused(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="ids must be unique"):
        SupervisorSpec("root", [probe(i) for i in ids])


def test_a_budget_that_back_off_alone_would_never_let_be_used_up_is_refused() -> None:
    with pytest.raises(ValueError, match="would never be used up"):
        SupervisorSpec("root", [], intensity=10, period_s=5.0)
