"""`run.py notify` where it cannot begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import run
from topology.last_mile import by_apprise


class Library:
    """In the place of apprise: it knows one scheme."""

    class Apprise:
        @staticmethod
        def instantiate(url: str, **_: Any) -> object | None:
            return object() if url.startswith("json://") else None

    class AppriseAsset:
        def __init__(self, **_: Any) -> None: ...


def started(folder: Path, *options: str) -> int:
    return run.main(["notify", "--data", str(folder), *options])


def test_without_the_library_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(by_apprise, "import_module", missing)
    assert started(tmp_path, "--apprise", "json://x") == run.EXIT_USAGE
    assert "requirements-notify.lock" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["nope://secret", "sms=nope://secret", "@{folder}/missing", "secret"])
def test_an_address_that_cannot_be_used_ends_it_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    monkeypatch.setattr(by_apprise, "import_module", lambda _: Library)
    assert started(tmp_path, "--apprise", option.format(folder=tmp_path)) == run.EXIT_USAGE
    said = capsys.readouterr().err
    assert said.startswith("run.py: ") and "secret" not in said


def test_a_memory_that_is_no_database_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(by_apprise, "import_module", lambda _: Library)
    (tmp_path / "notify.sqlite3").write_text("something else" * 100)
    assert started(tmp_path, "--apprise", "json://x") == run.EXIT_TROUBLE
    assert "notify.sqlite3" in capsys.readouterr().err
