"""How fast the books are proven: `python -m bench audit [--users N] [--lines N] [--rounds N] [--data DIR]`.

A store is filled with users who have a history: what each of them has and every line of it is what the points domain
made of purchases, spends and expiries, in the order in which a log would have had them, users drawn in turn so that
neighbouring lines are different people's. No log is written, nothing is on its way. Then all of it is audited, each
time in a process of its own, on a store that nobody has open; the page cache is warm.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random

import msgspec

from actors.points.actor import PointsLedgerActor
from actors.points.auditor import Audit, Pace
from actors.points.messages import CHANGE, PointsChange
from actors.points.programme import from_settings
from actors.points.state import Account
from actors.registry import domains
from bench.people import DAY_MS, SEGMENTS, USERS_PER_BATCH
from bench.process import memory_mib
from bench.report import Number, report
from supervision.clock import SystemClock
from supervision.domain import Event, formats
from supervision.entry import Entry, segment_of
from supervision.messages import RecordRow, Stage, TimerOp, TimerRow
from supervision.outputs import Arm, Cancel, Record
from supervision.store import Batch, Recovery
from supervision.store_sqlite import open_sqlite
from supervision.store_sqlite.beside import reading
from supervision.store_sqlite.files import STORE_FILE

ENTRIES_PER_EVENT = 3
SPENDS_OF = 4
"""One of so many changes is a spend, which may be refused and leave no line."""


class Regulars:
    """Users who come again and again, every one of them once a round. Accounts stay in memory."""

    def __init__(self, users: int, recovery: Recovery, began_ms: int) -> None:
        self._users = users
        self._epoch = recovery.epoch
        self._commit_no = recovery.commit_no
        self._at = began_ms
        self._rng = Random(1)
        self._actor = PointsLedgerActor(from_settings())
        self._shared = self._actor.fresh_shared()
        self._accounts: list[Account] = [self._actor.fresh(f"user:{number}") for number in range(users)]
        self._offsets = dict.fromkeys(range(SEGMENTS), 0)
        self._json = msgspec.json.Encoder().encode
        self._msgpack = msgspec.msgpack.Encoder().encode
        self.lines = 0

    def round(self, number: int, days: int) -> Iterator[Batch]:
        """Everybody's next change, `days` after the one before."""
        self._at += days * DAY_MS
        for first in range(0, self._users, USERS_PER_BATCH):
            before = dict(self._offsets)
            parts: dict[int, tuple[list[tuple[str, bytes]], list[TimerOp], list[RecordRow]]] = {}
            for user in range(first, min(self._users, first + USERS_PER_BATCH)):
                self._change(user, spends=number > 0 and self._rng.randrange(SPENDS_OF) == 0, parts=parts)
            stages = [
                Stage(
                    segment, "points", 1, before[segment], self._offsets[segment],
                    states=states, timer_ops=timers, records=lines,
                )
                for segment, (states, timers, lines) in sorted(parts.items())
            ]  # fmt: skip
            self._commit_no += 1
            yield Batch(self._commit_no, self._epoch, stages=stages)

    def _change(
        self, user: int, spends: bool, parts: dict[int, tuple[list[tuple[str, bytes]], list[TimerOp], list[RecordRow]]]
    ) -> None:
        subject = f"user:{user}"
        segment = segment_of(subject, SEGMENTS)
        offset = self._offsets[segment] = self._offsets[segment] + ENTRIES_PER_EVENT
        kind, reason = ("decrease", "redeem") if spends else ("increase", "purchase_order")
        body = PointsChange("points_change", subject[5:], kind, self._rng.randrange(1, 500), reason)
        entry = Entry(segment, self._epoch, offset, self._at, 0, CHANGE, subject, b"")
        states, timers, lines = parts.setdefault(segment, ([], [], []))
        n = 0
        for output in self._actor.react(
            self._accounts[user], Event(entry, body, self._at, subject, shared=self._shared)
        ):
            match output:
                case Record(body=line):
                    lines.append(RecordRow(subject, offset, n, self._json(line)))
                    n += 1
                case Arm(key=key, due=due):
                    timers.append(TimerOp(subject, key, TimerRow(segment, "points", subject, key, offset, due)))
                case Cancel(key=key):
                    timers.append(TimerOp(subject, key, None))
                case _:
                    pass
        self.lines += n
        states.append((subject, self._msgpack(self._accounts[user])))


def fill(folder: Path, users: int, rounds: int) -> int:
    """-> how many lines."""
    clock = SystemClock()
    store = open_sqlite(folder, SEGMENTS, formats(domains(from_settings(), SEGMENTS)), "bench", clock)
    recovery = store.recover(clock.now_ms())
    days = 700 // rounds
    people = Regulars(users, recovery, clock.now_ms() - rounds * days * DAY_MS)
    for number in range(rounds):
        for batch in people.round(number, days):
            store.commit(batch)
            store.idle(clock.now_ms())
    store.close(clean=True)
    return people.lines


class Run(msgspec.Struct, frozen=True):
    """One audit of the whole, in a process of its own."""

    records: int
    users: int
    wall_s: float
    cpu_s: float
    grown_mib: float
    """The most memory there was, less what there was before."""


def audited(folder: Path, pace: Pace) -> Run:
    """As `run.py audit` does it."""
    before = memory_mib(os.getpid(), "VmRSS")
    with reading(folder, SystemClock()) as (reader, segments):
        audit = Audit(reader, segments, pace)
        began, cpu = time.perf_counter(), time.process_time()
        for _ in audit.steps():
            pass
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    assert audit.found == 0, audit.findings
    return Run(audit.records, audit.users, wall_s, cpu_s, memory_mib(os.getpid(), "VmHWM") - before)


def alone(folder: Path, pace: Pace) -> Run:
    """`audited` in a new process, which inherits nobody's memory."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(audited, folder, pace).result()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench audit", description="how fast the books are proven")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--lines", type=int, default=20, help="changes of each user (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="audits of the whole (default %(default)s)")
    parser.add_argument("--data", type=Path, default=None, help="where to put the store (a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as temporary:
        folder = Path(temporary)
        lines = fill(folder, options.users, options.lines)
        size = (folder / STORE_FILE).stat().st_size
        runs = [alone(folder, Pace()) for _ in range(options.rounds)]
        parts = alone(folder, Pace(users_max=options.users * 2 // SEGMENTS // 3))
    assert all(run.records == lines for run in (*runs, parts)), (lines, runs, parts)
    walls, cpus = sorted(run.wall_s for run in runs), sorted(run.cpu_s for run in runs)
    middle = len(runs) // 2
    numbers = [
        Number("records", lines, "records"),
        Number("users", runs[0].users, "users"),
        Number("store on disk", size / 2**20, "MiB"),
        Number("proven in a second of CPU, middle round", lines / cpus[middle], "records/s", ">= 100,000"),
        Number("proven in a second of the clock, best round", lines / walls[0], "records/s"),
        Number("proven in a second of the clock, worst round", lines / walls[-1], "records/s"),
        Number("CPU of a record", cpus[middle] / lines * 1e6, "us"),
        Number("CPU of a record where a segment's users are read in parts", parts.cpu_s / lines * 1e6, "us"),
        Number("memory of an audit", max(run.grown_mib for run in runs), "MiB"),
    ]
    remarks = "an audit is one thread: what the clock says beyond the CPU is other work on the machine"
    report("audit", numbers, {"users": options.users, "lines": options.lines, "segments": SEGMENTS}, remarks)


if __name__ == "__main__":
    main()
