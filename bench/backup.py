"""What a backup costs the engine that goes on, and why it is made as it is: `python -m bench.backup [--events N]
[--rate N] [--rounds N] [--give-up-s N] [--folder DIR]`.

A writer commits groups of points-like events (bench/store.py) at a steady rate while another process copies its store:
not at all; by SQLite's online backup as it comes; the same under one read transaction; and written through to the disk
step by step; by `VACUUM INTO`; by `run.py backup`, which does the third and checks the copy. Compared are the
writer's commits, the WAL's growth, and the time until the copy stands. A method that does not end within `--give-up-s`
is killed: that is its result.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.process import ROOT
from bench.report import Number, report
from bench.store import SEGMENTS, START_MS, Load
from supervision.clock import SystemClock
from supervision.store_sqlite import SqliteStore, open_sqlite
from supervision.store_sqlite.store import STORE_FILE

USERS = 100_000
GROUP = 333
FILL_GROUP = 2_000
ALONE_S = 10.0
WAL_BYTES_QUIET = 48 << 20
"""The writer goes on until the WAL has started over, so that no method inherits its predecessor's."""

_BARE = "import sqlite3, sys; source = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True); "
_OURS = (
    "import sys; from pathlib import Path; from supervision.store_sqlite.copy import copy_store;"
    " to = Path(sys.argv[2]); to.touch(); "
)
METHODS = {
    "no backup": (),
    "online backup as it comes": (_BARE + "source.backup(sqlite3.connect(sys.argv[2]), pages=1024, sleep=0)",),
    "one read transaction": (
        _BARE
        + "source.isolation_level = None; source.execute('BEGIN'); source.execute('SELECT * FROM owner').fetchone();"
        " source.backup(sqlite3.connect(sys.argv[2]), pages=1024)",
    ),
    "one read transaction, written through": (_OURS + "copy_store(Path(sys.argv[1]), to, lambda *_: None)",),
    "VACUUM INTO": (_BARE + "source.execute('VACUUM INTO ?', (sys.argv[2],))",),
    "run.py backup": (),
}
"""What another process runs; "one read transaction, written through" is the copying part of `run.py backup`."""


class Writer:
    """The engine's place: a group every so often, however long the last one took."""

    def __init__(self, folder: Path, events: int, rate: int) -> None:
        self._store = open_sqlite(folder, SEGMENTS, {"points": 1}, "bench", SystemClock())
        self._load = Load(self._store, USERS, seed=1)
        self._every_s = GROUP / rate
        for batch in self._load.people():
            self._write(self._store, batch)
        for _ in range(events // FILL_GROUP):
            self._write(self._store, self._load.events(FILL_GROUP))

    @staticmethod
    def _write(store: SqliteStore, batch: object) -> float:
        start = time.perf_counter()
        store.commit(batch)  # pyright: ignore[reportArgumentType]
        store.idle(START_MS)
        return time.perf_counter() - start

    def beside(self, copying: subprocess.Popen[bytes] | None, seconds_max: float) -> tuple[list[float], int, float]:
        """(seconds of each group, most bytes of WAL, seconds until the copy stood or 0) while `copying` runs."""
        times: list[float] = []
        start, wal = time.monotonic(), 0
        while (elapsed := time.monotonic() - start) < seconds_max and (copying is None or copying.poll() is None):
            times.append(self._write(self._store, self._load.events(GROUP)))
            wal = max(wal, self._wal_bytes())
            time.sleep(max(0.0, elapsed + self._every_s - (time.monotonic() - start)))
        done = copying is not None and copying.poll() == 0
        return times, wal, time.monotonic() - start if done else 0.0

    def settle(self) -> None:
        """Until the WAL has started over."""
        while self._write(self._store, self._load.events(GROUP)) and self._wal_bytes() > WAL_BYTES_QUIET:
            pass

    def _wal_bytes(self) -> int:
        return (self._store.folder / f"{STORE_FILE}-wal").stat().st_size

    def size_bytes(self) -> int:
        return self._store.size_bytes()

    def close(self) -> None:
        self._store.close(clean=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="what a backup costs the engine that goes on")
    parser.add_argument("--events", type=int, default=400_000, help="in the store before (default %(default)s)")
    parser.add_argument("--rate", type=int, default=2_500, help="events a second meanwhile (default %(default)s)")
    parser.add_argument("--give-up-s", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3, help="of all methods, interleaved (default %(default)s)")
    parser.add_argument("--folder", type=Path, default=None, help="where to put the store (a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        writer = Writer(Path(folder) / "data", args.events, args.rate)
        numbers = [Number("store", writer.size_bytes() / 1e6, "MB")]
        rounds = [{name: measured(name, writer, Path(folder), args.give_up_s) for name in METHODS}
                  for _ in range(args.rounds)]  # fmt: skip
        for name in METHODS:
            numbers += summed(name, [each[name] for each in rounds])
        writer.close()
    settings = {"events": args.events, "rate": args.rate, "give_up_s": args.give_up_s, "rounds": args.rounds}
    report("backup", numbers, settings, "Slowest commits are one commit each: look at the range before the difference.")


def measured(name: str, writer: Writer, folder: Path, give_up_s: float) -> tuple[float, float, float, float]:
    """One method, once: (median commit s, slowest commit s, bytes of WAL, s until the copy stands; 0: it never did)."""
    command = _command(name, folder)
    copying = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) if command else None
    times, wal, took_s = writer.beside(copying, give_up_s if copying else ALONE_S)
    if copying is not None:
        copying.kill()
        copying.wait()
        _to(name, folder).unlink(missing_ok=True)
    writer.settle()
    times.sort()
    return times[len(times) // 2], times[-1], wal, took_s


def summed(name: str, rounds: Sequence[tuple[float, float, float, float]]) -> list[Number]:
    """Medians over the rounds, and the range of what varies most."""
    half, slowest, wal, took_s = (sorted(column) for column in zip(*rounds, strict=True))
    middle = len(rounds) // 2
    return [
        Number(f"{name}: half of the commits within", half[middle] * 1e3, "ms"),
        Number(f"{name}: the slowest commit, best round", slowest[0] * 1e3, "ms"),
        Number(f"{name}: the slowest commit, middle round", slowest[middle] * 1e3, "ms"),
        Number(f"{name}: the slowest commit, worst round", slowest[-1] * 1e3, "ms"),
        Number(f"{name}: the WAL grows to at most", wal[-1] / 1e6, "MB"),
        *([Number(f"{name}: the copy stands after", took_s[middle], "s (0: never)")] if _command(name, ROOT) else []),
    ]


def _to(name: str, folder: Path) -> Path:
    return folder / name.replace(" ", "-").replace(",", "")


def _command(name: str, folder: Path) -> Sequence[str]:
    data, to = folder / "data", _to(name, folder)
    if name == "run.py backup":
        return [sys.executable, "run.py", "backup", "--to", str(to), "--data", str(data)]
    return [sys.executable, "-c", *METHODS[name], str(data / STORE_FILE), str(to)] if METHODS[name] else ()


if __name__ == "__main__":
    main()
