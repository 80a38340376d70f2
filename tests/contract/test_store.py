"""What every store promises, the same sentences for the real one and the simulated one (DESIGN §5, PROTOCOL)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervision.clock import VirtualClock
from supervision.entry import Draft, Entry, encode_draft, place
from supervision.messages import Page, ParkedRow, RecordRow, Stage, TimerOp, TimerRow
from supervision.store import Batch, Fenced, Head, IdRow, Recovery, StageRejected
from supervision.store_simulated import Disk, SimulatedStore
from supervision.store_sqlite import open_sqlite

SEGMENTS = 4
NOW = 1_790_000_000_000


class Opened:
    """A store with a journal's memory beside it, so that tests can say what they want committed."""

    def __init__(self, open_again: Callable[[], Any]) -> None:
        self._open_again = open_again
        self.store = open_again()
        self.recovery: Recovery = self.store.recover(NOW)
        self.commit_no = self.recovery.commit_no
        self.heads = dict(self.recovery.heads)

    def commit(self, segment: int = 1, drafts: list[Draft] | None = None, **parts: Any) -> list[Entry]:
        before = self.heads[segment]
        entries: list[Entry] = []
        offset, seq = before.offset, before.seq
        for draft in drafts or []:
            offset, seq = offset + 1, seq + bool(draft.route)
            entries.append(place(draft, segment, self.recovery.epoch, offset, NOW, seq if draft.route else 0))
        if entries:
            page = Page(segment, entries, [encode_draft(draft) for draft in drafts or []])
            after = Head(offset, seq, NOW)
            parts |= {"pages": [page], "heads_before": {segment: before}, "heads_after": {segment: after}}
        self.store.commit(Batch(self.commit_no + 1, self.recovery.epoch, **parts))
        self.commit_no += 1
        if entries:
            self.heads[segment] = after
        return entries

    def reopen(self, clean: bool = False) -> None:
        self.store.close(clean)
        self.store = self._open_again()
        self.recovery = self.store.recover(NOW)
        self.commit_no = self.recovery.commit_no
        self.heads = dict(self.recovery.heads)

    @property
    def reader(self) -> Any:
        return self.store.reader()


@pytest.fixture(params=["sqlite", "simulated"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    disk = Disk(SEGMENTS)

    def open_again() -> Any:
        if request.param == "sqlite":
            return open_sqlite(tmp_path, SEGMENTS, {"points": 1}, "test", VirtualClock(NOW))
        return SimulatedStore(disk)

    found = Opened(open_again)
    yield found
    found.store.check()
    found.store.close(clean=False)


def drafts(n: int, route: str = "") -> list[Draft]:
    return [Draft("k", f"user:{i}", b'{"i":%d}' % i, id=f"s|{i}", route=route) for i in range(n)]


def stage(prev: int, upto: int, **parts: Any) -> Stage:
    return Stage(1, "points", 1, prev, upto, **parts)


def timer(key: str, gen: int, due: int, **parts: Any) -> TimerRow:
    return TimerRow(1, "points", "user:1", key, gen, due, **parts)


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
    hour = 3_600_000
    assert opened.store.known_ids([1, 2, 2**64 - 1], NOW + hour) == {1: short, 2**64 - 1: long}
    assert opened.store.known_ids([1, 2**64 - 1], NOW + 24 * hour) == {2**64 - 1: long}
    assert opened.store.known_ids([1, 2**64 - 1], NOW + 7 * 24 * hour) == {}


def test_ids_are_known_after_a_restart_and_forgotten_in_idle_turns(opened: Opened) -> None:
    rows = [IdRow(i * 7919, i, 1, 1, i, NOW) for i in range(1, 500)]
    opened.commit(drafts=drafts(1), ids=rows)
    opened.reopen()
    assert len(opened.store.known_ids([row.id_hash for row in rows], NOW)) == len(rows)
    for _ in range(20):
        opened.store.idle(NOW)
    assert len(opened.store.known_ids([row.id_hash for row in rows], NOW)) == len(rows)
    for _ in range(20):
        opened.store.idle(NOW + 3 * 24 * 3_600_000)
    assert opened.store.known_ids([row.id_hash for row in rows], NOW) == {}


def test_a_business_key_used_up_by_another_value_rejects_the_stage(opened: Opened) -> None:
    opened.commit(stages=[stage(0, 1, keys=[(b"k" * 16, b"1")])])
    assert opened.reader.load(1, "points", (), (), (b"k" * 16, b"x" * 16)).keys == {b"k" * 16: b"1"}
    with pytest.raises(StageRejected):
        opened.commit(stages=[stage(1, 2, keys=[(b"k" * 16, b"2")])])
    opened.commit(stages=[stage(1, 2, keys=[(b"k" * 16, b"1")])])


def test_timers_come_in_order_of_their_time_and_fired_ones_do_not_come_again(opened: Opened) -> None:
    rows = [
        timer("a", 1, 300),
        timer("b", 1, 100, depth=3),
        timer("c", 1, 200, absence=True, body=b"x", valid_for_ms=9),
    ]
    opened.commit(stages=[stage(0, 1, timer_ops=[TimerOp("user:1", row.key, row) for row in rows])])
    start = (0, 0, "", "", "")
    assert list(opened.store.timers_due(start, 250, 9)) == [rows[1], rows[2]]
    assert list(opened.store.timers_due((100, 1, "points", "user:1", "b"), 999, 1)) == [rows[2]]
    opened.commit(fired=[rows[1]])
    assert list(opened.store.timers_due(start, 999, 9)) == [rows[2], rows[0]]
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
    assert opened.store.trim(1, 9, NOW + 1, 1 << 30, 100) in (9, 10)[:2]
    assert opened.reader.read_log(1, 0, 12, 12) == [] or not list(opened.reader.read_log(1, 0, 12, 12))
    assert [entry.offset for entry in opened.reader.read_log(1, 8, 12, 12)] == [9, 10, 11, 12]
    opened.reopen()
    assert opened.recovery.bases[1] >= 9 and opened.recovery.heads[1].offset == 12


def test_deaths_are_counted_only_where_the_checkpoint_stands_still_with_entries_beyond(opened: Opened) -> None:
    opened.commit(drafts=drafts(5), stages=[stage(0, 3)])
    seen: list[int] = []
    for clean in (False, False, False, True, False):
        opened.reopen(clean)
        seen.append(opened.recovery.checkpoints[0].deaths)
    assert seen == [1, 2, 3, 0, 1]
    opened.commit(stages=[stage(3, 5)])
    opened.reopen()
    assert opened.recovery.checkpoints[0].deaths == 0


def test_an_attempt_is_noted_and_forgotten_when_the_checkpoint_moves(opened: Opened) -> None:
    opened.commit(drafts=drafts(5), stages=[stage(0, 3)])
    opened.commit(stages=[stage(3, 3, attempt=(4, 2))])
    opened.reopen()
    assert opened.recovery.checkpoints[0].attempt == (4, 2)
    opened.commit(stages=[stage(3, 4)])
    opened.reopen()
    assert opened.recovery.checkpoints[0].attempt is None
