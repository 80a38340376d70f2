"""Where the sender stands in the tree."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from actors.points.programme import from_settings
from actors.registry import domains
from gateway.wiring import Parts, Webhooks, Wiring
from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.stepped import SteppedRuntime
from supervision.store_simulated import Disk, SimulatedStore
from tests.engine_world import START_MS
from tests.webhook_world import Endpoints, endpoint
from topology.ports import NoBroker
from topology.webhooks.sender import Sender

SENDER = "calls/webhooks"


def test_a_sender_that_crashes_again_and_again_is_given_up_and_all_else_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: Sender, message: Any) -> None:
        raise RuntimeError("a row that cannot be read")

    monkeypatch.setattr(Sender, "receive", broken)
    runtime, tally, fatal = SteppedRuntime(Random(1), VirtualClock(START_MS)), Tally(), list[str]()
    parts = Parts(
        SimulatedStore(Disk(2), lambda _: "ok"), domains(from_settings(), 2), runtime, Random(1), tally,
        on_fatal=fatal.append, publish_without_broker=NoBroker(), webhooks=Webhooks({"crm": endpoint()}, Endpoints()),
    )  # fmt: skip
    wiring = Wiring(parts, START_MS)
    wiring.tree.start()
    assert runtime.run_until(lambda: wiring.tree.cell(SENDER).state == "parked", 100_000)
    runtime.run_for(10.0)
    assert fatal == [] and wiring.engine.begun() and tally.gauges["webhooks_given_up", ()] == 1
    wiring.finish_publishing()
    runtime.run_for(1.0)
    assert wiring.under_way == 0


def test_the_sender_is_there_when_an_endpoint_is_listed_or_ever_was_since_the_log_is_kept_for_it() -> None:
    disk, clock = Disk(2), VirtualClock(START_MS)
    there: list[bool] = []
    for listed in (None, Webhooks({"crm": endpoint()}, Endpoints()), None):
        runtime = SteppedRuntime(Random(1), clock)
        parts = Parts(
            SimulatedStore(disk, lambda _: "ok"), domains(from_settings(), 2), runtime, Random(1), Tally(),
            on_fatal=lambda _: None, publish_without_broker=NoBroker(), webhooks=listed,
        )  # fmt: skip
        wiring = Wiring(parts, clock.now_ms())
        wiring.tree.start()
        runtime.run_for(3.0)
        assert wiring.engine.begun() and set(wiring.endpoints) == ({"crm"} if listed else set())
        there.append(SENDER in wiring.tree.paths)
        runtime.kill("")
    assert there == [False, True, True]
