"""Writing a batch's rows, inside the one transaction that commits it. Order of keys, few statements, nothing decided
here.

A checkpoint moves by compare-and-set against what is stored, not against what somebody remembers: that single
comparison is what makes the engine count exactly once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from supervision.inspection import NO_SPOT, Spot
from supervision.messages import Stage
from supervision.store import Batch, StageRejected
from supervision.store_sqlite.ids import IdBook, signed
from supervision.store_sqlite.many import change_many, write_many
from supervision.store_sqlite.page import rows_of
from supervision.store_sqlite.plan import Plan, checked
from supervision.store_sqlite.records import Whose, write_lines

_PUT_STATE = "INSERT INTO states VALUES"
_STATE_ONLY = " ON CONFLICT (segment, domain, subject) DO UPDATE SET state = excluded.state"
_STATE_AND_NEWEST = (
    " ON CONFLICT (segment, domain, subject)"
    " DO UPDATE SET place = excluded.place, n = excluded.n, state = coalesce(excluded.state, state)"
)
_TIMER = "segment = ? AND domain = ? AND subject = ? AND key = ?"
_NEW_VALUE = " ON CONFLICT (segment, domain, key) DO UPDATE SET value = excluded.value"
_KEY = "SELECT value FROM keys WHERE segment = ? AND domain = ? AND key = ?"
_LONGER = (
    " ON CONFLICT (segment) DO UPDATE SET last = excluded.last, seq = excluded.seq, last_at = excluded.last_at,"
    " log_bytes = log_bytes + excluded.log_bytes"
)
_CHECKPOINTS = "SELECT json_group_array(json_array(segment, domain, upto)) FROM checkpoints"
_MOVED = " ON CONFLICT (segment, domain) DO UPDATE SET upto = excluded.upto"
_checkpoint_rows = msgspec.json.Decoder(list[tuple[int, str, int]])


def write_log(db: sqlite3.Connection, batch: Batch) -> None:
    """Pages and heads; the heads have been compared. Asserts that each page continues its head."""
    grown: dict[int, int] = {}
    rows: list[tuple[int, int, int, bytes]] = []
    for page in batch.pages:
        before, after = batch.heads_before[page.segment], batch.heads_after[page.segment]
        first, last = page.entries[0], page.entries[-1]
        assert first.offset == before.offset + 1 and last.offset == after.offset, (first.place, before, after)
        for row in rows_of(page, before.seq):
            rows.append(row)
            grown[page.segment] = grown.get(page.segment, 0) + len(row[-1])
    write_many(db, "INSERT INTO log VALUES", rows)
    heads = [
        (segment, head.offset, head.seq, head.last_at, 1, grown.get(segment, 0))
        for segment, head in batch.heads_after.items()
    ]
    write_many(db, "INSERT INTO heads VALUES", heads, _LONGER)


def write_transfers(db: sqlite3.Connection, batch: Batch) -> None:
    """The last numbers given out and taken in, per pair of segments."""
    rows = [(0, src, dst, n) for (src, dst), n in batch.outbound.items()]
    rows += [(1, src, dst, n) for (src, dst), n in batch.inbound.items()]
    db.executemany("INSERT OR REPLACE INTO transfers VALUES (?, ?, ?, ?)", rows)


def write_fired(db: sqlite3.Connection, batch: Batch) -> None:
    """Mark rows as fired whose gen is unchanged."""
    rows = sorted((row.segment, row.domain, row.subject, row.key, row.gen) for row in batch.fired)
    change_many(db, "UPDATE timers SET fired = 1 WHERE", f"{_TIMER} AND gen = ?", rows)


def write_stages(db: sqlite3.Connection, plan: Plan, stages: Sequence[Stage], book: IdBook) -> None:
    """All rows of the planned stages. `StageRejected`: a failed compare-and-set, a used-up key, a line that stands."""
    _move_checkpoints(db, plan)
    _use_up_keys(db, plan)
    write_many(db, "INSERT INTO keys VALUES", sorted((*at, value) for at, value in plan.rewritten.items()), _NEW_VALUE)
    newest = write_lines(db, plan, stages) if plan.records else {}
    _write_states(db, plan, newest)
    _write_timers(db, plan)
    _write_parked(db, plan)
    _write_replies(db, plan, book)


def _move_checkpoints(db: sqlite3.Connection, plan: Plan) -> None:
    """Compare with what is stored, then set: nobody can come between, since the transaction holds the write lock."""
    if not plan.moves:
        return
    rows = _checkpoint_rows.decode(db.execute(_CHECKPOINTS).fetchone()[0])
    stored = {(segment, domain): upto for segment, domain, upto in rows}
    for at, move in plan.moves.items():
        if stored.get(at, 0) != move.prev:
            raise StageRejected(move.first, f"checkpoint is {stored.get(at, 'missing')}, the stage expects {move.prev}")
    rows = [(*at, move.upto) for at, move in plan.moves.items()]
    write_many(db, "INSERT INTO checkpoints VALUES", rows, _MOVED)


def _use_up_keys(db: sqlite3.Connection, plan: Plan) -> None:
    rows = sorted((*at, value) for at, (_, value) in plan.used.items())
    if not rows or write_many(db, "INSERT INTO keys VALUES", rows, " ON CONFLICT DO NOTHING") == len(rows):
        return
    # Some stood already, which is no harm when they say the same.
    for at, (stage, value) in plan.used.items():
        if db.execute(_KEY, at).fetchone()[0] != value:
            raise StageRejected(stage, f"business key {at[2].hex()} is used up by another value")


def _write_states(db: sqlite3.Connection, plan: Plan, newest: dict[Whose, Spot]) -> None:
    plain: list[tuple[int, str, str, int, int, bytes]] = []
    moved: list[tuple[int, str, str, int, int, bytes | None]] = []
    for at, state in plan.states.items():
        if at in newest:
            moved.append((*at, *newest[at], checked(state)))
        else:
            plain.append((*at, *NO_SPOT, checked(state)))
    moved += [(*at, *spot, None) for at, spot in newest.items() if at not in plan.states]
    # Sorted by the key, which is unique here, so that neighbours share a page.
    write_many(db, _PUT_STATE, sorted(plain), _STATE_ONLY)
    write_many(db, _PUT_STATE, sorted(moved, key=_key_of), _STATE_AND_NEWEST)


def _key_of(row: tuple[int, str, str, int, int, bytes | None]) -> Whose:
    return row[:3]


def _write_timers(db: sqlite3.Connection, plan: Plan) -> None:
    gone = [at for at, row in plan.timers.items() if row is None]
    change_many(db, "DELETE FROM timers WHERE", _TIMER, sorted(gone))
    rows = [
        (*at, row.gen, row.due, row.body, row.sort, row.valid_for_ms, 0, row.depth)
        for at, row in plan.timers.items()
        if row is not None
    ]
    write_many(db, "INSERT OR REPLACE INTO timers VALUES", sorted(rows))


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
