"""`run.py rules`: campaigns in files, looked at without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import run
from tests.house.ours import root

EXAMPLE = root / "examples" / "cart_abandon.json"
GOOD: dict[str, Any] = {
    "name": "gift",
    "trigger": {"type": "event", "event": "points.earned"},
    "steps": [{"type": "emit", "effect": "gift"}],
}


def written(folder: Path, document: Any) -> str:
    path = folder / "rules.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_check_says_that_a_campaign_is_good_and_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["rules", "check", str(EXAMPLE)]) == 0
    assert "ok, version" in capsys.readouterr().out


def test_check_says_all_that_is_wrong_with_its_place_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [{"type": "issue_coupon"}, {"type": "wait"}]
    assert run.main(["rules", "check", written(tmp_path, GOOD | {"steps": steps}), str(EXAMPLE)]) == 1
    out = capsys.readouterr().out
    assert "error: steps[0]" in out and "error: steps[1]" in out and "ok, version" in out


def test_check_shows_the_normal_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["rules", "check", "--normal", written(tmp_path, GOOD | {"priority": 0})]) == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :]) == GOOD


def test_test_rehearses_the_tests_of_a_file_and_says_what_came_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["rules", "test", str(EXAMPLE)]) == 0
    assert "FAILED" not in capsys.readouterr().out
    test = {"name": "nothing", "events": [{"at": 0, "fact": "points.earned", "balance": 5}]}
    assert run.main(["rules", "test", written(tmp_path, {"campaign": GOOD, "tests": [test]})]) == 1
    assert "FAILED: nothing" in capsys.readouterr().out
    assert run.main(["rules", "test", written(tmp_path, {"campaign": {}})]) == 1
    assert "refused: " in capsys.readouterr().out


def test_what_is_no_file_or_no_rule_file_ends_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, status in ((str(tmp_path / "none"), 2), (written(tmp_path, {"campaign": {}, "x": 1}), 1)):
        with pytest.raises(SystemExit) as ended:
            run.main(["rules", "check", path])
        assert ended.value.code == status
    assert "x is not a known field" in capsys.readouterr().err
