"""The audit log: appended, never torn for who reads it, and paged backwards."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway import audit
from gateway.audit import AUDIT_FILE, AuditLog, AuditPage
from gateway.problems import Problem


def log_in(folder: Path) -> AuditLog:
    return AuditLog(folder, lambda: 1_790_000_000_000)


def abouts(log: AuditLog, limit: int = 500) -> list[str]:
    """All there is, page by page."""
    found: list[str] = []
    cursor = None
    while True:
        page = log.page(limit, cursor)
        assert len(page.data) <= limit
        found += [line.about for line in page.data]
        if not page.has_more:
            assert page.next_cursor is None
            return found
        cursor = page.next_cursor


def test_a_record_says_who_what_about_what_from_what_to_what_and_when(tmp_path: Path) -> None:
    log_in(tmp_path).write("os:ann", "rules.change", "points", {"version": "a"}, {"version": "b"})
    (line,) = log_in(tmp_path).page(10, None).data
    assert (line.at, line.who, line.what, line.about) == (
        "2026-09-21T14:13:20.000Z",
        "os:ann",
        "rules.change",
        "points",
    )
    assert (line.old, line.new) == ({"version": "a"}, {"version": "b"})
    assert stat.S_IMODE((tmp_path / AUDIT_FILE).stat().st_mode) == 0o600


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert log_in(tmp_path).page(10, None) == AuditPage([], None, False)


@pytest.mark.parametrize("limit", [1, 2, 7, 500])
@pytest.mark.parametrize("block", [1, 50, 1 << 16])
def test_pages_hold_each_record_once_newest_first(
    tmp_path: Path, limit: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BLOCK_BYTES", block)
    log = log_in(tmp_path)
    for n in range(20):
        log.write("os:ann", "x", str(n))
    assert abouts(log, limit) == [str(n) for n in reversed(range(20))]


def test_half_a_line_of_a_killed_writer_spoils_no_other(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.write("os:ann", "x", "1")
    with (tmp_path / AUDIT_FILE).open("ab") as file:
        file.write(b'{"at":"2026')
    log.write("os:ann", "x", "2")
    assert abouts(log) == ["2", "1"]


def test_what_is_written_meanwhile_does_not_move_the_pages(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    for n in range(4):
        log.write("os:ann", "x", str(n))
    first = log.page(2, None)
    log.write("os:ann", "x", "later")
    assert [line.about for line in log.page(2, first.next_cursor).data] == ["1", "0"]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "999999", "1" * 30, "²"])
def test_a_cursor_that_is_none_is_refused(tmp_path: Path, cursor: str) -> None:
    log_in(tmp_path).write("os:ann", "x", "1")
    with pytest.raises(Problem, match="next_cursor"):
        log_in(tmp_path).page(2, cursor)


def test_a_record_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size) or real(fd))
    log_in(tmp_path).write("os:ann", "x", "1")
    assert synced[0] == (tmp_path / AUDIT_FILE).stat().st_size
    monkeypatch.setattr(os, "fsync", _fails)
    with pytest.raises(OSError, match="no"):
        log_in(tmp_path).write("os:ann", "x", "2")


def _fails(_: int) -> None:
    raise OSError("no")
