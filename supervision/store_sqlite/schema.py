"""The tables, and what is refused when a store is opened.

One file holds everything of one process, because one transaction must. Tables are WITHOUT ROWID where the key is what
is looked up. What is written in the order of time (the log, ids, records) is keyed by time, so that writing and
forgetting stay local; what is looked up by whom it belongs to (states, timers) is keyed by that. A state row also
names its subject's newest record (records.py); a subject with records and no state has a row without one.

A store remembers what it was made with: segments, layout, the code's version, the format of each domain's states. A
program that would misread it is refused before it writes a byte, with a sentence that says what to do. An older
layout is upgraded in one transaction, so that a crash half-way leaves the old one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from supervision.store import FORMAT, Incompatible

APPLICATION_ID = 0x47414E47
"""`GANG` in the file's header: `file(1)` and we know whose it is."""

PAGE_BYTES = 4096

TABLES = """ CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, segments INTEGER
NOT NULL, created_by TEXT NOT NULL, epoch INTEGER NOT NULL, commit_no INTEGER NOT NULL, clean INTEGER NOT NULL);
CREATE TABLE formats (domain TEXT PRIMARY KEY, format INTEGER NOT NULL) WITHOUT ROWID; CREATE TABLE epochs (epoch
INTEGER, segment INTEGER, first INTEGER NOT NULL, PRIMARY KEY (epoch, segment)) WITHOUT ROWID; CREATE TABLE heads
(segment INTEGER PRIMARY KEY, last INTEGER NOT NULL, seq INTEGER NOT NULL, last_at INTEGER NOT NULL, base INTEGER NOT
NULL, log_bytes INTEGER NOT NULL); CREATE TABLE log (number INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT
NULL, blob BLOB NOT NULL); CREATE TABLE id_buckets (bucket INTEGER PRIMARY KEY, n INTEGER NOT NULL); CREATE TABLE ids
(bucket INTEGER, id_hash INTEGER, command_hash INTEGER NOT NULL, segment INTEGER NOT NULL, epoch INTEGER NOT NULL,
place INTEGER NOT NULL, at INTEGER NOT NULL, keep_long INTEGER NOT NULL, PRIMARY KEY (bucket, id_hash)) WITHOUT ROWID;
CREATE TABLE replies (bucket INTEGER, id_hash INTEGER, domain TEXT, body BLOB NOT NULL, PRIMARY KEY (bucket, id_hash,
domain)) WITHOUT ROWID; CREATE TABLE checkpoints (segment INTEGER, domain TEXT, upto INTEGER NOT NULL, PRIMARY KEY
(segment, domain)) WITHOUT ROWID; CREATE TABLE states (segment INTEGER, domain TEXT, subject TEXT, place INTEGER NOT
NULL, n INTEGER NOT NULL, state BLOB, PRIMARY KEY (segment, domain, subject)) WITHOUT ROWID; CREATE TABLE records
(segment INTEGER, domain TEXT, place INTEGER, n INTEGER, subject TEXT, prev_place INTEGER NOT NULL, prev_n INTEGER NOT
NULL, body BLOB NOT NULL, PRIMARY KEY (segment, domain, place, n, subject)) WITHOUT ROWID; CREATE TABLE keys (segment
INTEGER, domain TEXT, key BLOB, value BLOB NOT NULL, PRIMARY KEY (segment, domain, key)) WITHOUT ROWID; CREATE TABLE
timers (segment INTEGER, domain TEXT, subject TEXT, key TEXT, gen INTEGER NOT NULL, due INTEGER NOT NULL, body BLOB
NOT NULL, absence INTEGER NOT NULL, valid_for_ms INTEGER NOT NULL, fired INTEGER NOT NULL, depth INTEGER NOT NULL,
PRIMARY KEY (segment, domain, subject, key)) WITHOUT ROWID; CREATE INDEX timers_due ON timers (due, segment, domain,
subject, key) WHERE fired = 0; CREATE TABLE parked (segment INTEGER, domain TEXT, subject TEXT, place INTEGER, reason
TEXT NOT NULL, attempts INTEGER NOT NULL, at INTEGER NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (segment, domain,
subject, place)) WITHOUT ROWID; CREATE TABLE transfers (inward INTEGER, src INTEGER, dst INTEGER, n INTEGER NOT NULL,
PRIMARY KEY (inward, src, dst)) WITHOUT ROWID;
"""

Upgrade = Callable[[sqlite3.Connection], None]


def _without_deaths(db: sqlite3.Connection) -> None:
    """What a cell was at when the process died stands beside the store since layout 2 (witness.py)."""
    for column in ("deaths", "started", "attempt_at", "attempts"):
        db.execute(f"ALTER TABLE checkpoints DROP COLUMN {column}")


UPGRADES: Mapping[int, Upgrade] = {1: _without_deaths}
"""Layout number -> what makes the next one of it; runs inside a transaction."""


def create(db: sqlite3.Connection, segments: int, code_version: str) -> None:
    """Make an empty store in an empty file, in one transaction."""
    db.execute("BEGIN IMMEDIATE")
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute("INSERT INTO owner VALUES (1, ?, ?, ?, 0, 0, 1)", (FORMAT, segments, code_version))
    db.executemany("INSERT INTO heads VALUES (?, 0, 0, 0, 1, 0)", [(segment,) for segment in range(segments)])
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("COMMIT")


def exists(db: sqlite3.Connection) -> bool:
    """The file holds a store. Raises `Incompatible` when it holds something else."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    if "owner" not in tables or "heads" not in tables:
        raise Incompatible("the file is an SQLite database but no store of ours: give another folder with --data")
    return True


def admit(
    db: sqlite3.Connection,
    segments: int,
    formats: Mapping[str, int],
    *,
    layout: int = FORMAT,
    upgrades: Mapping[int, Upgrade] = UPGRADES,
) -> None:
    """Refuse what this program would misread (`Incompatible`), then bring layout and formats up to it: one
    transaction.
    """
    stored_layout, stored_segments, made_by = db.execute("SELECT format, segments, created_by FROM owner").fetchone()
    if stored_layout > layout:
        raise Incompatible(
            f"the store has layout {stored_layout} (made by version {made_by}), this program knows {layout}:"
            " run a newer version"
        )
    if stored_segments != segments:
        raise Incompatible(
            f"the store was made with {stored_segments} segments, not {segments}: start with --segments"
            f" {stored_segments}; the number can not be changed later"
        )
    _refuse_newer_states(db, formats)
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(stored_layout, layout):
            upgrades[number](db)
        db.execute("UPDATE owner SET format = ?", (layout,))
        db.executemany(
            "INSERT INTO formats VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET format = excluded.format"
            " WHERE format < excluded.format",
            sorted(formats.items()),
        )
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _refuse_newer_states(db: sqlite3.Connection, formats: Mapping[str, int]) -> None:
    for domain, stored in db.execute("SELECT domain, format FROM formats ORDER BY domain"):
        if domain in formats and stored > formats[domain]:
            raise Incompatible(
                f"states of domain {domain} were written in format {stored}, this program knows {formats[domain]}:"
                " run a newer version, or restore a backup made before the upgrade"
            )
