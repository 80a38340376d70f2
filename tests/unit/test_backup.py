"""Backup and restore below the command line: what is copied, what is declined, and a death at every step of the way."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervision.clock import VirtualClock
from supervision.entry import Corrupt
from supervision.store import Incompatible, Locked
from supervision.store_sqlite import SqliteStore, backup, copy, open_sqlite
from supervision.store_sqlite.backup import back_up
from supervision.store_sqlite.copy import Contents, Declined, checked
from supervision.store_sqlite.files import COMPANIONS, STORE_FILE, beside
from supervision.store_sqlite.replace import READY
from supervision.store_sqlite.restore import Restored, restore
from tests.opened_store import NOW, SEGMENTS, Opened, drafts

DIED = 77
STEPS_MAX = 60


def silent(done: int, total: int) -> None:
    """Nobody watches."""


def opening(folder: Path) -> SqliteStore:
    return open_sqlite(folder, SEGMENTS, {"points": 1}, "test", VirtualClock(NOW), id_slots=1 << 12)


def put_back(source: Path, folder: Path, may_replace: bool = False, now_ms: int = NOW, told: Any = silent) -> Restored:
    return restore(source, folder, may_replace, now_ms, told)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(folder: Path) -> Iterator[Opened]:
    found = Opened(lambda: opening(folder))
    found.commit(drafts=drafts(10, route="r", nbytes=100))
    yield found
    found.store.check()
    found.close()


def killed(folder: Path, commits: int) -> Path:
    """A store as a killed engine leaves it: its commits in the WAL."""
    alive = folder.with_name(f"{folder.name}-alive")
    one = Opened(lambda: opening(alive))
    for _ in range(commits):
        one.commit(drafts=drafts(5, nbytes=1000))
    folder.mkdir()
    for path in (alive / STORE_FILE, beside(alive / STORE_FILE, "-wal")):
        shutil.copy(path, folder)
    one.close()
    shutil.rmtree(alive)
    return folder


def reopened(folder: Path) -> tuple[int, int]:
    """(epoch, commit_no) of a store that opens, agrees with itself and is closed again."""
    one = Opened(lambda: opening(folder))
    one.store.check()
    one.close(clean=True)
    return one.recovery.epoch, one.recovery.commit_no


def heads(opened: Opened) -> dict[int, Any]:
    return dict(opened.heads)


def test_a_backup_of_a_store_at_work_is_the_state_after_one_commit(
    opened: Opened, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy, "STEP_PAGES", 2)
    for _ in range(20):
        opened.commit(drafts=drafts(20, nbytes=1000))
    at_the_start = opened.commit_no, heads(opened)
    words: list[tuple[int, int]] = []

    def goes_on(done: int, total: int) -> None:
        words.append((done, total))
        assert len(words) <= total, "it begins anew after every commit"
        opened.commit(segment=len(words) % SEGMENTS, drafts=drafts(3, nbytes=500))
        opened.store.idle(NOW)

    found = back_up(folder, tmp_path / "copy", goes_on)
    assert (found.commit_no, found.heads) == at_the_start
    assert opened.commit_no == at_the_start[0] + len(words) and len(words) > 20
    assert words[-1][0] == words[-1][1]
    assert (found.epoch, found.segments) == (opened.recovery.epoch, SEGMENTS)
    assert found.last_at == NOW and found.size_bytes == (tmp_path / "copy").stat().st_size
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy"], "nothing beside it"


def test_page_size_auto_vacuum_and_whose_file_it_is_are_kept(opened: Opened, folder: Path, tmp_path: Path) -> None:
    back_up(folder, tmp_path / "copy", silent)
    names = ("page_size", "auto_vacuum", "application_id", "journal_mode", "user_version")
    told = []
    for path in (folder / STORE_FILE, tmp_path / "copy"):
        with closing(sqlite3.connect(path)) as db:
            told.append([db.execute(f"PRAGMA {name}").fetchone()[0] for name in names])
    assert told[0] == told[1] and told[0][1:2] == [2], "2 is incremental"


def test_stores_that_were_closed_or_killed_can_be_backed_up_too(tmp_path: Path) -> None:
    dead = killed(tmp_path / "dead", commits=4)
    assert back_up(dead, tmp_path / "of-the-dead", silent).commit_no == 4
    assert reopened(dead)[1] == 4, "and it is as it was"
    before = sorted(path.name for path in dead.iterdir())
    assert back_up(dead, tmp_path / "of-the-closed", silent).commit_no == 4
    assert sorted(path.name for path in dead.iterdir()) == before


def test_a_backup_overwrites_nothing_and_needs_a_store(opened: Opened, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("precious", "dangling"):
        with pytest.raises(Declined, match="overwrites nothing"):
            back_up(folder, tmp_path / name, silent)
    assert (tmp_path / "precious").read_text() == "mine"
    with pytest.raises(Declined, match="there is no"):
        back_up(tmp_path / "empty", tmp_path / "copy", silent)
    with pytest.raises(Declined, match="is no folder"):
        back_up(folder, tmp_path / "nowhere" / "copy", silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "data", "precious"]


def test_what_appears_under_the_name_meanwhile_is_not_overwritten(opened: Opened, folder: Path, tmp_path: Path) -> None:
    def appears(done: int, total: int) -> None:
        (tmp_path / "copy").write_text("mine")

    with pytest.raises(Declined, match="overwrites nothing"):
        back_up(folder, tmp_path / "copy", appears)
    assert (tmp_path / "copy").read_text() == "mine" and not beside(tmp_path / "copy", backup.PART).exists()


def test_two_backups_to_one_name_are_kept_apart(opened: Opened, folder: Path, tmp_path: Path) -> None:
    refusals: list[str] = []

    def second(done: int, total: int) -> None:
        with pytest.raises(Declined) as declined:
            back_up(folder, tmp_path / "copy", silent)
        refusals.append(str(declined.value))

    back_up(folder, tmp_path / "copy", second)
    assert refusals and all("another backup is writing" in text for text in refusals)
    assert checked(tmp_path / "copy").commit_no == 1


def test_a_damaged_store_gives_no_backup(tmp_path: Path) -> None:
    dead = killed(tmp_path / "dead", commits=4)
    reopened(dead)
    with closing(sqlite3.connect(dead / STORE_FILE)) as db, db:
        number, blob = db.execute("SELECT number, blob FROM log").fetchone()
        db.execute("UPDATE log SET blob = ? WHERE number = ?", (blob[:-1] + bytes([blob[-1] ^ 1]), number))
    with pytest.raises(Corrupt):
        back_up(dead, tmp_path / "copy", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["dead"]


def test_a_disk_without_room_is_left_alone(
    opened: Opened, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy, "SPARE_BYTES_MIN", 1 << 60)
    with pytest.raises(Declined, match="bytes left and"):
        back_up(folder, tmp_path / "copy", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_store_that_is_replaced_while_a_backup_opens_it_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = killed(tmp_path / "dead", commits=2)
    back_up(dead, tmp_path / "first", silent)
    owner = copy.owner

    def replaced_meanwhile(db: sqlite3.Connection, path: Path) -> tuple[int, int, int]:
        monkeypatch.setattr(copy, "owner", owner)
        found = owner(db, path)
        put_back(tmp_path / "first", dead, may_replace=True)
        return found

    monkeypatch.setattr(copy, "owner", replaced_meanwhile)
    with pytest.raises(Declined, match="replaced by another just now"):
        back_up(dead, tmp_path / "second", silent)


def test_an_engine_that_starts_while_its_closed_store_is_copied_spoils_the_copy_and_that_is_noticed(
    tmp_path: Path,
) -> None:
    dead = killed(tmp_path / "dead", commits=2)
    reopened(dead)
    for stays in (True, False):
        started: list[Opened] = []

        def starts(done: int, total: int, stays: bool = stays, started: list[Opened] = started) -> None:
            started[:] = started or [Opened(lambda: opening(dead))]
            if not stays:
                started[0].close(clean=True)

        with pytest.raises(Declined, match="started"):
            back_up(dead, tmp_path / "copy", starts)
        if stays:
            started[0].close(clean=True)
    assert back_up(dead, tmp_path / "copy", silent).commit_no == 2


def test_a_restored_store_holds_what_the_backup_held_under_a_higher_epoch(
    opened: Opened, folder: Path, tmp_path: Path
) -> None:
    found = back_up(folder, tmp_path / "copy", silent)
    bytes_before = (tmp_path / "copy").read_bytes()
    done = put_back(tmp_path / "copy", tmp_path / "new")
    assert (done.contents.heads, done.contents.commit_no) == (found.heads, found.commit_no)
    assert done.aside is done.replaced is None
    again = Opened(lambda: opening(tmp_path / "new"))
    assert again.heads == opened.heads and again.recovery.epoch > opened.recovery.epoch
    assert again.commit(drafts=drafts(1, route="r"))[0].seq == 11, "seq goes on"
    again.close()
    assert (tmp_path / "copy").read_bytes() == bytes_before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "data", "new"]


@pytest.mark.parametrize("readable", [True, False])
def test_the_next_epoch_is_above_the_replaced_stores_and_the_clocks(tmp_path: Path, readable: bool) -> None:
    old = killed(tmp_path / "old", commits=2)
    back_up(old, tmp_path / "copy", silent)
    for _ in range(5):  # five starts within a second run ahead of the clock
        epoch = reopened(old)[0]
    assert epoch == NOW // 1000 + 5
    if not readable:
        (old / STORE_FILE).write_bytes(b"rubbish" * 2000)
    done = put_back(tmp_path / "copy", old, may_replace=True, now_ms=NOW + (0 if readable else 60_000))
    assert (done.replaced is not None) == readable
    assert reopened(old)[0] == (epoch + 1 if readable else NOW // 1000 + 61)


def test_a_store_is_replaced_only_when_told_and_is_kept_aside_whole(tmp_path: Path) -> None:
    back_up(killed(tmp_path / "small", commits=1), tmp_path / "copy", silent)
    old = killed(tmp_path / "old", commits=3)
    with pytest.raises(Declined, match="--replace"):
        put_back(tmp_path / "copy", old)
    for number in (1, 2):
        done = put_back(tmp_path / "copy", old, may_replace=True)
        assert done.aside == old / f"replaced-{number}"
        assert not any(beside(old / STORE_FILE, companion).exists() for companion in COMPANIONS)
        assert done.replaced is not None and done.replaced.commit_no == (3 if number == 1 else 1)
    assert reopened(old)[1] == 1
    assert reopened(old / "replaced-1")[1] == 3, "with its WAL"


def test_a_log_that_was_left_behind_is_never_applied_to_the_restored_store(tmp_path: Path) -> None:
    back_up(killed(tmp_path / "small", commits=1), tmp_path / "copy", silent)
    old = killed(tmp_path / "old", commits=3)
    (old / STORE_FILE).unlink()
    with pytest.raises(Declined, match="--replace"):
        put_back(tmp_path / "copy", old)
    put_back(tmp_path / "copy", old, may_replace=True)
    assert reopened(old)[1] == 1


def test_a_store_kept_aside_is_never_mixed_with_a_later_one(tmp_path: Path) -> None:
    back_up(killed(tmp_path / "small", commits=1), tmp_path / "copy", silent)
    old = killed(tmp_path / "old", commits=3)
    put_back(tmp_path / "copy", old, may_replace=True)
    (old / STORE_FILE).unlink()
    beside(old / STORE_FILE, "-wal").touch()  # empty: no store, but a file that has to move
    put_back(tmp_path / "copy", old)
    assert reopened(old / "replaced-1")[1] == 3
    assert reopened(old)[1] == 1


def test_a_backup_that_somebody_opened_brings_its_log_with_it(tmp_path: Path) -> None:
    """What an operator may have done to look into it, or a copy of a stopped store with its WAL."""
    source = killed(tmp_path / "cold", commits=3)
    put_back(source / STORE_FILE, tmp_path / "new")
    assert reopened(tmp_path / "new")[1] == 3


def test_nothing_is_restored_over_a_running_engine(opened: Opened, folder: Path, tmp_path: Path) -> None:
    back_up(folder, tmp_path / "copy", silent)
    with pytest.raises(Locked) as locked:
        put_back(tmp_path / "copy", folder, may_replace=True)
    assert locked.value.pid == os.getpid()


@pytest.mark.parametrize("harm", ["torn", "flipped", "foreign", "text", "newer", "missing"])
def test_what_is_no_whole_backup_touches_nothing(tmp_path: Path, harm: str) -> None:
    copied = tmp_path / "copy"
    back_up(killed(tmp_path / "small", commits=9), copied, silent)
    old = killed(tmp_path / "old", commits=3)
    _harm(copied, harm)
    with pytest.raises((Corrupt, Incompatible, Declined)):
        put_back(copied, old, may_replace=True)
    assert not list(old.glob("replaced-*")) and not list(old.glob("*.part*"))
    assert reopened(old)[1] == 3


def _harm(path: Path, how: str) -> None:
    match how:
        case "torn":
            os.truncate(path, path.stat().st_size * 3 // 4)
        case "flipped":
            with closing(sqlite3.connect(path)) as db, db:
                number, blob = db.execute("SELECT number, blob FROM log").fetchone()
                db.execute("UPDATE log SET blob = ? WHERE number = ?", (blob[:-1] + bytes([blob[-1] ^ 1]), number))
        case "foreign":
            path.unlink()
            with closing(sqlite3.connect(path)) as db:
                db.execute("CREATE TABLE theirs (x)")
        case "text":
            path.write_text("shopping list " * 1000)
        case "newer":
            with closing(sqlite3.connect(path)) as db, db:
                db.execute("UPDATE owner SET format = 99")
        case _:
            path.unlink()


class Deaths:
    """Runs work in a child that dies, without any farewell, before the n-th call that changes something on the disk."""

    CALLS = ("rename", "mkdir", "unlink", "fsync", "fdatasync", "ftruncate", "open")

    def died(self, work: Callable[[Callable[[int, int], None]], Any], step: int) -> bool:
        """False when the work was done before."""
        child = os.fork()
        if not child:
            self._live(work, step)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (0, DIED), "it raised"
        return bool(status)

    def _live(self, work: Callable[[Callable[[int, int], None]], Any], step: int) -> None:
        left = [step]

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def made(*args: Any, **kwargs: Any) -> Any:
                if not left[0]:
                    os._exit(DIED)
                left[0] -= 1
                return call(*args, **kwargs)

            return made

        status = 1
        try:
            for name in self.CALLS:
                setattr(os, name, counted(getattr(os, name)))
            work(counted(silent))
            status = 0
        finally:
            os._exit(status)


def test_a_backup_that_dies_anywhere_leaves_no_file_or_a_whole_one(tmp_path: Path) -> None:
    dead = killed(tmp_path / "dead", commits=3)
    to = tmp_path / "copy"
    found: set[bool] = set()
    for step in range(STEPS_MAX):
        died = Deaths().died(lambda told: back_up(dead, to, told), step)
        found.add(to.exists())
        if to.exists():
            assert checked(to).commit_no == 3
            to.unlink()
        if not died:
            break
    else:
        pytest.fail("it never ended")
    assert step > 8 and found == {True, False}
    assert back_up(dead, to, silent).commit_no == 3, "what the dead left behind is in nobody's way"
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy"]
    assert reopened(dead)[1] == 3


def test_a_restore_that_dies_anywhere_leaves_the_old_store_or_the_new_one(tmp_path: Path) -> None:
    back_up(killed(tmp_path / "small", commits=1), tmp_path / "copy", silent)
    pristine = killed(tmp_path / "pristine", commits=3)
    seen: list[int] = []
    for step in range(STEPS_MAX):
        old = tmp_path / "old"
        shutil.copytree(pristine, old)
        died = Deaths().died(lambda told, old=old: put_back(tmp_path / "copy", old, may_replace=True, told=told), step)
        _opened_by_starts_that_die_too(old)
        commit_no = reopened(old)[1]
        seen.append(commit_no)
        if commit_no == 1:
            assert reopened(old / "replaced-1")[1] == 3, "the old store is whole"
        shutil.rmtree(old)
        if not died:
            break
    else:
        pytest.fail("it never ended")
    assert set(seen) == {1, 3} and seen == sorted(seen, reverse=True), "there is one moment of decision"
    assert seen.count(1) > 5, "and steps after it"


def _opened_by_starts_that_die_too(folder: Path) -> None:
    """Each start gets one step further in finishing what was decided, until nothing is left to finish."""
    for step in range(STEPS_MAX):
        if not (folder / READY).exists():
            return
        Deaths().died(lambda told: opening(folder), step)
    pytest.fail("it is never finished")


def test_a_backup_waits_until_a_restore_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    dead = killed(tmp_path / "dead", commits=2)
    back_up(dead, tmp_path / "copy", silent)
    shutil.copy(tmp_path / "copy", dead / READY)
    with pytest.raises(Declined, match="start the engine"):
        back_up(dead, tmp_path / "second", silent)
    reopened(dead)
    assert isinstance(back_up(dead, tmp_path / "second", silent), Contents)
