"""Small worlds, exhaustively: two entries, the process killed after each single step, every fault of the store at each
commit, in both orders of two cells.

What worlds by the thousand find by chance is here found by counting: there is no crash point of the protocol (before
or after a commit, a publication, an ack, a done) that two entries do not pass. The checkers are those of every world.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from simulation.draw import Draw, draw_of
from simulation.faults import Faults
from simulation.shrink import FAULTS
from simulation.world import World, quiet_logs
from supervision.store import Batch
from supervision.store_simulated import Fault, rejectable

ORDERS = (("points", "notification"), ("notification", "points"))
STORE_FAULTS: tuple[Fault, ...] = ("refused", "rejected", "unknown_committed", "unknown_lost", "fsync")


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    quiet_logs()


def calm(**dims: Any) -> Draw:
    """A world in which nothing goes wrong, and two messages come at once."""
    drawn = draw_of(0)
    faults = {
        name: 0 for name in drawn.__struct_fields__ if name.endswith(("_rate", "_share")) or name in FAULTS
    }  # fmt: skip
    small: dict[str, Any] = {
        "inputs": 2, "users": 1, "segments": 1, "days": 0, "probes": 0, "batch": 2, "window_s": 0.02, "notifies": True,
        "group_items_max": 2_000, "batch_entries_max": 256, "in_flight_max": 4, "states_bytes_max": 1 << 23,
        "retry_entries_max": 256, "ring_entries_max": 8_192, "log_retention_s": 604_800, "absence_hold_s": 900,
        "prefetch": 200, "confirm_window": 1_024, "tick_s": 0.5, "ledger": 0.0, "asks": 0, "calls": 0, "switches": 0,
        "leaps": 0,
    }  # fmt: skip
    return msgspec.structs.replace(drawn, **{**faults, **small, **dims})


def world(order: tuple[str, ...], seed: int = 0, **dims: Any) -> World:
    """In which who is named first in `order` is always taken first, when both have mail; all others come before."""
    made = World(seed, calm(**dims))
    runtime: Any = made.runtime

    def rank(inbox: Any) -> int:
        return next((i + 1 for i, name in enumerate(order) if inbox.name.endswith(name)), 0)

    def choose() -> Any:
        ready = runtime._ready
        i = min(range(len(ready)), key=lambda i: rank(ready[i]))
        inbox, ready[i] = ready[i], ready[-1]
        ready.pop()
        return inbox

    runtime._choose = choose
    return made


def lived(made: World) -> World:
    outcome = made.run()
    assert not outcome.violation, outcome.violation
    assert made.publishers.sent == 2 and sum(e.kind == "points.change" for e in made.checker.logs[0]) == 2
    return made


def killed_after(step: int) -> Callable[[World], None]:
    def plan(made: World) -> None:
        made.mishaps.crash_step = step

    return plan


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["amqp", "http"])
def test_a_process_killed_after_any_step_counts_two_entries_once(order: tuple[str, ...], share: float) -> None:
    steps = lived(world(order, http_share=share)).steps
    killed = 0
    for step in range(1, steps + 1):
        made = world(order, http_share=share)
        killed_after(step)(made)
        killed += lived(made).marks["process_killed"]
    assert killed > 60, f"only {killed} of {steps} steps were crash points"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("fault", STORE_FAULTS)
def test_any_fault_of_the_store_at_any_commit_counts_two_entries_once(order: tuple[str, ...], fault: Fault) -> None:
    commits = lived(world(order)).disk.image.commit_no
    happened = 0
    for commit in range(1, commits + 1):
        made = world(order)
        happened += _fail_at(made.faults, made, commit, fault)
    assert happened >= (3 if fault == "rejected" else commits // 2)  # only a stage that somebody waits for is rejected


def _fail_at(faults: Faults, made: World, commit: int, fault: Fault) -> int:
    """Live through `made` with `fault` at its first try of that commit; 1 when it came to that."""
    happened: list[int] = []
    store: Any = made.wiring.engine.store
    right = store._faults

    def failing(batch: Batch) -> Fault:
        answer = right(batch)
        if batch.commit_no != commit or happened or not faults.on:
            return answer
        stage = rejectable(batch)
        if fault == "rejected":
            if stage is None:
                return answer
            faults.on_reject(stage)
        happened.append(1)
        faults.counts[f"store_{fault}"] += 1
        return fault

    store._faults = failing
    lived(made)
    return len(happened)


@pytest.mark.parametrize("order", ORDERS)
def test_a_process_killed_twice_counts_two_entries_once(order: tuple[str, ...]) -> None:
    """Every eleventh pair of steps: all of them are a thousand times more of the same."""
    steps = lived(world(order)).steps
    for n, (first, second) in enumerate((a, b) for a in range(1, steps) for b in range(a + 1, steps + 40)):
        if n % 211:
            continue
        made = world(order)
        made.mishaps.crash_step = first
        made.mishaps._next_crash = lambda after, second=second, first=first: second if after == first else 0
        lived(made)
