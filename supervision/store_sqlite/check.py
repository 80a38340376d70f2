"""Everything that must hold between the tables, read in full. For tests, simulation of crashes, and a doubtful
operator.
"""

from __future__ import annotations

import sqlite3

from supervision.entry import Corrupt
from supervision.store_sqlite.page import PageView, row_number


def check(db: sqlite3.Connection) -> None:
    """Raise AssertionError or `Corrupt`. O(everything)."""
    rows = db.execute("SELECT segment, last, seq, last_at, base, log_bytes FROM heads").fetchall()
    for segment, last, seq, last_at, base, log_bytes in rows:
        _check_log(db, segment, (last, seq, last_at), base, log_bytes)
    _check_rows(db)
    if (verdict := db.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
        raise Corrupt(f"SQLite's own check says: {verdict}")


def _check_log(db: sqlite3.Connection, segment: int, head: tuple[int, int, int], base: int, log_bytes: int) -> None:
    offset, seq, at, nbytes = base - 1, None, 0, 0
    pages = db.execute(
        "SELECT number, last, at, blob FROM log WHERE number BETWEEN ? AND ? ORDER BY number",
        (row_number(segment, 0), row_number(segment + 1, 0) - 1),
    )
    for number, last, page_at, blob in pages:
        page = PageView(number, blob)
        assert page.base == offset + 1, f"segment {segment}: {page.base} follows {offset}"
        assert seq in (None, page.seq), f"segment {segment}: seq {page.seq} follows {seq}"
        assert (page.last, page.at) == (last, page_at) and page.at >= at, f"segment {segment}: page {page.base}"
        page.entries(page.base - 1, page.last)
        offset, seq, at, nbytes = page.last, page.last_seq, page.at, nbytes + len(blob)
    assert nbytes == log_bytes, f"segment {segment}: {nbytes} bytes, {log_bytes} noted"
    assert offset == head[0], f"segment {segment}: ends at {offset}, head {head[0]}"
    assert seq is None or (seq, at) == head[1:], f"segment {segment}: seq {seq}, at {at}, head {head}"


_CONTRADICTIONS = {
    "a newest record that is missing": (
        "SELECT segment, domain, subject FROM states s WHERE s.place > 0 AND NOT EXISTS (SELECT 1 FROM records r"
        " WHERE r.segment = s.segment AND r.domain = s.domain AND r.place = s.place AND r.n = s.n"
        " AND r.subject = s.subject) AND s.place >= (SELECT min(r.place) FROM records r"
        " WHERE r.segment = s.segment AND r.domain = s.domain)"  # what is older was forgotten
    ),
    "a record that does not point back": "SELECT * FROM records WHERE (prev_place, prev_n) >= (place, n)",
    "a record that nothing leads to": (
        "SELECT segment, domain, place, n, subject FROM records EXCEPT"
        " SELECT segment, domain, prev_place, prev_n, subject FROM records EXCEPT"
        " SELECT segment, domain, place, n, subject FROM states"
    ),
    "a reply without its input": (
        "SELECT * FROM replies r LEFT JOIN ids i USING (bucket, id_hash) WHERE i.at IS NULL"
    ),
}  # fmt: skip


def _check_rows(db: sqlite3.Connection) -> None:
    for what, sql in _CONTRADICTIONS.items():
        found = db.execute(sql).fetchone()
        assert found is None, f"{what}: {found}"
