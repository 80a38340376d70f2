"""Readiness as it is assembled: the real wiring on a stepped engine, and each reason against sending it traffic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from actors.points.programme import from_settings
from actors.registry import domains
from gateway.assembly import readiness
from gateway.health import Health, Readiness
from gateway.key_file import KeyFile
from gateway.key_ring import NO_KEYS, KeyRing
from gateway.keys import Key, KeyBook, KeyIndex
from gateway.operations import Decided, Decisions, ParkedQueries
from gateway.problems import Problem
from gateway.readers import ReaderPool
from gateway.sample import Sampler
from gateway.wiring import Broker, Parts, Wiring
from simulation.broker import Message, SimulatedBroker
from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.journal import Limits
from supervision.messages import ParkedRow
from supervision.stepped import SteppedRuntime
from supervision.store_simulated import Disk, SimulatedStore
from topology.ports import Props

KEY = Key(id="key_aaaaaaaa", name="a", scopes=("admin",), created="", sha256="0" * 64)
START_MS = 1_790_000_000_000
EARNED = b'{"event_type":"points_change","user_id":"u","change_type":"increase","points":1,"reason":"x"}'


class World:
    def __init__(self, broker_away: bool = False, parked: Sequence[ParkedRow] = ()) -> None:
        self.clock = VirtualClock(START_MS)
        self.runtime = SteppedRuntime(Random(1), self.clock)
        self.broker = SimulatedBroker(self.runtime, Random(1))
        self.broker.away = broker_away
        self.free = 1 << 40
        self.refuses = False
        self.store = SimulatedStore(Disk(2), lambda _: "refused" if self.refuses else "ok")
        for row in parked:
            self.store.image.parked[row.segment, row.domain, row.subject, row.offset] = row
        self.tally = Tally()
        parts = Parts(
            self.store, domains(from_settings(), 2), self.runtime, Random(1), self.tally, on_fatal=lambda _: None,
            broker=Broker(self.broker.consumer, self.broker.publisher), limits=Limits(disk_free_min=1 << 20),
            free_bytes=lambda: self.free,
        )  # fmt: skip
        self.wiring = Wiring(parts, self.clock.now_ms())
        self.keys = KeyRing(KeyFile(Path("nowhere")), self.clock, self.tally)
        self.keys.index = KeyIndex(KeyBook((KEY,)))

    def begin(self) -> World:
        self.wiring.tree.start()
        return self.pass_time(2)

    def pass_time(self, seconds: float) -> World:
        self.runtime.run_for(seconds)
        return self

    def resume(self, domain: str, segment: int) -> World:
        """As an operator does."""
        queries = ParkedQueries(ReaderPool(self.store.reader), 2, [domain])
        answers: list[Decided | Problem] = []
        Decisions(queries, self.wiring.engine.journal, 2).resume(domain, segment, answers.append)
        self.pass_time(2)
        assert isinstance(answers[0], Decided), answers
        return self

    def gauged(self) -> dict[str, float]:
        """`parked_domains` as somebody who asks for the metrics sees it."""
        engine = self.wiring.engine
        Sampler(engine.tails, self.wiring.tree, sorted(engine.domains), engine.parked_domains, self.tally)()
        return {domain: self.tally.gauges["parked_domains", (("domain", domain),)] for domain in engine.domains}

    def ready(self) -> Readiness:
        return readiness(self.wiring, has_broker=True, keys=self.keys)


def test_an_engine_that_has_not_begun_is_starting_and_waits_for_both_connections() -> None:
    assert World().ready().blocking == ("starting", "bridge: not connected yet", "relay: not connected yet")


def test_an_engine_at_work_has_no_reason() -> None:
    assert World().begin().ready() == Readiness()


def test_a_broker_that_was_never_there_blocks_and_one_that_went_away_degrades() -> None:
    assert [reason[:6] for reason in World(broker_away=True).begin().ready().blocking] == ["bridge", "relay:"]
    world = World().begin()
    world.broker.away = True
    world.broker.cut("the cable")
    gone = world.pass_time(0.05).ready()
    assert gone.blocking == () and sorted(gone.degraded) == ["bridge: the cable", "relay: the cable"]
    world.broker.away = False
    assert world.pass_time(60).ready() == Readiness()


def test_a_store_that_refuses_blocks_until_it_takes_again() -> None:
    world = World().begin()
    world.refuses = True
    world.broker.put(Message(1, "marketing.points.events", "points.increase.x", Props(message_id="m1"), EARNED))
    assert world.pass_time(1).ready().blocking == ("the store refuses: the disk is full today",)
    world.refuses = False
    assert world.pass_time(10).ready() == Readiness()


def test_a_disk_that_is_nearly_full_blocks_until_it_is_not() -> None:
    world = World().begin()
    world.free = 1 << 19
    assert world.pass_time(10).ready().blocking == ("524288 bytes left on the disk, limit 1048576",)
    world.free = 1 << 40
    assert world.pass_time(10).ready() == Readiness()


def test_a_parked_domain_degrades_and_is_counted_until_it_is_resumed() -> None:
    parked = [ParkedRow(segment, "notification", "*", 0, "too many parks", 0, START_MS) for segment in (0, 1)]
    world = World(parked=parked).begin()
    assert world.ready() == Readiness(degraded=("the domain notification is parked in segment 0, 1",))
    assert {domain: segments for domain, segments in world.gauged().items() if segments} == {"notification": 2}
    world.resume("notification", 1).resume("notification", 0)
    assert world.ready() == Readiness()
    assert "notification" in world.gauged() and not any(world.gauged().values())


def test_an_engine_without_keys_says_so_and_is_ready_all_the_same() -> None:
    world = World().begin()
    world.keys.index = KeyIndex(KeyBook())
    assert world.ready() == Readiness(notes=(NO_KEYS,))
    status, report = Health(dict, world.ready).ready()
    assert (status, report.status, report.reasons) == (200, "ok", (NO_KEYS,))


def test_keys_that_cannot_be_believed_degrade() -> None:
    world = World().begin()
    world.keys.reload()
    assert world.ready().degraded == ("the API keys are those of before: nowhere/keys.json is gone",)
