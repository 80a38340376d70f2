"""What an opened store says before anything else happens in it, and the new epoch that begins with that.

One transaction: whoever reads the answer may rely on the epoch being durable. Deaths are counted here because nobody else
knows that the last owner ended badly: a reader that stands where it stood when that owner started, with entries before it,
may have killed the process with one of them.
"""

from __future__ import annotations

import sqlite3

from supervision.store import CheckpointRow, Head, Recovery


def recover(db: sqlite3.Connection, now_ms: int) -> Recovery:
    """Begin the epoch `max(stored + 1, unix seconds)`. Raises sqlite3.Error; nothing has changed then."""
    db.execute("BEGIN IMMEDIATE")
    try:
        recovery = _recover(db, now_ms)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return recovery


def _recover(db: sqlite3.Connection, now_ms: int) -> Recovery:
    stored, commit_no, clean = db.execute("SELECT epoch, commit_no, clean FROM owner").fetchone()
    epoch = max(stored + 1, now_ms // 1000)
    heads: dict[int, Head] = {}
    bases: dict[int, int] = {}
    for segment, last, seq, last_at, base in db.execute("SELECT segment, last, seq, last_at, base FROM heads ORDER BY 1"):
        heads[segment], bases[segment] = Head(last, seq, last_at), base
    db.executemany("INSERT INTO epochs VALUES (?, ?, ?)", [(epoch, s, head.offset + 1) for s, head in heads.items()])
    checkpoints = _count_deaths(db, heads, bool(clean))
    db.execute("UPDATE owner SET epoch = ?, clean = 0", (epoch,))
    rows = db.execute("SELECT inward, src, dst, n FROM transfers ORDER BY inward, src, dst").fetchall()
    inbound = {(src, dst): n for inward, src, dst, n in rows if inward}
    outbound = {(src, dst): n for inward, src, dst, n in rows if not inward}
    return Recovery(epoch, commit_no, bool(clean), heads, bases, checkpoints, inbound, outbound)


def _count_deaths(db: sqlite3.Connection, heads: dict[int, Head], clean: bool) -> list[CheckpointRow]:
    found: list[CheckpointRow] = []
    rows = db.execute(
        "SELECT segment, domain, upto, deaths, started, attempt_at, attempts FROM checkpoints ORDER BY segment, domain"
    ).fetchall()
    for segment, domain, upto, deaths, started, attempt_at, attempts in rows:
        if clean or heads[segment].offset <= upto:
            deaths = 0
        elif started == upto:
            deaths += 1
        else:
            deaths = 1
        attempt = (attempt_at, attempts) if attempt_at is not None else None
        found.append(CheckpointRow(segment, domain, upto, deaths, attempt))
    db.executemany(
        "UPDATE checkpoints SET deaths = ?, started = upto WHERE segment = ? AND domain = ?",
        [(row.deaths, row.segment, row.domain) for row in found],
    )
    return found
