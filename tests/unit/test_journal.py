"""What the journal promises: one writer, exactly once per id, and a plain answer to each way in which a store can
fail.
"""

from __future__ import annotations

import msgspec
import pytest

from supervision.entry import segment_of
from supervision.journal import Limits
from supervision.messages import Appended, Begin, Begun, Reused, Watermark
from tests.engine_world import SEGMENTS, START_MS, Do, Said, Toy, World

HOME = segment_of("user:1", SEGMENTS)
HOUR_MS = 3_600_000


def test_the_same_id_with_the_same_command_is_appended_once() -> None:
    world = World()
    first = world.append(Do(add=5), id="s|1")
    again = world.append(Do(add=5), id="s|1")
    world.settle()
    later = world.append(Do(add=5), id="s|1")
    world.settle()
    assert isinstance(first[0], Appended) and not first[0].duplicate
    for answer in (again[0], later[0]):
        assert isinstance(answer, Appended) and answer.duplicate and answer.offset == first[0].offset
    assert world.total() == 5


def test_the_same_id_with_another_command_is_refused_and_says_where_the_first_stands() -> None:
    world = World()
    first = world.append(Do(add=5), id="s|1")
    world.settle()
    other = world.append(Do(add=6), id="s|1")
    world.settle()
    assert isinstance(first[0], Appended) and other == [Reused(HOME, first[0].offset)]
    assert world.total() == 5


def test_ids_are_known_again_after_a_crash() -> None:
    world = World()
    world.append(Do(add=5), id="s|1")
    world.settle()
    world.restart()
    again = world.append(Do(add=5), id="s|1")
    world.settle()
    assert isinstance(again[0], Appended) and again[0].duplicate
    assert world.total() == 5


def test_nothing_is_answered_before_it_is_durable() -> None:
    world = World()
    answers = world.append(Do(add=5))
    while not answers:
        assert world.store.image.heads[HOME].offset == 0
        world.runtime.step()
    assert world.store.image.heads[HOME].offset == 1


def test_a_refused_commit_is_tried_again_nothing_crashes_and_the_doors_are_closed_meanwhile() -> None:
    world = World()
    world.faults = ["refused"] * 4
    answers = world.append(Do(add=5))
    world.runtime.run_until(lambda: bool(world.engine.pressure.reasons()), 500)
    assert "store refuses" in world.engine.pressure.reasons()[0]
    assert answers == []
    world.settle()
    assert world.total() == 5 and len(answers) == 1
    assert world.engine.pressure.reasons() == ()
    assert world.tally.counted("restarts") == 0 and world.tally.counted("commits_refused") == 4


@pytest.mark.parametrize("fault", ["unknown_committed", "unknown_lost"])
def test_an_unknown_outcome_is_asked_for_and_counts_once_either_way(fault: str) -> None:
    world = World()
    world.faults = [fault] * 3  # type: ignore[list-item]
    world.append(Do(add=5), id="s|1")
    world.settle()
    assert world.total() == 5
    assert world.tally.counted("outcomes_unknown") == 3
    assert [entry.offset for entry in world.log()] == list(range(1, len(world.log()) + 1))


def test_an_unknown_outcome_that_is_none_again_and_again_closes_the_doors_and_is_tried_ever_more_slowly() -> None:
    world = World()
    world.faults = ["unknown_lost"] * 6
    answers = world.append(Do(add=5))
    world.runtime.run_until(lambda: bool(world.engine.pressure.reasons()), 500)
    assert "store refuses" in world.engine.pressure.reasons()[0]
    before_s = world.runtime.clock.monotonic_s()
    world.settle()
    assert world.runtime.clock.monotonic_s() - before_s > 0.05 * (1 + 2 + 4 + 8 + 16)
    assert world.engine.pressure.reasons() == () and world.total() == 5 and len(answers) == 1


@pytest.mark.parametrize("fault", ["fenced", "fsync"])
def test_a_lost_store_or_a_failed_fsync_ends_the_process_and_answers_nobody(fault: str) -> None:
    world = World()
    world.faults = [fault]  # type: ignore[list-item]
    answers = world.append(Do(add=5), id="s|1")
    world.runtime.run_until(lambda: bool(world.died), 5_000)
    assert world.died
    assert answers in ([], [None])
    world.restart()
    world.append(Do(add=5), id="s|1")
    world.settle()
    assert world.total() == 5


def test_one_rejected_stage_does_not_keep_the_others_from_committing() -> None:
    world = World()
    world.append(Do(add=1))
    world.settle()
    world.store.image.checkpoints[HOME, "toy"].upto += 7
    other = next(f"user:{i}" for i in range(99) if segment_of(f"user:{i}", SEGMENTS) != HOME)
    answers = world.append(Do(add=1), (other, Do(add=2)))
    world.settle(1)
    assert len(answers) == 2 and world.total(other) == 2


