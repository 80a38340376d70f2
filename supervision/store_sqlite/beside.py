"""A reader of a store that this process does not own, whether or not an engine runs on it.

It takes no lock and writes nothing. A store that nobody has open is read as a file that does not change, so that it
may lie on a disk that cannot be written; if an engine is started on it meanwhile, what was read may be of no moment at
all, and the reading is declined in the end. Beside a running engine every look is a short read transaction.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from supervision.clock import Clock
from supervision.store_sqlite.copy import Declined, open_read_only, owner, stands_alone
from supervision.store_sqlite.files import STORE_FILE
from supervision.store_sqlite.reader import READER_S_MAX, SqliteReader
from supervision.store_sqlite.replace import decided


@contextmanager
def reading(folder: Path, clock: Clock, seconds_max: float = READER_S_MAX) -> Generator[tuple[SqliteReader, int]]:
    """A reader of the store in `folder`, and how many segments it has. Raises `Declined`, `Incompatible`, `Refused`;
    at its end `Declined` when the store changed hands meanwhile.
    """
    path = folder / STORE_FILE
    if decided(folder):
        raise Declined(f"a restore into {folder} was cut short: start the engine, which finishes it, then try again")
    if not path.exists():
        raise Declined(f"there is no {path}")
    before, alone = os.stat(path), stands_alone(path)
    with closing(open_read_only(path, alone)) as db:
        segments, _, _ = owner(db, path)
        yield SqliteReader(path, clock, seconds_max, db), segments
    after = os.stat(path) if path.exists() else None
    if after is None or after.st_ino != before.st_ino:
        raise Declined(f"{path} was replaced by another meanwhile; try again")
    if alone and (not stands_alone(path) or after.st_mtime_ns != before.st_mtime_ns):
        raise Declined(f"an engine was started on {path} meanwhile; try again")
