"""The embedded store: SQLite in WAL mode, one file, one process.

It is the default because it needs nothing installed and loses nothing: `synchronous=FULL` means that a commit has been
fsynced before it returns. The price is one fsync per commit, which the journal's groups share among a thousand entries.

Housekeeping never happens inside a commit: automatic checkpoints are off, and `idle` does one bounded thing per call
(checkpoint, forget ids, build the filter, give pages back). Only when nobody has been idle for long does a commit checkpoint,
since a WAL without bound is worse than one slow commit.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from supervision.clock import Clock
from supervision.entry import Corrupt
from supervision.messages import TimerRow
from supervision.store import Batch, Fenced, IdRow, Recovery
from supervision.store_sqlite import schema
from supervision.store_sqlite.errors import translate
from supervision.store_sqlite.ids import IDS_MAX, IdBook
from supervision.store_sqlite.id_filter import SLOTS
from supervision.store_sqlite.lock import FolderLock
from supervision.store_sqlite.page import PageView, row_number
from supervision.store_sqlite.plan import Plan
from supervision.store_sqlite.reader import READER_S_MAX, SqliteReader, timer_row
from supervision.store_sqlite.recover import recover
from supervision.store_sqlite.write import write_fired, write_log, write_stages, write_transfers

STORE_FILE = "store.sqlite3"
CACHE_KIB = 64 * 1024
"""Of the writer's page cache."""
WAL_BYTES_MAX = 16 * 1024 * 1024
"""`idle` checkpoints above it."""
WAL_BYTES_HARD_MAX = 8 * WAL_BYTES_MAX
"""Without an idle turn in sight a commit does."""
BUSY_S_MAX = 2.0
VACUUM_PAGES_MAX = 256
VACUUM_FREE_SHARE = 4
"""Free pages are given back when they are more than one in this many."""

T = TypeVar("T")


