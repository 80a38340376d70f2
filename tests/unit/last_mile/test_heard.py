"""The memory of what was delivered."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from topology.last_mile.heard import Heard


def test_what_was_delivered_is_known_by_another_process(tmp_path: Path) -> None:
    heard = Heard(tmp_path / "heard")
    heard.remember("0.1.1", ["a"])
    heard.remember("0.1.1", ["a", "b"])
    heard.remember("0.1.2", [])
    other = Heard(tmp_path / "heard")
    assert (other.among("0.1.1"), other.among("0.1.2")) == ({"a", "b"}, set())


def test_the_oldest_are_forgotten_beyond_the_limit(tmp_path: Path) -> None:
    heard = Heard(tmp_path / "heard", kept_max=3)
    for n in range(5):
        heard.remember(f"0.1.{n}", ["a"])
    assert [bool(heard.among(f"0.1.{n}")) for n in range(5)] == [False, False, True, True, True]


def test_a_memory_that_cannot_be_written_is_found_out_before_anything_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another user made the file, who may be the only one to write it."""
    file = tmp_path / "heard"
    Heard(file).close()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, **more: connect(f"file:{name}?mode=ro", uri=True, **more))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        Heard(file)
