"""The bridge's state machine, without a broker."""

from __future__ import annotations

from random import Random

from supervision.messages import Appended, Reused
from tests.topology_world import door, message
from topology.intake import APPEND_BYTES_MAX, APPEND_ITEMS_MAX, STANDBY_S, Bury, HandOver, Intake
from topology.ports import Delivery, Props


def intake(generation: int = 1) -> Intake:
    made = Intake(door())
    made.connected(generation)
    return made


def deliver(to: Intake, *bodies: bytes) -> list[HandOver | Bury]:
    first = to.received + 1
    to.delivered(
        to.generation,
        [Delivery(first + i, "marketing.points.events", "k", Props(), b) for i, b in enumerate(bodies)],
    )
    out = to.hand_over()
    to.check()
    return out


def durable(to: Intake, group: HandOver | Bury) -> None:
    assert isinstance(group, HandOver)
    assert to.appended(group.generation, group.tags, [Appended(0, 1, tag) for tag in group.tags]) is None
    to.check()


def look(with_: Intake, at: int) -> bool:
    """By a wall clock that goes as the monotonic one does."""
    return with_.probe(at, at / 1000)


def test_nothing_is_acked_before_it_is_durable_and_then_all_at_once() -> None:
    bridge = intake()
    (group,) = deliver(bridge, *(message(points=n) for n in range(1, 6)))
    assert bridge.ack() is None
    durable(bridge, group)
    assert bridge.ack() == 5 and bridge.ack() is None


def test_a_dead_letter_holds_back_the_acks_behind_it_until_the_broker_has_confirmed_it() -> None:
    bridge = intake()
    good, bad = deliver(bridge, message(points=1), b"bad", message(points=2))
    assert isinstance(bad, Bury) and [letter.tag for letter in bad.letters] == [2] and list(bad.codes) == ["not_json"]
    durable(bridge, good)
    assert bridge.ack() == 1
    bridge.buried(1, [2])
    assert bridge.ack() == 3


def test_a_reused_id_is_said_of_the_field_that_the_sender_used() -> None:
    bridge = intake()
    own, named = message(event_id="e"), message()
    bridge.delivered(1, [
        Delivery(1, "x", "k", Props(message_id="m"), own), Delivery(2, "x", "k", Props(), own),
        Delivery(3, "x", "k", Props(), named),
    ])  # fmt: skip
    (group,) = bridge.hand_over()
    assert isinstance(group, HandOver)
    bury = bridge.appended(1, group.tags, [Reused(0, 9)] * 3)
    assert bury is not None
    fields = [(letter.message.props.headers or {})["field"] for letter in bury.letters]
    assert fields == ["message_id", "event_id", ""]


def test_an_id_with_another_command_is_buried_after_the_journal_said_so() -> None:
    bridge = intake()
    (group,) = deliver(bridge, message(points=1), message(points=2))
    assert isinstance(group, HandOver)
    bury = bridge.appended(1, group.tags, [Appended(0, 1, 9, duplicate=True), Reused(0, 9)])
    assert bury is not None and bury.codes == ["id_reused"] and bury.letters[0].tag == 2
    assert bridge.ack() == 1
    bridge.buried(1, [2])
    assert bridge.ack() == 2


def test_groups_may_become_durable_in_any_order() -> None:
    bridge = intake()
    (first,) = deliver(bridge, message(points=1))
    (second,) = deliver(bridge, message(points=2))
    durable(bridge, second)
    assert bridge.ack() is None
    durable(bridge, first)
    assert bridge.ack() == 2


def test_what_is_said_of_an_older_connection_changes_nothing() -> None:
    bridge = intake(1)
    (old,) = deliver(bridge, message(points=1))
    bridge.connected(2)
    durable(bridge, old)
    bridge.buried(1, [1])
    bridge.delivered(1, [Delivery(1, "x", "k", Props(), message())])
    assert bridge.ack() is None and bridge.received == 0
    (new,) = deliver(bridge, message(points=1))
    durable(bridge, new)
    assert bridge.ack() == 1


def test_a_store_with_another_owner_acks_nothing() -> None:
    bridge = intake()
    (group,) = deliver(bridge, message())
    assert isinstance(group, HandOver)
    assert bridge.appended(1, group.tags, None) is None
    assert bridge.ack() is None


def test_hand_overs_are_bounded_in_number_and_in_bytes() -> None:
    bridge = intake()
    groups = deliver(bridge, *(message(points=n) for n in range(1, APPEND_ITEMS_MAX + 2)))
    assert [len(g.tags) for g in groups if isinstance(g, HandOver)] == [APPEND_ITEMS_MAX, 1]
    big = message(pad="x" * 200_000)
    sizes = [g.nbytes for g in deliver(bridge, *([big] * 12)) if isinstance(g, HandOver)]
    assert len(sizes) == 2 and all(size < APPEND_BYTES_MAX + len(big) + 100 for size in sizes)


