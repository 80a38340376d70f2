"""`run.py coupons issue --file` with a real engine behind it: what it says, and with which status it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

import run
from tests.crash.program import QUIETLY, ROOT, Program
from tests.crash.templates import open_template, usage_of
from tests.unit.test_backup_program import ended

USERS = 1_205
ENDS_S_MAX = 60.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with closing(Program(tmp_path_factory.mktemp("engine"), *QUIETLY)) as program:
        program.start()
        program.ready()
        yield program


def address(engine: Program) -> str:
    return urlsplit(engine.url).netloc


def issue(capsys: pytest.CaptureFixture[str], engine: Program, file: Path, template: str) -> tuple[int, str, str]:
    """As the job that has the template's name."""
    words = ("--file", file, "--template", template, "--job", template, "--http", address(engine))
    return ended(capsys, "coupons", "issue", *words)


def test_a_csv_file_is_issued_once_however_often_it_is_handed_in_and_draws_no_bar_where_nobody_looks(
    engine: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_template(engine.url, "C")
    file = tmp_path / "users.csv"
    file.write_text("name,user_id\n" + "".join([f"n,u{n}\n" for n in range(USERS)]) + "nobody\n")
    for _ in range(2):
        done = issue(capsys, engine, file, "C")
        assert done == (0, f"job C done: {USERS} issued, 0 had one, refused: 1 bad_user_id\n", "")
    assert usage_of(engine.url, "C")["issued"] == USERS


def test_a_file_of_ndjson_is_issued_but_for_its_bad_lines_and_for_what_is_sold_out(
    engine: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_template(engine.url, "N", stock=10)
    file = tmp_path / "users.ndjson"
    file.write_text("\n".join(['"a"', "{", "7", *[f'{{"user_id": "u{n}"}}' for n in range(11)]]))
    done = issue(capsys, engine, file, "N")
    assert done == (0, "job N done: 10 issued, 0 had one, refused: 2 bad_user_id, 2 sold_out\n", "")


def test_a_refusal_is_said_and_is_status_1_however_long_the_file(
    engine: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user\n" * 2_000_000)
    status, out, err = issue(capsys, engine, file, "none")
    assert (status, out) == (run.EXIT_TROUBLE, "") and "unknown_template" in err, err


def test_a_file_that_is_not_there_is_status_2(
    engine: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = issue(capsys, engine, tmp_path / "users.csv", "C")
    assert (status, out) == (run.EXIT_USAGE, "") and "users.csv" in err and "engine" not in err, err


def test_an_engine_that_dies_is_status_1_and_the_same_file_again_goes_on_with_the_job(
    engine: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_template(engine.url, "D")
    file = tmp_path / "users.csv"
    file.write_text("".join([f"u{n}\n" for n in range(5 * USERS)]))
    words = ["coupons", "issue", "--file", str(file), "--template", "D", "--job", "D", "--http", address(engine)]
    following = subprocess.Popen([sys.executable, "run.py", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    job = f"{engine.url}/v1/coupon-jobs/D"
    engine.until(lambda: httpx.get(job).json().get("total_batches") is not None, ENDS_S_MAX, lambda: "not handed in")
    assert httpx.post(f"{job}/pause").status_code == 200
    engine.kill()
    _, said = following.communicate(timeout=ENDS_S_MAX)
    assert following.returncode == run.EXIT_TROUBLE and "no engine answers" in said, said
    engine.start()
    engine.ready()
    assert httpx.post(f"{engine.url}/v1/coupon-jobs/D/continue").status_code == 200
    done = issue(capsys, engine, file, "D")
    assert done == (0, f"job D done: {5 * USERS} issued, 0 had one, refused: none\n", "")
