"""What an opened store says before anything else happens in it, and the new epoch that begins with that.

One transaction: whoever reads the answer may rely on the epoch being durable.
"""

from __future__ import annotations

import sqlite3

from supervision.entry import Corrupt
from supervision.store import CheckpointRow, Head, Recovery
from supervision.store_sqlite.page import row_number


def recover(db: sqlite3.Connection, now_ms: int) -> Recovery:
    """Begin the epoch `max(stored + 1, unix seconds)`, inside the caller's transaction."""
    stored, commit_no, clean = db.execute("SELECT epoch, commit_no, clean FROM owner").fetchone()
    epoch = max(stored + 1, now_ms // 1000)
    heads: dict[int, Head] = {}
    bases: dict[int, int] = {}
    for segment, last, seq, last_at, base in db.execute(
        "SELECT segment, last, seq, last_at, base FROM heads ORDER BY 1"
    ):
        heads[segment], bases[segment] = Head(last, seq, last_at), base
    _compare_with_log(db, heads, bases)
    db.executemany("INSERT INTO epochs VALUES (?, ?, ?)", [(epoch, s, head.offset + 1) for s, head in heads.items()])
    found = db.execute("SELECT segment, domain, upto FROM checkpoints ORDER BY segment, domain")
    checkpoints = [CheckpointRow(*row) for row in found]
    db.execute("UPDATE owner SET epoch = ?, clean = 0", (epoch,))
    rows = db.execute("SELECT inward, src, dst, n FROM transfers ORDER BY inward, src, dst").fetchall()
    inbound = {(src, dst): n for inward, src, dst, n in rows if inward}
    outbound = {(src, dst): n for inward, src, dst, n in rows if not inward}
    return Recovery(epoch, commit_no, bool(clean), heads, bases, checkpoints, inbound, outbound)


def _compare_with_log(db: sqlite3.Connection, heads: dict[int, Head], bases: dict[int, int]) -> None:
    """Heads were written with the log's last pages; when they disagree, this is not the file we wrote."""
    for segment, head in heads.items():
        row = db.execute(
            "SELECT last FROM log WHERE number BETWEEN ? AND ? ORDER BY number DESC LIMIT 1",
            (row_number(segment, 0), row_number(segment + 1, 0) - 1),
        ).fetchone()
        last = row[0] if row else bases[segment] - 1
        if last != head.offset:
            raise Corrupt(f"segment {segment}: the log ends at {last}, its head says {head.offset}")
