"""The tree: addresses before starts, an ordered and bounded stop, and how it prints."""

from __future__ import annotations

import threading
from random import Random
from typing import Any

import pytest

from supervision.cell import Cell
from supervision.clock import SystemClock
from supervision.runtime import Address, Behaviour, ChildSpec
from supervision.supervisor import SupervisorSpec
from supervision.threads import ThreadRuntime
from supervision.tree import plant, render, start_tree
from tests.cells import DEADLINE_S, Probe, ask, both_runtimes, probe, running, settle


def house(book: list[str]) -> SupervisorSpec:
    segments = SupervisorSpec("segments", [SupervisorSpec("00", [probe("points", book), probe("notification", book)])])
    return SupervisorSpec("root", [probe("journal", book), segments, probe("gateway", book)])


@both_runtimes
def test_all_addresses_are_there_before_anything_starts_and_keep_what_they_are_told(kind: str) -> None:
    with running(kind) as runtime:
        tree = plant(runtime, house([]), Random(1), print)
        early = tree.cell("segments/00/points").actor_ref.ask("early", block=False)
        assert {row.state for row in tree.rows()} == {"waiting"}
        tree.start()
        assert early.get(timeout=5) == 1
        assert tree.stop() == []


@both_runtimes
def test_a_factory_may_tell_addresses_of_children_that_start_later(kind: str) -> None:
    with running(kind) as runtime:

        def greeter(me: Address) -> Behaviour:
            tree.address("later").tell("hello from the past")
            return Probe(me)

        tree = plant(runtime, SupervisorSpec("root", [ChildSpec("first", greeter), probe("later")]), Random(1), print)
        tree.start()
        settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
        assert ask(tree.cell("later"), "second") == 2
        tree.stop()


@both_runtimes
def test_a_stop_goes_through_the_tree_in_reverse_order(kind: str) -> None:
    with running(kind) as runtime:
        book = list[str]()
        tree = start_tree(runtime, house(book), Random(1), print)
        settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
        assert tree.stop() == []
        assert book[0] == "journal started"
        assert [line for line in book if "stopping" in line] == [
            "gateway stopping",
            "notification stopping",
            "points stopping",
            "journal stopping",
        ]


@both_runtimes
def test_mail_sent_before_the_stop_is_worked_off(kind: str) -> None:
    with running(kind) as runtime:
        tree = start_tree(runtime, house([]), Random(1), print)
        asks = [tree.cell("journal").actor_ref.ask(n, block=False) for n in range(100)]
        settle(runtime, lambda: tree.cell("journal").state == "running")
        assert tree.stop() == []
        assert [future.get(timeout=1) for future in asks] == list(range(1, 101))


@both_runtimes
def test_a_tree_can_be_stopped_while_it_starts_and_before(kind: str) -> None:
    with running(kind) as runtime:
        tree = start_tree(runtime, house([]), Random(1), print)
        assert tree.stop() == []
        assert tree.stop() == []


@both_runtimes
def test_orphans_of_a_crashed_supervisor_are_stopped_too(kind: str) -> None:
    class Broken:
        def receive(self, _message: Any) -> None:
            raise RuntimeError("a bug in the supervisor")

    with running(kind) as runtime:
        fatal = list[str]()
        tree = start_tree(runtime, house([]), Random(1), fatal.append)
        settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
        root = tree.cell("").behaviour
        assert root is not None
        root.receive = Broken().receive  # type: ignore[method-assign]
        tree.address("").tell("anything")
        settle(runtime, lambda: bool(fatal))
        assert tree.cell("journal").state == "running"
        assert tree.stop(1.0) == []
        assert {row.state for row in tree.rows()} == {"stopped"}


def test_one_bound_holds_for_the_whole_stop_and_names_who_hangs() -> None:
    runtime, gate = ThreadRuntime(SystemClock()), threading.Event()
    tree = start_tree(runtime, house([]), Random(1), print)
    settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
    for path in ("segments/00/points", "segments/00/notification"):
        tree.address(path).tell(lambda _: gate.wait(DEADLINE_S))
    began_s = runtime.clock.monotonic_s()
    left = tree.stop(0.5)
    took_s = runtime.clock.monotonic_s() - began_s
    gate.set()
    runtime.close()
    assert took_s < 2.0
    assert {"segments/00/points", "segments/00/notification"} <= set(left)
    assert "gateway" not in left
    assert "journal" not in left


def test_a_child_that_hangs_costs_its_own_shutdown_time_and_no_more() -> None:
    runtime, gate, book = ThreadRuntime(SystemClock()), threading.Event(), list[str]()
    spec = SupervisorSpec("root", [probe("a", book), probe("hangs", book, shutdown_s=0.05), probe("c", book)])
    tree = start_tree(runtime, spec, Random(1), print)
    settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
    tree.address("hangs").tell(lambda _: gate.wait(DEADLINE_S))
    left = tree.stop(5.0)
    ended = list(book)
    gate.set()
    runtime.close()
    assert left == ["hangs"]
    assert ended[-2:] == ["c stopping", "a stopping"]


def test_when_the_machine_has_no_more_threads_what_was_started_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, started = ThreadRuntime(SystemClock()), list[Cell]()
    tree = plant(runtime, house([]), Random(1), print)
    start_cell = runtime.start_cell

    def exhausted(cell: Cell) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(cell)
        start_cell(cell)

    monkeypatch.setattr(runtime, "start_cell", exhausted)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        tree.start()
    for cell in started:
        assert cell.ended.wait(DEADLINE_S)
    runtime.close()


def test_the_tree_prints_who_is_how() -> None:
    with running("stepped") as runtime:
        tree = start_tree(runtime, house([]), Random(1), print)
        runtime.wait_for(threading.Event(), 60.0)
        tree.check()
        tree.address("journal").tell("mail")
        assert render(tree.rows()) == "\n".join(
            [
                "root                  one_for_one   running      restarts 0  incarnation 1  inbox 0",
                "  journal             child         running      restarts 0  incarnation 1  inbox 1",
                "  segments            one_for_one   running      restarts 0  incarnation 1  inbox 0",
                "    00                one_for_one   running      restarts 0  incarnation 1  inbox 0",
                "      points          child         running      restarts 0  incarnation 1  inbox 0",
                "      notification    child         running      restarts 0  incarnation 1  inbox 0",
                "  gateway             child         running      restarts 0  incarnation 1  inbox 0",
            ]
        )