def open_sqlite(
    folder: Path,
    segments: int,
    formats: Mapping[str, int],
    code_version: str,
    clock: Clock,
    ids_max: int = IDS_MAX,
    reader_s_max: float = READER_S_MAX,
) -> SqliteStore:
    """Open the store in `folder`, or make one with `segments`. Opening takes milliseconds whatever the store holds.

    `formats`: domain -> number of its state format. Raises `Locked`, `Incompatible`, `Refused`, `Corrupt`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    try:
        db = _connect(folder / STORE_FILE)
        try:
            if not schema.exists(db):
                schema.create(db, segments, code_version)
            schema.admit(db, segments, formats)
            return SqliteStore(folder, segments, db, lock, clock, ids_max, reader_s_max)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        lock.release()
        raise translate(error) from error
    except BaseException:
        lock.release()
        raise


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S_MAX, isolation_level=None, check_same_thread=False)
    # The page size and auto_vacuum only take effect before the first table is made.
    for pragma in (
        f"page_size = {schema.PAGE_BYTES}", "auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL",
        "wal_autocheckpoint = 0", f"journal_size_limit = {WAL_BYTES_MAX // 2}", f"cache_size = -{CACHE_KIB}", "temp_store = MEMORY",
    ):  # fmt: skip
        db.execute(f"PRAGMA {pragma}")
    return db


class SqliteStore:
    """The writer. One thread at a time; made by `open_sqlite`."""

    def __init__(
        self, folder: Path, segments: int, db: sqlite3.Connection, lock: FolderLock, clock: Clock, ids_max: int, reader_s_max: float
    ) -> None:
        self.folder = folder
        self.segments = segments
        self._path = folder / STORE_FILE
        self._db = db
        self._lock = lock
        self._clock = clock
        self._reader_s_max = reader_s_max
        self._book = IdBook(db, ids_max, SLOTS)
        self._chores = 0

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._db)
        except sqlite3.Error as error:
            raise translate(error) from error

    def recover(self, now_ms: int) -> Recovery:
        return self._do(lambda db: recover(db, now_ms))

    def commit(self, batch: Batch) -> None:
        plan = Plan(batch.stages)
        db = self._db
        committing = False
        try:
            db.execute("BEGIN IMMEDIATE")
            self._compare(batch)
            write_log(db, batch)
            added = self._book.insert(batch.ids) if batch.ids else {}
            write_fired(db, batch)
            write_stages(db, plan, list(batch.stages), self._book)
            write_transfers(db, batch)
            db.execute("UPDATE owner SET commit_no = ?", (batch.commit_no,))
            committing = True
            db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise translate(error, committing) from error
        except BaseException:
            self._roll_back()
            raise
        self._book.inserted(added)
        if self._wal_bytes() > WAL_BYTES_HARD_MAX:
            self._checkpoint()

    def _compare(self, batch: Batch) -> None:
        """Epoch, commit number and heads are what the journal believes, or somebody else owns this store."""
        epoch, commit_no = self._db.execute("SELECT epoch, commit_no FROM owner").fetchone()
        if epoch != batch.epoch or commit_no != batch.commit_no - 1:
            raise Fenced(f"epoch {epoch}, commit {commit_no} are stored; we are {batch.epoch}, {batch.commit_no - 1}")
        for segment, head in batch.heads_before.items():
            stored = self._db.execute("SELECT last, seq, last_at FROM heads WHERE segment = ?", (segment,)).fetchone()
            if stored != (head.offset, head.seq, head.last_at):
                raise Fenced(f"segment {segment} ends at {stored}, we left it at {head}")

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error:
                pass  # the error that brought us here is the one to tell

    def commit_no(self) -> int:
        return self._do(lambda db: db.execute("SELECT commit_no FROM owner").fetchone()[0])

    def known_ids(self, id_hashes: Sequence[int], now_ms: int) -> Mapping[int, IdRow]:
        return self._do(lambda _: self._book.known(id_hashes, now_ms))

    def timers_due(self, after: tuple[int, int, str, str, str], until_ms: int, limit: int) -> Sequence[TimerRow]:
        sql = (
            "SELECT * FROM timers WHERE fired = 0 AND (due, segment, domain, subject, key) > (?, ?, ?, ?, ?)"
            " AND due <= ? ORDER BY due, segment, domain, subject, key LIMIT ?"
        )
        return [timer_row(row) for row in self._do(lambda db: db.execute(sql, (*after, until_ms, limit)).fetchall())]

    def trim(self, segment: int, below: int, older_than_ms: int, bytes_max: int, rows_max: int) -> int:
        return self._do(lambda db: self._in_transaction(lambda: _trim(db, segment, below, older_than_ms, bytes_max, rows_max)))

    def _in_transaction(self, work: Callable[[], T]) -> T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return result

    def idle(self, now_ms: int) -> None:
        """One chore a call, so that no turn of the journal waits long for it."""
        self._chores += 1
        if self._wal_bytes() > WAL_BYTES_MAX:
            self._do(lambda _: self._checkpoint())
        elif self._book.building:
            self._do(lambda _: self._book.build_slice())
        elif self._chores % 2:
            self._do(lambda _: self._forget_ids(now_ms))
            self._book.sweep_slice()
        else:
            self._do(_vacuum)

    def _forget_ids(self, now_ms: int) -> None:
        bucket = self._book.doomed(now_ms)
        if bucket is not None:
            gone = self._in_transaction(lambda: self._book.drop_slice(bucket))
            self._book.dropped(bucket, gone, now_ms)

    def _checkpoint(self) -> None:
        """Passive while it can wait for readers; the next writer then starts the WAL over and cuts it to its size limit."""
        kind = "RESTART" if self._wal_bytes() > WAL_BYTES_HARD_MAX else "PASSIVE"
        self._db.execute(f"PRAGMA wal_checkpoint({kind})").fetchall()

    def _wal_bytes(self) -> int:
        try:
            return os.stat(f"{self._path}-wal").st_size
        except FileNotFoundError:
            return 0

    def size_bytes(self) -> int:
        return os.stat(self._path).st_size + self._wal_bytes()

    def free_bytes(self) -> int:
        """What the disk has left for us."""
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize

    def reader(self) -> SqliteReader:
        return SqliteReader(self._path, self._clock, self._reader_s_max)

    def check(self) -> None:
        """Raise AssertionError when log, heads and ids disagree. Reads everything; for tests."""
        for segment, last, seq, base in self._db.execute("SELECT segment, last, seq, base FROM heads"):
            offset, counted = base - 1, None
            rows = self._db.execute(
                "SELECT number, blob FROM log WHERE number BETWEEN ? AND ? ORDER BY number",
                (row_number(segment, 0), row_number(segment + 1, 0) - 1),
            )
            for number, blob in rows:
                page = PageView(number, blob)
                assert page.base <= offset + 1, f"segment {segment}: a hole after {offset}"
                assert counted in (None, page.seq), f"segment {segment}: seq {page.seq} after {counted}"
                page.entries(page.base - 1, page.last)
                offset, counted = page.last, page.last_seq
            assert offset == last and counted in (None, seq), (segment, offset, last, counted, seq)
        self._book.check()
        if self._db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise Corrupt("SQLite's own check fails")

    def close(self, clean: bool) -> None:
        if clean:
            self._do(lambda db: self._in_transaction(lambda: db.execute("UPDATE owner SET clean = 1")))
        self._db.close()
        self._lock.release()


def _trim(db: sqlite3.Connection, segment: int, below: int, older_than_ms: int, bytes_max: int, rows_max: int) -> int:
    base, log_bytes = db.execute("SELECT base, log_bytes FROM heads WHERE segment = ?", (segment,)).fetchone()
    rows = db.execute(
        "SELECT number, blob FROM log WHERE number BETWEEN ? AND ? ORDER BY number LIMIT ?",
        (row_number(segment, 0), row_number(segment, max(0, below)), rows_max),
    )
    last_gone: int | None = None
    freed = 0
    for number, blob in rows:
        page = PageView(number, blob)
        if page.last >= below or not (page.at < older_than_ms or log_bytes - freed > bytes_max):
            break
        last_gone, freed, base = number, freed + len(blob), page.last + 1
    if last_gone is not None:
        db.execute("DELETE FROM log WHERE number BETWEEN ? AND ?", (row_number(segment, 0), last_gone))
        db.execute("UPDATE heads SET base = ?, log_bytes = log_bytes - ? WHERE segment = ?", (base, freed, segment))
    return base


def _vacuum(db: sqlite3.Connection) -> None:
    free = db.execute("PRAGMA freelist_count").fetchone()[0]
    if free * VACUUM_FREE_SHARE > db.execute("PRAGMA page_count").fetchone()[0]:
        db.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES_MAX})").fetchall()
