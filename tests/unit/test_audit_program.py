"""`run.py audit` as a command: what it says and with which status it ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import run
from supervision.store_sqlite.files import STORE_FILE
from tests.points_engine import PointsEngine
from tests.unit.test_backup_program import ended


@pytest.fixture
def data(tmp_path: Path) -> Path:
    engine = PointsEngine(tmp_path / "data", wallets={"air": {}})
    for user in ("a", "b"):
        engine.say("points_accrue", user, points=100)
    engine.say("points_accrue", "a", points=7, wallet="air")
    engine.settle()
    engine.say("points_gift", "a", to="b", points=40)
    engine.settle()
    engine.close()
    return tmp_path / "data"


def test_it_says_the_sums_and_draws_no_bar_where_nobody_looks(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ended(capsys, "audit", "--data", data)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "5 records of 2 users in 4 segments"
    assert lines[1].startswith("main: 200 (issued 200 + written_off 0 + debt 0) = 200 (available 200 + pending 0 +")
    assert lines[2] == "main: sent 40 - received 40 = in_transit 0"
    assert lines[3].startswith("air: 7 (issued 7 +") or lines[1].startswith("air: 7")
    assert lines[-1] == "the books are proven"
    assert sorted(path.name for path in data.iterdir()) == ["lock", STORE_FILE, "witness"], "nothing of the audit's"


def test_what_is_off_is_status_1_and_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(data / STORE_FILE)) as db, db:
        (due,) = db.execute("SELECT due FROM timers WHERE subject = 'user:a' AND domain = 'points'").fetchone()
        db.execute("UPDATE timers SET due = due - 5 WHERE subject = 'user:a' AND domain = 'points'")
    status, out, err = ended(capsys, "audit", "--data", data)
    assert (status, err) == (run.EXIT_TROUBLE, "")
    assert out.splitlines()[-2:] == [f"timer_differs: user:a: {due} expected, {due - 5} found", "1 findings"]


def test_where_there_is_nothing_to_audit_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = ended(capsys, "audit", "--data", tmp_path)
    assert (status, out) == (run.EXIT_USAGE, "") and "there is no" in err
    (tmp_path / STORE_FILE).write_text("shopping list " * 1000)
    status, out, err = ended(capsys, "audit", "--data", tmp_path)
    assert (status, out) == (run.EXIT_TROUBLE, "") and "Corrupt" in err
