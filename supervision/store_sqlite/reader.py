"""Reading committed state: one connection each, short transactions.

A read transaction left open keeps the WAL from being checkpointed (it grew from 4 to 419 MB under one forgotten
reader), so every call here is one transaction with a deadline, watched by SQLite's progress handler; beyond it the
call is `Refused`, store trouble that the caller waits out. Rows are fetched inside the transaction and decoded after
it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from supervision.clock import Clock
from supervision.entry import Corrupt, Entry
from supervision.inspection import After, ChainedRow, Cut, Kept, Since
from supervision.messages import ParkedRow, RecordRow
from supervision.store import Loaded
from supervision.store_sqlite import inspection
from supervision.store_sqlite.chunks import chunks, holes
from supervision.store_sqlite.errors import translate
from supervision.store_sqlite.ids import signed
from supervision.store_sqlite.page import PageView, row_number
from supervision.store_sqlite.records import AFTER_ALL, read_lines
from supervision.store_sqlite.rows import timer_row, unchecked

READER_S_MAX = 2.0
"""A read transaction's time limit in seconds."""
READ_BYTES_MAX = 8 * 1024 * 1024
"""`read_log` stops after the page with which its answer exceeds this."""
CACHE_KIB = 256
"""Of a reader's own page cache: it is void after every commit, so a large one helps nobody."""
PROGRESS_OPS = 4_000
"""Steps of SQLite's machine between two looks at the deadline: well under a millisecond."""

T = TypeVar("T")

_STATES = (
    "SELECT json_group_array(json_array(subject, hex(state))) FROM states"
    " WHERE segment = ? AND domain = ? AND state IS NOT NULL AND subject IN "
)
_state_rows = msgspec.json.Decoder(list[tuple[str, str]])
_KEYS = "SELECT key, value FROM keys WHERE segment = ? AND domain = ? AND key IN "
_TIMER = "SELECT * FROM timers WHERE segment = ? AND domain = ? AND subject = ? AND key = ?"
_LOG = (
    "SELECT number, blob FROM log WHERE number BETWEEN"
    " coalesce((SELECT max(number) FROM log WHERE number BETWEEN ? AND ?), ?) AND ? ORDER BY number"
)


