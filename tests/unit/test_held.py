"""Messages that wait: who goes next, who is dropped, and a world in which all that holds one back acts at once."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from actors.calendar import calendar
from actors.notification import held
from actors.notification.held import HELD_MAX, Dropped, Due, Held, Queue, due, hold
from actors.notification.send_time import Hold, Send, Suppress, Wishes, next_allowed
from actors.rule_words import Hours, hours_of
from actors.windows import slots
from actors.windows.slots import Capped, Slot, Slots
from actors.windows.window_edges import NEVER
from actors.windows.window_spec import Calendar, Ever, Rolling
from tests.window_oracle import PlainLimit, PlainSlots
from tests.zones import DAY, HOUR, ZONES, ms, near_a_change

NOON = ms("2026-03-04T12:00")
STEP = 5 * 60_000
"""All moments of the world are multiples of it, since its oracle looks at the clock so often."""


def message(place: int, priority: int = 0, at: int = NOON, valid_until: int = NEVER) -> Held:
    return Held(place, priority, at, valid_until, msgspec.Raw(b'"hello"'))


def places(queue: Queue) -> list[int]:
    held.check(queue)
    return [one.place for one in queue.held]


def test_the_most_important_goes_first_and_of_equals_the_first_to_come() -> None:
    queue = Queue()
    for one in (message(1), message(2, 5), message(3, 5, NOON - 1), message(4, -1), message(5, 9)):
        assert hold(queue, one, NOON) == []
    assert places(queue) == [5, 3, 2, 1, 4]
    gone = [due(queue, NOON, lambda _: Send()).send for _ in range(6)]
    assert [one and one.place for one in gone] == [5, 3, 2, 1, 4, None]


def test_one_that_must_wait_does_not_stand_in_the_way_of_those_behind_it() -> None:
    queue = Queue()
    for place in (1, 2, 3):
        hold(queue, message(place), NOON)
    judged = {1: Hold(NOON + HOUR, "capped"), 2: Send(), 3: Send()}
    answer = due(queue, NOON, lambda one: judged[one.place])
    assert answer.send == message(2)
    assert places(queue) == [1, 3]


def test_when_none_may_go_it_is_said_when_to_ask_again_and_what_may_not_any_more() -> None:
    queue = Queue()
    for place in (1, 2, 3):
        hold(queue, message(place), NOON)
    judged = {1: Hold(NOON + DAY, "capped"), 2: Suppress("quiet_hours"), 3: Hold(NOON + HOUR, "preferred_hour")}
    answer = due(queue, NOON, lambda one: judged[one.place])
    assert answer == Due(None, [Dropped(message(2), "quiet_hours")], NOON + HOUR)
    assert places(queue) == [1, 3]
    assert due(Queue(), NOON, lambda _: Send()) == Due(None, [], NEVER)


def test_what_has_expired_is_dropped_before_anything_goes() -> None:
    queue = Queue()
    hold(queue, message(1, 9, valid_until=NOON + HOUR), NOON)
    hold(queue, message(2), NOON)
    answer = due(queue, NOON + HOUR, lambda _: Send())
    assert answer.send == message(2)
    assert answer.dropped == [Dropped(message(1, 9, valid_until=NOON + HOUR), "expired")]


def test_when_it_is_full_the_least_important_goes_be_it_the_one_that_has_just_come() -> None:
    queue = Queue()
    for place in range(HELD_MAX):
        assert hold(queue, message(place, 5), NOON) == []
    assert hold(queue, message(100, 4), NOON) == [Dropped(message(100, 4), "held_full")]
    assert hold(queue, message(101, 5), NOON) == [Dropped(message(101, 5), "held_full")]
    assert hold(queue, message(102, 6), NOON) == [Dropped(message(HELD_MAX - 1, 5), "held_full")]
    assert places(queue)[0] == 102 and len(queue.held) == HELD_MAX


def test_what_has_expired_makes_room_before_anything_that_may_still_go_is_dropped() -> None:
    queue = Queue()
    for place in range(HELD_MAX):
        hold(queue, message(place, 5, valid_until=NOON + HOUR if place == 0 else NEVER), NOON)
    assert [one.because for one in hold(queue, message(100, 1), NOON + HOUR)] == ["expired"]
    assert len(queue.held) == HELD_MAX


def test_a_queue_survives_its_encoding() -> None:
    queue = Queue()
    hold(queue, Held(7, 1, NOON, NOON + HOUR, msgspec.Raw(msgspec.msgpack.encode({"template": "cart"}))), NOON)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(queue), type=Queue)
    assert msgspec.msgpack.decode(again.held[0].message) == {"template": "cart"}
    assert (again.held[0].place, again.held[0].valid_until) == (7, NOON + HOUR)


class World:
    """One user for weeks: messages come, sends fail and give their slots back, wishes and zones change. Beside the
    engine's parts stand lists, and an oracle that looks at the clock every STEP and asks each limit of all that was
    sent; both are asked at the same moments and must decide the same.
    """

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.now = near_a_change(random, random.choice(ZONES), 10 * DAY) // STEP * STEP
        self.wishes = Wishes(random.choice(ZONES))
        self.limits = self._limits(random.choice(ZONES))
        self.slots, self.queue, self.plain = Slots(), Queue(), PlainSlots()
        self.waiting = list[Held]()
        self.kinds: dict[int, tuple[str, bool]] = {}
        """By place: (channel, transactional)."""
        self.wake_at, self.place = NEVER, 0
        self.told = {"Send": 0, "Hold": 0, "Suppress": 0}

    def _limits(self, zone: str) -> list[PlainLimit]:
        random = self.random
        limits = [
            PlainLimit("all", Rolling(random.randint(1, 60) * 12 * STEP), random.randint(1, 3)),
            PlainLimit("sms", Calendar(random.choice(["day", "week"]), zone), random.randint(1, 4)),
            PlainLimit("all", Calendar("day", zone), random.randint(1, 4)),
            PlainLimit("email", Ever(), 6),
        ]
        return random.sample(limits, random.randint(1, 4))

    def of(self, one: Held) -> list[PlainLimit]:
        return [limit for limit in self.limits if limit.scope in ("all", self.kinds[one.place][0])]

    def judge(self, one: Held) -> Send | Hold | Suppress:
        full = slots.capped(self.slots, self.of(one), self.now)
        free_at = full.free_at if full else 0
        return next_allowed(self.now, self.wishes, free_at, one.valid_until, self.kinds[one.place][1])

    def oracle(self, one: Held) -> int | None:
        """The first moment from now on that satisfies all."""
        zone, quiet = calendar(self.wishes.zone), hours_of(self.wishes.quiet)
        passes = self.kinds[one.place][1]
        for at in range(self.now, one.valid_until, STEP):
            hour = zone.local(at).hour
            loud_enough = passes or (hour not in quiet and self.wishes.preferred in (None, hour))
            if loud_enough and self.plain.lets_pass(self.of(one), at):
                return at
        return None

    def step(self) -> None:
        random = self.random
        then = self.now + random.choice([0, random.randrange(12), random.randrange(250), random.randrange(500)]) * STEP
        while self.wake_at <= then:
            self.now = max(self.now, self.wake_at)
            self.look()
        self.now = then
        match random.randrange(10):
            case 0 | 1:
                self._fail()
            case 2:
                quiet: Hours | None = random.choice([None, (22, 8), (random.randrange(12), 13 + random.randrange(12))])
                self.wishes = Wishes(random.choice(ZONES), quiet, random.choice([None, None, random.randrange(24)]))
            case _:
                self._come()
        self.look()

    def _fail(self) -> None:
        """A slot comes back."""
        if self.plain.out:
            slots.give_back(self.slots, self.plain.out.pop(self.random.randrange(len(self.plain.out))))

    def _come(self) -> None:
        self.place += 1
        self.kinds[self.place] = self.random.choice(["sms", "email"]), self.random.random() < 0.1
        valid_until = self.now + self.random.randrange(1, 3 * DAY // STEP) * STEP
        one = message(self.place, self.random.randrange(3), self.now, valid_until)
        assert hold(self.queue, one, self.now) == []
        self.waiting.append(one)

    def look(self) -> None:
        """As long as something goes, both say what."""
        while True:
            first, dropped, wake_at = self._expected()
            answer = due(self.queue, self.now, self.judge)
            held.check(self.queue)
            assert (answer.send and answer.send.place) == first
            assert {one.held.place for one in answer.dropped} == dropped
            gone = dropped | {first}
            self.waiting = [one for one in self.waiting if one.place not in gone]
            if answer.send is None:
                assert answer.wake_at == wake_at
                self.wake_at = wake_at
                return
            slot = slots.reserve(self.slots, self.of(answer.send), self.now)
            assert isinstance(slot, Slot)
            self.plain.out.append(slot)

    def _expected(self) -> tuple[int | None, set[int], int]:
        dropped, wake_at = {one.place for one in self.waiting if one.valid_until <= self.now}, NEVER
        for one in sorted(self.waiting, key=lambda one: (-one.priority, one.at, one.place)):
            if one.place in dropped:
                continue
            match self.oracle(one):
                case None:
                    self.told["Suppress"] += 1
                    dropped.add(one.place)
                case self.now:
                    self.told["Send"] += 1
                    return one.place, dropped, wake_at
                case at:
                    self.told["Hold"] += 1
                    wake_at = min(wake_at, at)
        return None, dropped, wake_at


def _run(seeds: range) -> dict[str, int]:
    told = {"Send": 0, "Hold": 0, "Suppress": 0}
    for seed in seeds:
        world = World(seed)
        for _ in range(40):
            world.step()
        told = {kind: number + world.told[kind] for kind, number in told.items()}
    return told


def test_quiet_hours_limits_preferred_hours_and_ends_are_satisfied_all_at_once() -> None:
    told = _run(range(24))
    assert min(told.values()) > 50, told


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_quiet_hours_limits_preferred_hours_and_ends_are_satisfied_all_at_once_in_many_worlds(part: int) -> None:
    _run(range(1_000 + part * 60, 1_060 + part * 60))


def test_what_a_full_limit_says_and_when_a_message_may_go_fit_together() -> None:
    cool_down, kept = PlainLimit("all", Rolling(24 * HOUR), 1), Slots()
    slots.reserve(kept, [cool_down], ms("2026-03-04T02:00"))
    now = ms("2026-03-04T12:00")
    full = slots.capped(kept, [cool_down], now)
    assert full == Capped(0, ms("2026-03-05T02:00")) and full is not None
    assert next_allowed(now, Wishes("Europe/Berlin", (22, 8)), full.free_at, now + 2 * DAY) == Hold(
        ms("2026-03-05T07:00"), "capped"
    )