def test_a_begin_retires_the_older_incarnation_whose_later_stages_are_nothing() -> None:
    world = World()
    begun: list[Begun | None] = []
    world.engine.journal.tell(Begin(HOME, "toy", 99, begun.append))
    world.append(Do(add=5))
    world.settle(2)
    assert begun and begun[0] is not None and begun[0].checkpoint == 0
    assert world.total() == 0, "the retired host's stage was discarded"


def test_a_group_is_bounded_by_its_items() -> None:
    world = World(limits=Limits(group_items_max=10))
    for i in range(40):
        world.append(Do(add=1), id=f"s|{i}")
    world.settle()
    assert world.total() == 40
    inputs = [sum(entry.kind == "toy.do" for page in batch.pages for entry in page.entries) for batch in world.batches]
    assert max(inputs) <= 10


def test_too_much_waiting_closes_the_doors_until_it_is_written() -> None:
    world = World(limits=Limits(waiting_bytes_max=1 << 10))
    world.faults = ["refused"]
    for i in range(40):
        world.append(Do(add=1), id=f"s|{i}")
    world.runtime.run_until(lambda: any("wait for the store" in r for r in world.engine.pressure.reasons()), 2_000)
    assert any("1024 bytes" in reason for reason in world.engine.pressure.reasons())
    world.settle()
    assert world.engine.pressure.reasons() == () and world.total() == 40


def test_a_money_domain_that_lags_closes_the_doors_and_a_parked_one_does_not() -> None:
    world = World(limits=Limits(lag_entries_max=20))
    world.toy.broken = True
    subjects = [f"user:{i}" for i in range(200) if segment_of(f"user:{i}", SEGMENTS) == HOME]
    world.append(*[(subject, Do(add=1)) for subject in subjects])
    world.settle(60)
    assert any(row[0] == "*" for row in world.parked())
    assert world.engine.pressure.reasons() == ()


def test_a_timer_fires_once_also_over_crashes_and_late_rather_than_never() -> None:
    world = World()
    world.append(Do(arm_ms=5_000))
    world.settle(2)
    world.restart()
    world.clock.skew_ms += 7_200_000
    world.settle(30)
    world.restart()
    world.settle(10)
    assert world.total() == 1000
    assert world.kinds().count("timer.toy") == 1
    assert world.store.image.timers == {}


def test_a_cancelled_timer_does_not_fire_and_a_rearmed_one_fires_for_its_last_arming_only() -> None:
    world = World()
    world.append(Do(arm_ms=3_000), ("user:3", Do(arm_ms=3_000)))
    world.settle(1)
    world.append(Do(cancel=True), ("user:3", Do(arm_ms=6_000)))
    world.settle(4)
    assert world.total() == 0 and world.total("user:3") == 0
    world.settle(6)
    assert world.total() == 0 and world.total("user:3") == 1000


def test_a_cancel_that_meets_a_firing_already_in_the_log_wins() -> None:
    world = World()
    world.append(Do(arm_ms=2_000))
    world.settle(1)
    world.runtime.pause(f"p1/segments/{HOME:02d}/toy", 6.0)
    world.append(Do(cancel=True))  # in the log before the firing, folded after it was appended
    world.settle(12)
    assert "timer.toy" in world.kinds()
    assert world.total() == 0 and world.store.image.timers == {}


def test_timers_beyond_the_near_window_are_fetched_in_time() -> None:
    world = World()
    world.append(Do(arm_ms=HOUR_MS), ("user:3", Do(arm_ms=30 * 24 * HOUR_MS)))
    world.settle(5)
    assert len(world.engine.the_journal.near) == 0  # type: ignore[union-attr]
    world.settle(3_700)
    assert world.total() == 1000 and world.total("user:3") == 0


def test_an_absence_timer_waits_for_the_watermark() -> None:
    world = World(has_broker=True)
    world.append(Do(arm_ms=1_000, absence=True), ("user:3", Do(arm_ms=1_000)))
    world.settle(20)
    assert world.total() == 0 and world.total("user:3") == 1000
    world.engine.journal.tell(Watermark(START_MS + 1_000_000))
    world.settle(2)
    assert world.total() == 1000


def test_an_absence_timer_waits_for_a_new_watermark_after_a_restart() -> None:
    world = World(has_broker=True)
    world.append(Do(arm_ms=1_000, absence=True))
    world.settle(20)
    world.append(("user:3", Do(add=1)))  # over HTTP, while what the broker holds from before is still unheard
    world.settle(2)
    world.restart()
    world.settle(20)
    assert world.total() == 0
    world.engine.journal.tell(Watermark(START_MS + 1_000_000))
    world.settle(2)
    assert world.total() == 1000


