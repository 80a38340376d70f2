"""What an audit reads, as queries; see supervision/inspection.py for what each is. Each runs inside one transaction.

Lines and states are read in the order in which they lie, so that a portion is a few neighbouring pages. A subject's
later lines are followed along its chain, one look-up each: there are few.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from supervision.inspection import NO_SPOT, After, ChainedRow, Cut, Kept, Since, Spot
from supervision.messages import ParkedRow, TimerRow
from supervision.store_sqlite.rows import intact, timer_row, unchecked

StoredRow = tuple[int, int, str, int, int, bytes]
"""A line as it is stored: the body behind its checksum."""
Stored = tuple[str, bytes | None, Spot, Sequence[TimerRow], Sequence[StoredRow]]
"""subject, state behind its checksum, newest, timers, later lines."""

_LINES = (
    "SELECT place, n, subject, prev_place, prev_n, body FROM records WHERE segment = ? AND domain = ?"
    " AND (place, n, subject) > (?, ?, ?) AND place <= ? ORDER BY place, n, subject LIMIT ?"
)
_LINE = (
    "SELECT place, n, subject, prev_place, prev_n, body FROM records"
    " WHERE segment = ? AND domain = ? AND place = ? AND n = ? AND subject = ?"
)
_STATES = (
    "SELECT subject, place, n, state FROM states WHERE segment = ? AND domain = ? AND subject > ?"
    " ORDER BY subject LIMIT ?"
)
_TIMERS = "SELECT * FROM timers WHERE segment = ? AND domain = ? AND subject > ? AND subject <= ? ORDER BY subject"
_TIMERS_TO_THE_END = "SELECT * FROM timers WHERE segment = ? AND domain = ? AND subject > ? ORDER BY subject"


def read_cut(db: sqlite3.Connection, domain: str, courier: str) -> Cut:
    """O(segments x domains + pairs + parked)."""
    checkpoints = "SELECT segment, upto FROM checkpoints WHERE domain = ?"
    parked = "SELECT * FROM parked WHERE domain = ? ORDER BY segment, subject, place"
    numbers: tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]] = ({}, {})
    for inward, src, dst, n in db.execute("SELECT inward, src, dst, n FROM transfers"):
        numbers[inward][src, dst] = n
    return Cut(
        dict(db.execute(checkpoints, (domain,)).fetchall()),
        dict(db.execute(checkpoints, (courier,)).fetchall()),
        dict(db.execute("SELECT segment, last FROM heads").fetchall()),
        numbers[1],
        numbers[0],
        [ParkedRow(*row[:-1], entry=unchecked(row[-1], row[2])) for row in db.execute(parked, (domain,))],
    )


def read_lines_after(
    db: sqlite3.Connection, segment: int, domain: str, after: After, upto: int, limit: int
) -> list[StoredRow]:
    """See `verified`."""
    return db.execute(_LINES, (segment, domain, *after, upto, limit)).fetchall()


def read_kept(
    db: sqlite3.Connection, segment: int, domain: str, after: str, limit: int, since: Since
) -> tuple[list[Stored], str | None]:
    """What is kept of the next `limit` subjects, and the last of them (None: no more). See `verified_kept`."""
    rows = db.execute(_STATES, (segment, domain, after, limit)).fetchall()
    last = rows[-1][0] if len(rows) == limit else None
    timers: dict[str, list[TimerRow]] = {}
    asked = (segment, domain, after) if last is None else (segment, domain, after, last)
    for row in db.execute(_TIMERS_TO_THE_END if last is None else _TIMERS, asked):
        timers.setdefault(row[2], []).append(timer_row(row))
    found: list[Stored] = []
    for subject, place, n, state in rows:
        armed = timers.pop(subject, ())
        if (spot := since(subject)) is not None:
            later = _later(db, segment, domain, subject, (place, n), spot)
            found.append((subject, state, (place, n), armed, later))
    found += [(subject, None, NO_SPOT, armed, ()) for subject, armed in timers.items() if since(subject) is not None]
    return found, last


def verified(rows: Sequence[StoredRow]) -> list[ChainedRow]:
    """The lines without their checksums, the body None where it does not hold. O(bytes)."""
    return [(*row[:5], intact(row[5])) for row in rows]


def verified_kept(stored: Stored) -> Kept:
    """The same for a subject's state and lines."""
    subject, blob, newest, timers, later = stored
    state = None if blob is None else intact(blob)
    return Kept(subject, state, newest, timers, verified(later), damaged=state is None and blob is not None)


def _later(
    db: sqlite3.Connection, segment: int, domain: str, subject: str, newest: Spot, since: Spot
) -> list[StoredRow]:
    """From `newest` back to `since`, or to where the chain ends. O(lines)."""
    found: list[StoredRow] = []
    spot = newest
    while spot not in (since, NO_SPOT):
        row = db.execute(_LINE, (segment, domain, *spot, subject)).fetchone()
        if row is None or row[3:5] >= spot:
            break
        found.append(row)
        spot = row[3:5]
    return found
