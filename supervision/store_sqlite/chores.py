"""What must be done now and then and never inside a commit: checkpoints of the WAL, forgetting ids, giving pages back.

A checkpoint copies the WAL's pages into the file. When it got all of them, the next commit starts the WAL over and
cuts it to its size limit, so the file's length says how much is waiting; overwriting in place is a quarter faster
than growing. A checkpoint does not wait for readers (PASSIVE): what it could not copy, the next one will. Each call
of `idle` is bounded in time, because it holds up the journal.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from supervision.clock import Clock
from supervision.store import Refused
from supervision.store_sqlite.ids import IdBook
from supervision.store_sqlite.transact import read, transact

WAL_BYTES_MAX = 16 * 1024 * 1024
"""`idle` checkpoints above it: about 30 ms."""
WAL_BYTES_HARD_MAX = 2 * WAL_BYTES_MAX
"""A commit does, when no idle turn comes."""
WAL_BYTES_WAIT_MAX = 16 * WAL_BYTES_MAX
"""Readers have kept the WAL from starting over for so long that the next checkpoint waits for them, `BUSY_S_MAX` at
most. In vain, if one of them is a backup: so once in so many bytes, or each commit would wait.
"""
WAL_BYTES_KEPT = WAL_BYTES_MAX // 2
"""What the WAL is cut to when it starts over."""

IDLE_S_MAX = 0.02
IDLE_SLICES_MAX = 8
"""One `idle` stops after whichever comes first."""
VACUUM_PAGES_MAX = 256
VACUUM_FREE_SHARE = 4
"""Free pages are given back when they are more than one in this many: fewer will be filled again soon."""


class Chores:
    """The writer's housekeeping; used by its thread."""

    def __init__(self, db: sqlite3.Connection, book: IdBook, path: Path, clock: Clock) -> None:
        self._db = db
        self._book = book
        self._wal = f"{path}-wal"
        self._clock = clock
        self._settled = False
        """The WAL is copied completely: nothing to do until the next commit."""
        self._wait_above = WAL_BYTES_WAIT_MAX

    def idle(self, now_ms: int) -> None:
        """A checkpoint when it is time, else slices of the rest. Raises `Refused`, `FsyncFailed`, `Corrupt`."""
        if self.wal_bytes() > WAL_BYTES_MAX and not self._settled:
            self._checkpoint()
            return
        until = self._clock.monotonic_s() + IDLE_S_MAX
        for _ in range(IDLE_SLICES_MAX):
            if not self._slice(now_ms) or self._clock.monotonic_s() > until:
                return

    def committed(self) -> None:
        """After a commit: an idle turn has been too long in coming. The commit stands, so a refusal here is not its
        own.
        """
        self._settled = False
        if self.wal_bytes() > WAL_BYTES_HARD_MAX:
            with contextlib.suppress(Refused):
                self._checkpoint()

    def _slice(self, now_ms: int) -> bool:
        """The most pressing bit of work; False when there is none."""
        bucket = self._book.doomed(now_ms)
        if bucket is not None:
            gone = transact(self._db, lambda: self._book.drop_slice(bucket))
            self._book.dropped(bucket, gone, now_ms)
        elif self._book.building:
            read(self._book.build_slice)
        elif self._book.sweeping:
            self._book.sweep_slice()
        else:
            return read(self._vacuum)
        return True

    def _vacuum(self) -> bool:
        free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        if free * VACUUM_FREE_SHARE <= self._db.execute("PRAGMA page_count").fetchone()[0]:
            return False
        # Each page is a row without columns, of which `execute` takes the first and no more.
        self._db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES_MAX})")
        self._settled = False
        return True

    def _checkpoint(self) -> None:
        nbytes = self.wal_bytes()
        if nbytes > self._wait_above:
            self._wait_above = nbytes + WAL_BYTES_WAIT_MAX
            kind = "RESTART"
        else:
            kind = "PASSIVE"
        _, frames, copied = read(lambda: self._db.execute(f"PRAGMA wal_checkpoint({kind})").fetchone())
        self._settled = frames == copied
        if self._settled:
            self._wait_above = WAL_BYTES_WAIT_MAX

    def wal_bytes(self) -> int:
        try:
            return os.stat(self._wal).st_size
        except FileNotFoundError:
            return 0
