"""`run.py restore`: a checked copy of a backup takes the place of the store in a folder.

Everything that can fail comes first: the copy is made inside the folder, its epoch is raised, it is read in full and
synced; the old store is not touched before (replace.py has the rest). The folder's lock is held throughout.

Receivers tell what is said after a restore by its epoch, so an epoch must never be used twice. The next start begins
`max(stored + 1, unix seconds)`; what is stored is therefore raised here to the replaced store's epoch, if that can
still be read, and to the present second. Nothing else in the backup is changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from supervision.entry import Corrupt
from supervision.store import StoreError
from supervision.store_sqlite.copy import (
    Contents,
    Declined,
    Told,
    checked,
    contents,
    copy_store,
    open_read_only,
    stands_alone,
)
from supervision.store_sqlite.files import STORE_FILE, beside, remove_companions, sync
from supervision.store_sqlite.lock import FolderLock
from supervision.store_sqlite.replace import finish, holds_a_store, replace
from supervision.store_sqlite.transact import transact

PART = ".part"


class Restored(msgspec.Struct, frozen=True):
    """What a restore did."""

    contents: Contents
    aside: Path | None
    """Where the old store is now."""
    replaced: Contents | None
    """What the old store said of itself, if it could."""


def restore(
    source: Path, folder: Path, may_replace: bool, now_ms: int, told: Told, last: Callable[[], None] = lambda: None
) -> Restored:
    """Make `folder` hold what the backup `source` holds. `last` is called when all that can fail is done, before the
    store changes: what it does is done whenever the store is another.

    Raises `Locked`, `Declined`, `Incompatible`, `Refused`, `Corrupt`, OSError; then the folder's store is as it was.
    """
    if not source.is_file():
        raise Declined(f"there is no backup {source}")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    try:
        finish(folder)
        if holds_a_store(folder) and not may_replace:
            raise Declined(f"{folder} holds a store: --replace moves it aside, or give another folder with --data")
        replaced = _said_of_itself(folder / STORE_FILE)
        part = beside(folder / STORE_FILE, PART)
        try:
            found = _copy(source, part, max(now_ms // 1000, replaced.epoch if replaced else 0), told)
            last()
            return Restored(found, replace(folder, part), replaced)
        finally:
            _discard(part)
    finally:
        lock.release()


def _copy(source: Path, part: Path, epoch_min: int, told: Told) -> Contents:
    _discard(part)
    part.touch()
    copy_store(source, part, told)
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        transact(db, lambda: db.execute("UPDATE owner SET epoch = max(epoch, ?)", (epoch_min,)))
    found = checked(part)
    sync(part)
    return found


def _said_of_itself(path: Path) -> Contents | None:
    """The old store may be the very reason for the restore: what it cannot say is not asked again."""
    if not path.exists():
        return None
    try:
        with closing(open_read_only(path, stands_alone(path))) as db:
            return contents(path, db)
    except (StoreError, Corrupt, sqlite3.Error):
        return None


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    remove_companions(part)
