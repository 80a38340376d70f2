"""A copy of a store's file as it stood after one commit, taken while another process goes on writing.

The reader holds one read transaction over the whole copy. Without it, SQLite's online backup begins anew after every
commit of another process, which under load means never. What the transaction costs is WAL: checkpoints go on copying
what is older than it, but the WAL cannot start over before it ends. So the copy itself is made as short as it can be,
and everything is checked after the transaction.

A step is written through to the disk before the next begins, so that dirty pages do not gather to go out all at once in
front of the engine's commits. `VACUUM INTO` takes as long and has no word about how far it is. `python -m bench.backup`
compares them.

Pages are copied as they are: page size, auto-vacuum and application id are the source's.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from supervision.entry import Corrupt
from supervision.store import FORMAT, Head, Incompatible, StoreError
from supervision.store_sqlite.check import check
from supervision.store_sqlite.files import COMPANIONS, beside
from supervision.store_sqlite.schema import APPLICATION_ID
from supervision.store_sqlite.transact import read

STEP_PAGES = 4_096
"""16 MiB are copied, written through and told of at a time."""
SPARE_BYTES_MIN = 64 * 1024 * 1024
"""Left free on the target's disk, for the WAL that grows meanwhile."""
BUSY_S_MAX = 5.0
"""For opening a file whose WAL somebody is just recovering."""
CHECK_CACHE_KIB = 64 * 1024

Told = Callable[[int, int], None]
"""(pages copied, pages in all)"""


class Declined(StoreError):
    """What was asked would destroy something or cannot be done here; the message says what to do. Nothing changed."""


class Contents(msgspec.Struct, frozen=True):
    """What a store's file holds."""

    size_bytes: int
    segments: int
    epoch: int
    commit_no: int
    heads: Mapping[int, Head]

    @property
    def last_at(self) -> int:
        """Time of the newest entry, 0 without one: whatever was appended before it is in the file."""
        return max(head.last_at for head in self.heads.values())


def copy_store(source: Path, target: Path, told: Told) -> None:
    """Write the newest committed state of `source` to `target`, an empty file of the caller's, and sync it.

    Raises `Declined`, `Incompatible`, `Refused`, `Corrupt`, OSError.
    """
    fd = os.open(target, os.O_RDONLY)
    try:
        with _snapshot(source) as db:
            _decline_a_full_disk(db, target)
            _copy_pages(db, target, fd, told)
        os.fsync(fd)
    finally:
        os.close(fd)


def _copy_pages(db: sqlite3.Connection, target: Path, fd: int, told: Told) -> None:
    def stepped(_status: int, left: int, all_: int) -> None:
        os.fdatasync(fd)
        told(all_ - left, all_)

    with closing(sqlite3.connect(target, isolation_level=None)) as into:
        into.execute("PRAGMA synchronous = OFF")
        into.execute("PRAGMA journal_mode = OFF")
        read(lambda: db.backup(into, pages=STEP_PAGES, progress=stepped))


@contextmanager
def _snapshot(source: Path) -> Generator[sqlite3.Connection]:
    """A connection that sees one committed state as long as this lasts. Never writes to `source`."""
    if not source.exists():
        raise Declined(f"there is no {source}")
    before, alone = os.stat(source), stands_alone(source)
    with closing(open_read_only(source, alone)) as db:
        db.execute("BEGIN")
        owner(db, source)
        if not source.exists() or os.stat(source).st_ino != before.st_ino:
            raise Declined(f"{source} was replaced by another just now; try again")
        yield db
        if alone and (not stands_alone(source) or os.stat(source).st_mtime_ns != before.st_mtime_ns):
            raise Declined(f"an engine was started on {source} meanwhile; try again")


def stands_alone(path: Path) -> bool:
    """Nobody has it open and nothing beside it belongs to it."""
    return not any(beside(path, companion).exists() for companion in COMPANIONS)


def open_read_only(path: Path, alone: bool) -> sqlite3.Connection:
    """A file that stands alone is read without locks, from a disk that cannot be written too, and nothing appears
    beside it.
    """
    uri = f"{path.absolute().as_uri()}?{'immutable=1' if alone else 'mode=ro'}"
    return read(lambda: sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S_MAX))


def owner(db: sqlite3.Connection, path: Path) -> tuple[int, int, int]:
    """(segments, epoch, commit_no). Raises `Incompatible` for what is no store, or one of a newer program."""
    if read(lambda: db.execute("PRAGMA application_id").fetchone()[0]) != APPLICATION_ID:
        raise Incompatible(f"{path} is no store of ours")
    row = read(lambda: db.execute("SELECT format, segments, epoch, commit_no FROM owner").fetchone())
    if row[0] > FORMAT:
        raise Incompatible(f"{path} has layout {row[0]}, this program knows {FORMAT}: run a newer version")
    return row[1], row[2], row[3]


def _decline_a_full_disk(db: sqlite3.Connection, target: Path) -> None:
    pages = read(lambda: db.execute("PRAGMA page_count").fetchone()[0])
    needed = pages * read(lambda: db.execute("PRAGMA page_size").fetchone()[0]) + SPARE_BYTES_MIN
    disk = os.statvfs(target.parent)
    if (free := disk.f_bavail * disk.f_frsize) < needed:
        raise Declined(f"{target.parent} has {free} bytes left and {needed} are needed")


def checked(path: Path) -> Contents:
    """What `path` holds, every page and table of it read. Raises `Corrupt`, `Incompatible`. O(everything)."""
    with closing(open_read_only(path, stands_alone(path))) as db:
        db.execute(f"PRAGMA cache_size = -{CHECK_CACHE_KIB}")
        try:
            read(lambda: check(db))
        except AssertionError as error:
            raise Corrupt(f"{path}: its tables disagree: {error}") from error
        return contents(path, db)


def contents(path: Path, db: sqlite3.Connection) -> Contents:
    """What the file says of itself. O(segments)."""
    segments, epoch, commit_no = owner(db, path)
    rows = read(lambda: db.execute("SELECT segment, last, seq, last_at FROM heads ORDER BY segment").fetchall())
    heads = {segment: Head(last, seq, last_at) for segment, last, seq, last_at in rows}
    return Contents(os.stat(path).st_size, segments, epoch, commit_no, heads)
