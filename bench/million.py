"""How a store of a million users starts: `python -m bench million [--users N] [--data DIR]`.

The users are written through the store's own commit, in large batches, without the engine's log: what each of them
has is what the points domain made of one purchase, the encoded account and its two timers, at a random day of the
last year; every segment has its domains' checkpoints. Then the real program is started on it (without a broker, which
has its own pace) and the time to the first 200 of /readyz is taken, cold import of Python's modules included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec

from actors.points.actor import PointsLedgerActor
from actors.points.messages import PointsChange
from actors.points.programme import Programme
from actors.registry import domains
from bench.process import Engine, memory_mib
from bench.report import Number, report
from supervision.clock import SystemClock
from supervision.domain import Event
from supervision.entry import Entry, segment_of
from supervision.messages import Stage, TimerOp, TimerRow
from supervision.outputs import Arm
from supervision.store import Batch
from supervision.store_sqlite import open_sqlite

SEGMENTS = 16
USERS_PER_BATCH = 20_000
DAY_MS = 24 * 3600 * 1000
SPREAD_DAYS = 350
"""Purchases lie this far back at most, so that nobody's points or reminder are due."""
STARTS = 3
LOOK_S = 2.0
"""Between readiness and the look at the memory: what the start has read lazily is in it."""


class People:
    """Stages that give users their accounts and timers."""

    def __init__(self, epoch: int, now_ms: int, seed: int) -> None:
        self._epoch = epoch
        self._now_ms = now_ms
        self._rng = Random(seed)
        self._actor = PointsLedgerActor(Programme())
        self._encode = msgspec.msgpack.Encoder().encode

    def stages(self, first: int, last: int) -> list[Stage]:
        """One stage per segment for the users `first` to `last` (excluded)."""
        states: dict[int, list[tuple[str, bytes]]] = {}
        timers: dict[int, list[TimerOp]] = {}
        for number in range(first, last):
            subject = f"user:{number}"
            segment = segment_of(subject, SEGMENTS)
            state, ops = self._purchase(segment, subject)
            states.setdefault(segment, []).append((subject, state))
            timers.setdefault(segment, []).extend(ops)
        return [
            Stage(segment, "points", 1, 0, 0, states=states[segment], timer_ops=timers[segment])
            for segment in sorted(states)
        ]

    def _purchase(self, segment: int, subject: str) -> tuple[bytes, list[TimerOp]]:
        """What the domain makes of one purchase by `subject`."""
        at = self._now_ms - self._rng.randrange(SPREAD_DAYS * DAY_MS)
        body = PointsChange("points_change", subject[5:], "increase", self._rng.randrange(1, 500), "purchase_order")
        entry = Entry(segment, self._epoch, 1, at, 0, "points.change", subject, b"")
        account = self._actor.fresh(subject)
        outputs = list(self._actor.react(account, Event(entry, body, at, subject)))
        ops = [
            TimerOp(subject, arm.key, TimerRow(segment, "points", subject, arm.key, 1, arm.due, arm.body))
            for arm in outputs
            if isinstance(arm, Arm)
        ]
        return self._encode(account), ops


def batches(people: People, users: int, epoch: int, commit_no: int) -> Iterator[Batch]:
    for first in range(0, users, USERS_PER_BATCH):
        commit_no += 1
        yield Batch(commit_no, epoch, stages=people.stages(first, min(users, first + USERS_PER_BATCH)))


def fill(folder: Path, users: int) -> int:
    """Make the store; -> its bytes."""
    clock = SystemClock()
    formats = {domain.name: domain.format for domain in domains(Programme()) if domain.format}
    store = open_sqlite(folder, SEGMENTS, formats, "bench", clock)
    now_ms = clock.now_ms()
    recovery = store.recover(now_ms)
    for batch in batches(People(recovery.epoch, now_ms, seed=1), users, recovery.epoch, recovery.commit_no):
        store.commit(batch)
        store.idle(now_ms)
    size = store.size_bytes()
    store.close(clean=True)
    return size


def start(folder: Path) -> tuple[float, float]:
    """(seconds to readiness, MiB resident after it)."""
    with Engine(folder) as engine:
        seconds = engine.ready()
        time.sleep(LOOK_S)
        return seconds, memory_mib(engine.pid, "VmRSS")


def main() -> None:
    parser = argparse.ArgumentParser(description="start of the engine on a store of many users")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=None, help="where to put the stores (a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        nobody = start(Path(folder) / "empty")
        began = time.monotonic()
        size = fill(Path(folder) / "full", options.users)
        filled_s = time.monotonic() - began
        starts = [start(Path(folder) / "full") for _ in range(STARTS)]
    numbers = [
        Number("from start to ready, slowest of three", max(seconds for seconds, _ in starts), "s", "< 5"),
        Number("the same on an empty store", nobody[0], "s"),
        Number("resident memory when ready", max(memory for _, memory in starts), "MiB"),
        Number("the same on an empty store", nobody[1], "MiB"),
        Number("disk per million users", size / options.users * 1e6 / 2**20, "MiB"),
        Number("filling the store", filled_s, "s"),
    ]
    settings = {"users": options.users, "segments": SEGMENTS, "starts": STARTS}
    report("million", numbers, settings, "the page cache is warm: the store was written just before")


if __name__ == "__main__":
    main()
