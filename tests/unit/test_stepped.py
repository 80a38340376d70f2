"""The stepped runtime: one envelope a step, one seed one run, time that jumps, and a death without last words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pykka import Timeout

from supervision.clock import VirtualClock
from supervision.runtime import Address, ChildSpec
from supervision.stepped import Deadlock, SteppedRuntime
from supervision.supervisor import SupervisorSpec
from supervision.tree import Tree, plant, start_tree
from tests.cells import Probe, Recorder, lone_cell, probe

ROOT = Path(__file__).parents[2]


def world(seed: int, **options: Any) -> SteppedRuntime:
    return SteppedRuntime(Random(seed), VirtualClock(), **options)


def idle(runtime: SteppedRuntime) -> None:
    assert runtime.run_until(lambda: False, 100_000) is False


def gossip(runtime: SteppedRuntime, order: list[str], actors: int = 5) -> Tree:
    """Actors that pass a number around until it is used up, and say who had it."""
    addresses: list[Address] = []

    class Gossip(Probe):
        def receive(self, message: Any) -> Any:
            order.append(self.name)
            if message:
                addresses[(len(order) * 7) % actors].tell(message - 1)

    def spec(i: int) -> ChildSpec:
        return ChildSpec(f"g{i}", lambda me: Gossip(me, name=f"g{i}"))

    tree = plant(runtime, SupervisorSpec("root", [spec(i) for i in range(actors)]), Random(1), print)
    addresses += [tree.address(f"g{i}") for i in range(actors)]
    tree.start()
    idle(runtime)
    for address in addresses:
        address.tell(20)
    return tree


def run_of(seed: int) -> tuple[str, list[str]]:
    runtime, order = world(seed), list[str]()
    gossip(runtime, order)
    idle(runtime)
    return runtime.trace.hexdigest(), order


def test_a_step_handles_one_envelope_of_one_actor() -> None:
    runtime = world(1)
    cell = lone_cell(runtime, probe("a"))
    runtime.step()
    for word in ("one", "two"):
        cell.address.tell(word)
    assert isinstance(cell.behaviour, Probe)
    assert runtime.step()
    assert cell.behaviour.seen == ["one"]
    assert runtime.step()
    assert cell.behaviour.seen == ["one", "two"]
    assert not runtime.step()


def test_a_seed_is_one_run_and_seeds_differ() -> None:
    assert run_of(3) == run_of(3)
    assert len({run_of(seed)[0] for seed in range(20)}) > 15


def test_the_digest_does_not_depend_on_pythonhashseed() -> None:
    code = "from tests.unit.test_stepped import run_of; print(run_of(11)[0])"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("0", "1", "5")
    }  # fmt: skip
    assert len(digests) == 1


def test_time_stands_still_while_there_is_mail_and_jumps_to_the_next_alarm_when_there_is_none() -> None:
    runtime, to = world(1), Recorder()
    cell = lone_cell(runtime, probe("a"))
    runtime.send_after(3_600.0, to, "an hour")
    runtime.send_after(60.0, to, "a minute")
    cell.address.tell("mail")
    assert runtime.step()
    assert runtime.step()
    assert runtime.clock.monotonic_s() == 0.0
    assert runtime.step()
    assert (to.heard, runtime.clock.monotonic_s()) == (["a minute"], 60.0)
    assert runtime.step()
    assert runtime.clock.monotonic_s() == 3_600.0
    assert not runtime.step()


def test_where_steps_take_time_alarms_come_between_them() -> None:
    runtime = world(1, step_s=0.1)
    cell = lone_cell(runtime, probe("a"))
    runtime.send_after(0.55, cell.address, "alarm")
    for _ in range(20):
        cell.address.tell("mail")
    runtime.run_for(1.0)
    assert isinstance(cell.behaviour, Probe)
    runtime.run_until(lambda: False, 100)
    assert cell.behaviour.seen.index("alarm") == 20
    assert runtime.clock.monotonic_s() > 2.0


def test_running_for_a_time_ends_at_its_end_and_not_at_the_next_alarm() -> None:
    runtime, to = world(1), Recorder()
    runtime.send_after(5.0, to, "in time")
    runtime.send_after(11.0, to, "later")
    runtime.run_for(10.0)
    assert (to.heard, runtime.clock.monotonic_s()) == (["in time"], 10.0)


def test_a_cancelled_alarm_is_not_sent() -> None:
    runtime, to = world(1), Recorder()
    runtime.send_after(5.0, to, "never").cancel()
    runtime.run_for(10.0)
    assert to.heard == []


def test_a_slow_actor_gets_its_turn_seldom_but_does() -> None:
    runtime, order = world(1, weigh=lambda name: 0.05 if name == "slow" else 1.0), list[str]()

    def noisy(name: str) -> ChildSpec:
        return ChildSpec(name, lambda me: Probe(me, name=name))

    cells = [lone_cell(runtime, noisy(name)) for name in ("slow", "quick")]
    idle(runtime)
    for cell in cells:
        for _ in range(200):
            cell.address.tell(lambda behaviour: order.append(behaviour.name))
    idle(runtime)
    assert order[:200].count("slow") < 40
    assert order.count("slow") == 200


def test_a_paused_actor_gets_nothing_until_its_pause_is_over() -> None:
    runtime = world(1)
    cell = lone_cell(runtime, probe("a"))
    idle(runtime)
    cell.address.tell("mail")
    runtime.pause("a", 30.0)
    runtime.run_for(29.0)
    assert isinstance(cell.behaviour, Probe)
    assert cell.behaviour.seen == []
    assert "a: 1 messages, paused" in runtime.pending()
    runtime.run_for(2.0)
    assert cell.behaviour.seen == ["mail"]


def test_an_ask_runs_the_world_and_a_deadlock_is_said_with_who_waits() -> None:
    runtime = world(1)
    cell = lone_cell(runtime, probe("a"))
    assert cell.actor_ref.ask("hello") == 1
    cell.address.tell(RuntimeError("boom"))
    with pytest.raises(Deadlock, match="a: 1 messages, suspended \\(backing off\\)"):
        cell.actor_ref.ask("are you there")


def test_an_ask_times_out_in_virtual_time() -> None:
    runtime = world(1)
    cell = lone_cell(runtime, probe("a"), first=False)
    with pytest.raises(Timeout):
        cell.actor_ref.ask("hello", timeout=1_000_000)
    assert runtime.clock.monotonic_s() == 1_000_000


def test_an_actor_that_asks_is_not_stepped_again_before_it_has_its_answer() -> None:
    runtime = world(1)
    asked = lone_cell(runtime, probe("asked"))
    asker = lone_cell(runtime, probe("asker"))
    first = asker.actor_ref.ask(lambda behaviour: (asked.actor_ref.ask("hi"), list(behaviour.seen)), block=False)
    second = asker.actor_ref.ask("second", block=False)
    answer, seen = first.get(timeout=5)
    assert answer == 1
    assert len(seen) == 1
    assert second.get(timeout=5) == 2


def test_a_killed_process_calls_nothing_and_a_new_one_takes_its_names() -> None:
    runtime, book, outside = world(1), list[str](), Recorder()

    def engine() -> Tree:
        spec = SupervisorSpec("root", [probe("a", book), probe("b", book)])
        tree = plant(runtime, spec, Random(1), print, prefix="engine:")
        tree.start()
        idle(runtime)
        return tree

    bystander = lone_cell(runtime, probe("bystander"))
    dead = engine()
    runtime.send_after(5.0, dead.address("a"), "from the grave")
    runtime.send_after(5.0, outside, "from outside")
    dead.address("b").tell("unread")
    runtime.kill("engine:")
    idle(runtime)
    assert book == ["a started", "b started"]
    living = engine()
    dead.address("a").tell("nobody hears this")
    idle(runtime)
    assert outside.heard == ["from outside"]
    behaviour = living.cell("a").behaviour
    assert isinstance(behaviour, Probe)
    assert behaviour.seen == []
    assert bystander.actor_ref.ask("still here") == 1


def test_a_process_can_be_killed_from_within_a_handler() -> None:
    runtime = world(1)
    cell = lone_cell(runtime, probe("a"))
    other = lone_cell(runtime, probe("b"))
    idle(runtime)

    def die(_behaviour: Probe) -> None:
        runtime.kill()
        other.address.tell("too late")
        raise RuntimeError("the last thing it did")

    cell.address.tell(die)
    cell.address.tell("unread")
    idle(runtime)
    assert isinstance(other.behaviour, Probe)
    assert other.behaviour.seen == []
    assert runtime.pending() == "nothing"


def test_after_each_step_the_world_may_look() -> None:
    runtime, looks = world(1), list[int]()
    runtime.after_step = lambda: looks.append(runtime.trace.steps)
    cell = lone_cell(runtime, probe("a"))
    cell.address.tell("mail")
    idle(runtime)
    assert looks == [1, 2]


def test_ctrl_c_in_a_handler_reaches_whoever_runs_the_world() -> None:
    runtime = world(1)
    cell = lone_cell(runtime, probe("a"))
    cell.address.tell(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        idle(runtime)


def test_two_actors_of_one_name_are_refused() -> None:
    runtime = world(1)
    start_tree(runtime, SupervisorSpec("root", []), Random(1), print)
    with pytest.raises(AssertionError, match="two actors named root"):
        start_tree(runtime, SupervisorSpec("root", []), Random(1), print)
