"""Limits against the plain list of all that was sent, whatever is given back and in whatever order."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from actors.calendar import Unit
from actors.windows import slots
from actors.windows.slots import COUNT_MAX, Capped, Slot, Slots
from actors.windows.window_edges import NEVER
from actors.windows.window_spec import Calendar, Days, Ever, Rolling, WindowSpec
from tests.window_oracle import PlainLimit, PlainSlots
from tests.zones import DAY, HOUR, ZONES, ms, near_a_change

NOON = ms("2026-03-04T12:00")
UNITS: tuple[Unit, ...] = ("day", "week", "month", "quarter", "year")
SCOPES = ("campaign:a", "tag:b", "channel:sms", "all")
BERLIN = "Europe/Berlin"
COOL_DOWN = PlainLimit("all", Rolling(24 * HOUR), 1)


def window_of(random: Random, zone: str) -> WindowSpec:
    return random.choice(
        [
            Rolling(random.choice([HOUR, 24 * HOUR, random.randrange(1_000, 9 * DAY)])),
            Rolling(random.choice([HOUR, 24 * HOUR, random.randrange(1_000, 9 * DAY)])),
            Days(random.randint(1, 9), zone),
            Calendar(random.choice(UNITS), zone),
            Calendar("day", zone),
            Ever(),
        ]
    )


def limit_of(random: Random, zone: str, scope: str = "") -> PlainLimit:
    return PlainLimit(scope or random.choice(SCOPES), window_of(random, zone), random.choice([1, 2, 3, 5, 12]))


def moved(limits: list[PlainLimit], zone: str) -> list[PlainLimit]:
    return [
        msgspec.structs.replace(limit, window=msgspec.structs.replace(limit.window, zone=zone))
        if isinstance(limit.window, Days | Calendar)
        else limit
        for limit in limits
    ]


class World:
    """Slots and the plain list, told the same."""

    def __init__(self, seed: int, moves: bool) -> None:
        self.random = random = Random(seed)
        zone = random.choice(ZONES)
        self.limits = [limit_of(random, zone) for _ in range(random.randint(1, 6))]
        self.now, self.moves = near_a_change(random, zone, 9 * DAY), moves
        self.slots, self.plain = Slots(), PlainSlots()

    def step(self) -> None:
        random = self.random
        self.now += random.choice([0, 1, random.randrange(HOUR), random.randrange(DAY), random.randrange(3 * DAY)])
        match random.randrange(10):
            case 0 | 1 | 2 if self.plain.out and not self.moves:
                slot = self.plain.out.pop(random.randrange(len(self.plain.out)))
                slots.give_back(self.slots, slot)
            case 0 | 1 if self.moves:
                self.limits = moved(self.limits, random.choice(ZONES))
            case 3:
                slots.forget(self.slots, self.limits, self.now)
                self.slots = msgspec.msgpack.decode(msgspec.msgpack.encode(self.slots), type=Slots)
            case _:
                self._ask()
        slots.check(self.slots)

    def _ask(self) -> None:
        asked = {scope for scope in SCOPES if self.random.random() < 0.6}
        limits = [limit for limit in self.limits if limit.scope in asked]
        answer = slots.reserve(self.slots, limits, self.now)
        assert isinstance(answer, Slot) == self.plain.lets_pass(limits, self.now)
        if isinstance(answer, Slot):
            assert answer.at == self.now and set(answer.scopes) == {limit.scope for limit in limits}
            self.plain.out.append(answer)
            return
        assert answer == slots.capped(self.slots, limits, self.now)
        full = limits[answer.index]
        assert self.plain.room(full, self.now) <= 0
        if answer.free_at == NEVER:
            assert isinstance(full.window, Ever)
        else:
            assert self.plain.lets_pass(limits, answer.free_at)
            assert self.plain.room(full, answer.free_at - 1) <= 0


def _run(seed: int) -> None:
    world = World(seed, moves=seed % 4 == 0)
    for _ in range(60):
        world.step()


@pytest.mark.parametrize("part", range(2))
def test_limits_let_pass_exactly_what_the_plain_list_does_whatever_comes_back(part: int) -> None:
    for seed in range(part * 400, part * 400 + 400):
        _run(seed)


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_limits_let_pass_exactly_what_the_plain_list_does_in_many_worlds(part: int) -> None:
    for seed in range(10_000 + part * 4_000, 14_000 + part * 4_000):
        _run(seed)


def test_a_limit_of_all_that_may_be_is_reached_and_no_more_is_kept() -> None:
    kept, limits = Slots(), [PlainLimit("all", Rolling(DAY), COUNT_MAX)]
    for n in range(COUNT_MAX):
        assert isinstance(slots.reserve(kept, limits, NOON + n), Slot)
    assert slots.reserve(kept, limits, NOON + COUNT_MAX) == Capped(0, NOON + DAY)
    for n in range(3 * COUNT_MAX):
        slots.reserve(kept, limits, NOON + DAY + n * HOUR)
    slots.check(kept)
    assert len(kept.times["all"]) == COUNT_MAX


def test_a_cool_down_lets_the_next_pass_to_the_millisecond() -> None:
    kept = Slots()
    assert isinstance(slots.reserve(kept, [COOL_DOWN], NOON), Slot)
    assert slots.reserve(kept, [COOL_DOWN], NOON + DAY - 1) == Capped(0, NOON + DAY)
    assert isinstance(slots.reserve(kept, [COOL_DOWN], NOON + DAY), Slot)


def test_of_several_full_limits_the_one_that_stays_full_longest_is_named() -> None:
    kept, daily, weekly = (
        Slots(),
        PlainLimit("sms", Calendar("day", BERLIN), 1),
        PlainLimit("all", Calendar("week", BERLIN), 1),
    )
    slots.reserve(kept, [COOL_DOWN, daily, weekly], NOON)
    assert slots.reserve(kept, [COOL_DOWN, daily], NOON + 1) == Capped(0, NOON + DAY)
    assert slots.reserve(kept, [COOL_DOWN, daily, weekly], NOON + 1) == Capped(2, ms("2026-03-08T23:00"))
    once = PlainLimit("all", Ever(), 1)
    assert slots.reserve(kept, [weekly, once], NOON + 1) == Capped(1, NEVER)


def test_what_is_refused_by_one_scope_uses_up_no_other() -> None:
    kept, sms, all_of_them = Slots(), PlainLimit("sms", Ever(), 1), PlainLimit("all", Ever(), 2)
    slots.reserve(kept, [sms, all_of_them], NOON)
    slots.reserve(kept, [sms, all_of_them], NOON + 1)
    assert kept.times == {"sms": [NOON], "all": [NOON]}


def test_a_slot_that_comes_back_makes_room_and_one_that_is_forgotten_changes_nothing() -> None:
    kept = Slots()
    slot = slots.reserve(kept, [COOL_DOWN], NOON)
    assert isinstance(slot, Slot)
    slots.give_back(kept, slot)
    assert kept == Slots()
    assert isinstance(slots.reserve(kept, [COOL_DOWN], NOON + 1), Slot)
    assert isinstance(slots.reserve(kept, [COOL_DOWN], NOON + 2 * DAY), Slot)
    slots.give_back(kept, slot)
    assert kept.times == {"all": [NOON + 2 * DAY]}


def test_a_message_without_limits_needs_no_slot() -> None:
    kept = Slots()
    assert slots.reserve(kept, [], NOON) == Slot(NOON, ())
    assert kept == Slots()


def test_scopes_that_no_limit_names_any_more_are_forgotten() -> None:
    kept, old = Slots(), PlainLimit("campaign:old", Ever(), 1)
    slots.reserve(kept, [old, COOL_DOWN], NOON)
    slots.forget(kept, [COOL_DOWN], NOON + 1)
    assert kept.times == {"all": [NOON]}
    slots.forget(kept, [COOL_DOWN], NOON + DAY)
    assert kept == Slots()


def test_a_longer_window_may_miss_as_many_as_were_given_back() -> None:
    kept, short, long = Slots(), PlainLimit("all", Rolling(HOUR), 2), PlainLimit("all", Rolling(DAY), 2)
    out = [slots.reserve(kept, [short], NOON + n * HOUR) for n in range(4)]
    assert isinstance(out[3], Slot)
    assert slots.reserve(kept, [long], NOON + 4 * HOUR) == Capped(0, NOON + 2 * HOUR + DAY)
    slots.give_back(kept, out[3])
    # The plain list would still have three within the day.
    assert isinstance(slots.reserve(kept, [long], NOON + 4 * HOUR), Slot)
    assert isinstance(slots.reserve(kept, [long], NOON + 4 * HOUR), Capped)


def test_bytes_of_slots_per_user() -> None:
    """Prints (`-s`) how many bytes the slots of one user take."""
    print()
    for scopes, count in ((1, 1), (4, 3), (16, 10)):
        kept = Slots()
        limits = [PlainLimit(f"campaign:{n:04}", Rolling(DAY), count) for n in range(scopes)]
        for n in range(2 * count):
            slots.reserve(kept, limits, NOON + n * DAY)
        size = len(msgspec.msgpack.encode(kept))
        print(f"{scopes} scopes, limits of {count}: {size} bytes")
        assert size <= 4 + scopes * (len("campaign:0000") + 4 + 9 * count)
