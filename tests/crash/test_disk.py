"""A disk that is nearly full, one that is full, and one that takes no more of a file: on the real program.

The first two are a small file system of the test's own, filled by a ballast file. Mounting needs rights; without them
they are skipped, and the third, a limit on the size of any file the engine writes (RLIMIT_FSIZE), stands in for the
full disk. It is also another error: SQLite says "I/O error", which leaves a commit's outcome unknown, where a full disk
says "full", which surely refuses it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.looks import number, reasons
from tests.crash.ordeal import Ordeal
from tests.crash.program import until

Make = Callable[..., Ordeal]

DISK_BYTES = 48 << 20
FREE_BYTES_MIN = 16 << 20
TROUBLE = 1
NOTICED_S_MAX = 30.0
"""The engine looks at the disk every 5 s."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of DISK_BYTES, empty."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "ganglion-test", str(disk)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no right to mount ({mounted.stderr.strip()}); the test with RLIMIT_FSIZE stands in")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, leave_bytes: int) -> Path:
    """A ballast file that leaves at most so many bytes; -> it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while (stat := os.statvfs(disk)).f_bavail * stat.f_frsize > leave_bytes or not leave_bytes:
            file.write(bytes(stat.f_frsize))
    return ballast


def notices(trial: Ordeal, holds: Callable[[], bool]) -> None:
    trial.program.until(holds, NOTICED_S_MAX, lambda: reasons(trial.program))


def test_on_a_full_disk_nothing_is_acked_and_when_there_is_room_again_nothing_was_lost(
    small_disk: Path, ordeal: Make
) -> None:
    trial = ordeal(31, 150, "--disk-free-min", "0", data=small_disk / "data")
    trial.under(300, [], (0, 0))
    ballast = fill(small_disk, 0)
    trial.under(1_000, [], (0, 0))
    trial.publisher.settle()
    notices(trial, lambda: "the store refuses" in reasons(trial.program))
    acked, seen = number(trial.program, "bridge_acked_total"), len(trial.listener.seen)
    assert acked < len(trial.shop.sent) and trial.missing, "the disk was not full in time"
    ballast.unlink()
    trial.seen(seen + 1)
    ballast = fill(small_disk, 0)
    trial.under(200, [], (0, 0))
    trial.program.kill()
    trial.program.start()
    until(lambda: not trial.program.alive, NOTICED_S_MAX, trial.program.story)
    assert trial.program.status == TROUBLE and "the store cannot be opened" in trial.program.story()
    ballast.unlink()
    trial.drain()
    trial.rest()


def test_a_file_that_may_not_grow_makes_commits_fail_and_none_is_lost_or_doubled(ordeal: Make) -> None:
    trial = ordeal(32, 150)
    trial.under(300, [], (0, 0))
    trial.drain()
    wal = trial.program.data / "store.sqlite3-wal"
    no_limit = resource.RLIM_INFINITY
    resource.prlimit(trial.program.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, no_limit))
    trial.under(1_000, [], (0, 0))
    notices(trial, lambda: reasons(trial.program).startswith("503"))
    assert trial.missing, "nothing was held up"
    resource.prlimit(trial.program.pid, resource.RLIMIT_FSIZE, (no_limit, no_limit))
    notices(trial, lambda: reasons(trial.program) == "200 ")
    trial.drain()
    trial.rest()


@pytest.mark.long
def test_on_a_nearly_full_disk_the_doors_close_what_was_taken_is_worked_off_and_they_open_again(
    small_disk: Path, ordeal: Make
) -> None:
    trial = ordeal(33, 150, "--disk-free-min", str(FREE_BYTES_MIN), data=small_disk / "data")
    trial.under(300, [], (0, 0))
    trial.drain()
    ballast = fill(small_disk, FREE_BYTES_MIN // 2)
    notices(trial, lambda: "bytes left on the disk" in reasons(trial.program))
    taken = number(trial.program, "bridge_acked_total")
    trial.under(300, [], (0, 0))
    trial.publisher.settle()
    notices(trial, lambda: number(trial.program, "bridge_deliveries_total") > taken)
    assert number(trial.program, "bridge_acked_total") == taken, "it took input on a nearly full disk"
    ballast.unlink()
    trial.drain()
    trial.rest()
