"""The records of a subject: lines in the order of the log, chained backwards from the subject's state row.

Keyed by subject, every new line would dirty a page of its own somewhere in a table that only ever grows: a third of
what a commit wrote. So lines are appended where the log stands, neighbours beside each other, and each names the one
before it of the same subject; the state row, which the same commit writes anyway, names the newest. Reading a user's
newest fifty lines is fifty look-ups, a deep page is a walk from the top: the right way round, since lines are written
always and read seldom.

A line that belongs before the newest one (a retried entry has its old place) is spliced into the chain.

Lines of a domain that keeps them for a while only are forgotten from the front, where the oldest lie together. What
then leads to a line that is gone is the end of its chain: nobody is rewritten for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from supervision.inspection import NO_SPOT, Spot
from supervision.messages import Stage
from supervision.store import StageRejected
from supervision.store_sqlite.chunks import chunks, holes
from supervision.store_sqlite.many import write_many
from supervision.store_sqlite.plan import Line, Plan
from supervision.store_sqlite.rows import intact

Whose = tuple[int, str, str]
"""(segment, domain, subject)."""

_INSERT = "INSERT INTO records (segment, domain, place, n, subject, prev_place, prev_n, body) VALUES"
_NEWEST = (
    "SELECT json_group_array(json_array(subject, place, n)) FROM states"
    " WHERE segment = ? AND domain = ? AND subject IN "
)
_CHAIN = (
    "WITH RECURSIVE chain (place, n, prev_place, prev_n, body) AS ("
    " SELECT r.place, r.n, r.prev_place, r.prev_n, r.body FROM states s CROSS JOIN records r"
    " ON r.segment = ?1 AND r.domain = ?2 AND r.place = s.place AND r.n = s.n AND r.subject = ?3"
    " WHERE s.segment = ?1 AND s.domain = ?2 AND s.subject = ?3"
    " UNION ALL SELECT r.place, r.n, r.prev_place, r.prev_n, r.body FROM chain c CROSS JOIN records r"
    " ON r.segment = ?1 AND r.domain = ?2 AND r.place = c.prev_place AND r.n = c.prev_n AND r.subject = ?3)"
)
_BEFORE = _CHAIN + " SELECT place, n, body FROM chain WHERE (place, n) < (?4, ?5) LIMIT ?6"
_WALK = _CHAIN + " SELECT place, n FROM chain"
_POINT = (
    "UPDATE records SET prev_place = ?, prev_n = ?"
    " WHERE segment = ? AND domain = ? AND place = ? AND n = ? AND subject = ?"
)
_OLDEST = (
    "SELECT place, n, subject, body FROM records WHERE segment = ? AND domain = ? ORDER BY place, n, subject LIMIT ?"
)
_FORGET = "DELETE FROM records WHERE segment = ? AND domain = ? AND (place, n, subject) <= (?, ?, ?)"
_newest_rows = msgspec.json.Decoder(list[tuple[str, int, int]])
AFTER_ALL: Spot = (1 << 62, 0)


def read_lines(db: sqlite3.Connection, whose: Whose, before: Spot, limit: int) -> list[tuple[int, int, bytes]]:
    """(offset, n, checked body), newest first, strictly before `before`. O(lines newer than the answer's last)."""
    return db.execute(_BEFORE, (*whose, *before, limit)).fetchall()


def write_lines(db: sqlite3.Connection, plan: Plan, stages: Sequence[Stage]) -> dict[Whose, Spot]:
    """Append the plan's lines; -> each subject's newest, for its state row. `StageRejected`: a line stands there
    already.
    """
    lines = sorted(plan.records)
    newest = _newest(db, lines)
    rows: list[tuple[int, str, int, int, str, int, int, bytes]] = []
    for segment, domain, offset, n, subject, body in lines:
        whose, spot = (segment, domain, subject), (offset, n)
        before = newest[whose]
        if spot > before:
            newest[whose] = spot
            rows.append((segment, domain, offset, n, subject, *before, body))
        else:
            _splice(db, whose, spot, body, stages)
    if rows and write_many(db, _INSERT, rows, " ON CONFLICT DO NOTHING") != len(rows):
        raise _rejected(rows[0][:3], stages)
    return newest


def forget_lines(db: sqlite3.Connection, segment: int, domain: str, old: Callable[[bytes], bool], rows_max: int) -> int:
    """Inside a transaction; see `Store.forget_lines`."""
    rows = db.execute(_OLDEST, (segment, domain, rows_max))
    last = None
    for place, n, subject, blob in rows:
        if (body := intact(blob)) is not None:
            if not old(body):
                break
            last = (place, n, subject)
    rows.close()
    return 0 if last is None else db.execute(_FORGET, (segment, domain, *last)).rowcount


def _newest(db: sqlite3.Connection, lines: Sequence[Line]) -> dict[Whose, Spot]:
    """Of each subject that the lines are about, as stored."""
    found: dict[Whose, Spot] = {}
    subjects: dict[tuple[int, str], list[str]] = {}
    for segment, domain, _, _, subject, _ in lines:
        whose = (segment, domain, subject)
        if whose not in found:
            found[whose] = NO_SPOT
            subjects.setdefault((segment, domain), []).append(subject)
    for at, names in subjects.items():
        for chunk in chunks(names):
            (shown,) = db.execute(_NEWEST + holes(len(chunk)), (*at, *chunk)).fetchone()
            for subject, place, n in _newest_rows.decode(shown):
                found[(*at, subject)] = (place, n)
    return found


def _splice(db: sqlite3.Connection, whose: Whose, spot: Spot, body: bytes, stages: Sequence[Stage]) -> None:
    """Put a line between the next newer and the next older one. O(newer lines)."""
    newer, older = NO_SPOT, NO_SPOT
    for place, n in db.execute(_WALK, whose):
        if (place, n) <= spot:
            older = (place, n)
            break
        newer = (place, n)
    if older == spot:
        raise _rejected((whose[0], whose[1], spot[0]), stages)
    if newer == NO_SPOT:
        return  # all newer ones are forgotten already
    segment, domain, subject = whose
    write_many(db, _INSERT, [(segment, domain, *spot, subject, *older, body)])
    db.execute(_POINT, (*spot, segment, domain, *newer, subject))


def _rejected(at: tuple[int, str, int], stages: Sequence[Stage]) -> StageRejected:
    segment, domain, offset = at
    stage = next(s for s in stages if (s.segment, s.domain) == (segment, domain) and s.records)
    return StageRejected(stage, f"a record of {domain} at offset {offset} stands already")