def test_an_absence_timer_waits_no_longer_than_the_hold_and_says_so() -> None:
    world = World(has_broker=True, limits=Limits(absence_hold_s_max=60))
    world.append(Do(arm_ms=1_000, absence=True))
    world.settle(50)
    assert world.total() == 0
    world.settle(15)
    assert world.total() == 1000
    record = world.store.reader().records(HOME, "toy", "user:1", None, 1)[0]
    assert b"held" in record.body


def test_bulk_timers_fire_one_by_one_amid_ordinary_traffic_and_all_at_once_without_it() -> None:
    world = World()
    subjects = [f"user:{number}" for number in range(100, 120)]
    world.append(*[(subject, Do(arm_ms=0, bulk=True)) for subject in subjects])
    for _ in range(10):
        world.append(Do())
        world.settle(0.1)
    paces = 1_000 / Limits().bulk_pace_ms
    assert paces * 2 / 3 <= sum(world.total(subject) for subject in subjects) // 1000 <= paces + 1
    world.settle(1.5)
    assert [world.total(subject) for subject in subjects] == [1000] * 20


def test_time_in_the_log_never_goes_back_and_a_leap_is_held_before_it_is_believed() -> None:
    world = World()
    world.append(Do(add=1))
    world.settle(1)
    world.clock.skew_ms -= 50_000
    world.append(Do(add=1))
    world.settle(1)
    world.clock.skew_ms += 50_000 + 72 * HOUR_MS
    world.append(Do(add=1))
    world.settle(2)
    held = world.log()[-1].at
    assert held < START_MS + HOUR_MS
    world.settle(12)
    world.append(Do(add=1))
    world.settle(2)
    times = [entry.at for entry in world.log()]
    assert times == sorted(times) and times[-1] >= START_MS + 72 * HOUR_MS


def test_the_log_is_trimmed_behind_all_readers_and_the_retention() -> None:
    world = World(limits=Limits(log_retention_s=60))
    world.append(*[Do(add=1) for _ in range(50)])
    world.settle(30)
    assert world.store.image.bases[HOME] == 1
    world.settle(120)
    assert world.store.image.bases[HOME] > 50
    world.restart()
    world.append(Do(add=1))
    world.settle(5)
    assert world.total() == 51


class Forgetful(Toy):
    """A line that says a total of n is from n seconds after the start."""

    records_kept_ms = 60_000

    def written_at(self, record: bytes) -> int:
        return START_MS + 1_000 * msgspec.json.decode(record, type=Said).total


def test_a_domain_that_keeps_its_records_for_a_while_forgets_them_in_idle_turns_and_nobody_else_does() -> None:
    world = World(Forgetful(), limits=Limits(forget_rows_max=7))
    world.append(*[Do(add=1) for _ in range(50)])
    world.settle(30)
    assert told(world) == list(range(50, 0, -1))
    world.settle(60)
    left = told(world)
    assert 1 < len(left) < 50 and left == list(range(50, 50 - len(left), -1))
    world.settle(120)
    assert told(world) == []
    world.append(Do(add=200))
    world.settle(5)
    assert (told(world), world.total()) == ([250], 250)
    keeper = World()
    keeper.append(Do(add=1))
    keeper.settle(300)
    assert told(keeper) == [1]


def told(world: World) -> list[int]:
    """The totals that the lines say, newest first."""
    rows = world.store.reader().records(HOME, "toy", "user:1", None, 99)
    return [msgspec.json.decode(row.body, type=Said).total for row in rows]


def test_an_epoch_begins_at_every_start_and_entries_keep_theirs() -> None:
    world = World()
    world.append(Do(add=1))
    world.settle()
    first = world.log()[0].epoch
    world.restart()
    world.append(Do(add=1))
    world.settle()
    assert world.log()[0].epoch == first < world.log()[-1].epoch


def test_a_stop_commits_what_is_on_the_pile() -> None:
    world = World()
    answers = world.append(Do(add=5))
    assert world.tree.stop(30) == []
    assert len(answers) == 1 and world.store.image.heads[HOME].offset >= 1


def test_duplicates_and_reused_ids_are_counted_also_when_nothing_else_came() -> None:
    world = World()
    for add in (5, 5, 5, 6):
        world.append(Do(add=add), id="s|1")
        world.settle(2)
    assert world.tally.counted("duplicates") == 2 and world.tally.counted("ids_reused") == 1


def test_housekeeping_does_not_wait_for_ever_for_an_idle_turn() -> None:
    world = World(limits=Limits(house_commits=5, tick_s=1e6))
    calls: list[int] = []
    world.store.idle = calls.append  # type: ignore[method-assign]
    for i in range(30):
        world.append(Do(add=1), id=f"s|{i}")
        world.runtime.run_until(lambda i=i: world.total() > i, 5_000)  # type: ignore[misc]
    assert len(world.batches) // 5 - 2 <= len(calls) <= len(world.batches) // 5 + 1
