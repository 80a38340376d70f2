"""What SQLite's errors mean to the journal.

Everything hangs on one question: can the batch be there after all? Before COMMIT it cannot: the transaction is rolled
back. When COMMIT itself fails for want of space or because the file is busy, SQLite rolls back too. When it fails
with an I/O error, its last frames may stand in the WAL although SQLite believes they do not, so the journal has to
look (`Unknown`). A failed fsync is worse: the kernel may have dropped the pages and say nothing the next time, so
nobody may look, the process ends.

Errors that are our own mistakes (a wrong statement, a constraint nobody expected) stay what they are and crash the
caller.
"""

from __future__ import annotations

import sqlite3

from supervision.entry import Corrupt
from supervision.store import FsyncFailed, Refused, Unknown

FSYNC = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
CORRUPT_IO = frozenset({sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA})
REFUSED = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def translate(error: sqlite3.Error, committing: bool = False) -> Exception:
    """The store's name for `error`; `committing`: COMMIT raised it. An error that is a bug of ours is returned as it
    is.
    """
    code = int(getattr(error, "sqlite_errorcode", 0) or 0)
    primary = code & 0xFF
    if code in FSYNC:
        return FsyncFailed(f"fsync failed: {error}")
    if primary in CORRUPT or code in CORRUPT_IO:
        return Corrupt(f"the store's file is damaged: {error}")
    if committing and primary == sqlite3.SQLITE_IOERR:
        return Unknown(f"i/o error while committing: {error}")
    if primary in REFUSED:
        return Refused(f"sqlite {getattr(error, 'sqlite_errorname', '?')}: {error}")
    return error