class SqliteReader:
    """Used by one thread at a time. `closed` when its store was. `db`: a connection of another sort than a writer's
    own process opens.
    """

    def __init__(
        self, path: Path, clock: Clock, seconds_max: float = READER_S_MAX, db: sqlite3.Connection | None = None
    ) -> None:
        self._clock = clock
        self._seconds_max = seconds_max
        self._deadline = float("inf")
        self._db = db or sqlite3.connect(path, timeout=seconds_max, isolation_level=None, check_same_thread=False)
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.execute("PRAGMA query_only = 1")
        self._db.set_progress_handler(self._overdue, PROGRESS_OPS)

    def _overdue(self) -> bool:
        return self._clock.monotonic_s() > self._deadline

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` in one read transaction, within the time limit."""
        self._deadline = self._clock.monotonic_s() + self._seconds_max
        try:
            self._db.execute("BEGIN")
            return work(self._db)
        except sqlite3.Error as error:
            raise translate(error) from error
        finally:
            self._deadline = float("inf")
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def read_log(self, segment: int, after: int, upto: int, entries_max: int) -> Sequence[Entry]:
        upto = min(upto, after + entries_max)
        if upto <= after:
            return ()
        return [
            entry
            for page in self._read(lambda db: _pages(db, segment, after, upto))
            for entry in page.entries(after, upto)
        ]

    def load(
        self,
        segment: int,
        domain: str,
        subjects: Sequence[str],
        timers: Sequence[tuple[str, str]],
        keys: Sequence[bytes],
    ) -> Loaded:
        def work(db: sqlite3.Connection) -> tuple[dict[str, bytes], list[Any], dict[bytes, bytes]]:
            states: dict[str, bytes] = {}
            for chunk in chunks(subjects):
                (shown,) = db.execute(_STATES + holes(len(chunk)), (segment, domain, *chunk)).fetchone()
                states.update((subject, bytes.fromhex(state)) for subject, state in _state_rows.decode(shown))
            used: dict[bytes, bytes] = {}
            for some in chunks(keys):
                used.update(db.execute(_KEYS + holes(len(some)), (segment, domain, *some)))
            rows = (db.execute(_TIMER, (segment, domain, subject, key)).fetchone() for subject, key in timers)
            return states, [row for row in rows if row], used

        states, rows, used = self._read(work)
        armed = {(row.subject, row.key): row for row in map(timer_row, rows)}
        loaded = Loaded({}, armed, used, {})
        for subject, blob in states.items():
            try:
                loaded.states[subject] = unchecked(blob, subject)
            except Corrupt as error:
                loaded.damaged[subject] = str(error)
        return loaded

    def subjects_after(self, segment: int, domain: str, after: str, limit: int) -> Sequence[str]:
        sql = (
            "SELECT subject FROM states WHERE segment = ? AND domain = ? AND subject > ? AND state IS NOT NULL"
            " ORDER BY subject LIMIT ?"
        )
        return [row[0] for row in self._read(lambda db: db.execute(sql, (segment, domain, after, limit)).fetchall())]

    def snapshot(self, segment: int, domain: str, subject: str) -> tuple[bytes | None, int]:
        sql = (
            "SELECT (SELECT state FROM states WHERE segment = ?1 AND domain = ?2 AND subject = ?3),"
            " (SELECT upto FROM checkpoints WHERE segment = ?1 AND domain = ?2)"
        )
        state, upto = self._read(lambda db: db.execute(sql, (segment, domain, subject)).fetchone())
        return None if state is None else unchecked(state, subject), upto or 0

    def records(
        self, segment: int, domain: str, subject: str, before: tuple[int, int] | None, limit: int
    ) -> Sequence[RecordRow]:
        whose = (segment, domain, subject)
        rows = self._read(lambda db: read_lines(db, whose, before or AFTER_ALL, limit))
        return [RecordRow(subject, offset, n, unchecked(body, subject)) for offset, n, body in rows]

    def parked(
        self,
        segment: int | None = None,
        domain: str | None = None,
        subject: str | None = None,
        after: int = -1,
        limit: int = 256,
    ) -> Sequence[ParkedRow]:
        asked = {"segment": segment, "domain": domain, "subject": subject}
        given = {column: value for column, value in asked.items() if value is not None}
        where = "".join(f"{column} = :{column} AND " for column in given)
        sql = f"SELECT * FROM parked WHERE {where} place > :after ORDER BY segment, domain, subject, place LIMIT :limit"
        rows = self._read(lambda db: db.execute(sql, {**given, "after": after, "limit": limit}).fetchall())
        return [ParkedRow(*row[:-1], entry=unchecked(row[-1], row[2])) for row in rows]

    def parked_subjects(self, segment: int, domain: str) -> Sequence[str]:
        sql = "SELECT DISTINCT subject FROM parked WHERE segment = ? AND domain = ? ORDER BY subject"
        return [row[0] for row in self._read(lambda db: db.execute(sql, (segment, domain)).fetchall())]

    def parked_at(self, segment: int, domain: str, limit: int) -> Sequence[int]:
        sql = "SELECT at FROM parked WHERE segment = ? AND domain = ? AND attempts > 0 ORDER BY at DESC LIMIT ?"
        return [row[0] for row in self._read(lambda db: db.execute(sql, (segment, domain, limit)).fetchall())]

    def reply(self, id_hash: int, domain: str) -> bytes | None:
        # Of the id as it is known now: an id that expired and came again must not get the old answer.
        sql = (
            "SELECT (SELECT body FROM replies r WHERE r.bucket = b.bucket AND r.id_hash = ?1 AND r.domain = ?2)"
            " FROM id_buckets b CROSS JOIN ids i ON i.bucket = b.bucket AND i.id_hash = ?1 ORDER BY i.at DESC LIMIT 1"
        )
        row = self._read(lambda db: db.execute(sql, (signed(id_hash), domain)).fetchone())
        return row[0] if row else None

    def cut(self, domain: str, courier: str) -> Cut:
        return self._read(lambda db: inspection.read_cut(db, domain, courier))

    def lines_after(self, segment: int, domain: str, after: After, upto: int, limit: int) -> Sequence[ChainedRow]:
        return inspection.verified(
            self._read(lambda db: inspection.read_lines_after(db, segment, domain, after, upto, limit))
        )

    def kept_after(
        self, segment: int, domain: str, after: str, limit: int, since: Since
    ) -> tuple[Sequence[Kept], str | None]:
        found, last = self._read(lambda db: inspection.read_kept(db, segment, domain, after, limit, since))
        return [inspection.verified_kept(kept) for kept in found], last

    def close(self) -> None:
        self._db.close()


def _pages(db: sqlite3.Connection, segment: int, after: int, upto: int) -> list[PageView]:
    """The pages that hold `after + 1 .. upto`; none when `after + 1` is not there."""
    lowest, first, last = row_number(segment, 0), row_number(segment, after + 1), row_number(segment, upto)
    pages: list[PageView] = []
    nbytes = 0
    for number, blob in db.execute(_LOG, (lowest, first, last + 1, last)):
        page = PageView(number, blob)
        if not pages and not page.base <= after + 1 <= page.last:
            break
        pages.append(page)
        nbytes += len(blob)
        if nbytes > READ_BYTES_MAX:
            break
    return pages
