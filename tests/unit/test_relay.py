"""The relay and the bridge as actors, over pretended ports and a virtual clock."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from supervision.clock import VirtualClock
from supervision.counters import Tally
from supervision.entry import Draft
from supervision.messages import WAKE
from tests.topology_world import Mailbox, Memory, World, door, message
from topology.bridge import Bridge
from topology.dead import BuryDead, DeadLetter
from topology.link import Link
from topology.ports import (
    Blocked,
    Confirm,
    Confirms,
    Deliveries,
    Delivery,
    Lost,
    NoBroker,
    Opened,
    Outgoing,
    Props,
    Returned,
    Unblocked,
)
from topology.reconnect import RETRY_S_MAX, RETRY_S_MIN, Reconnect
from topology.relay import OUTWARD_RETENTION_MS, SKIP_TICKS, Relay

WEEK_S = OUTWARD_RETENTION_MS // 1000


class Port(NoBroker):
    """Opens only when the test says so, and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Outgoing] = []
        self.acks: list[tuple[int, int]] = []
        self.dropped: list[int] = []

    @property
    def generation(self) -> int:
        return self._generation

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        assert generation == self._generation
        self.published += messages

    def ack(self, generation: int, tag: int) -> None:
        self.acks.append((generation, tag))

    def drop(self, generation: int) -> None:
        self.dropped.append(generation)


