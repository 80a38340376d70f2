"""The threaded runtime's own parts: alarms and awaiting. What it shares with the stepped one is tested under both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from supervision.clock import SystemClock
from supervision.threads import ThreadRuntime
from tests.cells import DEADLINE_S, Recorder, ask, lone_cell, probe


@pytest.fixture
def runtime() -> Iterator[ThreadRuntime]:
    runtime = ThreadRuntime(SystemClock())
    yield runtime
    runtime.close()


def test_alarms_are_sent_in_order_of_their_time(runtime: ThreadRuntime) -> None:
    to = Recorder()
    runtime.send_after(0.06, to, "last")
    runtime.send_after(0.03, to, "middle")
    runtime.send_after(0.0, to, "first")
    to.wait(lambda heard: len(heard) == 3)
    assert to.heard == ["first", "middle", "last"]


def test_an_alarm_is_never_early(runtime: ThreadRuntime) -> None:
    to = Recorder()
    began_s = runtime.clock.monotonic_s()
    runtime.send_after(0.05, to, "now")
    to.wait(bool)
    assert runtime.clock.monotonic_s() - began_s >= 0.05


def test_a_cancelled_alarm_is_not_sent(runtime: ThreadRuntime) -> None:
    to = Recorder()
    runtime.send_after(0.02, to, "cancelled").cancel()
    runtime.send_after(0.04, to, "kept")
    to.wait(bool)
    assert to.heard == ["kept"]


def test_an_address_that_raises_does_not_end_the_alarms_of_others(runtime: ThreadRuntime) -> None:
    class Broken:
        def tell(self, _message: Any, /) -> None:
            raise RuntimeError("no")

    to = Recorder()
    runtime.send_after(0.0, Broken(), "boom")
    runtime.send_after(0.01, to, "still")
    to.wait(bool)


def test_a_closed_runtime_sends_nothing_more() -> None:
    runtime, to = ThreadRuntime(SystemClock()), Recorder()
    before = threading.active_count()
    runtime.send_after(0.0, to, "perhaps")
    runtime.send_after(0.01, to, "never")
    runtime.close()
    assert threading.active_count() == before - 1
    assert "never" not in to.heard


def test_awaiting_an_answer_does_not_hold_up_the_event_loop(runtime: ThreadRuntime) -> None:
    cell = lone_cell(runtime, probe("a"))
    gate = threading.Event()

    async def main() -> Any:
        answer = cell.actor_ref.ask(lambda _: gate.wait(DEADLINE_S), block=False)
        asyncio.get_running_loop().call_later(0.01, gate.set)  # runs only if the loop does
        return await answer

    assert asyncio.run(main()) is True


def test_a_cell_runs_on_a_thread_of_its_name_that_does_not_hold_the_process(runtime: ThreadRuntime) -> None:
    cell = lone_cell(runtime, probe("segments/03/points"))
    thread: Any = ask(cell, lambda _: threading.current_thread())
    assert thread.name == "segments/03/points"
    assert thread.daemon
