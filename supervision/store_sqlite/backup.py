"""`run.py backup`: a checked copy of a store under a new name, whether or not its engine runs.

The copy grows under another name, is synced, then read in full, and only then gets the name that was asked for, so a
file of that name is always a whole one. A backup that was killed leaves `NAME.part` behind, which the next one under
that name writes over. Nothing is ever overwritten that has its final name.

The `flock` on the part keeps two backups to one name apart. It is no lock of the store's: a backup disturbs nobody.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from supervision.store_sqlite.copy import Contents, Declined, Told, checked, copy_store
from supervision.store_sqlite.files import STORE_FILE, beside, remove_companions, sync
from supervision.store_sqlite.replace import decided

PART = ".part"


def back_up(folder: Path, to: Path, told: Told) -> Contents:
    """Copy the store in `folder` to the new file `to`; -> what the copy holds, which was checked.

    `told` hears of progress. Raises `Declined`, `Incompatible`, `Refused`, `Corrupt`, OSError; then there is no `to`.
    """
    if decided(folder):
        raise Declined(f"a restore into {folder} was cut short: start the engine, which finishes it, then back up")
    with _part_of(to) as part:
        copy_store(folder / STORE_FILE, part, told)
        found = checked(part)
        _decline_to_overwrite(to)
        os.rename(part, to)
        sync(to.parent)
    return found


@contextmanager
def _part_of(to: Path) -> Generator[Path]:
    """An empty file beside `to`, ours alone; gone afterwards unless it was renamed."""
    _decline_to_overwrite(to)
    part = beside(to, PART)
    fd = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(fd, part)
        _decline_to_overwrite(to)
        os.ftruncate(fd, 0)
        remove_companions(part)
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
            remove_companions(part)
    finally:
        os.close(fd)


def _lock(fd: int, part: Path) -> None:
    """The second look is for a part that was renamed between our opening and locking it: that is a backup now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Declined(f"another backup is writing {part}") from None
    if not part.exists() or os.stat(part).st_ino != os.fstat(fd).st_ino:
        raise Declined(f"another backup has just written {part}")


def _decline_to_overwrite(to: Path) -> None:
    if os.path.lexists(to):
        raise Declined(f"{to} exists already; a backup overwrites nothing: give another name")
    if not to.parent.is_dir():
        raise Declined(f"{to.parent} is no folder")
