"""What all subjects of a segment share in a domain: each entry sees it as the log has it at that entry's place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from supervision.domain import Event, formats
from supervision.entry import segment_of, segment_subject
from supervision.forms import Forms
from supervision.host import HostLimits
from supervision.outputs import Output, Record
from supervision.states import States
from supervision.store import Loaded
from supervision.store_simulated import SimulatedReader
from tests.engine_world import SEGMENTS, Do, Said, Total, Toy, World

HOME = segment_of("user:1", SEGMENTS)
WHOLE = segment_subject(HOME)


class Rule(msgspec.Struct, array_like=True):
    format: int = 2
    number: int = 0


class Ruled(Toy):
    """A toy whose entries about the segment set the rule's number, and all others write it down."""

    shared_type = Rule
    shared_format = 2
    meddles = False

    def fresh_shared(self) -> Rule:
        return Rule()

    def upgrade_shared(self, fields: list[Any]) -> Rule:
        return Rule(number=-fields[1])

    def check_shared(self, shared: Rule) -> None:
        assert shared.number < 900

    def react(self, state: Any, event: Event) -> Iterator[Output]:
        if isinstance(state, Rule):
            assert event.shared is None
            if event.body.fail:
                yield from super().react(Total(), event)
            state.number = event.body.add
            return
        yield Record(Said(event.shared.number, "rule"))
        if self.meddles:
            event.shared.number += 1
        yield from super().react(state, event)


class Stateless(Ruled):
    """It has rules, and remembers nobody."""

    state_type = None
    format = 0

    def react(self, state: Any, event: Event) -> Iterator[Output]:
        assert isinstance(state, Rule) or state is None
        yield from Ruled.react(self, state or Total(), event)


def rule(number: int, **more: Any) -> tuple[str, Do]:
    return (WHOLE, Do(add=number, **more))


def judged(world: World, subject: str = "user:1") -> list[int]:
    """By which rule each entry of `subject` was judged, in order."""
    lines = [msgspec.json.decode(row.body) for row in world.store.reader().records(HOME, "toy", subject, None, 999)]
    return [line["total"] for line in reversed(lines) if line["note"] == "rule"]


@pytest.mark.parametrize("batch", [1, 2, 3, 256])
def test_a_new_rule_is_for_exactly_the_entries_behind_it_however_they_are_batched(batch: int) -> None:
    world = World(Ruled(), host_limits=HostLimits(batch_entries_max=batch))
    world.append(Do(add=1), rule(5), Do(add=1), Do(add=1), rule(6), rule(7), Do(add=1))
    world.settle()
    assert judged(world) == [0, 5, 5, 7]


def test_the_rule_is_there_after_a_restart_and_can_be_asked_for() -> None:
    world = World(Ruled())
    world.append(rule(5))
    world.settle()
    world.restart()
    world.append(Do(add=1))
    world.settle()
    assert judged(world) == [5]
    state, upto = world.store.reader().snapshot(HOME, "toy", WHOLE)
    assert msgspec.msgpack.decode(state or b"", type=Rule) == Rule(number=5) and upto >= 1


def test_an_incarnation_loads_the_rule_once_and_never_drops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    load = SimulatedReader.load

    def watched(self: Any, segment: int, domain: str, subjects: Sequence[str], *rest: Any) -> Loaded:
        asked.extend(subjects)
        return load(self, segment, domain, subjects, *rest)

    monkeypatch.setattr(SimulatedReader, "load", watched)
    world = World(Ruled(), host_limits=HostLimits(states_bytes_max=300, batch_entries_max=2))
    users = [user for user in (f"user:{n}" for n in range(60)) if segment_of(user, SEGMENTS) == HOME]
    for _ in range(2):
        world.append(rule(5), *[(user, Do(add=1)) for user in users])
        world.settle()
    assert asked.count(WHOLE) == 1 and asked.count(users[0]) == 2
    assert [judged(world, user) for user in users] == [[5, 5]] * len(users)


def test_what_is_shared_stays_when_memory_is_full_and_all_else_goes() -> None:
    states = States(bytes_max=1, stays=WHOLE)
    states.put(WHOLE, Rule(), 10, stored=True)
    states.put("user:1", Total(), 10, stored=True)
    states.committed(9)
    assert states.get(WHOLE) is not None and states.get("user:1") is None
    states.check()


def test_an_ill_rule_is_parked_alone_and_its_retry_is_for_the_entries_behind_the_retry() -> None:
    world = World(Ruled())
    world.append(rule(5), Do(add=1), rule(6, fail=3), Do(add=1), rule(7), Do(add=1))
    world.settle()
    assert {row[0] for row in world.parked()} == {WHOLE} and len(world.parked()) == 2
    assert judged(world) == [5, 5, 5] and world.total() == 3
    world.decide("engine.retry", WHOLE)
    world.append(Do(add=1))
    world.settle()
    assert world.parked() == [] and judged(world) == [5, 5, 5, 7]


def test_a_rule_that_its_domain_cannot_have_made_is_never_written() -> None:
    world = World(Ruled())
    world.append(rule(5), rule(901), Do(add=1))
    world.settle()
    assert [row[0] for row in world.parked()] == [WHOLE] and judged(world) == [5]


def test_a_reaction_that_changes_what_is_shared_is_found_where_states_are_checked() -> None:
    toy = Ruled()
    toy.meddles = True
    world = World(toy)
    world.append(Do(add=1))
    world.settle()
    assert [row[0] for row in world.parked()] == ["user:1"]
    assert "changed what its segment shares" in next(iter(world.store.image.parked.values())).reason


def test_an_older_format_of_what_is_shared_is_upgraded() -> None:
    world = World(Ruled())
    world.append(rule(5))
    world.settle()
    world.store.image.states[HOME, "toy"][WHOLE.encode()] = msgspec.msgpack.encode([1, 8])
    world.restart()
    world.append(Do(add=1))
    world.settle()
    assert judged(world) == [-8]


def test_what_is_shared_and_cannot_be_read_stops_the_domain_and_blames_no_entry() -> None:
    world = World(Ruled())
    world.append(rule(5))
    world.settle()
    world.store.image.states[HOME, "toy"][WHOLE.encode()] = b"\xc1 no state"
    world.restart()
    world.append(Do(add=1))
    world.settle(60)
    assert [row[0] for row in world.parked()] == ["*"]


def test_a_segment_is_no_subject_of_a_page() -> None:
    toy = Ruled()
    world = World(toy)
    here = sorted((f"user:{n}" for n in range(40) if segment_of(f"user:{n}", SEGMENTS) == HOME), key=str.encode)[:5]
    world.append(rule(5), *[(subject, Do(add=1)) for subject in here])
    world.settle()
    world.append((here[0], Do(page_after="")), (here[0], Do(page_after="a")), (here[0], Do(page_after=here[1])))
    world.settle()
    assert [list(page) for page in toy.paged] == [here[:2], here[:2], here[2:4]]


def test_a_domain_without_states_may_share_a_rule() -> None:
    world = World(Stateless())
    world.append(rule(5), Do(add=1))
    world.settle()
    assert judged(world) == [5] and world.state() is None


def test_the_formats_of_a_domain_name_what_is_shared() -> None:
    assert formats([Toy(), Ruled()]) == {"toy": 1, "toy/shared": 2}
    assert Forms(Toy(), HOME).shared_subject == "" and Forms(Ruled(), HOME).shared_subject == WHOLE
