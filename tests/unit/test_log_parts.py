"""Small pieces below the journal: drafts, the tail, near timers, the log's clock, settings of the wiring."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.clock import VirtualClock
from supervision.entry import Corrupt, Draft, decode_draft, encode_draft, place, segment_of
from supervision.line import Line
from supervision.logclock import JUMP_HOLD_S, LogClock
from supervision.messages import TimerOp, TimerRow, Wake
from supervision.near_timers import NearTimers, position
from supervision.pressure import Pressure
from supervision.tail import OUTWARD, Tail


class Ears:
    def __init__(self) -> None:
        self.heard = 0

    def tell(self, message: Wake, /) -> None:
        self.heard += 1


class Shelf:
    """A store of entries for the tail to fall back on."""

    def __init__(self, entries: list) -> None:  # type: ignore[type-arg]
        self.entries = entries
        self.reads = 0

    def read_log(self, segment: int, after: int, upto: int, entries_max: int) -> list:  # type: ignore[type-arg]
        self.reads += 1
        return self.entries[after : min(upto, after + entries_max)]


def entries(n: int, start: int = 1) -> list:  # type: ignore[type-arg]
    made = [
        Draft("a" if i % 2 else "b", "user:1", b"x" * 10, route="r" if i % 3 == 0 else "")
        for i in range(start, start + n)
    ]
    return [place(draft, 1, 7, start + i, 5, start + i if draft.route else 0) for i, draft in enumerate(made)]


@given(st.binary(min_size=0, max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_a_flipped_byte_in_a_draft_is_found(body: bytes, at: int, flip: int) -> None:
    data = bytearray(encode_draft(Draft("k", "user:1", body, id="s|1")))
    assert decode_draft(bytes(data)).body == body
    data[at % len(data)] ^= flip
    with pytest.raises(Corrupt):
        decode_draft(bytes(data))


def test_a_subject_lives_where_crc32_says_and_a_segments_own_subject_in_it() -> None:
    assert [segment_of(f"user:{i}", 16) for i in (123456, 1, 2)] == [14, 2, 8]
    assert segment_of("segment:07", 16) == 7


def test_a_reader_is_woken_once_until_it_clears_its_flag_and_only_for_its_kinds() -> None:
    tail, ears, outward = Tail(1, 0), Ears(), Ears()
    subscription = tail.subscribe(ears, frozenset({"a"}))
    tail.subscribe(outward, OUTWARD)
    made = entries(6)
    tail.publish(made[1:2] and [made[0]])
    tail.publish([made[1]])
    assert (ears.heard, outward.heard) == (1, 0)
    tail.publish([made[2]])
    assert (ears.heard, outward.heard) == (1, 1)
    subscription.clear()
    tail.publish([made[3]])
    assert ears.heard == 1, "kind b does not wake it"
    tail.publish([made[4]])
    assert ears.heard == 2


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 50), st.integers(1, 25))
def test_a_reader_sees_the_same_entries_from_the_ring_and_from_the_store(
    n: int, ring: int, cursor: int, step: int
) -> None:
    made = entries(n)
    tail, shelf = Tail(1, 0, entries_max=ring), Shelf(made)
    for entry in made:
        tail.publish([entry])
        tail.check()
    seen, cursor = [], min(cursor, n)
    start = cursor
    while cursor < tail.head:
        found, cursor = tail.read(cursor, step, frozenset({"a"}), shelf)  # type: ignore[arg-type]
        seen += found
    assert seen == [entry for entry in made[start:] if entry.kind == "a"]


def test_the_ring_is_bounded_and_a_hole_is_an_error() -> None:
    tail = Tail(1, 0, entries_max=16)
    made = entries(200)
    tail.publish(made)
    assert tail.length <= 16 + 16 // 8
    with pytest.raises(AssertionError):
        tail.publish([made[10]])
    with pytest.raises(AssertionError):
        tail.read(3, 5, frozenset({"a"}), Shelf([]))  # type: ignore[arg-type]


def timer(key: str, gen: int, due: int, absence: bool = False) -> TimerRow:
    return TimerRow(1, "d", "user:1", key, gen, due, absence=absence)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2_000_000), st.booleans(), st.booleans()), max_size=60),
    st.integers(1, 9),
)
def test_near_timers_agree_with_the_table_whatever_is_armed_cancelled_and_fired(ops: list, limit: int) -> None:  # type: ignore[type-arg]
    table: dict[str, TimerRow] = {}

    def load(after, until, n):  # type: ignore[no-untyped-def]
        rows = sorted((row for row in table.values() if position(row) > after and row.due <= until), key=position)
        return rows[:n]

    near, now = NearTimers(load), 0
    for gen, (key, delay, absence, cancel) in enumerate(ops):
        now += 40_000
        near.refill(now)
        name = f"k{key}"
        row = None if cancel else timer(name, gen, now + delay, absence)
        if row is None:
            table.pop(name, None)
        else:
            table[name] = row
        near.apply(1, "d", [TimerOp("user:1", name, row)])
        near.check()
        due = near.due(now, now, limit)
        expected = sorted((r for r in table.values() if r.due <= now), key=position)
        assert len(due) == min(limit, len(expected)) and {r.key for r in due} <= {r.key for r in expected}
        near.fired(due)
        for fired in due:
            del table[fired.key]


def test_a_due_timer_stays_until_a_commit_has_marked_it() -> None:
    near = NearTimers(lambda after, until, n: [])
    near.refill(0)
    near.apply(1, "d", [TimerOp("user:1", "k", timer("k", 1, 100))])
    assert near.due(100, 100, 5) == near.due(200, 200, 5) == [timer("k", 1, 100)]
    near.fired([timer("k", 1, 100)])
    assert near.due(200, 200, 5) == []


def test_a_timer_armed_anew_for_the_same_moment_is_due_once_and_as_what_it_is_now() -> None:
    for before, now in ((False, True), (True, False)):
        near = NearTimers(lambda after, until, n: [])
        near.refill(0)
        near.apply(1, "d", [TimerOp("user:1", "k", timer("k", 1, 100, absence=before))])
        near.apply(1, "d", [TimerOp("user:1", "k", timer("k", 2, 100, absence=now))])
        assert near.due(200, 50, 5) == ([] if now else [timer("k", 2, 100)])
        assert near.due(200, 200, 5) == [timer("k", 2, 100, absence=now)]
        assert near.next_due() == (None if now else 100)


def test_a_leap_of_the_wall_clock_is_held_then_believed_and_counted() -> None:
    clock = VirtualClock(1_000_000)
    logclock = LogClock(clock, 0)
    before = logclock.now_ms()
    clock.skew_ms += 3_600_000
    assert logclock.now_ms() == before and logclock.holding
    clock.advance(JUMP_HOLD_S)
    assert logclock.now_ms() >= before + 3_600_000 and logclock.jumps == 1
    clock.skew_ms -= 7_200_000
    standing = logclock.now_ms()
    clock.advance(5)
    assert logclock.now_ms() == standing, "time stands still rather than going back"


def test_the_log_goes_on_from_its_last_time_even_when_the_wall_clock_was_set_back_meanwhile() -> None:
    assert LogClock(VirtualClock(1_000), 5_000).now_ms() == 5_000


def test_reasons_to_take_nothing_come_and_go_by_name() -> None:
    pressure = Pressure()
    pressure.set("disk", "full")
    pressure.set("store", "refuses")
    pressure.set("disk", None)
    pressure.set("disk", None)
    assert pressure.reasons() == ("refuses",)


def test_a_line_nobody_has_bound_says_so() -> None:
    with pytest.raises(LookupError, match="nobody has started relay"):
        Line("relay").tell(Wake())
