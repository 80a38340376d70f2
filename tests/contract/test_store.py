"""What every store promises, the same sentences for the real one and the simulated one (DESIGN §5, PROTOCOL)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from supervision.clock import VirtualClock
from supervision.inspection import FROM_THE_FIRST, NO_SPOT
from supervision.messages import ParkedRow, RecordRow, Stage, TimerOp, TimerRow
from supervision.store import Batch, Fenced, Head, IdRow, StageRejected
from supervision.store_simulated import Disk, SimulatedStore
from supervision.store_sqlite import open_sqlite
from tests.opened_store import HOUR, NOW, SEGMENTS, Opened, drafts, stage, timer


@pytest.fixture(params=["sqlite", "simulated"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    disk = Disk(SEGMENTS)

    def open_again() -> Any:
        if request.param == "sqlite":
            return open_sqlite(tmp_path, SEGMENTS, {"points": 1}, "test", VirtualClock(NOW), id_slots=1 << 12)
        return SimulatedStore(disk)

    found = Opened(open_again)
    yield found
    found.store.check()
    found.close()


def test_what_was_committed_is_read_back_as_it_was(opened: Opened) -> None:
    entries = opened.commit(drafts=[*drafts(3), *drafts(2, route="r.k")])
    entries += opened.commit(drafts=drafts(2, route="r.k"))
    assert list(opened.reader.read_log(1, 0, 100, 100)) == entries
    assert [entry.seq for entry in entries] == [0, 0, 0, 1, 2, 3, 4]
    assert list(opened.reader.read_log(1, 4, 6, 100)) == entries[4:6]
    assert list(opened.reader.read_log(1, 2, 100, 2)) == entries[2:4]


def test_a_log_read_beyond_the_head_or_in_another_segment_is_empty(opened: Opened) -> None:
    opened.commit(drafts=drafts(3))
    assert list(opened.reader.read_log(1, 3, 100, 100)) == []
    assert list(opened.reader.read_log(2, 0, 100, 100)) == []


def test_a_stage_commits_only_from_the_stored_checkpoint(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 5, states=[("user:1", b"a")])])
    wrong = stage(4, 9, states=[("user:1", b"b")])
    with pytest.raises(StageRejected) as rejected:
        opened.commit(drafts=drafts(1), stages=[wrong])
    assert rejected.value.stage is wrong
    assert opened.reader.snapshot(1, "points", "user:1") == (b"a", 5)
    assert list(opened.reader.read_log(1, 0, 9, 9)) == [], "nothing of a rejected batch may be there"


def test_stages_of_one_cell_may_follow_each_other_in_a_batch(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 5, states=[("user:1", b"a")]), stage(5, 8, states=[("user:1", b"b")])])
    assert opened.reader.snapshot(1, "points", "user:1") == (b"b", 8)
    with pytest.raises(StageRejected):
        opened.commit(stages=[stage(8, 9), stage(8, 10)])


def test_a_first_stage_makes_the_row_even_when_it_moves_nothing(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 0)])
    opened.reopen()
    assert [(row.domain, row.upto) for row in opened.recovery.checkpoints] == [("points", 0)]


def test_another_epoch_or_commit_number_or_head_fences(opened: Opened) -> None:
    opened.commit(drafts=drafts(1))
    epoch, number = opened.recovery.epoch, opened.commit_no
    for batch in (
        Batch(number + 1, epoch + 1),
        Batch(number + 2, epoch),
        Batch(number, epoch),
        Batch(number + 1, epoch, heads_before={1: Head(7, 0, NOW)}),
    ):
        with pytest.raises(Fenced):
            opened.store.commit(batch)
    assert opened.store.commit_no() == number


def test_every_start_begins_a_higher_epoch(opened: Opened) -> None:
    first = opened.recovery.epoch
    assert first >= NOW // 1000
    opened.reopen()
    assert opened.recovery.epoch == first + 1


def test_ids_are_known_for_a_day_and_long_ones_for_a_week(opened: Opened) -> None:
    short, long = IdRow(1, 11, 1, 1, 1, NOW), IdRow(2**64 - 1, 2**63, 1, 1, 2, NOW, keep_long=True)
    opened.commit(drafts=drafts(2), ids=[short, long])
    assert opened.store.known_ids([1, 2, 2**64 - 1], NOW + HOUR) == {1: short, 2**64 - 1: long}
    assert opened.store.known_ids([1, 2**64 - 1], NOW + 24 * HOUR) == {2**64 - 1: long}
    assert opened.store.known_ids([1, 2**64 - 1], NOW + 7 * 24 * HOUR) == {}


def test_ids_are_known_after_a_restart_and_forgotten_in_idle_turns(opened: Opened) -> None:
    rows = [IdRow(i * 7919, i, 1, 1, i, NOW) for i in range(1, 500)]
    opened.commit(drafts=drafts(1), ids=rows)
    opened.reopen()
    assert len(opened.store.known_ids([row.id_hash for row in rows], NOW)) == len(rows)
    for _ in range(20):
        opened.store.idle(NOW)
    assert len(opened.store.known_ids([row.id_hash for row in rows], NOW)) == len(rows)
    for _ in range(20):
        opened.store.idle(NOW + 3 * 24 * HOUR)
    assert opened.store.known_ids([row.id_hash for row in rows], NOW) == {}


def test_a_business_key_used_up_by_another_value_rejects_the_stage(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 1, keys=[(b"k" * 16, b"1")])])
    assert opened.reader.load(1, "points", (), (), (b"k" * 16, b"x" * 16)).keys == {b"k" * 16: b"1"}
    with pytest.raises(StageRejected):
        opened.commit(stages=[stage(1, 2, keys=[(b"k" * 16, b"2")])])
    opened.commit(stages=[stage(1, 2, keys=[(b"k" * 16, b"1")])])


def test_a_business_key_may_be_given_a_new_value_and_then_has_that(opened: Opened) -> None:
    one, other = b"k" * 16, b"x" * 16
    opened.commit(stages=[stage(0, 1, keys=[(one, b"1"), (other, b"9")])])
    opened.commit(stages=[stage(1, 2, rewritten=[(one, b"2")])])
    assert opened.reader.load(1, "points", (), (), (one, other)).keys == {one: b"2", other: b"9"}
    with pytest.raises(StageRejected):
        opened.commit(stages=[stage(2, 3, keys=[(one, b"1")])])
    opened.commit(stages=[stage(2, 3, keys=[(one, b"2")])])
    opened.reopen()
    assert opened.reader.load(1, "points", (), (), (one,)).keys == {one: b"2"}


def test_of_several_values_of_a_business_key_in_a_batch_the_last_counts_and_the_first_is_compared(
    opened: Opened,
) -> None:
    key = b"k" * 16
    opened.commit(
        stages=[stage(0, 1, keys=[(key, b"1")], rewritten=[(key, b"2")]), stage(1, 2, rewritten=[(key, b"3")])]
    )
    assert opened.reader.load(1, "points", (), (), (key,)).keys == {key: b"3"}
    wrong = stage(2, 3, keys=[(key, b"1")], rewritten=[(key, b"4")])
    with pytest.raises(StageRejected) as rejected:
        opened.commit(stages=[wrong])
    assert rejected.value.stage is wrong
    with pytest.raises(StageRejected):
        opened.commit(stages=[stage(2, 3, rewritten=[(key, b"4")]), stage(3, 4, keys=[(key, b"3")])])
    opened.commit(stages=[stage(2, 3, rewritten=[(key, b"4")]), stage(3, 4, keys=[(key, b"4")])])
    assert opened.reader.load(1, "points", (), (), (key,)).keys == {key: b"4"}


def test_timers_come_in_order_of_their_time_and_fired_ones_do_not_come_again(opened: Opened) -> None:
    rows = [
        timer("a", 1, 300),
        timer("b", 1, 100, depth=3),
        timer("c", 1, 200, absence=True, body=b"x", valid_for_ms=9),
        timer("d", 1, 260, bulk=True),
    ]
    opened.commit(stages=[stage(0, 1, timer_ops=[TimerOp("user:1", row.key, row) for row in rows])])
    start = (0, 0, "", "", "")
    assert list(opened.store.timers_due(start, 250, 9)) == [rows[1], rows[2]]
    assert list(opened.store.timers_due((100, 1, "points", "user:1", "b"), 999, 1)) == [rows[2]]
    opened.commit(fired=[rows[1]])
    assert list(opened.store.timers_due(start, 999, 9)) == [rows[2], rows[3], rows[0]]
    row = opened.reader.load(1, "points", (), [("user:1", "b")], ()).timers[("user:1", "b")]
    assert row.fired and row.gen == 1 and row.depth == 3


def test_firing_marks_only_the_generation_it_was_for(opened: Opened) -> None:
    old, new = timer("a", 1, 100), timer("a", 7, 500)
    opened.commit(stages=[stage(0, 1, timer_ops=[TimerOp("user:1", "a", old)])])
    opened.commit(stages=[stage(1, 7, timer_ops=[TimerOp("user:1", "a", new)])])
    opened.commit(fired=[old])
    assert list(opened.store.timers_due((0, 0, "", "", ""), 999, 9)) == [new]
    opened.commit(stages=[stage(7, 8, timer_ops=[TimerOp("user:1", "a", None)])])
    assert opened.reader.load(1, "points", (), [("user:1", "a")], ()).timers == {}


def test_records_page_backwards(opened: Opened) -> None:
    rows = [RecordRow("user:1", offset, n, b"%d.%d" % (offset, n)) for offset in (1, 2, 3) for n in (0, 1)]
    opened.commit(stages=[stage(0, 3, records=rows)])
    assert list(opened.reader.records(1, "points", "user:1", None, 3)) == rows[:2:-1]
    assert list(opened.reader.records(1, "points", "user:1", (2, 1), 9)) == rows[2::-1]
    assert list(opened.reader.records(1, "points", "user:2", None, 3)) == []


def test_parked_rows_are_listed_replaced_and_removed(opened: Opened) -> None:
    rows = [
        ParkedRow(1, "points", subject, offset, "why", 3, NOW, b"e")
        for subject, offset in (("user:1", 4), ("user:1", 9), ("*", 9))
    ]
    opened.commit(stages=[stage(0, 9, parked=rows)])
    assert list(opened.reader.parked()) == [rows[2], rows[0], rows[1]]
    assert list(opened.reader.parked(1, "points", "user:1", 4)) == [rows[1]]
    assert list(opened.reader.parked_subjects(1, "points")) == ["*", "user:1"]
    again = ParkedRow(1, "points", "user:1", 9, "again", 4, NOW, b"e")
    opened.commit(stages=[stage(9, 9, parked=[again], unparked=[("user:1", 4), ("*", 9)])])
    assert list(opened.reader.parked()) == [again]


def test_the_times_of_what_was_set_aside_are_told_newest_first_without_what_only_waits(opened: Opened) -> None:
    rows = [
        ParkedRow(1, "points", subject, offset, "why", attempts, NOW + at, b"e")
        for subject, offset, attempts, at in (
            ("user:1", 1, 3, 10), ("user:1", 9, 0, 90), ("user:2", 2, 4, 20), ("user:3", 3, 3, 15), ("*", 9, 0, 99),
        )
    ]  # fmt: skip
    elsewhere = ParkedRow(2, "points", "user:7", 4, "why", 3, NOW + 50, b"e")
    opened.commit(stages=[stage(0, 9, parked=rows), Stage(2, "points", 1, 0, 4, parked=[elsewhere])])
    assert [at - NOW for at in opened.reader.parked_at(1, "points", 9)] == [20, 15, 10]
    assert [at - NOW for at in opened.reader.parked_at(1, "points", 2)] == [20, 15]
    assert list(opened.reader.parked_at(1, "other", 9)) == []


def test_a_domain_parked_before_its_segment_had_an_entry_is_found(opened: Opened) -> None:
    row = ParkedRow(1, "points", "*", 0, "why", 3, NOW, b"")
    opened.commit(stages=[stage(0, 0, parked=[row])])
    assert list(opened.reader.parked(subject="*")) == [row]
    assert list(opened.reader.parked(1, "points", "*", -1, 1)) == [row]
    opened.commit(stages=[stage(0, 0, unparked=[("*", 0)])])
    assert list(opened.reader.parked()) == []


def test_pages_of_subjects_come_in_byte_order(opened: Opened) -> None:
    names = ["user:z", "user:a", "user:é", "user:中", "user:b"]
    opened.commit(stages=[stage(0, 1, states=[(name, b"s") for name in names])])
    expected = sorted(names, key=str.encode)
    assert list(opened.reader.subjects_after(1, "points", "", 3)) == expected[:3]
    assert list(opened.reader.subjects_after(1, "points", expected[2], 9)) == expected[3:]


def test_a_reply_belongs_to_its_input(opened: Opened) -> None:
    opened.commit(drafts=drafts(1), ids=[IdRow(5, 5, 1, 1, 1, NOW)])
    opened.commit(stages=[stage(0, 1, replies=[(5, b"yes"), (6, b"no such input")])])
    assert opened.reader.reply(5, "points") == b"yes"
    assert opened.reader.reply(6, "points") is None
    assert opened.reader.reply(5, "notification") is None


def test_transfer_numbers_survive(opened: Opened) -> None:
    opened.commit(inbound={(2, 1): 3}, outbound={(1, 2): 4, (1, 3): 1})
    opened.reopen()
    assert opened.recovery.inbound == {(2, 1): 3}
    assert opened.recovery.outbound == {(1, 2): 4, (1, 3): 1}


def test_trimming_keeps_what_somebody_needs_and_what_is_young(opened: Opened) -> None:
    for _ in range(3):
        opened.commit(drafts=drafts(4))
    assert opened.store.trim(1, 9, NOW, 1 << 30, 100) == 1, "not older than the retention"
    assert opened.store.trim(1, 9, NOW + 1, 1 << 30, 100) == 9
    assert list(opened.reader.read_log(1, 0, 12, 12)) == []
    assert list(opened.reader.read_log(1, 4, 12, 12)) == []
    assert [entry.offset for entry in opened.reader.read_log(1, 8, 12, 12)] == [9, 10, 11, 12]
    opened.reopen()
    assert opened.recovery.bases[1] == 9 and opened.recovery.heads[1].offset == 12
    assert opened.store.trim(1, 13, NOW + 1, 1 << 30, 100) == 13
    opened.reopen()
    assert opened.recovery.bases[1] == 13 and opened.recovery.heads[1].offset == 12
    assert [entry.offset for entry in opened.commit(drafts=drafts(1))] == [13]


def test_a_log_beyond_its_bytes_is_trimmed_whatever_its_age(opened: Opened) -> None:
    for _ in range(10):
        opened.commit(drafts=drafts(1, nbytes=1000))
    base = opened.store.trim(1, 11, NOW, 5_000, 100)
    assert 6 <= base <= 8, "about five entries of a thousand bytes may stay"
    assert opened.store.trim(1, 11, NOW, 5_000, 100) == base


def test_trimming_is_bounded_by_rows(opened: Opened) -> None:
    for _ in range(10):
        opened.commit(drafts=drafts(1))
    assert opened.store.trim(1, 11, NOW + 1, 1 << 30, 3) == 4
    assert opened.store.trim(1, 11, NOW + 1, 1 << 30, 3) == 7
    assert opened.store.trim(2, 11, NOW + 1, 1 << 30, 3) == 1, "an empty segment has nothing to forget"


def test_entries_of_several_batches_are_read_at_once_each_with_its_time(opened: Opened) -> None:
    first = opened.commit(drafts=drafts(2), at=NOW)
    second = opened.commit(drafts=drafts(2, route="r"), at=NOW + 7)
    assert [entry.at for entry in opened.reader.read_log(1, 0, 9, 9)] == [NOW, NOW, NOW + 7, NOW + 7]
    assert list(opened.reader.read_log(1, 1, 3, 9)) == [first[1], second[0]]


def test_a_line_may_come_late_into_a_subjects_records(opened: Opened) -> None:
    first = [RecordRow("user:1", offset, 0, b"%d" % offset) for offset in (2, 9)]
    late = [RecordRow("user:1", offset, 0, b"%d" % offset) for offset in (1, 4, 5)]
    opened.commit(stages=[stage(0, 9, records=first)])
    opened.commit(stages=[stage(9, 10, records=[late[2], late[0], late[1], RecordRow("user:1", 10, 0, b"10")])])
    found = opened.reader.records(1, "points", "user:1", None, 99)
    assert [row.offset for row in found] == [10, 9, 5, 4, 2, 1]
    assert [row.body for row in opened.reader.records(1, "points", "user:1", (9, 0), 2)] == [b"5", b"4"]


def test_a_line_that_stands_already_rejects_the_stage(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 9, records=[RecordRow("user:1", offset, 0, b"x") for offset in (2, 9)])])
    for offset in (2, 9):
        with pytest.raises(StageRejected):
            opened.commit(stages=[stage(9, 10, records=[RecordRow("user:1", offset, 0, b"y")])])
    assert len(opened.reader.records(1, "points", "user:1", None, 9)) == 2


def old(until: int) -> Callable[[bytes], bool]:
    """Lines whose bodies say a lower number."""
    return lambda body: int(body) < until


def lines(*said: tuple[str, int]) -> list[RecordRow]:
    """Lines of (subject, offset), each saying its offset."""
    return [RecordRow(subject, offset, 0, b"%d" % offset) for subject, offset in said]


def told(opened: Opened, subject: str) -> list[int]:
    return [row.offset for row in opened.reader.records(1, "points", subject, None, 99)]


def test_the_oldest_lines_are_forgotten_up_to_the_first_that_is_young(opened: Opened) -> None:
    records = lines(("user:1", 1), ("user:2", 2), ("user:1", 3), ("user:2", 4), ("user:1", 5))
    opened.commit(stages=[stage(0, 9, states=[("user:1", b"a")], records=records)])
    assert opened.store.forget_lines(1, "points", old(1), 99) == 0
    assert opened.store.forget_lines(1, "points", old(4), 99) == 3
    assert (told(opened, "user:1"), told(opened, "user:2")) == ([5], [4])
    opened.store.check()
    assert opened.store.forget_lines(1, "notification", old(99), 99) == 0
    assert opened.store.forget_lines(2, "points", old(99), 99) == 0
    assert opened.store.forget_lines(1, "points", old(99), 99) == 2
    assert (told(opened, "user:1"), told(opened, "user:2")) == ([], [])
    assert opened.reader.snapshot(1, "points", "user:1") == (b"a", 9)


def test_a_young_line_keeps_the_older_ones_behind_it(opened: Opened) -> None:
    late = RecordRow("user:1", 2, 0, b"70")
    opened.commit(stages=[stage(0, 9, records=[*lines(("user:1", 1), ("user:1", 3)), late])])
    assert opened.store.forget_lines(1, "points", old(50), 99) == 1
    assert told(opened, "user:1") == [3, 2]


def test_forgetting_lines_is_bounded(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 9, records=lines(*[("user:1", n) for n in range(1, 8)]))])
    assert [opened.store.forget_lines(1, "points", old(6), 3) for _ in range(3)] == [3, 2, 0]
    assert told(opened, "user:1") == [7, 6]


def test_whose_lines_are_forgotten_gets_new_ones_and_what_comes_late_stays_forgotten(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 9, states=[("user:1", b"a")], records=lines(("user:1", 4), ("user:1", 5)))])
    assert opened.store.forget_lines(1, "points", old(99), 99) == 2
    opened.reopen()
    opened.commit(stages=[stage(9, 12, states=[("user:1", b"b")], records=lines(("user:1", 11), ("user:1", 12)))])
    assert told(opened, "user:1") == [12, 11]
    opened.store.check()
    assert opened.store.forget_lines(1, "points", old(12), 99) == 1
    opened.commit(stages=[stage(12, 13, records=lines(("user:1", 3), ("user:1", 13)))])
    assert [offset for offset in told(opened, "user:1") if offset > 3] == [13, 12]
    assert opened.store.forget_lines(1, "points", old(12), 99) <= 1
    assert told(opened, "user:1") == [13, 12]


@pytest.mark.parametrize("seed", range(3))
def test_any_history_of_writing_and_forgetting_leaves_what_is_young(opened: Opened, seed: int) -> None:
    rng, kept, upto, until = Random(seed), dict[int, str](), 0, 0
    for _ in range(60):
        written = {upto + n: f"user:{rng.randrange(5)}" for n in range(1, rng.randrange(2, 9))}
        opened.commit(stages=[stage(upto, upto + len(written), records=lines(*[(s, n) for n, s in written.items()]))])
        kept, upto = kept | written, upto + len(written)
        until = max(until, upto - rng.randrange(40))
        while opened.store.forget_lines(1, "points", old(until), rng.randrange(1, 9)):
            pass
        kept = {offset: subject for offset, subject in kept.items() if offset >= until}
        for subject in (f"user:{n}" for n in range(5)):
            assert told(opened, subject) == sorted((n for n, s in kept.items() if s == subject), reverse=True)[:99]
    opened.store.check()


def test_a_subject_with_records_and_no_state_has_no_state(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 1, records=[RecordRow("user:1", 1, 0, b"x")])])
    assert opened.reader.snapshot(1, "points", "user:1") == (None, 1)
    assert opened.reader.load(1, "points", ["user:1"], (), ()).states == {}
    assert list(opened.reader.subjects_after(1, "points", "", 9)) == []
    opened.commit(stages=[stage(1, 2, states=[("user:1", b"s")])])
    assert opened.reader.snapshot(1, "points", "user:1") == (b"s", 2)
    assert len(opened.reader.records(1, "points", "user:1", None, 9)) == 1
    opened.commit(stages=[stage(2, 3, records=[RecordRow("user:1", 3, 0, b"y")])])
    assert opened.reader.snapshot(1, "points", "user:1") == (b"s", 3), "a line alone leaves the state as it was"


def test_many_subjects_and_keys_are_loaded_at_once(opened: Opened) -> None:
    states = [(f"user:{i}", b"%d" % i) for i in range(700)]
    keys = [(b"%016d" % i, b"%d" % i) for i in range(300)]
    opened.commit(stages=[stage(0, 1, states=states, keys=keys)])
    asked = [name for name, _ in states[:650]] + ["user:nobody"]
    loaded = opened.reader.load(1, "points", asked, [("user:1", "none")], [key for key, _ in keys])
    assert loaded.states == dict(states[:650])
    assert loaded.keys == dict(keys) and loaded.timers == {}


def test_domains_and_segments_do_not_see_each_other(opened: Opened) -> None:
    opened.commit(
        stages=[
            Stage(segment, domain, 1, 0, 1, states=[("user:1", f"{segment}{domain}".encode())])
            for segment in (0, 1)
            for domain in ("points", "notification")
        ]
    )
    for segment in (0, 1):
        for domain in ("points", "notification"):
            assert opened.reader.snapshot(segment, domain, "user:1") == (f"{segment}{domain}".encode(), 1)


def test_an_id_that_expired_and_comes_again_has_not_been_answered(opened: Opened) -> None:
    opened.commit(drafts=drafts(1), ids=[IdRow(5, 5, 1, 1, 1, NOW)])
    opened.commit(stages=[stage(0, 1, replies=[(5, b"yesterday")])])
    tomorrow = NOW + 25 * HOUR
    opened.commit(drafts=drafts(1), at=tomorrow, ids=[IdRow(5, 6, 1, 1, 2, tomorrow)])
    assert opened.store.known_ids([5], tomorrow)[5].command_hash == 6
    assert opened.reader.reply(5, "points") is None
    opened.commit(stages=[stage(1, 2, replies=[(5, b"today")])])
    assert opened.reader.reply(5, "points") == b"today"


def test_a_rejected_batch_leaves_no_id_and_no_transfer(opened: Opened) -> None:
    bad = stage(7, 8)
    with pytest.raises(StageRejected):
        opened.commit(drafts=drafts(1), ids=[IdRow(5, 5, 1, 1, 1, NOW)], outbound={(1, 2): 1}, stages=[bad])
    assert opened.store.known_ids([5], NOW) == {}
    opened.commit(drafts=drafts(1), ids=[IdRow(5, 5, 1, 1, 1, NOW)])
    assert opened.store.known_ids([5], NOW)[5].offset == 1
    opened.reopen()
    assert opened.recovery.outbound == {}


def test_a_used_up_key_in_the_same_batch_rejects_the_second_stage(opened: Opened) -> None:
    first, second = stage(0, 1, keys=[(b"k" * 16, b"1")]), stage(1, 2, keys=[(b"k" * 16, b"2")])
    with pytest.raises(StageRejected) as rejected:
        opened.commit(stages=[first, second])
    assert rejected.value.stage is second
    assert opened.reader.load(1, "points", (), (), (b"k" * 16,)).keys == {}


def test_arming_and_cancelling_within_a_batch_leaves_the_last_word(opened: Opened) -> None:
    one, two = timer("a", 1, 100), timer("a", 2, 200)
    opened.commit(
        stages=[
            stage(0, 1, timer_ops=[TimerOp("user:1", "a", one), TimerOp("user:1", "b", timer("b", 1, 50))]),
            stage(1, 2, timer_ops=[TimerOp("user:1", "b", None), TimerOp("user:1", "a", two)]),
        ]
    )
    assert list(opened.store.timers_due((0, 0, "", "", ""), 999, 9)) == [two]


def test_a_fired_timer_that_is_armed_again_is_due_again(opened: Opened) -> None:
    row = timer("a", 1, 100)
    opened.commit(stages=[stage(0, 1, timer_ops=[TimerOp("user:1", "a", row)])])
    opened.commit(fired=[row])
    again = timer("a", 5, 100)
    opened.commit(stages=[stage(1, 5, timer_ops=[TimerOp("user:1", "a", again)])])
    assert list(opened.store.timers_due((0, 0, "", "", ""), 999, 9)) == [again]


def test_a_fired_mark_comes_before_the_stages_of_its_batch(opened: Opened) -> None:
    row, again = timer("a", 1, 100), timer("a", 5, 300)
    opened.commit(stages=[stage(0, 1, timer_ops=[TimerOp("user:1", "a", row)])])
    opened.commit(fired=[row], stages=[stage(1, 5, timer_ops=[TimerOp("user:1", "a", again)])])
    assert list(opened.store.timers_due((0, 0, "", "", ""), 999, 9)) == [again]


def test_a_clean_end_is_told_to_the_next_start(opened: Opened) -> None:
    assert opened.recovery.clean, "nobody has died in a new store"
    opened.reopen(clean=False)
    assert not opened.recovery.clean
    opened.reopen(clean=True)
    assert opened.recovery.clean


def line(offset: int, n: int = 0, subject: str = "user:1") -> RecordRow:
    return RecordRow(subject, offset, n, b'"%s at %d"' % (subject.encode(), offset))


def test_lines_are_read_on_in_the_order_of_the_log_each_with_the_one_before_it(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 5, records=[line(2), line(2, 1), line(2, 0, "user:2"), line(4)])])
    opened.commit(stages=[stage(5, 9, records=[line(7), line(8, 0, "user:2")])])
    chain = [
        (2, 0, "user:1", 0, 0), (2, 0, "user:2", 0, 0), (2, 1, "user:1", 2, 0), (4, 0, "user:1", 2, 1),
        (7, 0, "user:1", 4, 0), (8, 0, "user:2", 2, 0),
    ]  # fmt: skip
    first = opened.reader.lines_after(1, "points", FROM_THE_FIRST, 7, 4)
    rest = opened.reader.lines_after(1, "points", first[-1][:3], 7, 4)
    assert [row[:5] for row in (*first, *rest)] == chain[:5], "what lies beyond offset 7 is not asked for"
    assert rest[0][5] == b'"user:1 at 7"'
    assert list(opened.reader.lines_after(2, "points", FROM_THE_FIRST, 9, 9)) == []


def test_what_is_kept_of_subjects_is_read_with_their_timers_and_the_lines_since_a_spot(opened: Opened) -> None:
    timers = [TimerOp(each, "t", TimerRow(1, "points", each, "t", 3, NOW)) for each in ("user:1", "user:3")]
    states = [("user:1", b"a"), ("user:2", b"b")]
    records = [line(2), line(4), line(4, 1), line(5, 0, "user:4")]
    opened.commit(stages=[stage(0, 5, states=states, timer_ops=timers, records=records)])
    since = {"user:1": (2, 0), "user:3": NO_SPOT, "user:4": NO_SPOT}
    found, after = opened.reader.kept_after(1, "points", "", 100, since.get)
    assert after is None
    by_subject = {kept.subject: kept for kept in found}
    assert by_subject.keys() == since.keys(), "of user:2 nobody asked"
    one = by_subject["user:1"]
    assert (one.state, one.newest, [row.key for row in one.timers]) == (b"a", (4, 1), ["t"])
    assert [row[:2] for row in one.later] == [(4, 1), (4, 0)] and one.joins() == (2, 0)
    alone, stateless = by_subject["user:3"], by_subject["user:4"]
    assert (alone.state, alone.newest, len(alone.timers)) == (None, NO_SPOT, 1)
    assert (stateless.state, stateless.newest, stateless.joins()) == (None, (5, 0), NO_SPOT)


def test_lines_since_a_spot_that_the_chain_does_not_come_by_are_all(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 5, states=[("user:1", b"a")], records=[line(2), line(4)])])
    (kept,), _ = opened.reader.kept_after(1, "points", "", 100, lambda _: (3, 0))
    assert [row[:2] for row in kept.later] == [(4, 0), (2, 0)] and kept.joins() == NO_SPOT


def test_subjects_are_asked_about_portion_by_portion_and_none_is_left_out(opened: Opened) -> None:
    subjects = [f"user:{i}" for i in range(7)]
    timers = [TimerOp(each, "t", TimerRow(1, "points", each, "t", 3, NOW)) for each in subjects]
    states = [(subject, b"a") for subject in subjects if subject != "user:6"]
    opened.commit(stages=[stage(0, 5, states=states, timer_ops=timers)])
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        found, after = opened.reader.kept_after(1, "points", after, 2, lambda _: NO_SPOT)
        seen += [kept.subject for kept in found]
    assert seen == subjects


def test_a_cut_says_how_far_domain_and_courier_are_and_what_lies_between(opened: Opened) -> None:
    parked = ParkedRow(1, "points", "user:1", 3, "ill", 3, NOW, b"")
    opened.commit(drafts=drafts(4), outbound={(1, 2): 5}, inbound={(1, 2): 4})
    opened.commit(stages=[stage(0, 4, parked=[parked]), Stage(1, "courier", 1, 0, 2), Stage(2, "other", 1, 0, 1)])
    cut = opened.reader.cut("points", "courier")
    assert (cut.checkpoints, cut.carried) == ({1: 4}, {1: 2})
    assert cut.heads == {0: 0, 1: 4, 2: 0, 3: 0}
    assert (cut.outbound, cut.inbound, list(cut.parked)) == ({(1, 2): 5}, {(1, 2): 4}, [parked])
