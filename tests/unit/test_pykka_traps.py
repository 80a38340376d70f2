"""What Pykka does when things fail, and what our cells do instead: a test for each.

The first part follows the table of measured traps, row by row; the second the review list of another actor library
(its issues 913 to 922), whose cases any supervision can get wrong.
"""

from __future__ import annotations

import gc
import os
import threading
import weakref
from random import Random
from typing import Any

import pytest
import structlog
from pykka import ActorDeadError, ActorRegistry, Timeout
from structlog.testing import capture_logs

from supervision.backoff import BackOff
from supervision.clock import SystemClock
from supervision.counters import Tally
from supervision.crash import BehaviourDied
from supervision.orders import Crashed, Halt, Incarnate, Started
from supervision.runtime import ChildSpec
from supervision.supervisor import SupervisorSpec
from supervision.threads import ThreadRuntime
from supervision.tree import start_tree
from tests.cells import (
    DEADLINE_S,
    FailingStart,
    Probe,
    Recorder,
    ask,
    both_runtimes,
    failing_times,
    lone_cell,
    probe,
    running,
    settle,
)  # fmt: skip


@both_runtimes
def test_a_tell_that_raises_loses_no_queued_message_and_kills_no_asker(kind: str) -> None:
    with running(kind) as runtime:
        cell = lone_cell(runtime, probe("a"))
        cell.address.tell(RuntimeError("boom"))
        for _ in range(10):
            cell.address.tell("queued")
        asked = cell.actor_ref.ask("asked", block=False)
        cell.address.tell(Incarnate())
        assert asked.get(timeout=5) == 11


@both_runtimes
def test_an_ask_that_raises_tells_its_caller_and_throws_the_state_away(kind: str) -> None:
    with running(kind) as runtime:
        cell = lone_cell(runtime, probe("a"))
        ask(cell, "half")
        with pytest.raises(RuntimeError, match="mutated"):
            ask(cell, RuntimeError("mutated"))
        assert cell.behaviour is None
        cell.address.tell(Incarnate())
        assert ask(cell, "fresh") == 1


