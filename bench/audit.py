"""How fast the books are proven: `python -m bench audit [--users N] [--lines N] [--rounds N] [--data DIR]`.

A store is filled with users who have a history: what each of them has and every line of it is what the points domain
made of purchases, spends and expiries, in the order in which a log would have had them, users drawn in turn so that
neighbouring lines are different people's. No log is written, nothing is on its way. Then all of it is audited, in this
process, on a store that nobody else has open; the page cache is warm. Memory is what the audit added to the process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
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
from bench.report import Number, report
from supervision.clock import SystemClock
from supervision.domain import Event, formats
from supervision.entry import Entry, segment_of
from supervision.messages import RecordRow, Stage, TimerOp, TimerRow
from supervision.outputs import Arm, Cancel, Record
from supervision.store import Batch, Recovery
from supervision.store_sqlite import SqliteStore, open_sqlite

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


def fill(folder: Path, users: int, rounds: int) -> tuple[SqliteStore, int]:
    """-> the store, open, and its lines."""
    clock = SystemClock()
    store = open_sqlite(folder, SEGMENTS, formats(domains(from_settings(), SEGMENTS)), "bench", clock)
    recovery = store.recover(clock.now_ms())
    days = 700 // rounds
    people = Regulars(users, recovery, clock.now_ms() - rounds * days * DAY_MS)
    for number in range(rounds):
        for batch in people.round(number, days):
            store.commit(batch)
            store.idle(clock.now_ms())
    return store, people.lines


def audited(store: SqliteStore, pace: Pace) -> tuple[Audit, float, float]:
    """(the audit, seconds, CPU seconds)."""
    audit = Audit(store.reader(), SEGMENTS, pace)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in audit.steps():
        pass
    assert audit.found == 0, audit.findings
    return audit, time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench audit", description="how fast the books are proven")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--lines", type=int, default=20, help="changes of each user (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="audits of the whole (default %(default)s)")
    parser.add_argument("--data", type=Path, default=None, help="where to put the store (a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        store, lines = fill(Path(folder), options.users, options.lines)
        size = store.size_bytes()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        runs = [audited(store, Pace()) for _ in range(options.rounds)]
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        in_parts = audited(store, Pace(users_max=options.users * 2 // SEGMENTS // 3))
        store.close(clean=True)
    records = runs[0][0].records
    assert records == lines == in_parts[0].records, (records, lines)
    walls, cpus = sorted(wall for _, wall, _ in runs), sorted(cpu for *_, cpu in runs)
    middle = len(runs) // 2
    numbers = [
        Number("records", records, "records"),
        Number("users", runs[0][0].users, "users"),
        Number("store on disk", size / 2**20, "MiB"),
        Number("proven, middle round", records / walls[middle], "records/s", ">= 100,000"),
        Number("proven, worst round", records / walls[-1], "records/s"),
        Number("CPU of a record", cpus[middle] / records * 1e6, "us"),
        Number("proven where a segment's users are read in parts", records / in_parts[1], "records/s"),
        Number("memory that the audits added at most", grown / 1024, "MiB"),
    ]
    report("audit", numbers, {"users": options.users, "lines": options.lines, "segments": SEGMENTS})


if __name__ == "__main__":
    main()
