"""What a host promises: exactly once through its own crashes, and nothing lost when an entry is set aside."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from supervision.attempts import PARKS_PER_HOUR_MAX
from supervision.courier import Carried
from supervision.domain import Event
from supervision.entry import segment_of
from supervision.host import HostLimits
from supervision.messages import Appended, AwaitReply, ForgetReply, ParkedRow
from supervision.outcome import DEPTH_MAX, OUTPUTS_MAX
from supervision.outputs import business_key
from supervision.store_simulated import SimulatedReader
from supervision.waiters import WAITERS_MAX
from tests.engine_world import SEGMENTS, Do, Skipper, Total, Toy, World, hash_of

HOME = segment_of("user:1", SEGMENTS)
OTHER = next(f"user:{i}" for i in range(2, 99) if segment_of(f"user:{i}", SEGMENTS) != HOME)
"""A user of another segment; user:2 is of the same."""


def test_an_entry_is_counted_once_and_said_once() -> None:
    world = World()
    world.append(Do(add=5))
    world.settle()
    assert world.total() == 5
    assert world.kinds().count("toy.said") == 1
    assert world.checkpoint(HOME) == len(world.log())


def test_a_reaction_that_raises_once_is_tried_again_and_its_neighbours_count_once() -> None:
    world = World()
    world.append(Do(add=1), Do(add=10, fail=1), Do(add=100))
    world.settle()
    assert world.total() == 111
    assert world.kinds().count("toy.said") == 3
    assert world.parked() == []


def test_a_domain_of_large_entries_folds_few_at_a_time_and_misses_none() -> None:
    class Large(Toy):
        entries_at_once = 2

    world = World(Large())
    world.append(*(Do(add=1) for _ in range(7)))
    world.settle()
    stages = [stage for batch in world.batches for stage in batch.stages if stage.domain == "toy" and stage.records]
    assert world.total() == 7 and [len(stage.records) for stage in stages] == [2, 2, 2, 1]


def test_however_often_it_crashes_a_host_has_one_reader_open() -> None:
    world = World()
    kept: list[SimulatedReader] = []  # so that no id is used twice
    open_readers: set[int] = set()
    most: list[int] = []
    make = world.store.reader

    def counted() -> SimulatedReader:
        reader = make()
        open_readers.add(id(reader))
        kept.append(reader)
        reader.close = lambda: open_readers.discard(id(reader))  # pyright: ignore[reportAttributeAccessIssue]
        most.append(len(open_readers))
        return reader

    world.store.reader = counted
    for n in range(10):
        world.append((f"user:{n}", Do(add=1, fail=2)))
        world.settle()
    assert len(most) == 20, "two crashes each"
    assert max(most) == SEGMENTS, "one for each segment's host"


def test_after_three_attempts_a_money_domain_parks_the_subject_and_its_later_entries_wait_in_order() -> None:
    world = World()
    world.append(Do(add=1), Do(add=10, fail=99), Do(add=100))
    world.append(("user:3", Do(add=7)))
    world.settle()
    assert world.total() == 1, "nothing behind the ill entry may be folded"
    assert world.total("user:3") == 7, "others go on"
    ill, waiting = world.parked()
    assert ill == ("user:1", 2, 3) and waiting[:2] == ("user:1", 3)
    assert world.toy.attempts[world.log()[1].place] == 3
    assert world.kinds().count("engine.parked") == 1


def test_a_domain_that_parks_by_entry_skips_only_the_ill_one() -> None:
    world = World(Skipper())
    world.append(Do(add=1), Do(add=10, fail=99), Do(add=100))
    world.settle()
    assert world.total(domain="skipper") == 101
    assert [row[1] for row in world.parked()] == [2]


def test_a_retry_folds_what_was_parked_in_order_and_then_the_subject_goes_on() -> None:
    world = World()
    world.append(Do(add=10, fail=3), Do(add=100))
    world.settle()
    world.append(Do(add=1000))
    world.settle()
    assert world.total() == 0 and len(world.parked()) == 3
    world.decide("engine.retry", "user:1")
    world.settle()
    assert world.total() == 1110 and world.parked() == []
    state = world.state()
    assert state is not None and state.seen == sorted(state.seen)
    world.append(Do(add=1))
    world.settle()
    assert world.total() == 1111


@pytest.mark.parametrize("word", ["retry", "discard"])
def test_a_decision_that_took_the_last_of_a_full_page_says_that_nothing_is_left(word: str) -> None:
    world = World(host_limits=HostLimits(retry_entries_max=2))
    world.append(Do(add=1, fail=3), Do(add=1))
    world.settle()
    assert len(world.parked()) == 2
    world.decide(f"engine.{word}", "user:1")
    world.settle()
    decided = [msgspec.json.decode(entry.body) for entry in world.log() if entry.kind == "engine.decided"]
    assert [(one["done"], one["left"]) for one in decided] == [(2, False)]
    assert world.kinds().count(f"engine.{word}") == 1


def test_a_retry_that_fails_again_stops_there_and_leaves_the_state_as_it_was() -> None:
    world = World()
    world.append(Do(add=1), Do(add=10, fail=3), Do(add=100, fail=99), Do(add=1000))
    world.settle()
    world.decide("engine.retry", "user:1")
    world.settle()
    assert world.total() == 11, "the first went well, the second failed anew"
    assert [row[:2] for row in world.parked()] == [("user:1", 3), ("user:1", 4)]


def test_a_discard_forgets_the_parked_entries_and_lets_the_subject_go_on() -> None:
    world = World()
    world.append(Do(add=10, fail=99), Do(add=100))
    world.settle()
    world.decide("engine.discard", "user:1")
    world.append(Do(add=1))
    world.settle()
    assert world.total() == 1 and world.parked() == []


def test_what_is_parked_survives_the_process() -> None:
    world = World()
    world.append(Do(add=10, fail=99))
    world.settle()
    world.restart()
    world.append(Do(add=1))
    world.settle()
    assert world.total() == 0 and len(world.parked()) == 2


def test_a_state_that_cannot_be_read_parks_its_subject_alone_until_it_is_mended() -> None:
    world = World()
    world.append(("user:1", Do(add=1)), ("user:2", Do(add=1)))
    world.settle()
    world.restart()
    states = world.store.image.states[HOME, "toy"]
    mended, states[b"user:1"] = states[b"user:1"], b"\xc1"
    world.append(("user:1", Do(add=1)), ("user:2", Do(add=1)), ("user:1", Do(add=1)))
    world.settle()
    assert [row[0] for row in world.parked()] == ["user:1", "user:1"] and world.total("user:2") == 2
    states[b"user:1"] = mended
    world.decide("engine.retry", "user:1")
    world.settle()
    assert not world.parked() and world.total() == 3


def at_home(n: int) -> list[str]:
    """Users of the first segment."""
    return [subject for i in range(4 * n + 40) if segment_of(subject := f"user:{i}", SEGMENTS) == HOME][:n]


def test_too_many_parked_in_an_hour_park_the_domain_and_a_resume_folds_everything_later() -> None:
    toy = Skipper()
    world = World(toy)
    toy.broken = True
    world.append(*[(subject, Do(add=1)) for subject in at_home(PARKS_PER_HOUR_MAX + 8)])
    world.settle(30)
    stars = [row for row in world.parked() if row[0] == "*"]
    assert stars, "the domain of a segment should stand still"
    stuck = {row.segment for row in world.store.image.parked.values() if row.subject == "*"}
    assert world.tally.counted("domains_parked") == len(stars) == len(stuck)
    assert world.tally.counted("parked") == len(world.parked()) - len(stars)
    before = {segment: world.checkpoint(segment, "skipper") for segment in stuck}
    world.settle(30)
    assert before == {segment: world.checkpoint(segment, "skipper") for segment in stuck}
    toy.broken = False
    for segment in sorted(stuck):
        world.decide("engine.resume", f"segment:{segment:02d}", "skipper")
    world.settle(30)
    assert not [row for row in world.parked() if row[0] == "*"]
    for segment in stuck:
        assert world.checkpoint(segment, "skipper") == world.store.image.heads[segment].offset


def test_a_resume_that_is_seen_before_the_parking_is_durable_is_heard_all_the_same() -> None:
    toy = Skipper()
    world = World(toy)
    toy.broken = True
    world.append(*[(subject, Do(add=1)) for subject in at_home(PARKS_PER_HOUR_MAX + 8)])
    assert world.runtime.run_until(lambda: world.tally.counted("domains_parked") == 1, 100_000)
    assert not [row for row in world.parked() if row[0] == "*"], "said to the journal, and not written yet"
    toy.broken = False
    world.decide("engine.resume", f"segment:{HOME:02d}", "skipper")  # one more than was needed for the parking before
    world.settle(30)
    assert not [row for row in world.parked() if row[0] == "*"]
    assert world.checkpoint(HOME, "skipper") == world.store.image.heads[HOME].offset


def test_a_parked_domain_stays_parked_over_a_restart() -> None:
    toy = Skipper()
    world = World(toy)
    toy.broken = True
    world.append(*[(subject, Do(add=1)) for subject in at_home(PARKS_PER_HOUR_MAX + 8)])
    world.settle(30)
    toy.broken = False
    stuck = [row.segment for row in world.store.image.parked.values() if row.subject == "*"]
    before = {segment: world.checkpoint(segment, "skipper") for segment in stuck}
    world.restart()
    world.settle(30)
    assert stuck and before == {segment: world.checkpoint(segment, "skipper") for segment in stuck}


def test_what_was_set_aside_counts_over_a_restart_however_much_waits_and_is_read_once() -> None:
    world = World()
    world.append(*[(subject, Do(add=1, fail=99)) for subject in at_home(PARKS_PER_HOUR_MAX)])
    world.settle(30)
    for n in range(300):  # rows that only wait, and stand before the others
        row = ParkedRow(HOME, "toy", "user", n, "waits", 0, world.clock.now_ms(), b"")
        world.store.image.parked[HOME, "toy", "user", n] = row
    asked: list[int] = []
    read = SimulatedReader.parked_at

    def counted(reader: SimulatedReader, segment: int, *rest: Any) -> Sequence[int]:
        asked.append(segment)
        return read(reader, segment, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimulatedReader, "parked_at", counted)
        world.restart()
        world.append((at_home(PARKS_PER_HOUR_MAX + 1)[-1], Do(add=1, fail=99)))
        world.settle(30)
    assert [row[0] for row in world.parked()].count("*") == 1
    assert asked == [HOME], "not again after each of the crashes, and not where nothing is parked"


def test_a_loop_of_rules_is_cut_at_the_depth_limit_and_says_so_once() -> None:
    world = World()
    world.append(Do(loop=True))
    world.settle()
    kinds = world.kinds()
    assert kinds.count("toy.loop") == DEPTH_MAX
    assert kinds.count("engine.depth_exceeded") == 1
    assert max(entry.depth for entry in world.log()) == DEPTH_MAX


def test_a_reaction_with_too_many_outputs_is_set_aside() -> None:
    world = World()
    world.append(Do(emits=OUTPUTS_MAX), ("user:3", Do(emits=OUTPUTS_MAX + 1)))
    world.settle()
    assert world.kinds().count("toy.heard") == OUTPUTS_MAX
    assert [row[0] for row in world.parked()] == ["user:3"]


def test_a_business_key_is_seen_by_the_next_entry_of_the_same_batch_and_after_a_restart() -> None:
    world = World()
    world.append(Do(add=1, claim="order"), Do(add=1, claim="order"))
    world.settle()
    world.restart()
    world.append(Do(add=1, claim="order"))
    world.settle()
    assert world.total() == 1


def counted(world: World) -> list[int]:
    """What the tab of user:1 said, in order."""
    lines = [msgspec.json.decode(row.body) for row in world.store.reader().records(HOME, "toy", "user:1", None, 99)]
    return [line["total"] for line in reversed(lines) if line["note"] == "tab"]


@pytest.mark.parametrize("batch", [1, 2, 256])
def test_a_new_value_of_a_business_key_is_seen_by_the_next_entry_under_way_or_not_and_after_a_restart(
    batch: int,
) -> None:
    world = World(host_limits=HostLimits(batch_entries_max=batch))
    world.append(*[Do(tab="order")] * 5)
    world.settle()
    world.restart()
    world.append(*[Do(tab="order")] * 3)
    world.settle()
    assert counted(world) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_retry_that_stops_at_a_failure_keeps_the_new_value_of_a_business_key_from_before_it() -> None:
    world = World()
    world.append(Do(tab="order"), Do(fail=3), Do(tab="order"), Do(fail=1), Do(tab="order"))
    world.settle()
    world.decide("engine.retry", "user:1")
    world.settle()
    assert counted(world) == [1, 2]
    world.decide("engine.retry", "user:1")
    world.settle()
    assert counted(world) == [1, 2, 3]


def test_a_business_key_whose_value_the_reaction_was_not_told_is_not_replaced() -> None:
    world = World()
    world.append(Do(tab="x"))
    world.settle()
    assert [row[0] for row in world.parked()] == ["user:1"]
    assert "WrongClaim" in next(iter(world.store.image.parked.values())).reason


def test_a_subject_of_another_segment_gets_its_entry_once() -> None:
    world = World()
    world.append(Do(add=3, emit_to=OTHER))
    world.settle()
    assert world.total(OTHER) == 3
    assert world.store.image.inbound == {(HOME, 1 - HOME): 1} == world.store.image.outbound


def test_a_failing_load_waits_and_counts_against_nobody() -> None:
    world = World()
    world.load_faults = 3
    world.append(Do(add=5))
    world.settle()
    assert world.total() == 5
    assert world.tally.counted("loads_refused") >= 1
    assert world.tally.counted("restarts") == 0 and world.parked() == []


def test_a_rejected_stage_ends_the_incarnation_and_nothing_is_counted_twice() -> None:
    world = World()
    world.append(Do(add=1))
    world.settle()
    image = world.store.image
    image.checkpoints[HOME, "toy"].upto -= 1  # as if another had written
    world.append(Do(add=10))
    world.settle(2)
    assert world.tally.counted("stages_rejected", domain="toy") >= 1
    assert not world.died


def test_a_reply_reaches_who_asked_and_is_kept() -> None:
    world = World()
    heard: list[bytes | None] = []
    world.engine.journal.tell(AwaitReply(hash_of("s|ask"), "toy", heard.append))
    world.append(Do(add=4, ask=True), id="s|ask", asked=True)
    world.settle()
    assert [msgspec.json.decode(body or b"")["total"] for body in heard] == [4]
    assert world.store.reader().reply(hash_of("s|ask"), "toy") == heard[0]


@pytest.mark.parametrize("elsewhere", ["user:2", OTHER])
def test_a_reply_given_by_another_subject_reaches_who_asked_the_first(elsewhere: str) -> None:
    world = World()
    heard: list[bytes | None] = []
    world.engine.journal.tell(AwaitReply(hash_of("s|ask"), "toy", heard.append))
    world.append(Do(add=4, emit_to=elsewhere, ask_there=True), id="s|ask", asked=True)
    world.settle()
    assert [msgspec.json.decode(body or b"")["total"] for body in heard] == [4]
    assert world.store.reader().reply(hash_of("s|ask"), "toy") == heard[0]


def wait_for(world: World, heard: list[bytes | None], domain: str = "toy") -> None:
    world.engine.journal.tell(AwaitReply(hash_of("s|ask"), domain, heard.append))


def test_all_who_wait_for_the_same_reply_are_told_and_nobody_is_kept_after_it() -> None:
    world = World()
    heard: list[list[bytes | None]] = [[], [], []]
    for one in heard[:2]:
        wait_for(world, one)
        world.append(Do(add=4, ask=True), id="s|ask", asked=True)
    wait_for(world, heard[2])
    world.settle()
    assert heard[0] == heard[1] == heard[2] and len(heard[0]) == 1
    assert world.engine.the_journal is not None and len(world.engine.the_journal.waiters) == 0


def test_who_gives_up_waiting_is_not_told_and_leaves_nothing_behind() -> None:
    world = World()
    gone: list[bytes | None] = []
    stays: list[bytes | None] = []
    for one in (gone, stays):
        wait_for(world, one)
    gone_done, journal = gone.append, world.engine.journal
    journal.tell(ForgetReply(hash_of("s|ask"), "toy", gone_done))
    world.append(Do(add=4, ask=True), id="s|ask", asked=True)
    wait_for(world, [], "another domain")
    world.settle()
    assert gone == [] and len(stays) == 1
    assert world.engine.the_journal is not None and len(world.engine.the_journal.waiters) == 1


def test_more_waiters_for_one_reply_than_the_limit_are_told_at_once_that_they_wait_in_vain() -> None:
    world = World()
    heard: list[bytes | None] = []
    for _ in range(WAITERS_MAX):
        world.engine.journal.tell(AwaitReply(hash_of("s|ask"), "toy", lambda _: None))
    wait_for(world, heard)
    world.settle()
    assert heard == [None]


def test_a_reply_that_was_lost_with_a_crash_is_found_in_the_store() -> None:
    world = World()
    heard: list[bytes | None] = []
    wait_for(world, heard)
    world.append(Do(add=4, ask=True), id="s|ask", asked=True)
    world.runtime.run_until(lambda: bool(world.store.image.replies), 10_000)
    before = len(heard)
    world.restart()
    again = world.append(Do(add=4, ask=True), id="s|ask", asked=True)
    world.settle()
    assert isinstance(again[0], Appended) and again[0].duplicate
    assert world.total() == 4 and len(heard) == before
    assert msgspec.json.decode(world.store.reader().reply(hash_of("s|ask"), "toy") or b"")["total"] == 4


def test_the_reply_to_an_id_that_was_made_up_reaches_who_waits_and_is_not_kept() -> None:
    world = World()
    heard: list[bytes | None] = []
    wait_for(world, heard)
    world.append(Do(add=4, ask=True), root="s|ask", asked=True)
    world.settle()
    assert [msgspec.json.decode(body or b"")["total"] for body in heard] == [4]
    assert world.store.reader().reply(hash_of("s|ask"), "toy") is None


def test_a_page_shows_the_domains_own_subjects_in_byte_order_uncommitted_ones_included() -> None:
    toy = Toy()
    world = World(toy)
    here = sorted((f"user:{i}" for i in range(40) if segment_of(f"user:{i}", SEGMENTS) == HOME), key=str.encode)[:5]
    world.append(*[(subject, Do(add=1)) for subject in here])
    world.append((here[0], Do(page_after="")), (here[0], Do(page_after=here[1])))
    world.settle()
    assert [list(page) for page in toy.paged] == [here[:2], here[2:4]]


class Rememberer(Toy):
    """Its state says which key it will ask for, so the host loads it only then."""

    asked: Callable[[], None] = staticmethod(lambda: None)

    def keys(self, event: Event) -> Sequence[bytes]:
        return ()

    def later_keys(self, state: Total, event: Event) -> Sequence[bytes]:
        self.asked()
        return [business_key(event.body.tab)] if isinstance(event.body, Do) and event.body.tab else ()


def test_a_business_key_that_only_the_state_knows_of_is_told_and_may_be_replaced() -> None:
    world = World(Rememberer())
    for _ in range(3):
        world.append(Do(tab="a"))
        world.settle()
    assert world.parked() == []
    assert world.store.reader().load(HOME, "toy", (), (), (business_key("a"),)).keys == {business_key("a"): b"3"}


def test_a_store_that_does_not_tell_such_a_key_poisons_no_entry() -> None:
    domain = Rememberer()
    world = World(domain)
    refusals = iter([1, 1, 1])

    def refused() -> None:
        world.load_faults = next(refusals, 0)

    domain.asked = refused
    world.append(Do(tab="a"))
    world.settle()
    assert world.parked() == [] and domain.attempts[world.log()[0].place] == 1


def test_quiet_checkpoints_move_too() -> None:
    toy, skipper = Toy(), Skipper()
    world = World(toy, skipper)
    world.append(*[Do(emits=1) for _ in range(50)])
    world.settle(12)
    head = world.store.image.heads[HOME].offset
    assert world.checkpoint(HOME) == head == world.checkpoint(HOME, "skipper") == world.checkpoint(HOME, "courier")


def test_a_domain_parked_for_crashing_is_the_real_one_again_after_a_resume() -> None:
    world = World()
    for _ in range(12):  # somebody else moves its checkpoint, again and again: that spends the restart budget
        world.append(Do(add=1))
        world.store.image.checkpoints[HOME, "toy"].upto += 1
        world.settle(3)
        world.store.image.checkpoints[HOME, "toy"].upto -= 1
        if any(row[0] == "*" for row in world.parked()):
            break
        world.settle(3)
    path = f"segments/{HOME:02d}/toy"
    assert [row.state for row in world.tree.rows() if row.path == path] == ["parked"]
    world.decide("engine.resume", f"segment:{HOME:02d}")
    world.settle(10)
    assert [row.state for row in world.tree.rows() if row.path == path] == ["running"]
    world.append(Do(add=10, fail=1))
    world.settle(10)
    assert not world.parked() and world.total() > 10


def test_a_store_that_does_not_answer_at_the_start_crashes_nobody_not_even_a_parked_domain() -> None:
    toy = Skipper()
    world = World(toy)
    toy.broken = True
    world.append(*[(subject, Do(add=1)) for subject in at_home(PARKS_PER_HOUR_MAX + 8)])
    world.settle(30)
    toy.broken = False
    stuck = sorted(row.segment for row in world.store.image.parked.values() if row.subject == "*")
    assert stuck
    for every in range(2, 8):
        loads = itertools.count()
        world._load_fault = lambda loads=loads, every=every: next(loads) % every == 0  # type: ignore[method-assign]
        world.restart()
        world.settle(10)
        assert not world.died and world.tally.counted("restarts") == 0
    for segment in stuck:
        world.decide("engine.resume", f"segment:{segment:02d}", "skipper")
    world.settle(30)
    assert not [row for row in world.parked() if row[0] == "*"]


def test_a_domain_that_was_parked_before_its_first_entry_goes_on_after_a_resume() -> None:
    toy = Toy()
    world = World(toy)
    row = ParkedRow(HOME, "toy", "*", 0, "its factory raised six times", 0, 1)
    world.store.image.parked[HOME, "toy", "*", 0] = row
    world.restart()
    world.append(Do(add=7))
    world.settle(10)
    assert world.total() == 0 and world.tally.counted("restarts") == 0
    world.decide("engine.resume", f"segment:{HOME:02d}")
    world.settle(10)
    assert world.total() == 7 and not world.parked()


def test_a_courier_ignores_answers_to_the_one_before_it() -> None:
    world = World()
    world.append(Do(emit_to=OTHER, add=1))
    world.settle(10)
    courier = world.tree.address("readers/courier")
    cell = world.tree.cell("readers/courier")
    courier.tell("what no courier knows")
    world.runtime.run_until(lambda: cell.incarnation == 2, 1_000)
    before = cell.crashes
    courier.tell(Carried(HOME, 999, 1, 0, Appended(1 - HOME, 1, 1)))
    world.settle(10)
    assert cell.crashes == before
    world.append(Do(emit_to=OTHER, add=1))
    world.settle(10)
    assert world.total(OTHER) == 2


def test_who_waits_for_a_cell_that_has_not_started_since_a_restart_is_served_when_it_has() -> None:
    world = World()
    world.append(Do(add=1))
    world.settle()
    world.restart()
    assert not any(host.bound for host in world.engine.hosts.values()), "it begins with what the journal knows"
    world.append(Do(add=2))
    for segment, domain in world.engine.hosts:
        world.engine.hurry(segment, domain, 2)
    world.settle()
    assert world.total() == 3
    assert world.engine.folded(segment_of("user:1", SEGMENTS), "toy") >= 2
