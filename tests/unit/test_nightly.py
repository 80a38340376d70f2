"""The nightly audit: when it begins, what it leaves behind, and that an engine at work is none the worse for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
import pytest

from actors.points.records import AuditLine
from gateway.nightly import LOOK_S, daily
from supervision.engine_events import ALARM
from supervision.entry import segment_subject
from supervision.store import Refused
from supervision.store_sqlite.files import STORE_FILE
from tests.points_engine import DAY_S, SEGMENTS, START_MS, PointsEngine
from tests.unit.test_points_audit import busy

HOUR_MS = 3_600_000


def in_an_hour(now_ms: int) -> int:
    """Due once: an hour after the start of the test."""
    return START_MS + (HOUR_MS if now_ms < START_MS + HOUR_MS else 1_000 * HOUR_MS)


def lines(engine: PointsEngine) -> list[AuditLine]:
    """What each segment's records say of audits."""
    with closing(engine.store.reader()) as reader:
        rows = [reader.records(segment, "points", segment_subject(segment), None, 9) for segment in range(SEGMENTS)]
    return [msgspec.json.decode(row.body, type=AuditLine) for found in rows for row in found]


def test_it_is_due_at_the_same_time_of_every_day_and_where_clocks_jump_over_it_as_long_after() -> None:
    following = daily("03:30", "Europe/Berlin")

    def due(*moment: int) -> str:
        at = following(round(datetime(*moment, tzinfo=UTC).timestamp() * 1000))  # type: ignore[arg-type, misc]
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="minutes")

    assert due(2026, 1, 10, 2, 29) == "2026-01-10T02:30+00:00"
    assert due(2026, 1, 10, 2, 30) == "2026-01-11T02:30+00:00"
    assert due(2026, 7, 10, 12, 0) == "2026-07-11T01:30+00:00"
    assert daily("02:30", "Europe/Berlin")(round(datetime(2026, 3, 29, tzinfo=UTC).timestamp() * 1000)) == round(
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC).timestamp() * 1000
    ), "02:30 was left out that day"


def test_it_leaves_a_line_in_each_segment_and_its_numbers_and_comes_once(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, audit_after=in_an_hour)
    rng = Random(11)
    busy(engine, rng, 80)
    engine.settle()
    assert lines(engine) == [] and ("audit_records", ()) not in engine.tally.gauges
    engine.clock.advance(3_600)
    busy(engine, rng, 40)
    engine.settle(LOOK_S + 10)
    found = lines(engine)
    assert len(found) == SEGMENTS and not any(line.findings for line in found)
    assert engine.tally.gauges["audit_records", ()] == sum(line.records for line in found) > 30
    assert engine.tally.gauges["audit_users", ()] == sum(line.users for line in found)
    assert engine.tally.gauges["audit_findings", ()] == 0
    assert engine.said(ALARM) == []
    engine.clock.advance(DAY_S)
    engine.settle(LOOK_S + 10)
    assert len(lines(engine)) == SEGMENTS
    engine.close()


def test_what_is_off_is_alarmed_and_named(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, audit_after=in_an_hour)
    engine.say("points_accrue", "a", points=10)
    engine.settle()
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as db, db:
        db.execute("DELETE FROM timers WHERE domain = 'points'")
    engine.clock.advance(3_600)
    engine.settle(LOOK_S + 10)
    (line,) = [line for line in lines(engine) if line.findings]
    assert line.findings == 1 and line.told[0].startswith("timer_differs: user:a")
    ((entry, said),) = engine.said(ALARM)
    assert (entry.route, said["alarm"], said["value"]) == ("engine.alarm.ledger_proof_failed", "ledger_proof_failed", 1)
    assert engine.tally.gauges["audit_findings", ()] == 1
    engine.close()


def test_an_audit_that_the_store_refuses_is_counted_and_made_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PointsEngine(tmp_path, audit_after=lambda now_ms: now_ms + HOUR_MS)

    def refuse(*_: object) -> None:
        raise Refused("the disk does not answer")

    with monkeypatch.context() as ill:
        ill.setattr("supervision.store_sqlite.reader.SqliteReader.kept_after", refuse)
        engine.clock.advance(3_600)
        engine.settle(LOOK_S + 5)
    assert engine.tally.counted("audits_failed") == 1 and lines(engine) == []
    engine.clock.advance(3_600)
    engine.settle(LOOK_S + 5)
    assert len(lines(engine)) == SEGMENTS
    engine.close()
