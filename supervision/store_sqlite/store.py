"""The embedded store: SQLite in WAL mode, one file, one process.

It is the default because it needs nothing installed and loses nothing: `synchronous=FULL` means that a commit has been
fsynced before it returns. The price is one fsync per commit, which the journal's groups share among a thousand entries.

Here is the order of a commit and what its failures mean; rows are in write.py, tables in schema.py, what is done when
nothing else is to do in chores.py.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from supervision.clock import Clock
from supervision.messages import TimerRow
from supervision.store import Batch, Fenced, IdRow, Incompatible, Recovery, Unknown
from supervision.store_sqlite import schema
from supervision.store_sqlite.check import check
from supervision.store_sqlite.chores import WAL_BYTES_KEPT, Chores
from supervision.store_sqlite.errors import translate
from supervision.store_sqlite.files import STORE_FILE, sync
from supervision.store_sqlite.id_filter import SLOTS
from supervision.store_sqlite.ids import IDS_MAX, IdBook
from supervision.store_sqlite.lock import FolderLock
from supervision.store_sqlite.plan import Plan
from supervision.store_sqlite.reader import READER_S_MAX, SqliteReader
from supervision.store_sqlite.records import forget_lines
from supervision.store_sqlite.recover import recover
from supervision.store_sqlite.replace import finish
from supervision.store_sqlite.rows import timer_row
from supervision.store_sqlite.transact import read, roll_back, transact
from supervision.store_sqlite.trim import trim
from supervision.store_sqlite.write import write_fired, write_log, write_stages, write_transfers
from supervision.witness_file import FileWitness

CACHE_KIB = 64 * 1024
"""Of the writer's page cache."""
BUSY_S_MAX = 2.0
"""How long the writer waits for a lock; only a checkpoint that waits for readers ever needs one."""

_PRAGMAS = (
    f"page_size = {schema.PAGE_BYTES}",
    "auto_vacuum = INCREMENTAL",  # like the page size: only before the first table is made
    "synchronous = FULL",
    "wal_autocheckpoint = 0",
    f"journal_size_limit = {WAL_BYTES_KEPT}",
    f"cache_size = -{CACHE_KIB}",
    "temp_store = MEMORY",
)
_TIMERS_DUE = (
    "SELECT * FROM timers WHERE fired = 0 AND (due, segment, domain, subject, key) > (?, ?, ?, ?, ?)"
    " AND due <= ? ORDER BY due, segment, domain, subject, key LIMIT ?"
)