class Scene:
    """Relay and bridge in one virtual world."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock)
        self.memory = Memory(self.clock.now_ms())
        self.count = Tally()
        self.publishing, self.consuming = Port(), Port()
        self.relay_link, self.bridge_link = Link("relay"), Link("bridge")
        self.reasons: tuple[str, ...] = ()
        self.box, self.bridge_box = Mailbox(), Mailbox()
        self.relay = Relay(
            self.box, 1, self.publishing, self.memory, self.memory.tails, self.memory, self.relay_link,  # type: ignore[arg-type]
            self.world, self.count, Random(1),
        )  # fmt: skip
        self.bridge = Bridge(
            self.bridge_box, self.consuming, door(), self.memory, self.box, lambda: self.reasons, self.bridge_link,
            self.world, self.count, Random(2),
        )  # fmt: skip
        self.relay.started()
        self.bridge.started()
        self.settle()

    def settle(self) -> None:
        while mail := [(self.relay, m) for m in self.box.all()] + [(self.bridge, m) for m in self.bridge_box.all()]:
            for behaviour, told in mail:
                behaviour.receive(told)
        self.relay.check()
        self.bridge.check()

    def later(self, seconds: float) -> None:
        end = self.clock.monotonic_s() + seconds
        while self.clock.monotonic_s() < end:
            self.clock.advance(min(0.5, end - self.clock.monotonic_s()))
            self.world.send_due()
            self.settle()

    def tell(self, *messages: Any) -> None:
        for told in messages:
            (self.bridge_box if isinstance(told, Deliveries) else self.box).tell(told)
        self.settle()

    def confirm_all(self) -> None:
        self.tell(Confirms(self.publishing.generation, [Confirm(len(self.publishing.published), True, True)]))


def effect(body: bytes = b"{}") -> Draft:
    return Draft("points.earned", "user:7", body, route="points.earned.x")


def test_effects_are_published_when_the_connection_stands_and_checkpoints_follow_the_confirms() -> None:
    scene = Scene()
    scene.memory.put(1, effect())
    scene.settle()
    assert scene.publishing.published == [] and not scene.relay_link.ready
    scene.tell(Opened(1))
    assert scene.relay_link.ready and scene.relay_link.waiting == 1 and 1 not in scene.memory.checkpoints
    scene.confirm_all()
    assert scene.memory.checkpoints[1] == 1 and scene.relay_link.waiting == 0


def test_a_lost_connection_is_tried_again_after_a_wait_that_grows_and_begins_anew_after_success() -> None:
    scene = Scene()
    for generation in range(1, 9):
        scene.tell(Lost(generation, "refused"))
        assert scene.relay_link.reason == "refused" and not scene.relay_link.ready
        scene.later(RETRY_S_MAX)
        assert scene.publishing.generation == generation + 1
    waits = Reconnect(Random(3))
    drawn = [waits.wait_s() for _ in range(12)]
    assert drawn[0] <= RETRY_S_MIN and RETRY_S_MAX / 2 <= drawn[-1] <= RETRY_S_MAX
    waits.good()
    assert waits.wait_s() <= RETRY_S_MIN


def test_a_blocking_broker_is_given_nothing_more_until_it_reads_again() -> None:
    scene = Scene()
    scene.tell(Opened(1), Blocked(1, "memory"))
    scene.memory.put(1, effect())
    scene.settle()
    assert scene.publishing.published == [] and "memory" in scene.relay_link.reason
    scene.tell(Unblocked(1))
    assert len(scene.publishing.published) == 1 and scene.relay_link.ready


def test_after_a_return_no_confirm_of_that_connection_counts_and_the_link_says_why_until_one_does() -> None:
    scene = Scene()
    scene.tell(Opened(1))
    scene.memory.put(1, effect())
    scene.settle()
    scene.tell(Returned(1, "marketing.effects", "points.earned.x", "NO_ROUTE"), Confirms(1, [Confirm(1, False, True)]))
    assert 1 not in scene.memory.checkpoints and scene.publishing.dropped == [1]
    assert "returned points.earned.x: NO_ROUTE" in scene.relay_link.reason
    scene.later(1.0)
    scene.tell(Opened(2))
    assert not scene.relay_link.ready
    assert [m.props.message_id for m in scene.publishing.published] == ["1.1.1", "1.1.1"]
    scene.tell(Confirms(2, [Confirm(1, False, True)]))
    assert scene.relay_link.ready and scene.memory.checkpoints[1] == 1


def test_words_about_an_older_connection_are_ignored() -> None:
    scene = Scene()
    scene.tell(Lost(1, "x"))
    scene.later(1.0)
    scene.memory.put(1, effect())
    scene.tell(Opened(1))
    assert scene.publishing.published == []
    scene.tell(Opened(2), Confirms(1, [Confirm(1, False, True)]), Lost(1, "late"))
    assert scene.relay_link.ready and 1 not in scene.memory.checkpoints


def test_without_a_broker_effects_wait_a_week_and_then_one_entry_says_what_was_given_up() -> None:
    scene = Scene()
    for _ in range(3):
        scene.memory.put(1, effect())
    scene.settle()
    scene.clock.advance(WEEK_S - 3_600)
    scene.later(2.0 * SKIP_TICKS)
    assert 1 not in scene.memory.checkpoints
    scene.memory.at = scene.clock.now_ms()
    scene.memory.put(1, effect())
    scene.clock.advance(2 * 3_600)
    scene.later(2.0 * SKIP_TICKS)
    assert scene.memory.checkpoints[1] == 3
    (said,) = [entry for entry in scene.memory.entries if entry.kind == "engine.outward_skipped"]
    body = msgspec.json.decode(said.body)
    assert (body["event_type"], body["from"], body["to"], body["count"]) == (
        "engine_outward_skipped",
        "1.1.1",
        "1.1.3",
        3,
    )
    assert said.seq and said.route == "engine.outward_skipped" and said.subject == "segment:01"
    scene.tell(Opened(1))
    assert [m.props.message_id for m in scene.publishing.published] == ["1.1.4", "1.1.5"]


def test_a_leap_of_the_wall_clock_that_is_taken_back_gives_nothing_up() -> None:
    scene = Scene()
    scene.memory.put(1, effect())
    scene.settle()
    scene.clock.skew_ms = 2 * OUTWARD_RETENTION_MS
    scene.later(1.0 * SKIP_TICKS)
    scene.clock.skew_ms = 0
    scene.later(2.0 * SKIP_TICKS)
    assert 1 not in scene.memory.checkpoints
    scene.tell(Opened(1))
    assert len(scene.publishing.published) == 1


def test_what_is_old_but_still_there_when_the_broker_comes_back_is_published() -> None:
    scene = Scene()
    scene.memory.put(1, effect())
    scene.clock.advance(2 * WEEK_S)
    scene.tell(Opened(1), WAKE)
    assert len(scene.publishing.published) == 1


def test_a_bad_message_is_acked_only_after_the_broker_has_its_copy() -> None:
    scene = Scene()
    scene.bridge_box.tell(Opened(1))
    scene.tell(
        Opened(1), Deliveries(1, [Delivery(1, "x", "k", Props(), b"bad"), Delivery(2, "x", "k", Props(), message())])
    )
    assert scene.consuming.acks == [] and scene.publishing.published[0].exchange == "marketing.dead"
    scene.confirm_all()
    assert scene.consuming.acks == [(1, 2)]
    assert scene.count.counted("dead_letters", reason="not_json") == 1


def test_what_arrives_while_the_engine_takes_nothing_is_taken_when_it_does() -> None:
    scene = Scene()
    scene.bridge_box.tell(Opened(1))
    scene.reasons = ("the disk is full",)
    scene.tell(Deliveries(1, [Delivery(1, "x", "k", Props(), message())]))
    scene.later(5.0)
    assert scene.memory.entries == [] and scene.consuming.acks == []
    scene.reasons = ()
    scene.later(0.5)
    assert len(scene.memory.entries) == 1 and scene.consuming.acks == [(1, 1)]


def test_an_answer_of_the_journal_that_comes_after_the_connection_was_lost_acks_nothing() -> None:
    scene = Scene()
    scene.bridge_box.tell(Opened(1))
    scene.memory.held = []
    scene.tell(Deliveries(1, [Delivery(1, "x", "k", Props(), message())]))
    scene.bridge_box.tell(Lost(1, "cut"))
    scene.later(1.0)
    scene.bridge_box.tell(Opened(2))
    scene.memory.append(scene.memory.held.pop())
    scene.settle()
    assert scene.consuming.acks == []
    scene.memory.held = None
    scene.tell(Deliveries(2, [Delivery(1, "x", "k", Props(), message(), True)]))
    assert scene.consuming.acks == [(2, 1)] and len(scene.memory.entries) == 1


def test_dead_letters_of_an_older_connection_of_the_bridge_are_not_answered_to_the_newer() -> None:
    scene = Scene()
    scene.tell(Opened(1), BuryDead(1, [DeadLetter(1, Outgoing("marketing.dead", "k", b"", Props()))], scene.bridge_box))
    scene.bridge_box.tell(Lost(1, "cut"))
    scene.later(1.0)
    scene.confirm_all()
    assert scene.consuming.acks == []
