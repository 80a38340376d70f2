"""Writing a batch's rows, inside the one transaction that commits it. Order of keys, few statements, nothing decided
here.

A checkpoint moves by compare-and-set in SQL, against what is stored, not against what somebody remembers: that single
comparison is what makes the engine count exactly once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from supervision.messages import Stage
from supervision.store import Batch, StageRejected
from supervision.store_sqlite.ids import IdBook, signed
from supervision.store_sqlite.page import rows_of
from supervision.store_sqlite.plan import Move, Plan, checked
from supervision.store_sqlite.records import NONE, Spot, Whose, write_lines

_PUT_STATE = (
    "INSERT INTO states VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (segment, domain, subject) DO UPDATE SET state = excluded.state"
)
_PUT_STATE_AND_NEWEST = (
    "INSERT INTO states VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (segment, domain, subject)"
    " DO UPDATE SET place = excluded.place, n = excluded.n, state = coalesce(excluded.state, state)"
)
_PUT_KEY = "INSERT INTO keys VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_KEY = "SELECT value FROM keys WHERE segment = ? AND domain = ? AND key = ?"
_PUT_TIMER = "INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHECKPOINT = "SELECT upto FROM checkpoints WHERE segment = ? AND domain = ?"
_MOVE = "UPDATE checkpoints SET upto = ? WHERE segment = ? AND domain = ? AND upto = ?"
_MOVE_NOTED = (
    "UPDATE checkpoints SET upto = ?, attempt_at = ?, attempts = ? WHERE segment = ? AND domain = ? AND upto = ?"
)


def write_log(db: sqlite3.Connection, batch: Batch) -> None:
    """Pages and heads; the heads have been compared. Asserts that each page continues its head."""
    grown: dict[int, int] = {}
    rows: list[tuple[int, int, int, bytes]] = []
    for page in batch.pages:
        before, after = batch.heads_before[page.segment], batch.heads_after[page.segment]
        first, last = page.entries[0], page.entries[-1]
        assert first.offset == before.offset + 1 and last.offset == after.offset, (first.place, before, after)
        for row in rows_of(page):
            rows.append(row)
            grown[page.segment] = grown.get(page.segment, 0) + len(row[-1])
    db.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", rows)
    db.executemany(
        "UPDATE heads SET last = ?, seq = ?, last_at = ?, log_bytes = log_bytes + ? WHERE segment = ?",
        [
            (head.offset, head.seq, head.last_at, grown.get(segment, 0), segment)
            for segment, head in batch.heads_after.items()
        ],
    )


def write_transfers(db: sqlite3.Connection, batch: Batch) -> None:
    """The last numbers given out and taken in, per pair of segments."""
    rows = [(0, src, dst, n) for (src, dst), n in batch.outbound.items()]
    rows += [(1, src, dst, n) for (src, dst), n in batch.inbound.items()]
    db.executemany("INSERT OR REPLACE INTO transfers VALUES (?, ?, ?, ?)", rows)


def write_fired(db: sqlite3.Connection, batch: Batch) -> None:
    """Mark rows as fired whose gen is unchanged."""
    db.executemany(
        "UPDATE timers SET fired = 1 WHERE segment = ? AND domain = ? AND subject = ? AND key = ? AND gen = ?",
        [(row.segment, row.domain, row.subject, row.key, row.gen) for row in batch.fired],
    )


def write_stages(db: sqlite3.Connection, plan: Plan, stages: Sequence[Stage], book: IdBook) -> None:
    """All rows of the planned stages. `StageRejected`: a failed compare-and-set, a used-up key, a line that stands."""
    for (segment, domain), move in plan.moves.items():
        _move(db, segment, domain, move)
    _use_up_keys(db, plan, stages)
    newest = write_lines(db, plan, stages) if plan.records else {}
    _write_states(db, plan, newest)
    _write_timers(db, plan)
    _write_parked(db, plan)
    _write_replies(db, plan, book)


def _move(db: sqlite3.Connection, segment: int, domain: str, move: Move) -> None:
    noted = move.attempt or (None, None)
    if move.keeps_attempt:
        moved = db.execute(_MOVE, (move.upto, segment, domain, move.prev)).rowcount
    else:
        moved = db.execute(_MOVE_NOTED, (move.upto, *noted, segment, domain, move.prev)).rowcount
    if moved:
        return
    stored = db.execute(_CHECKPOINT, (segment, domain)).fetchone()
    if stored is not None or move.prev != 0:
        at = stored[0] if stored else "missing"
        raise StageRejected(move.first, f"checkpoint is {at}, the stage expects {move.prev}")
    db.execute("INSERT INTO checkpoints VALUES (?, ?, ?, 0, -1, ?, ?)", (segment, domain, move.upto, *noted))


def _use_up_keys(db: sqlite3.Connection, plan: Plan, stages: Sequence[Stage]) -> None:
    rows = sorted((*at, value) for at, value in plan.keys.items())
    if not rows or db.executemany(_PUT_KEY, rows).rowcount == len(rows):
        return
    # Some stood already, which is no harm when they say the same.
    for stage in stages:
        for key, value in stage.keys:
            if db.execute(_KEY, (stage.segment, stage.domain, key)).fetchone()[0] != value:
                raise StageRejected(stage, f"business key {key.hex()} is used up by another value")


def _write_states(db: sqlite3.Connection, plan: Plan, newest: dict[Whose, Spot]) -> None:
    plain: list[tuple[int, str, str, int, int, bytes]] = []
    moved: list[tuple[int, str, str, int, int, bytes | None]] = []
    for at, state in plan.states.items():
        if at in newest:
            moved.append((*at, *newest[at], checked(state)))
        else:
            plain.append((*at, *NONE, checked(state)))
    moved += [(*at, *spot, None) for at, spot in newest.items() if at not in plan.states]
    # Sorted by the key, which is unique here, so that neighbours share a page.
    db.executemany(_PUT_STATE, sorted(plain))
    db.executemany(_PUT_STATE_AND_NEWEST, sorted(moved, key=_key_of))


def _key_of(row: tuple[int, str, str, int, int, bytes | None]) -> Whose:
    return row[:3]


def _write_timers(db: sqlite3.Connection, plan: Plan) -> None:
    gone = [at for at, row in plan.timers.items() if row is None]
    db.executemany("DELETE FROM timers WHERE segment = ? AND domain = ? AND subject = ? AND key = ?", sorted(gone))
    rows = [
        (*at, row.gen, row.due, row.body, row.absence, row.valid_for_ms, 0, row.depth)
        for at, row in plan.timers.items()
        if row is not None
    ]
    db.executemany(_PUT_TIMER, sorted(rows))


def _write_parked(db: sqlite3.Connection, plan: Plan) -> None:
    for at, row in plan.parked.items():
        db.execute("DELETE FROM parked WHERE segment = ? AND domain = ? AND subject = ? AND place = ?", at)
        if row is not None:
            values = (*at, row.reason, row.attempts, row.at, checked(row.entry))
            db.execute("INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _write_replies(db: sqlite3.Connection, plan: Plan, book: IdBook) -> None:
    """A reply stands in its input's bucket: both are forgotten together, and without the input there is none."""
    if not plan.replies:
        return
    known = book.find([id_hash for id_hash, _ in plan.replies])
    for (id_hash, domain), body in plan.replies.items():
        if id_hash in known:
            values = (known[id_hash][0], signed(id_hash), domain, body)
            db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", values)
