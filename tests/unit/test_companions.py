"""What many subjects draw from: a reaction may change one part of its segment beside its own state, in one stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from supervision.domain import Event, TimerDue, formats
from supervision.entry import Chain, part_subject, segment_of
from supervision.host import HostLimits
from supervision.messages import AwaitReply
from supervision.outputs import Arm, Emit, Output, Record
from supervision.states import States
from supervision.store import Loaded
from supervision.store_simulated import SimulatedReader
from tests.engine_world import SEGMENTS, Do, Said, Toy, World, hash_of

HOME = segment_of("user:1", SEGMENTS)
SHELF = part_subject(HOME, "shelf:a")
OTHER = part_subject(HOME, "shelf:b")
USERS = [user for user in (f"user:{n}" for n in range(99)) if segment_of(user, SEGMENTS) == HOME][:20]


class Stock(msgspec.Struct, array_like=True):
    format: int = 3
    left: int = 0
    waiting: list[Chain] = []


class Seller(Toy):
    """Who is told to add takes as many from the shelf that `claim` names; an entry about a shelf fills it."""

    companion_type = Stock
    companion_format = 3

    def keys(self, event: Event) -> Sequence[bytes]:
        return ()

    def companion(self, state: Any, event: Event) -> str:
        about_a_user = event.subject.startswith("user:") and isinstance(event.body, Do)
        return part_subject(HOME, f"shelf:{event.body.claim}") if about_a_user and event.body.claim else ""

    def fresh_companion(self, subject: str) -> Stock:
        return Stock()

    def upgrade_companion(self, fields: list[Any]) -> Stock:
        return Stock(left=fields[1] * 100)

    def check_companion(self, companion: Stock) -> None:
        assert companion.left >= 0

    def react(self, state: Any, event: Event) -> Iterator[Output]:
        body = event.body
        if isinstance(state, Stock):
            assert event.companion is None
            state.left += body.add
            for chain in state.waiting:
                yield Emit("toy.do", Do(ask=True), subject=chain.subject, chain=chain, same_depth=True)
            state.waiting.clear()
            return
        if event.companion is not None:
            event.companion.left -= body.add
            yield Record(Said(event.companion.left, "left"))
            if body.ask:
                event.companion.waiting.append(event.entry.chain)
        rest = msgspec.structs.replace(body, claim="", ask=body.ask and event.companion is None)
        yield from super().react(state, msgspec.structs.replace(event, body=rest))


def take(user: str, number: int = 1, shelf: str = "a", **more: Any) -> tuple[str, Do]:
    return (user, Do(add=number, claim=shelf, **more))


def fill(number: int, shelf: str = SHELF, **more: Any) -> tuple[str, Do]:
    return (shelf, Do(add=number, **more))


def stock(world: World, shelf: str = SHELF) -> Stock | None:
    data = world.store.image.states.get((HOME, "toy"), {}).get(shelf.encode())
    return None if data is None else msgspec.msgpack.decode(data, type=Stock)


def left_seen(world: World, user: str) -> list[int]:
    lines = [msgspec.json.decode(row.body) for row in world.store.reader().records(HOME, "toy", user, None, 999)]
    return [line["total"] for line in reversed(lines) if line["note"] == "left"]


@pytest.mark.parametrize("batch", [1, 2, 3, 256])
def test_many_subjects_draw_from_one_part_in_the_order_of_the_log(batch: int) -> None:
    world = World(Seller(), host_limits=HostLimits(batch_entries_max=batch))
    world.append(fill(50), *[take(user) for user in USERS], fill(7, OTHER), take(USERS[0], 2, "b"))
    world.settle()
    assert stock(world) == Stock(left=30) and stock(world, OTHER) == Stock(left=5)
    assert [left_seen(world, user) for user in USERS] == [[49, 5], *[[48 - n] for n in range(19)]]
    assert all(world.total(user) == (3 if user == USERS[0] else 1) for user in USERS)


def test_it_lives_in_the_segment_that_its_name_says() -> None:
    for segment in range(SEGMENTS):
        assert segment_of(part_subject(segment, "template:a/b"), SEGMENTS) == segment


def test_it_is_there_after_a_kill_and_is_loaded_again_when_memory_was_short(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    load = SimulatedReader.load

    def watched(self: Any, segment: int, domain: str, subjects: Sequence[str], *rest: Any) -> Loaded:
        loads.extend(subjects)
        return load(self, segment, domain, subjects, *rest)

    monkeypatch.setattr(SimulatedReader, "load", watched)
    world = World(Seller(), host_limits=HostLimits(states_bytes_max=1, batch_entries_max=2))
    world.append(fill(50), *[take(user) for user in USERS])
    world.settle()
    world.restart()
    for _ in range(2):
        world.append(*[take(user) for user in USERS[:10]])
        world.settle()
    assert stock(world) == Stock(left=10) and loads.count(SHELF) == 3


def test_a_reaction_that_raises_has_changed_neither() -> None:
    world = World(Seller())
    world.append(fill(5), take(USERS[0]), take(USERS[1], fail=3), take(USERS[2]))
    world.settle()
    assert [row[0] for row in world.parked()] == [USERS[1]]
    assert stock(world) == Stock(left=3)
    assert world.total(USERS[1]) == 0


def test_a_retry_that_fails_puts_both_back_and_the_rows_before_it_stay() -> None:
    world = World(Seller())
    world.append(fill(9), take(USERS[0], fail=3), take(USERS[0], 2, fail=2), take(USERS[0], 3))
    world.settle()
    world.decide("engine.retry", USERS[0])  # the first goes well now, the second fails
    world.append(take(USERS[1]))
    world.settle()
    assert stock(world) == Stock(left=7) and world.total(USERS[0]) == 1
    assert len(world.parked()) == 2
    for _ in range(2):
        world.decide("engine.retry", USERS[0])
        world.settle()
    assert world.parked() == [] and stock(world) == Stock(left=2) and world.total(USERS[0]) == 6


class Honest(Seller):
    """What it is told to sell and cannot goes back on the shelf; of 5 pieces it does not know how."""

    def discarded(self, state: Any, event: Event) -> Iterator[Output]:
        event.companion.left += 10 * event.body.add
        assert event.body.add != 5
        yield Record(Said(event.companion.left, "forgotten"))


def test_a_domain_may_make_good_what_is_discarded_and_what_is_too_ill_for_that_is_forgotten_all_the_same() -> None:
    world = World(Honest())
    world.append(fill(9), take(USERS[0], fail=9), take(USERS[0], 5), take(USERS[0], 2), take(USERS[1]))
    world.settle()
    assert stock(world) == Stock(left=8) and len(world.parked()) == 3
    world.decide("engine.discard", USERS[0])
    world.settle()
    assert stock(world) == Stock(left=38) and world.parked() == []
    world.append(take(USERS[0]))
    world.settle()
    assert stock(world) == Stock(left=37) and world.total(USERS[0]) == 1


def test_a_discard_that_the_store_does_not_let_read_is_made_once_when_it_does() -> None:
    world = World(Honest())
    world.append(fill(9), take(USERS[0], fail=9), take(USERS[0], 2))
    world.settle()
    world.restart()
    world.load_faults = 2
    world.decide("engine.discard", USERS[0])
    world.settle()
    assert stock(world) == Stock(left=39) and world.parked() == []


class Punctual(Toy):
    """Cannot do with firings; one that is discarded comes again, unless the domain is broken."""

    def react(self, state: Any, event: Event) -> Iterator[Output]:
        assert not isinstance(event.body, TimerDue)
        yield from super().react(state, event)

    def discarded(self, state: Any, event: Event) -> Iterator[Output]:
        assert not self.broken
        yield Arm("t", event.at + 1_000)


@pytest.mark.parametrize("broken", [False, True])
def test_a_firing_that_is_discarded_leaves_its_timer_ended_unless_the_domain_arms_it_anew(broken: bool) -> None:
    world = World(toy := Punctual())
    world.append(Do(arm_ms=10))
    world.settle()
    (before,) = world.parked()
    toy.broken = broken
    world.decide("engine.discard", "user:1")
    world.settle()
    assert before not in world.parked()
    assert len(world.parked()) == len(world.store.image.timers) == (not broken)


def test_a_companion_that_the_domain_cannot_have_made_blames_who_changed_it() -> None:
    world = World(Seller())
    world.append(fill(2), take(USERS[0]), take(USERS[1], 2), take(USERS[2]))
    world.settle()
    assert [row[0] for row in world.parked()] == [USERS[1]] and stock(world) == Stock(left=0)


def test_a_load_of_it_that_is_refused_is_nobodys_fault() -> None:
    world = World(Seller())
    world.append(fill(5), take(USERS[0]))
    world.settle()
    world.restart()
    world.append(take(USERS[0]))
    world.load_faults = 3
    world.settle()
    assert world.parked() == [] and stock(world) == Stock(left=3)


def test_an_older_format_is_upgraded_and_damage_is_found() -> None:
    world = World(Seller())
    world.append(fill(5), fill(5, OTHER))
    world.settle()
    states = world.store.image.states[HOME, "toy"]
    states[SHELF.encode()], states[OTHER.encode()] = msgspec.msgpack.encode([1, 8]), b"\xc1 no state"
    world.restart()
    world.append(take(USERS[0]), take(USERS[1], shelf="b"))
    world.settle()
    assert stock(world) == Stock(left=799) and [row[0] for row in world.parked()] == [USERS[1]]


def test_a_command_that_had_to_wait_goes_on_in_its_own_chain() -> None:
    world = World(Seller())
    answers: list[bytes | None] = []
    world.engine.journal.tell(AwaitReply(hash_of("s|1", USERS[0]), "toy", answers.append))
    world.append(take(USERS[0], 0, ask=True), id="s|1", asked=True)
    world.settle()
    assert answers == []
    world.append(fill(4), id="s|2", root="s|2")
    world.settle()
    again = world.log(USERS[0])[-1]
    assert (again.root, again.depth, again.asked, again.asked_of) == ("s|1", 0, True, "")
    assert answers == [b'{"total":0,"note":""}']


def test_the_formats_of_a_domain_name_its_companions() -> None:
    assert formats([Seller()]) == {"toy": 1, "toy/companion": 3}


def test_a_part_that_a_reaction_leaves_as_it_was_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    staged = States.staged

    def watched(self: States, subject: str, nbytes: int, upto: int) -> None:
        written.append(subject)
        staged(self, subject, nbytes, upto)

    monkeypatch.setattr(States, "staged", watched)
    world = World(Seller(), host_limits=HostLimits(batch_entries_max=1))
    world.append(fill(9), take(USERS[0], 0), take(USERS[1], 2), take(USERS[2], 0), take(USERS[2], 0))
    world.settle()
    assert written.count(SHELF) == 2 and stock(world) == Stock(left=7)
    assert left_seen(world, USERS[2]) == [7, 7] and written.count(USERS[2]) == 2
    world.restart()
    world.append(take(USERS[0], -2), take(USERS[0], 2))
    world.settle()
    assert stock(world) == Stock(left=7), "what is written after a change back is the newest too"
