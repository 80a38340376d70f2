"""Forgetting the oldest pages of a segment's log, a bounded number at a time.

Whole pages only: one that holds a single entry somebody needs stays. What is asked of a page stands in columns before
its blob, so that deciding reads no entry; deleting walks the blob's pages, hence the bound in bytes.
"""

from __future__ import annotations

import sqlite3

from supervision.store_sqlite.page import row_number

TRIM_BYTES_MAX = 16 * 1024 * 1024
"""No call deletes more, whatever the rows: about 20 ms."""


def trim(db: sqlite3.Connection, segment: int, below: int, older_than_ms: int, bytes_max: int, rows_max: int) -> int:
    """Inside a transaction; -> the segment's lowest offset that is left. See `Store.trim`."""
    base, log_bytes = db.execute("SELECT base, log_bytes FROM heads WHERE segment = ?", (segment,)).fetchone()
    if base >= below:
        return base
    rows = db.execute(
        "SELECT number, last, at, length(blob) FROM log WHERE number BETWEEN ? AND ? ORDER BY number LIMIT ?",
        (row_number(segment, 0), row_number(segment, below - 1), rows_max),
    )
    upto, freed = -1, 0
    for number, last, at, nbytes in rows:
        if last >= below or not (at < older_than_ms or log_bytes - freed > bytes_max) or freed >= TRIM_BYTES_MAX:
            break
        upto, freed, base = number, freed + nbytes, last + 1
    rows.close()
    if upto >= 0:
        db.execute("DELETE FROM log WHERE number BETWEEN ? AND ?", (row_number(segment, 0), upto))
        db.execute("UPDATE heads SET base = ?, log_bytes = log_bytes - ? WHERE segment = ?", (base, freed, segment))
    return base