def open_sqlite(
    folder: Path,
    segments: int,
    formats: Mapping[str, int],
    code_version: str,
    clock: Clock,
    ids_max: int = IDS_MAX,
    reader_s_max: float = READER_S_MAX,
    id_slots: int = SLOTS,
) -> SqliteStore:
    """Open the store in `folder`, or make one with `segments`. Opening takes milliseconds whatever the store holds.
    A restore that was cut short after its decision is finished first.

    `formats`: domain -> number of its state format. `id_slots`: of the filter over known ids, 8 bytes each. Raises
    `Locked`, `Incompatible`, `Refused`, `Corrupt`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    try:
        finish(folder)
        db = _connect(folder / STORE_FILE)
        try:
            if not schema.exists(db):
                schema.create(db, segments, code_version)
                sync(folder)  # the new file's name must survive a power cut, too
            schema.admit(db, segments, formats)
            book = IdBook(db, ids_max, id_slots)
            return SqliteStore(folder, segments, db, book, lock, clock, reader_s_max)
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
    try:
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise Incompatible(
                f"{path}: this file system cannot hold a write-ahead log; give a local folder with --data"
            )
    except BaseException:
        db.close()
        raise
    return db


class SqliteStore:
    """The writer. One thread at a time; made by `open_sqlite`."""

    def __init__(
        self,
        folder: Path,
        segments: int,
        db: sqlite3.Connection,
        book: IdBook,
        lock: FolderLock,
        clock: Clock,
        reader_s_max: float,
    ) -> None:
        self.folder = folder
        self.segments = segments
        self.witness = FileWitness(folder)
        self._path = folder / STORE_FILE
        self._db = db
        self._lock = lock
        self._clock = clock
        self._reader_s_max = reader_s_max
        self._book = book
        self._chores = Chores(db, book, self._path, clock)
        self._recovered = False

    def recover(self, now_ms: int) -> Recovery:
        recovery = transact(self._db, lambda: recover(self._db, now_ms))
        self._recovered = True
        return recovery

    def commit(self, batch: Batch) -> None:
        plan = Plan(batch.stages)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            added = self._write(batch, plan)
        except sqlite3.Error as error:
            roll_back(self._db)
            raise translate(error) from error
        except BaseException:
            roll_back(self._db)
            raise
        self._commit()
        self._book.inserted(added)
        self._chores.committed()

    def _write(self, batch: Batch, plan: Plan) -> Mapping[int, int]:
        """All of the batch but its COMMIT; -> how many ids went into each bucket."""
        db = self._db
        self._compare(batch)
        write_log(db, batch)
        added = self._book.insert(batch.ids) if batch.ids else {}
        write_fired(db, batch)
        write_stages(db, plan, batch.stages, self._book)
        write_transfers(db, batch)
        db.execute("UPDATE owner SET commit_no = ?", (batch.commit_no,))
        return added

    def _commit(self) -> None:
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            roll_back(self._db)
            trouble = translate(error, committing=True)
            if isinstance(trouble, Unknown):
                self._recount = True
            raise trouble from error

    _recount = False
    """The outcome of a commit was unknown: the ids are counted anew once it can be read."""

    def _compare(self, batch: Batch) -> None:
        """Epoch, commit number and heads are what the journal believes, or somebody else owns this store."""
        epoch, commit_no = self._db.execute("SELECT epoch, commit_no FROM owner").fetchone()
        if epoch != batch.epoch or commit_no != batch.commit_no - 1:
            raise Fenced(f"epoch {epoch}, commit {commit_no} are stored; we are {batch.epoch}, {batch.commit_no - 1}")
        for segment, head in batch.heads_before.items():
            stored = self._db.execute("SELECT last, seq, last_at FROM heads WHERE segment = ?", (segment,)).fetchone()
            if stored != (head.offset, head.seq, head.last_at):
                raise Fenced(f"segment {segment} ends at {stored}, we left it at {head}")

    def commit_no(self) -> int:
        number: int = read(lambda: self._db.execute("SELECT commit_no FROM owner").fetchone()[0])
        if self._recount:
            read(self._book.recount)
            self._recount = False
        return number

    def known_ids(self, id_hashes: Sequence[int], now_ms: int) -> Mapping[int, IdRow]:
        return read(lambda: self._book.known(id_hashes, now_ms))

    def timers_due(self, after: tuple[int, int, str, str, str], until_ms: int, limit: int) -> Sequence[TimerRow]:
        rows = read(lambda: self._db.execute(_TIMERS_DUE, (*after, until_ms, limit)).fetchall())
        return [timer_row(row) for row in rows]

    def trim(self, segment: int, below: int, older_than_ms: int, bytes_max: int, rows_max: int) -> int:
        return transact(self._db, lambda: trim(self._db, segment, below, older_than_ms, bytes_max, rows_max))

    def forget_lines(self, segment: int, domain: str, old: Callable[[bytes], bool], rows_max: int) -> int:
        return transact(self._db, lambda: forget_lines(self._db, segment, domain, old, rows_max))

    def idle(self, now_ms: int) -> None:
        self._chores.idle(now_ms)

    def size_bytes(self) -> int:
        """Of the file and its WAL."""
        return os.stat(self._path).st_size + self._chores.wal_bytes()

    def free_bytes(self) -> int:
        """What the disk has left for us."""
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize

    @property
    def ids_dropped_early(self) -> int:
        """Ids forgotten before their time since the start, because there were more than `ids_max`."""
        return self._book.dropped_early

    def reader(self) -> SqliteReader:
        """A new connection; to be closed before the store. Raises `Refused`."""
        return read(lambda: SqliteReader(self._path, self._clock, self._reader_s_max))

    def check(self) -> None:
        """Raise AssertionError or `Corrupt` when the tables disagree. Reads everything."""
        read(lambda: check(self._db))
        self._book.check()

    def close(self, clean: bool) -> None:
        """The lock is released whatever happens. Harmless when called again."""
        try:
            if clean and self._recovered:
                transact(self._db, lambda: self._db.execute("UPDATE owner SET clean = 1"))
        finally:
            self._recovered = False
            self._db.close()
            self._lock.release()
