"""Many rows in one step of SQLite's machine.

Python's sqlite3 lets go of the interpreter's lock around every step, and takes it back after. Alone that costs nothing;
among thirty busy threads each taking-back is a wait, and a commit that writes four thousand rows one by one waited four
thousand times: 350 ms where its work was 40. A statement that carries 256 rows is one step. What is read comes back as
one row of JSON for the same reason.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

ROWS_MAX = 256
"""Per statement; below that in powers of four, so that few texts of statements occur."""
_SIZES = (ROWS_MAX, 64, 16, 4, 1)


@lru_cache(maxsize=256)
def _text(before: str, columns: int, rows: int, after: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{before} {', '.join([row] * rows)}{after}"


def write_many(db: sqlite3.Connection, before: str, rows: Sequence[tuple[Any, ...]], after: str = "") -> int:
    """Run `before` VALUES-rows `after` for all rows, in order; -> how many rows changed. O(rows).

    >>> db = sqlite3.connect(":memory:")
    >>> _ = db.execute("CREATE TABLE t (a, b)")
    >>> write_many(db, "INSERT INTO t VALUES", [(i, str(i)) for i in range(150)])
    150
    """
    return _run(db, rows, lambda size: _text(before, len(rows[0]), size, after))


def change_many(db: sqlite3.Connection, before: str, one: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """Run `before` with the condition `one` OR `one` ..., once for each row; -> how many rows changed. O(rows log n).

    `one` names all columns of a key. `(a, b) IN (VALUES ...)` says the same, and SQLite reads the whole table for it.

    >>> db = sqlite3.connect(":memory:")
    >>> _ = db.execute("CREATE TABLE t (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID")
    >>> _ = write_many(db, "INSERT INTO t VALUES", [(i, str(i)) for i in range(150)])
    >>> change_many(db, "DELETE FROM t WHERE", "a = ? AND b = ?", [(i, str(i)) for i in range(100, 200)])
    50
    """
    return _run(db, rows, lambda size: _conditions(before, one, size))


@lru_cache(maxsize=64)
def _conditions(before: str, one: str, rows: int) -> str:
    return f"{before} {' OR '.join([f'({one})'] * rows)}"


def _run(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], text: Callable[[int], str]) -> int:
    changed = start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            changed += db.execute(text(size), list(chain.from_iterable(rows[start : start + size]))).rowcount
            start += size
    return changed
