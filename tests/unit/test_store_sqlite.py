"""What only the real store can do: be locked, be of another kind, fill a disk, fail an fsync, be torn or damaged."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from supervision.clock import SystemClock, VirtualClock
from supervision.entry import Corrupt
from supervision.messages import RecordRow, TimerOp
from supervision.store import FORMAT, CheckpointRow, Fenced, FsyncFailed, IdRow, Incompatible, Locked, Refused, Unknown
from supervision.store_sqlite import SqliteStore, chores, open_sqlite, schema
from supervision.store_sqlite.store import STORE_FILE
from tests.opened_store import HOUR, NOW, SEGMENTS, Opened, drafts, stage, timer


def opening(
    folder: Path, segments: int = SEGMENTS, formats: Mapping[str, int] | None = None, **limits: Any
) -> SqliteStore:
    clock = VirtualClock(NOW)
    return open_sqlite(folder, segments, formats or {"points": 1}, "test", clock, id_slots=1 << 12, **limits)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    found = Opened(lambda: opening(tmp_path))
    yield found
    found.store.check()
    found.close()


def test_a_second_opening_is_refused_with_the_holders_pid_until_the_first_is_closed(tmp_path: Path) -> None:
    store = opening(tmp_path)
    with pytest.raises(Locked) as locked:
        opening(tmp_path)
    assert locked.value.pid == os.getpid() and str(tmp_path) in str(locked.value)
    store.close(clean=True)
    opening(tmp_path).close(clean=True)


def test_a_store_held_by_another_process_names_that_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from supervision.store_sqlite.lock import FolderLock;"
        f"lock = FolderLock(Path({str(tmp_path)!r})); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    with pytest.raises(Locked) as locked:
        opening(tmp_path)
    assert locked.value.pid == holder.pid
    holder.kill()
    holder.communicate()
    opening(tmp_path).close(clean=True)  # the kernel let go of it, nobody had to clean up


def test_a_failed_opening_lets_go_of_the_lock(tmp_path: Path) -> None:
    opening(tmp_path).close(clean=True)
    for _ in range(2):
        with pytest.raises(Incompatible):
            opening(tmp_path, segments=SEGMENTS * 2)
    opening(tmp_path).close(clean=True)


def test_another_number_of_segments_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    opening(tmp_path, segments=16).close(clean=True)
    with pytest.raises(Incompatible, match="--segments 16"):
        opening(tmp_path, segments=8)


def test_code_older_than_a_domains_states_is_refused(tmp_path: Path) -> None:
    opening(tmp_path, formats={"points": 1}).close(clean=True)
    opening(tmp_path, formats={"points": 3, "coupons": 1}).close(clean=True)
    with pytest.raises(Incompatible, match=r"points.*format 3"):
        opening(tmp_path, formats={"points": 2})
    opening(tmp_path, formats={"points": 4}).close(clean=True)


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    store = opening(tmp_path)
    store._db.execute("UPDATE owner SET format = 99")
    store.close(clean=True)
    with pytest.raises(Incompatible, match=r"layout 99.*newer version"):
        opening(tmp_path)


def test_an_older_layout_is_upgraded_step_by_step_or_not_at_all(tmp_path: Path) -> None:
    opening(tmp_path).close(clean=True)
    db = sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)

    def fails(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (x)")
        raise RuntimeError("in the middle")

    def second(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE second (x)")

    def third(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO second VALUES (3)")

    with pytest.raises(RuntimeError):
        schema.admit(db, SEGMENTS, {}, layout=FORMAT + 2, upgrades={FORMAT: second, FORMAT + 1: fails})
    assert db.execute("SELECT format FROM owner").fetchone() == (FORMAT,)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('half', 'second')").fetchone() == (0,)
    schema.admit(db, SEGMENTS, {}, layout=FORMAT + 2, upgrades={FORMAT: second, FORMAT + 1: third})
    assert db.execute("SELECT format, (SELECT x FROM second) FROM owner").fetchone() == (FORMAT + 2, 3)
    db.close()


def test_a_store_of_layout_1_is_opened_with_its_checkpoints(tmp_path: Path) -> None:
    opening(tmp_path).close(clean=True)
    db = sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)
    for column in ("deaths INTEGER", "started INTEGER", "attempt_at INTEGER", "attempts INTEGER"):
        db.execute(f"ALTER TABLE checkpoints ADD COLUMN {column}")
    db.execute("INSERT INTO checkpoints VALUES (0, 'points', 7, 1, 7, 8, 2)")
    db.execute("UPDATE owner SET format = 1")
    db.close()
    store = opening(tmp_path)
    assert store.recover(0).checkpoints == [CheckpointRow(0, "points", 7)]
    store.close(clean=True)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / STORE_FILE)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(Incompatible, match="no store of ours"):
        opening(tmp_path)
    (tmp_path / STORE_FILE).write_bytes(b"this is a shopping list " * 100)
    with pytest.raises(Corrupt):
        opening(tmp_path)


def test_a_new_store_is_made_durable_and_can_give_pages_back(opened: Opened) -> None:
    db = opened.store._db
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    assert db.execute("SELECT created_by, segments FROM owner").fetchone() == ("test", SEGMENTS)


def test_a_full_disk_refuses_the_batch_and_takes_it_once_there_is_room(opened: Opened) -> None:
    opened.commit(drafts=drafts(1))
    db = opened.store._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 2}")
    for _ in range(2):
        with pytest.raises(Refused):
            opened.commit(drafts=drafts(50, nbytes=2000), ids=[IdRow(7, 7, 1, 1, 2, NOW)])
    assert opened.store.commit_no() == opened.commit_no
    assert opened.reader.read_log(1, 1, 99, 99) == []
    assert opened.store.known_ids([7], NOW) == {}
    db.execute("PRAGMA max_page_count = 1000000")
    opened.commit(drafts=drafts(50, nbytes=2000), ids=[IdRow(7, 7, 1, 1, 2, NOW)])
    assert len(opened.reader.read_log(1, 1, 99, 99)) == 50


class Failing:
    """A connection whose COMMIT fails: before or after it did its work."""

    def __init__(self, db: sqlite3.Connection, code: int, after: bool) -> None:
        self._db = db
        self._code = code
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, sql: str, *args: Any) -> Any:
        if sql == "COMMIT":
            if self._after:
                self._db.execute(sql)
            error = sqlite3.OperationalError("the disk said no")
            error.sqlite_errorcode = self._code  # pyright: ignore[reportAttributeAccessIssue]
            raise error
        return self._db.execute(sql, *args)


@pytest.mark.parametrize(
    ("code", "after", "trouble"),
    [
        (sqlite3.SQLITE_FULL, False, Refused),
        (sqlite3.SQLITE_BUSY, False, Refused),
        (sqlite3.SQLITE_IOERR_WRITE, False, Unknown),
        (sqlite3.SQLITE_IOERR_WRITE, True, Unknown),
        (sqlite3.SQLITE_IOERR_FSYNC, False, FsyncFailed),
        (sqlite3.SQLITE_IOERR_DIR_FSYNC, False, FsyncFailed),
        (sqlite3.SQLITE_CORRUPT, False, Corrupt),
    ],
)
def test_a_failed_commit_is_told_for_what_it_is(
    opened: Opened, code: int, after: bool, trouble: type[Exception]
) -> None:
    store = opened.store
    real = store._db
    store._db = Failing(real, code, after)
    with pytest.raises(trouble):
        opened.commit(drafts=drafts(1), ids=[IdRow(7, 7, 1, 1, 1, NOW)])
    store._db = real
    assert not real.in_transaction
    assert store.commit_no() == opened.commit_no + after
    assert len(store.known_ids([7], NOW)) == after
    store.check()


def test_another_owner_fences_the_first(opened: Opened, tmp_path: Path) -> None:
    other = sqlite3.connect(
        tmp_path / STORE_FILE, isolation_level=None
    )  # past the lock: a restored copy, a network disk
    other.execute("UPDATE owner SET epoch = epoch + 1")
    with pytest.raises(Fenced):
        opened.commit(drafts=drafts(1))
    other.execute("UPDATE owner SET epoch = epoch - 1")
    other.execute("UPDATE heads SET last_at = 5 WHERE segment = 1")
    with pytest.raises(Fenced):
        opened.commit(drafts=drafts(1))
    other.execute("UPDATE heads SET last_at = 0 WHERE segment = 1")
    other.close()


def flip(store: Any, table: str, column: str) -> None:
    db = store._db
    blob = bytearray(db.execute(f"SELECT {column} FROM {table}").fetchone()[0])
    blob[-1] ^= 1
    db.execute(f"UPDATE {table} SET {column} = ?", (bytes(blob),))


@pytest.mark.parametrize(
    ("table", "column", "read"),
    [
        ("log", "blob", lambda reader: reader.read_log(1, 0, 9, 9)),
        ("states", "state", lambda reader: reader.snapshot(1, "points", "user:1")),
        ("records", "body", lambda reader: reader.records(1, "points", "user:1", None, 9)),
    ],
)
def test_a_flipped_bit_is_found_when_it_is_read(
    tmp_path: Path, table: str, column: str, read: Callable[[Any], Any]
) -> None:
    opened = Opened(lambda: opening(tmp_path))
    records = [RecordRow("user:1", 1, 0, b"line")]
    opened.commit(drafts=drafts(1), stages=[stage(0, 1, states=[("user:1", b"state")], records=records)])
    flip(opened.store, table, column)
    with pytest.raises(Corrupt):
        read(opened.reader)
    opened.close()


def test_a_load_names_the_states_that_are_damaged_and_gives_the_others(tmp_path: Path) -> None:
    opened = Opened(lambda: opening(tmp_path))
    opened.commit(drafts=drafts(1), stages=[stage(0, 1, states=[("user:1", b"state"), ("user:2", b"well")])])
    opened.store._db.execute("UPDATE states SET state = x'0000000001' WHERE subject = 'user:1'")
    loaded = opened.reader.load(1, "points", ["user:1", "user:2", "user:3"], (), ())
    assert loaded.states == {"user:2": b"well"} and list(loaded.damaged) == ["user:1"]
    assert "checksum" in loaded.damaged["user:1"]
    opened.close()


def test_a_head_that_is_not_where_its_log_ends_is_found_at_the_start(tmp_path: Path) -> None:
    opened = Opened(lambda: opening(tmp_path))
    opened.commit(drafts=drafts(3))
    opened.store._db.execute("UPDATE heads SET last = 9 WHERE segment = 1")
    opened.close()
    store = opening(tmp_path)
    with pytest.raises(Corrupt, match="ends at 3"):
        store.recover(NOW)
    store.close(clean=False)


def copy_of(folder: Path, to: Path) -> Path:
    """What a power cut would leave of a store that is open."""
    to.mkdir(exist_ok=True)
    for name in (STORE_FILE, f"{STORE_FILE}-wal"):
        shutil.copy(folder / name, to / name)
    return to


def test_what_was_committed_survives_a_power_cut_at_once(opened: Opened, tmp_path: Path) -> None:
    entries = opened.commit(drafts=drafts(5))
    after = Opened(lambda: opening(copy_of(tmp_path, tmp_path / "after")))
    assert list(after.reader.read_log(1, 0, 9, 9)) == entries
    assert not after.recovery.clean
    after.store.check()
    after.close()


def test_a_torn_last_write_leaves_the_batch_whole_or_not_at_all(opened: Opened, tmp_path: Path) -> None:
    first = opened.commit(drafts=drafts(5, nbytes=500))
    before = (tmp_path / f"{STORE_FILE}-wal").stat().st_size
    second = opened.commit(drafts=drafts(5, nbytes=2000), stages=[stage(0, 7, states=[("user:1", b"s")])])
    whole = (tmp_path / f"{STORE_FILE}-wal").stat().st_size
    seen: set[int] = set()
    for number, length in enumerate(range(before, whole + 1, max(1, (whole - before) // 23))):
        torn = copy_of(tmp_path, tmp_path / f"torn{number}")
        os.truncate(torn / f"{STORE_FILE}-wal", length)
        after = Opened(lambda torn=torn: opening(torn))
        found = list(after.reader.read_log(1, 0, 99, 99))
        assert found in (first, first + second)
        assert after.reader.snapshot(1, "points", "user:1") == ((b"s", 7) if len(found) == 10 else (None, 0))
        after.store.check()
        after.close()
        seen.add(len(found))
    assert 5 in seen


def test_the_wal_stays_bounded_with_idle_turns_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "WAL_BYTES_MAX", 1 << 20)
    monkeypatch.setattr(chores, "WAL_BYTES_HARD_MAX", 2 << 20)
    opened = Opened(lambda: opening(tmp_path))
    opened.store._db.execute("PRAGMA journal_size_limit = 500000")
    for idle in (True, False):
        for _ in range(60):
            opened.commit(drafts=drafts(100, nbytes=2000))
            assert opened.store._chores.wal_bytes() < 3 << 20
            if idle:
                opened.store.idle(NOW)
                opened.store.idle(NOW)
    opened.store.check()
    opened.close()


def test_a_reader_that_stays_is_waited_for_now_and_then_and_not_by_every_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "WAL_BYTES_MAX", 1 << 18)
    monkeypatch.setattr(chores, "WAL_BYTES_HARD_MAX", 1 << 19)
    monkeypatch.setattr(chores, "WAL_BYTES_WAIT_MAX", 1 << 21)
    opened = Opened(lambda: opening(tmp_path))
    opened.store._db.execute("PRAGMA busy_timeout = 1")
    statements: list[str] = []
    opened.store._db.set_trace_callback(statements.append)
    backup = sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)
    backup.execute("BEGIN")
    backup.execute("SELECT * FROM owner").fetchone()
    while (nbytes := opened.store._chores.wal_bytes()) < 9 << 20:
        opened.commit(drafts=drafts(100, nbytes=2000))
        opened.store.idle(NOW)
    waited = sum("RESTART" in statement for statement in statements)
    assert 2 <= waited <= nbytes // chores.WAL_BYTES_WAIT_MAX
    assert sum("PASSIVE" in statement for statement in statements) > waited, "all others did not wait"
    backup.close()
    for _ in range(2):
        opened.commit(drafts=drafts(100, nbytes=2000))
        opened.store.idle(NOW)
    opened.store._db.execute("PRAGMA journal_size_limit = 0")
    opened.commit()
    assert opened.store._chores.wal_bytes() < 1 << 20, "it starts over once the reader is gone"
    opened.close()


def test_a_checkpoint_that_a_commit_makes_never_makes_the_commit_fail(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chores, "WAL_BYTES_HARD_MAX", 0)

    def refuses() -> None:
        raise Refused("busy")

    monkeypatch.setattr(opened.store._chores, "_checkpoint", refuses)
    opened.commit(drafts=drafts(1))
    assert opened.store.commit_no() == opened.commit_no


def test_pages_that_are_free_are_given_back_in_idle_turns(opened: Opened) -> None:
    for _ in range(20):
        opened.commit(drafts=drafts(100, nbytes=2000))
    full = opened.store._db.execute("PRAGMA page_count").fetchone()[0]
    assert opened.store.trim(1, 2001, NOW + 1, 1 << 40, 100) == 2001
    for _ in range(50):
        opened.store.idle(NOW)
    assert opened.store._db.execute("PRAGMA page_count").fetchone()[0] < full / 3


def test_idle_is_bounded_in_time(opened: Opened) -> None:
    class Slow(VirtualClock):
        def monotonic_s(self) -> float:
            self.advance(0.015)
            return super().monotonic_s()

    opened.commit(drafts=drafts(1), ids=[IdRow(n * 7919, 1, 1, 1, 1, NOW + n * HOUR) for n in range(6)])
    opened.reopen()
    opened.store._chores._clock = Slow(NOW)
    opened.store.idle(NOW)
    assert opened.store._book.building, "two slices fit in twenty milliseconds, not six"
    for _ in range(9):
        opened.store.idle(NOW)
    assert not opened.store._book.building


def test_a_read_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    class Racing(VirtualClock):
        def monotonic_s(self) -> float:
            self.advance(1.0)
            return super().monotonic_s()

    opened = Opened(lambda: opening(tmp_path))
    opened.commit(stages=[stage(0, 1, states=[(f"user:{i}", b"s") for i in range(5_000)])])
    opened.close()
    store = open_sqlite(tmp_path, SEGMENTS, {}, "test", Racing(NOW), reader_s_max=0.5, id_slots=1 << 8)
    reader = store.reader()
    with pytest.raises(Refused):
        reader.subjects_after(1, "points", "", 10_000)
    assert reader.snapshot(1, "points", "user:1") == (b"s", 1), "a short one after it is served"
    reader.close()
    store.close(clean=False)


def test_a_long_read_of_the_log_stops_at_a_page_beyond_its_bytes(opened: Opened) -> None:
    for _ in range(6):
        opened.commit(drafts=drafts(20, nbytes=100_000))
    found = opened.reader.read_log(1, 0, 999, 999)
    assert 20 <= len(found) < 120 and [entry.offset for entry in found] == list(range(1, len(found) + 1))
    assert opened.reader.read_log(1, len(found), 999, 999)[0].offset == len(found) + 1


def test_a_page_that_holds_a_needed_entry_stays(opened: Opened) -> None:
    opened.commit(drafts=drafts(4))
    opened.commit(drafts=drafts(4))
    assert opened.store.trim(1, 7, NOW + 1, 1 << 30, 100) == 5
    assert [entry.offset for entry in opened.reader.read_log(1, 4, 8, 9)] == [5, 6, 7, 8]


def test_readers_in_other_threads_see_state_and_checkpoint_of_one_commit(tmp_path: Path) -> None:
    opened = Opened(lambda: open_sqlite(tmp_path, SEGMENTS, {}, "test", SystemClock(), id_slots=1 << 8))
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        reader = opened.store.reader()
        last = 0
        while not done.is_set():
            state, upto = reader.snapshot(1, "points", "user:1")
            entries = reader.read_log(1, max(0, upto - 1), upto, 9)
            if (upto and state != b"%d" % upto) or upto < last or (upto and not entries):
                wrong.append((state, upto, last))
            last = upto
        reader.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for upto in range(1, 200):
        opened.commit(drafts=drafts(1), stages=[stage(upto - 1, upto, states=[("user:1", b"%d" % upto)])])
        if upto % 20 == 0:
            opened.store._chores._checkpoint()
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    opened.store.check()
    opened.close()


def test_closing_twice_does_no_harm_and_a_store_never_recovered_stays_as_it_was(tmp_path: Path) -> None:
    opened = Opened(lambda: opening(tmp_path))
    opened.close(clean=False)
    opened.store.close(clean=True)
    looked = opening(tmp_path)
    looked.close(clean=True)  # somebody opened it, began nothing, and ended well: the death before is still one
    opened._open()
    assert not opened.recovery.clean
    opened.close(clean=True)


def test_the_size_is_that_of_the_files_and_the_disk_has_room(opened: Opened, tmp_path: Path) -> None:
    opened.commit(drafts=drafts(100, nbytes=1000))
    files = sum((tmp_path / name).stat().st_size for name in (STORE_FILE, f"{STORE_FILE}-wal"))
    assert opened.store.size_bytes() == files > 100_000
    assert opened.store.free_bytes() > 0


def test_new_values_of_business_keys_cost_a_commit_one_statement_however_many_stages_bring_them(
    opened: Opened,
) -> None:
    keys = [(b"k%015d" % i, b"1") for i in range(64)]
    opened.commit(stages=[stage(0, 1, keys=keys)])
    said: list[str] = []
    opened.store._db.set_trace_callback(said.append)
    stages = [stage(n, n + 1, rewritten=[(key, b"%d" % n) for key, _ in keys[n - 1 :: 8]]) for n in range(1, 9)]
    opened.commit(stages=stages)
    opened.store._db.set_trace_callback(None)
    assert sum("INTO keys" in statement for statement in said) == 1


def test_no_statement_of_a_commit_or_a_load_walks_through_a_table_that_grows(opened: Opened) -> None:
    rows = [timer(f"t{i}", 1, 1_000 + i) for i in range(100)]
    opened.commit(stages=[stage(0, 1, timer_ops=[TimerOp("user:1", row.key, row) for row in rows])])
    said: list[str] = []
    opened.store._db.set_trace_callback(said.append)
    reader: Any = opened.reader
    reader._db.set_trace_callback(said.append)
    gone = [TimerOp("user:1", row.key, None) for row in rows[:70]]
    lines = [RecordRow("user:1", i, 0, b"{}") for i in range(2, 80)]
    keys = [(b"k%d" % i, b"1") for i in range(70)]
    states = [(f"user:{i}", b"s") for i in range(70)]
    ids = [IdRow(i, i, 1, opened.recovery.epoch, i, NOW) for i in range(1, 70)]
    opened.store.known_ids([row.id_hash for row in ids], NOW)
    opened.commit(
        drafts=drafts(5), ids=ids, fired=rows[70:], at=NOW,
        stages=[stage(1, 80, timer_ops=gone, records=lines, keys=keys, rewritten=keys[:5], states=states)],
    )  # fmt: skip
    opened.store.timers_due((0, 0, "", "", ""), 999_999, 50)
    opened.reader.load(1, "points", [f"user:{i}" for i in range(70)], [("user:1", "t1")], [key for key, _ in keys])
    opened.store._db.set_trace_callback(None)
    reader._db.set_trace_callback(None)
    assert any("timers" in statement for statement in said)
    for statement in said:
        if statement.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            plan = [row[3] for row in opened.store._db.execute(f"EXPLAIN QUERY PLAN {statement}")]
            walked = [line for line in plan if re.match(r"SCAN (log|ids|states|records|keys|timers|replies)\b", line)]
            assert walked == [], f"{walked[0]}: {statement[:200]}"