@both_runtimes
def test_a_start_that_raises_is_told_to_the_supervisor(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        lone_cell(runtime, ChildSpec("a", FailingStart), above)
        settle(runtime, lambda: bool(above.of(Crashed)))
        assert above.of(Crashed)[0].text == "cannot start"


@both_runtimes
def test_a_stop_that_raises_is_logged_and_the_cell_stops_all_the_same(kind: str) -> None:
    class BadEnd(Probe):
        def stopping(self) -> None:
            raise RuntimeError("bad end")

    structlog.reset_defaults()
    with running(kind) as runtime, capture_logs() as lines:
        cell = lone_cell(runtime, ChildSpec("a", BadEnd))
        assert cell.actor_ref.stop(timeout=5)
        settle(runtime, cell.ended.is_set)
    assert [(line["event"], line["child"]) for line in lines] == [("stopping_failed", "a")]


@both_runtimes
def test_a_factory_runs_and_fails_in_the_cell_and_not_in_the_starter(kind: str) -> None:
    threads = list[str]()

    def factory(_me: Any) -> Probe:
        threads.append(threading.current_thread().name)
        raise RuntimeError("no such table")

    with running(kind) as runtime:
        above = Recorder()
        lone_cell(runtime, ChildSpec("a", factory), above)
        settle(runtime, lambda: bool(above.of(Crashed)))
    assert threads == [{"threads": "a", "pooled": "cells-1", "stepped": threading.main_thread().name}[kind]]


@both_runtimes
@pytest.mark.parametrize("death", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_an_exit_in_a_handler_is_one_cells_crash_and_its_asker_hears_of_it(kind: str, death: BaseException) -> None:
    if kind == "stepped" and isinstance(death, KeyboardInterrupt):
        pytest.skip("in the caller's thread Ctrl-C is the caller's: see test_stepped.py")
    with running(kind) as runtime:
        above = Recorder()
        bystander = lone_cell(runtime, probe("bystander"))
        cell = lone_cell(runtime, probe("a"), above)
        with pytest.raises(BehaviourDied, match=type(death).__name__):
            ask(cell, death)
        assert above.of(Crashed)[0].kind == type(death).__name__
        assert ask(bystander, "still here") == 1
        cell.address.tell(Incarnate())
        assert ask(cell, "back") == 1


def test_a_send_that_races_a_stop_is_answered_or_refused_and_never_hangs() -> None:
    """The envelope comes in after the last drain: put by hand, since the race itself is for the stress test to find."""
    with running("threads") as runtime:
        tally = Tally()
        cell = lone_cell(runtime, probe("a"), counters=tally)
        cell.address.tell(Halt(final=True))
        assert cell.ended.wait(DEADLINE_S)
        cell.actor_stopped.clear()  # what a sender saw who looked too early
        with pytest.raises(ActorDeadError):
            ask(cell, "too late", timeout=5)
        cell.address.tell("too late as well")
        assert tally.counted("dropped_messages") == 1


@both_runtimes
def test_an_ask_that_times_out_is_not_cancelled_and_its_work_is_done_once(kind: str) -> None:
    with running(kind) as runtime:
        cell = lone_cell(runtime, probe("a"), first=False)
        with pytest.raises(Timeout):
            ask(cell, "slow", timeout=0.01)
        cell.address.tell(Incarnate())
        assert ask(cell, lambda behaviour: behaviour.seen[:-1]) == ["slow"]


@both_runtimes
def test_an_actor_that_floods_itself_does_not_deadlock(kind: str) -> None:
    def flood(behaviour: Probe) -> None:
        for _ in range(20_000):
            behaviour.me.tell("more")

    with running(kind) as runtime:
        cell = lone_cell(runtime, probe("a"))
        ask(cell, flood)
        assert ask(cell, "last") == 20_002


@both_runtimes
def test_telling_many_goes_on_past_a_dead_one_and_cells_are_not_in_the_global_registry(kind: str) -> None:
    with running(kind) as runtime:
        tally = Tally()
        cells = [lone_cell(runtime, probe(name), counters=tally) for name in "abc"]
        cells[1].address.tell(Halt(final=True))
        settle(runtime, cells[1].ended.is_set)
        for cell in cells:
            cell.address.tell("to all")
        assert [ask(cells[i], "count") for i in (0, 2)] == [2, 2]
        assert tally.counted("dropped_messages") == 1
        assert ActorRegistry.get_all() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_ask_into_the_void() -> None:
    runtime = ThreadRuntime(SystemClock())
    cell = lone_cell(runtime, probe("a"))
    assert ask(cell, "parent") == 1
    child = os.fork()
    if child == 0:
        os._exit(_asks_in_vain(cell))
    assert os.waitpid(child, 0)[1] == 0
    assert ask(cell, "parent again") == 2
    runtime.close()


def _asks_in_vain(cell: Any) -> int:
    """Exit status of the child: 0 when it was refused at once."""
    try:
        cell.actor_ref.ask("child", timeout=2)
    except ActorDeadError:
        return 1 if cell.actor_ref.is_alive() else 0
    except BaseException:
        return 2
    return 3


def test_a_kept_failure_does_not_keep_the_frames_of_the_handler() -> None:
    class Big:
        """Something a handler holds."""

    held: list[weakref.ref[Big]] = []

    def fail(_behaviour: Probe) -> None:
        big = Big()
        held.append(weakref.ref(big))
        try:
            raise KeyError("inner")
        except KeyError as exc:
            raise RuntimeError("outer") from exc

    with running("threads") as runtime:
        above = Recorder()
        cell = lone_cell(runtime, probe("a"), above)
        future = cell.actor_ref.ask(fail, block=False)
        with pytest.raises(RuntimeError, match="outer"):
            future.get(timeout=5)
        cell.address.tell(Incarnate())
        settle(runtime, lambda: len(above.of(Started)) == 2)
        gc.collect()
        assert held[0]() is None


# The row on `await` is tested in test_threads.py: awaiting an answer does not hold up the event loop.


@both_runtimes
def test_913_a_constructor_that_throws_leaves_no_zombie(kind: str) -> None:
    """Also 914. The address is whole: it waits for the next incarnation, takes mail, and can be stopped."""
    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, failing_times(1, "a"), above)
        settle(runtime, lambda: bool(above.of(Crashed)))
        kept = cell.actor_ref.ask("kept", block=False)
        cell.address.tell(Incarnate())
        assert kept.get(timeout=5) == 1
        cell.address.tell(Halt(final=True))
        settle(runtime, cell.ended.is_set)


@both_runtimes
def test_916_every_restart_has_its_log_line_and_counter(kind: str) -> None:
    structlog.reset_defaults()
    with running(kind) as runtime, capture_logs() as lines:
        tally = Tally()
        tree = start_tree(runtime, quick(failing_times(3, "a")), Random(1), print, tally)
        settle(runtime, lambda: tree.cell("a").state == "running")
        assert tree.stop() == []
    crashes = [line for line in lines if line["event"] == "child_crashed"]
    assert [line["restarts_in_period"] for line in crashes] == [1, 2, 3]
    assert {line["error"] for line in crashes} == {"RuntimeError"}
    assert tally.counted("restarts", child="a") == 3


@both_runtimes
def test_917_siblings_have_budgets_of_their_own(kind: str) -> None:
    with running(kind) as runtime:
        fatal = list[str]()
        tree = start_tree(runtime, quick(*(failing_times(3, name) for name in "abcd")), Random(1), fatal.append)
        settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
        assert fatal == []
        assert tree.stop() == []


@both_runtimes
def test_919_no_state_of_the_receiver_raises_into_the_sender(kind: str) -> None:
    with running(kind) as runtime:
        receiver = lone_cell(runtime, probe("receiver"), first=False)
        sender = lone_cell(runtime, probe("sender"))

        def send(_behaviour: Probe) -> str:
            for _ in range(10_000):
                receiver.address.tell("more than anybody reads")
            return "unharmed"

        assert ask(sender, send) == "unharmed"
        receiver.address.tell(Incarnate())
        receiver.address.tell(RuntimeError("boom"))
        assert ask(sender, send) == "unharmed"
        receiver.address.tell(Halt(final=True))
        settle(runtime, receiver.ended.is_set)
        assert ask(sender, send) == "unharmed"


def test_920_a_shutdown_has_one_deadline_over_all() -> None:
    runtime, gate = ThreadRuntime(SystemClock()), threading.Event()
    spec = quick(*(probe(f"c{i}", shutdown_s=60.0) for i in range(5)))
    tree = start_tree(runtime, spec, Random(1), print)
    settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
    for i in range(5):
        tree.address(f"c{i}").tell(lambda _: gate.wait(DEADLINE_S))
    began_s = runtime.clock.monotonic_s()
    left = tree.stop(0.3)
    took_s = runtime.clock.monotonic_s() - began_s
    gate.set()
    runtime.close()
    assert {f"c{i}" for i in range(5)} <= set(left)
    assert took_s < 1.5


def test_922_a_deadline_that_is_heard_late_does_not_fire_against_what_came_in_time() -> None:
    """The supervisor is kept from its mail until the shutdown time is long over; its child had halted at once."""
    with running("stepped") as runtime:
        structlog.reset_defaults()
        tree = start_tree(
            runtime, quick(probe("a"), probe("b", shutdown_s=1.0), strategy="rest_for_one"), Random(1), print
        )
        settle(runtime, lambda: all(row.state == "running" for row in tree.rows()))
        with capture_logs() as lines:
            tree.address("a").tell(RuntimeError("boom"))
            settle(runtime, lambda: tree.cell("a").state == "backing off")
            settle(runtime, lambda: len(tree.cell("b").actor_inbox) > 0)
            runtime.pause("root", 30.0)  # type: ignore[attr-defined]
            runtime.run_for(60.0)  # type: ignore[attr-defined]
        assert [row.incarnation for row in tree.rows()] == [1, 2, 2]
        assert [line["event"] for line in lines] == ["child_crashed"]


def quick(*children: ChildSpec, **fields: Any) -> SupervisorSpec:
    backoff = BackOff(first_s=0.005, most_s=0.02)
    return SupervisorSpec("root", children, **{"backoff": backoff, "intensity": 3, "period_s": 5.0, **fields})
