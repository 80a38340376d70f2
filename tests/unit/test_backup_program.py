"""`run.py backup` and `run.py restore` as commands: what they say and with which status they end."""

from __future__ import annotations

from pathlib import Path

import pytest

import run
from supervision.store_sqlite.lock import FolderLock
from tests.opened_store import Opened, drafts
from tests.unit.test_backup import opening


@pytest.fixture
def data(tmp_path: Path) -> Path:
    one = Opened(lambda: opening(tmp_path / "data"))
    one.commit(segment=2, drafts=drafts(3))
    one.close(clean=True)
    return tmp_path / "data"


def ended(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """(status, standard output, standard error)"""
    status = run.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_both_say_what_the_store_holds_and_draw_no_bar_where_nobody_looks(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ended(capsys, "backup", "--to", tmp_path / "copy", "--data", data)
    assert (status, err) == (0, "")
    size = (tmp_path / "copy").stat().st_size
    assert out == (
        f"{tmp_path / 'copy'}: {size} bytes, epoch 1790000000, commit 1, newest entry 2026-09-21T14:13:20.000Z\n"
        "  heads  00:0 01:0 02:3 03:0\n"
    )
    status, out, err = ended(capsys, "restore", "--from", tmp_path / "copy", "--data", data, "--replace")
    assert (status, err) == (0, "")
    assert out.startswith(f"{data}: {size} bytes, epoch ") and "\n  heads  00:0 01:0 02:3 03:0\n" in out
    assert f"{data / 'replaced-1'}: the old store" in out


def test_what_is_declined_is_status_2_and_says_what_to_do(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "copy"
    assert ended(capsys, "backup", "--to", copied, "--data", tmp_path / "nowhere")[0] == run.EXIT_USAGE
    assert not (tmp_path / "nowhere").exists()
    assert ended(capsys, "backup", "--to", copied, "--data", data)[0] == 0
    for words in (("backup", "--to", copied), ("restore", "--from", copied), ("restore", "--from", tmp_path / "none")):
        status, out, err = ended(capsys, *words, "--data", data)
        assert (status, out) == (run.EXIT_USAGE, "") and err.startswith("run.py: ")


def test_a_running_engine_is_status_3_and_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(capsys, "backup", "--to", tmp_path / "copy", "--data", data)[0] == 0
    lock = FolderLock(data)
    status, out, err = ended(capsys, "restore", "--from", tmp_path / "copy", "--data", data, "--replace")
    assert (status, out) == (run.EXIT_LOCKED, "") and "is held by process" in err
    lock.release()


def test_a_damaged_backup_or_a_full_disk_is_status_1(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").write_text("shopping list " * 1000)
    status, _, err = ended(capsys, "restore", "--from", tmp_path / "copy", "--data", data, "--replace")
    assert status == run.EXIT_TROUBLE and "Corrupt" in err

    def full(source: Path, target: Path, told: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("supervision.store_sqlite.backup.copy_store", full)
    status, _, err = ended(capsys, "backup", "--to", tmp_path / "second", "--data", data)
    assert status == run.EXIT_TROUBLE and "No space left" in err
    assert not list(tmp_path.glob("second*"))
