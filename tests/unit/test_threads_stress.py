"""Real threads at a switch interval of a microsecond: what no simulation can show.

Short, since it runs in every `make test`. Each round is small and there are many: races live in starts and stops.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from pykka import ActorDeadError

from supervision.backoff import BackOff
from supervision.cell import Cell
from supervision.clock import SystemClock
from supervision.counters import Tally
from supervision.orders import Halt
from supervision.supervisor import SupervisorSpec
from supervision.threads import ThreadRuntime
from supervision.tree import start_tree
from tests.cells import DEADLINE_S, lone_cell, probe, settle

STOP_ROUNDS = 150
SENDERS = 3
SWITCH_INTERVAL_S = 1e-6


@pytest.fixture
def runtime() -> Iterator[ThreadRuntime]:
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    runtime = ThreadRuntime(SystemClock())
    yield runtime
    runtime.close()
    sys.setswitchinterval(before_s)


def together(*works: Any) -> None:
    """Run all at once, each in a thread, and fail when one hangs or raises."""
    errors: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Any) -> None:
        try:
            gate.wait(DEADLINE_S)
            work()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)


def asking(cell: Cell, asks: int, outcomes: Counter[str]) -> None:
    """Each ask ends as an answer, a refusal, or a lost one."""
    mine: Counter[str] = Counter()
    for _ in range(asks):
        try:
            cell.actor_ref.ask("hello", timeout=DEADLINE_S)
            mine["answered"] += 1
        except ActorDeadError:
            mine["refused"] += 1
    outcomes.update(mine)


def test_no_ask_hangs_however_it_races_a_stop(runtime: ThreadRuntime) -> None:
    outcomes: list[Counter[str]] = []
    for _ in range(STOP_ROUNDS):
        cell = lone_cell(runtime, probe("a"))
        mine = [Counter[str]() for _ in range(SENDERS)]
        outcomes += mine
        works = [lambda c=cell, m=m: asking(c, 6, m) for m in mine]
        together(*works, lambda c=cell: c.address.tell(Halt(final=True)))
        assert cell.ended.wait(DEADLINE_S)
    total = sum(outcomes, Counter[str]())
    assert total.total() == STOP_ROUNDS * SENDERS * 6
    assert total["refused"] > 0


def test_no_tell_vanishes_uncounted_however_it_races_a_stop(runtime: ThreadRuntime) -> None:
    for _ in range(STOP_ROUNDS):
        tally, seen = Tally(), list[int]()
        cell = lone_cell(runtime, probe("a"), counters=tally)

        def tell_some(cell: Cell = cell, seen: list[int] = seen) -> None:
            for n in range(20):
                cell.address.tell(lambda _behaviour, n=n: seen.append(n))

        together(*[tell_some] * SENDERS, lambda c=cell: c.address.tell(Halt(final=True)))
        assert cell.ended.wait(DEADLINE_S)
        assert len(seen) + tally.counted("dropped_messages") == SENDERS * 20


def test_no_message_is_lost_doubled_or_overtaken_while_its_receiver_crashes_again_and_again(
    runtime: ThreadRuntime,
) -> None:
    fatal, seen, messages = list[str](), list[tuple[int, int]](), 400
    backoff = BackOff(first_s=0.0005, most_s=0.001)
    spec = SupervisorSpec("root", [probe("a"), probe("b")], intensity=100, period_s=60.0, backoff=backoff)
    tree = start_tree(runtime, spec, Random(1), fatal.append)

    def sender(number: int) -> None:
        for n in range(messages):
            tree.address("a").tell(lambda _behaviour, n=n: seen.append((number, n)))
            if n % 20 == 0:
                tree.address("a").tell(RuntimeError("boom"))

    together(*[lambda i=i: sender(i) for i in range(SENDERS)])
    settle(runtime, lambda: len(seen) == SENDERS * messages)
    assert fatal == []
    for number in range(SENDERS):
        assert [n for who, n in seen if who == number] == list(range(messages))
    settle(runtime, lambda: tree.cell("a").incarnation == 1 + SENDERS * messages // 20)
    assert tree.cell("b").incarnation == 1
    assert tree.stop() == []


def test_trees_come_up_and_down_while_they_are_told(runtime: ThreadRuntime) -> None:
    for seed in range(15):
        children = [probe(f"c{i}") for i in range(4)]
        tree = start_tree(runtime, SupervisorSpec("root", children, strategy="rest_for_one"), Random(seed), print)

        def noise(tree: Any = tree, seed: int = seed) -> None:
            rng = Random(seed)
            for _ in range(100):
                tree.address(f"c{rng.randrange(4)}").tell("noise")

        def crash(tree: Any = tree) -> None:
            tree.address("c1").tell(RuntimeError("boom"))

        left: list[str] = []
        together(noise, noise, crash, lambda tree=tree, left=left: left.extend(tree.stop()))
        assert left == []


def test_alarms_set_and_cancelled_by_many_threads_are_sent_once_or_not_at_all(runtime: ThreadRuntime) -> None:
    got: Counter[int] = Counter()
    lock, cancelled = threading.Lock(), set[int]()

    class Counting:
        def tell(self, message: Any, /) -> None:
            with lock:
                assert message is not None
                got[message] += 1

    def arm(base: int) -> None:
        for n in range(base, base + 300):
            alarm = runtime.send_after((n % 5) / 1000, Counting(), n)
            if n % 3 == 0:
                alarm.cancel()
                cancelled.add(n)

    together(*[lambda b=b: arm(b * 300) for b in range(4)])
    settle(runtime, lambda: len(set(got) - cancelled) == 800)
    assert set(got.values()) == {1}
