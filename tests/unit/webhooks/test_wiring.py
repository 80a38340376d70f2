"""Where the sender stands in the tree."""

from __future__ import annotations

from random import Random

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

SENDER = "calls/webhooks"


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