def test_what_is_held_back_is_delivered_but_neither_handed_over_nor_settled() -> None:
    bridge = intake()
    bridge.delivered(1, [Delivery(1, "x", "k", Props(), message())])
    assert (bridge.buffered, bridge.waiting) == (1, 1) and bridge.ack() is None
    assert len(bridge.hand_over()) == 1 and bridge.buffered == 0


def test_the_watermark_is_the_first_of_two_looks_at_an_empty_queue_once_all_before_is_settled() -> None:
    bridge = intake()
    assert look(bridge, 1_000) and not look(bridge, 1_500)
    bridge.probed(1, ready=0, consumers=1)
    assert bridge.watermark() is None
    (group,) = deliver(bridge, message())
    assert look(bridge, 2_000)
    bridge.probed(1, ready=0, consumers=1)
    assert bridge.watermark() is None
    durable(bridge, group)
    bridge.ack()
    assert bridge.watermark() == 1_000 and bridge.watermark() is None


def test_a_queue_that_is_not_empty_or_heard_by_another_moves_no_watermark() -> None:
    for ready, consumers in ((1, 1), (0, 2), (0, 0)):
        bridge = intake()
        (group,) = deliver(bridge, message())
        durable(bridge, group)
        bridge.ack()
        for at in (1_000, 2_000, 3_000):
            assert look(bridge, at)
            bridge.probed(1, ready if at == 2_000 else 0, consumers if at == 2_000 else 1)
        assert bridge.watermark() is None


def test_who_was_given_nothing_moves_no_watermark_until_the_broker_must_have_noticed_that_a_predecessor_is_gone() -> (
    None
):
    bridge = intake()
    standby_ms = round(STANDBY_S * 1000)
    marks: list[int] = []
    for at in range(1_000, standby_ms + 4_000, 1_000):
        assert look(bridge, at)
        bridge.probed(1, ready=0, consumers=1)
        if (mark := bridge.watermark()) is not None:
            marks.append(mark)
    assert marks[0] == standby_ms and len(marks) == 3
    bridge.connected(2)
    assert look(bridge, 200_000)
    bridge.probed(2, ready=0, consumers=1)
    assert look(bridge, 201_000)
    bridge.probed(2, ready=0, consumers=1)
    assert bridge.watermark() is None


def test_a_wall_clock_that_leaps_makes_no_broker_notice_that_a_predecessor_is_gone() -> None:
    bridge = intake()
    for now_s, leapt_ms in ((1.0, 0), (2.0, 86_400_000), (3.0, 86_400_000)):
        assert bridge.probe(round(now_s * 1000) + leapt_ms, now_s)
        bridge.probed(1, ready=0, consumers=1)
        assert bridge.watermark() is None


def test_steady_traffic_cannot_push_the_watermark_away_for_ever() -> None:
    bridge = intake()
    marks: list[int] = []
    previous: HandOver | Bury | None = None
    for at in range(1_000, 20_000, 1_000):
        (group,) = deliver(bridge, message(points=at))
        assert look(bridge, at)
        bridge.probed(1, 0, 1)
        if previous is not None:
            durable(bridge, previous)
        bridge.ack()
        if (mark := bridge.watermark()) is not None:
            marks.append(mark)
        previous = group
    assert len(marks) > 5 and marks == sorted(marks) and marks[-1] >= 15_000


def test_at_every_moment_only_what_is_settled_is_acked_whatever_the_order_of_events() -> None:
    for seed in range(200):
        rng = Random(seed)
        bridge = intake()
        settled: set[int] = set()
        open_groups: list[HandOver] = []
        open_letters: list[int] = []
        for _ in range(60):
            choice = rng.random()
            if choice < 0.4:
                bodies = [
                    message(points=rng.randint(1, 9)) if rng.random() < 0.8 else b"bad"
                    for _ in range(rng.randint(1, 5))
                ]
                for group in deliver(bridge, *bodies):
                    if isinstance(group, HandOver):
                        open_groups.append(group)
                    else:
                        open_letters += [letter.tag for letter in group.letters]
            elif choice < 0.7 and open_groups:
                group = open_groups.pop(rng.randrange(len(open_groups)))
                results = [Reused(0, 1) if rng.random() < 0.2 else Appended(0, 1, 1) for _ in group.tags]
                bury = bridge.appended(1, group.tags, results)
                reused = {letter.tag for letter in bury.letters} if bury else set()
                open_letters += sorted(reused)
                settled |= set(group.tags) - reused
            elif open_letters:
                tag = open_letters.pop(rng.randrange(len(open_letters)))
                bridge.buried(1, [tag])
                settled.add(tag)
            bridge.ack()
            bridge.check()
            assert set(range(1, bridge.acked + 1)) <= settled and bridge.acked + 1 not in settled, seed
