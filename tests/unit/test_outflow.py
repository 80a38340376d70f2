"""The relay's state machine, without a broker."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from actors.delay.messages import DUE, DelayedDue, Message
from supervision.entry import Draft, Entry
from supervision.store import Refused
from tests.topology_world import Mailbox, Memory, outgoing
from topology.dead import BuryDead, DeadLetter
from topology.outflow import WINDOW_BYTES_MAX, Outflow, Skipped, effect
from topology.ports import Confirm
from topology.relay import skipped_item


class Log:
    """A Source over one segment of a Memory."""

    def __init__(self, memory: Memory, segment: int) -> None:
        self.segment, self.cursor, self.done = segment, 0, 0
        self.running = True
        self.refuses = False
        self._log = memory.log[segment]

    @property
    def behind(self) -> int:
        return len(self._log) - self.cursor

    def pull(self, n: int) -> list[Entry]:
        if self.refuses:
            raise Refused("busy")
        taken = self._log[self.cursor : self.cursor + n]
        self.cursor += len(taken)
        return [entry for entry in taken if entry.seq or entry.kind == DUE]

    def rewind(self) -> None:
        self.cursor = self.done

    def finished(self, upto: int) -> None:
        assert self.done <= upto <= self.cursor
        self.done = upto


class Outside:
    """An outflow, its logs, and what the broker was given, by tag."""

    def __init__(self, window_max: int = 64) -> None:
        self.memory = Memory()
        self.logs = {segment: Log(self.memory, segment) for segment in self.memory.log}
        self.out = Outflow(self.logs, window_max)
        self.wire: dict[int, Any] = {}
        self.heard: list[str] = []

    def open(self) -> None:
        self.out.open()
        self.wire = {}
        self.pump()

    def pump(self) -> float | None:
        messages, again = self.out.pump()
        for message in messages:
            self.wire[len(self.wire) + 1] = message
            self.heard.append(message.props.message_id or "")
        self.out.check()
        return again

    def confirm(self, tag: int, multiple: bool = False, ack: bool = True) -> list[Any]:
        _, _, buried = self.out.confirmed([Confirm(tag, multiple, ack)])
        self.out.check()
        return buried

    def say(self, segment: int, n: int = 1, route: str = "points.earned.x") -> None:
        for _ in range(n):
            self.memory.put(segment, Draft("points.earned", "user:7", b"{}", route=route))

    def say_delayed(self, segment: int, message_id: str, body: bytes = b"\x00") -> None:
        message = Message(message_id, "k", b"\x00\x00\x00\x00", body)
        self.memory.put(segment, Draft(DUE, f"delay:{message_id}", msgspec.json.encode(DelayedDue(message, 1_000))))


def letters(generation: int, *tags: int, to: Any = None) -> BuryDead:
    made = [DeadLetter(tag, outgoing("marketing.dead", "k", b"bad", message_id=f"dead{tag}")) for tag in tags]
    return BuryDead(generation, made, to or Mailbox())


def test_a_segments_checkpoint_moves_along_the_confirmed_prefix_only() -> None:
    world = Outside()
    world.say(0, 3)
    world.open()
    world.confirm(2)
    assert world.logs[0].done == 0
    world.confirm(1)
    assert world.logs[0].done == 2
    world.confirm(3)
    assert world.logs[0].done == 3


def test_one_multiple_confirm_settles_all_segments() -> None:
    world = Outside()
    for segment in range(4):
        world.say(segment, 5)
    world.open()
    world.confirm(20, multiple=True)
    assert [log.done for log in world.logs.values()] == [5, 5, 5, 5] and world.out.unconfirmed == 0


def test_the_window_is_never_exceeded_and_no_segment_starves() -> None:
    world = Outside(window_max=16)
    for segment in range(4):
        world.say(segment, 200)
    world.open()
    assert world.out.unconfirmed == 16
    first: set[int] = set()
    while any(log.done < 200 for log in world.logs.values()):
        world.confirm(len(world.wire), multiple=True)
        world.pump()
        first |= {log.segment for log in world.logs.values() if log.done}
        if len(world.heard) <= 16 * 8:
            continue
        assert first == {0, 1, 2, 3}
    assert sorted(set(world.heard)) == sorted(entry.place for entry in world.memory.entries)


def test_after_a_refusal_the_segment_waits_and_is_published_again_in_order_from_there() -> None:
    world = Outside()
    world.say(0, 4)
    world.say(1, 1)
    world.open()
    tags = {m.props.message_id: tag for tag, m in world.wire.items()}
    world.confirm(tags["0.1.1"])
    world.confirm(tags["0.1.2"], ack=False)
    world.say(0, 1)
    world.pump()
    assert world.heard.count("0.1.5") == 0, "a segment with a refusal takes nothing new"
    world.confirm(tags["0.1.3"])
    world.confirm(tags["0.1.4"])
    world.pump()
    assert world.logs[0].done == 1 and world.heard.count("0.1.2") == 1, "and waits before it tries again"
    world.out.forgive()
    world.pump()
    assert [place for place in world.heard if place[0] == "0"][4:] == ["0.1.2", "0.1.3", "0.1.4", "0.1.5"]
    world.confirm(len(world.wire), multiple=True)
    assert world.logs[0].done == 5 and world.logs[1].done == 1


def test_after_a_lost_connection_everything_unconfirmed_is_published_again_with_the_same_bytes() -> None:
    world = Outside()
    world.say(0, 3)
    world.open()
    before = dict(world.wire)
    world.confirm(1)
    world.confirm(3)
    world.out.close()
    world.open()
    assert list(world.wire.values()) == [before[2], before[3]]
    world.confirm(2, multiple=True)
    assert world.logs[0].done == 3


def test_dead_letters_go_first_and_are_told_of_when_the_broker_has_them() -> None:
    world = Outside()
    world.say(0, 1)
    world.out.bury(letters(1, 7, 8))
    world.open()
    assert world.heard == ["dead7", "dead8", "0.1.1"]
    assert [letter.letter.tag for letter in world.confirm(2, multiple=True)] == [7, 8]


def test_dead_letters_survive_a_lost_connection_unless_the_bridge_has_a_newer_one() -> None:
    world = Outside()
    world.out.bury(letters(1, 7))
    world.open()
    world.out.close()
    world.open()
    assert world.heard == ["dead7", "dead7"]
    world.out.bury(letters(2, 1))
    world.out.close()
    world.open()
    assert world.heard == ["dead7", "dead7", "dead1"]
    world.out.bury(letters(1, 9))
    world.pump()
    assert "dead9" not in world.heard


def test_refused_dead_letters_wait_before_they_are_tried_again() -> None:
    world = Outside()
    world.out.bury(letters(1, 7))
    world.open()
    world.confirm(1, ack=False)
    world.pump()
    assert world.heard == ["dead7"]
    world.out.forgive()
    world.pump()
    assert world.heard == ["dead7", "dead7"] and world.confirm(2)


def test_quiet_stretches_move_the_checkpoint_without_anything_being_published() -> None:
    world = Outside()
    world.say(0, 2)
    world.say(0, 50, route="")
    world.open()
    world.confirm(1)
    world.out.quiet()
    assert world.logs[0].done == 1
    world.confirm(2)
    assert world.logs[0].done == 52
    world.say(0, 10, route="")
    world.pump()
    world.out.quiet()
    assert world.logs[0].done == 62


def test_a_long_inward_stretch_is_walked_in_turns() -> None:
    world = Outside()
    world.say(0, 20_000, route="")
    world.say(0, 1)
    world.out.open()
    turns = 0
    while world.pump() == 0.0:
        turns += 1
    assert turns >= 1 and world.heard == ["0.1.20001"]


def test_a_store_that_refuses_a_read_is_asked_again_later_and_loses_nothing() -> None:
    world = Outside()
    for segment in range(4):
        world.say(segment, 3)
    world.logs[2].refuses = True
    world.out.open()
    again = world.pump()
    assert again is not None and again > 0
    world.logs[2].refuses = False
    assert world.pump() is None
    world.confirm(12, multiple=True)
    assert [log.done for log in world.logs.values()] == [3, 3, 3, 3]


def test_while_draining_nothing_new_is_published() -> None:
    world = Outside()
    world.say(0, 1)
    world.open()
    world.out.draining = True
    world.say(0, 1)
    world.out.bury(letters(1, 7))
    world.pump()
    assert world.heard == ["0.1.1", "dead7"]


def test_what_is_too_old_is_given_up_and_what_is_not_stays() -> None:
    world = Outside()
    world.memory.at = 1_000
    world.say(0, 3)
    world.say(0, 2, route="")
    world.memory.at = 9_000
    world.say(0, 2)
    skips: list[Skipped] = []
    world.out.skip(5_000, lambda skipped: skips.append(skipped) if world.logs[0].done < 5 else None)
    (skipped,) = skips
    assert (skipped.segment, skipped.first, skipped.last, skipped.count) == (0, "0.1.1", "0.1.3", 3)
    assert world.logs[0].done == 5 and world.out.skip(5_000, skips.append) is None and len(skips) == 1
    world.open()
    assert world.heard == ["0.1.6", "0.1.7"]


def test_a_notice_that_grows_too_old_itself_is_said_anew_with_what_it_said() -> None:
    world = Outside()
    world.memory.at = 1_000
    world.say(0, 3)
    skips: list[Skipped] = []
    world.out.skip(5_000, skips.append)
    world.memory.put(0, skipped_item(skips[0], 6_000).draft)
    world.say(0, 2)
    world.memory.at = 9_000
    world.say(0)
    world.out.skip(8_000, skips.append)
    assert [(skip.first, skip.last, skip.count) for skip in skips] == [("0.1.1", "0.1.3", 3), ("0.1.1", "0.1.6", 6)]
    world.open()
    assert world.heard == ["0.1.7"]


def test_a_message_is_made_of_its_entry_alone() -> None:
    world = Outside()
    world.say(3, 2)
    message = effect(world.memory.log[3][1])
    assert (message.exchange, message.key, message.body) == ("marketing.effects", "points.earned.x", b"{}")
    assert (message.props.message_id, message.props.type, message.props.app_id) == (
        "3.1.2",
        "points_earned",
        "ganglion",
    )
    assert message.props.headers == {"segment": "3", "seq": 2} and message.props.delivery_mode == 2


def test_whatever_happens_every_effect_is_heard_and_first_heard_in_order() -> None:
    for seed in range(150):
        rng = Random(seed)
        world = Outside(window_max=rng.choice([1, 4, 64]))
        world.open()
        for _ in range(120):
            _disturb(world, rng)
        world.out.close()
        world.open()
        for _ in range(500):
            world.out.forgive()
            world.pump()
            if world.wire:
                world.confirm(len(world.wire), multiple=True)
            world.out.quiet()
        for segment, log in world.logs.items():
            wanted = [entry.place for entry in world.memory.log[segment] if entry.seq]
            heard = [place for place in world.heard if place.startswith(f"{segment}.")]
            assert list(dict.fromkeys(heard)) == wanted, seed
            assert log.done == len(world.memory.log[segment]), seed


def _disturb(world: Outside, rng: Random) -> None:
    choice = rng.random()
    if choice < 0.4:
        world.say(rng.randrange(4), rng.randint(1, 3), rng.choice(["", "points.earned.x"]))
        world.pump()
    elif choice < 0.85 and world.wire:
        world.confirm(rng.randint(1, len(world.wire)), rng.random() < 0.3, rng.random() < 0.85)
        world.pump()
    elif choice < 0.95:
        world.out.forgive()
        world.pump()
    else:
        world.out.close()
        world.open()


def test_a_delayed_message_goes_out_between_effects_and_takes_none_of_their_numbers() -> None:
    outside = Outside()
    outside.say(0)
    outside.say_delayed(0, "m-1", b"\xff\x00")
    outside.say(0)
    outside.open()
    first, delayed, last = outside.wire.values()
    assert [first.props.headers["seq"], last.props.headers["seq"]] == [1, 2]
    assert (delayed.exchange, delayed.key, delayed.body) == ("marketing.delayed", "k", b"\xff\x00")
    assert delayed.props.message_id == "m-1" and "seq" not in delayed.props.headers
    outside.confirm(3, multiple=True)
    assert outside.logs[0].done == 3


def test_what_is_given_up_of_others_is_counted_apart_from_the_numbered() -> None:
    outside = Outside()
    outside.say(0, 2)
    outside.say_delayed(0, "m-1")
    told: list[Skipped] = []
    outside.out.skip(outside.memory.at + 1, told.append)
    assert told == [Skipped(0, "0.1.1", "0.1.3", 2, 1)]
    body = msgspec.json.decode(skipped_item(told[0], 0).draft.body)
    assert (body["count"], body["delayed"]) == (2, 1)
    assert "delayed" not in msgspec.json.decode(skipped_item(Skipped(0, "0.1.1", "0.1.1", 1), 0).draft.body)


def test_large_messages_fill_the_window_by_their_bytes() -> None:
    outside = Outside(1_024)
    for n in range(120):
        outside.say_delayed(n % 4, f"m-{n}", bytes(200_000))
    outside.open()
    under_way = outside.out.unconfirmed
    assert under_way * 267_000 > WINDOW_BYTES_MAX and under_way < 120, "a lane's pull is finished, the next not begun"
    outside.pump()
    assert outside.out.unconfirmed == under_way
    outside.confirm(under_way, multiple=True)
    outside.pump()
    outside.confirm(120, multiple=True)
    assert sorted(outside.heard) == sorted(f"m-{n}" for n in range(120)) and outside.out.unconfirmed == 0
