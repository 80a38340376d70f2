"""How fast the whole engine drains a backlog: `python -m bench drain [--events N] [--users N] [--data DIR]`.

Everything is as in production but for the size of the machine: a private RabbitMQ with quorum queues, the real
program with its SQLite store and `synchronous=FULL`, and a receiver of its own process on a durable quorum queue
bound to all effects. The backlog is published and confirmed before the engine starts; an event counts when both of
its effects (`points_earned`, `notify_sms`) are with the receiver. The rate is events over the time from the first
effect to the last, so the start is not in it; CPU is what the kernel counted in that time, user and system.

The engine's memory is looked at all the while: it must not know how long the queue is. `--events 1000000` is the run
that shows it (ten minutes; not among those that `python -m bench` makes by itself).
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.listener import FIRST_S_MAX, Listener
from bench.process import Engine, Failed, cpu_s, end_in_order, family_cpu_s, memory_mib
from bench.report import Number, report
from bench.shop import cores, declare, publish, purchases
from supervision.store_sqlite.store import STORE_FILE
from topology.broker_node import PrivateBroker

DRAIN_S_MAX = 3600.0
EARLY = 0.1
"""Memory at this part of the time is set beside the memory at the end."""


class Watch:
    """An engine's memory over time: (seconds since the first effect, resident MiB)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began = time.monotonic()
        self.seen: list[tuple[float, float]] = []

    def look(self) -> None:
        self.seen.append((time.monotonic() - self._began, memory_mib(self._pid, "VmRSS")))

    def at(self, part: float) -> float:
        """At `part` of the time."""
        return self.seen[min(len(self.seen) - 1, int(len(self.seen) * part))][1]


class Drain:
    """The numbers of one drain; `family` are the CPU seconds of (engine, broker, receiver)."""

    def __init__(self, events: int, engine: Engine, listener: Listener) -> None:
        listener_pid = listener.pid

        def family() -> tuple[float, float, float]:
            broker = family_cpu_s(os.getpid(), (engine.pid, listener_pid))
            return cpu_s(engine.pid), broker, cpu_s(listener_pid)

        first = listener.heard("first", FIRST_S_MAX)["first"]
        before = family()
        self.watch = Watch(engine.pid)
        self.watch.look()
        last = listener.heard("last", DRAIN_S_MAX, self.watch.look)
        self.watch.look()
        self.engine_us, self.broker_us, self.receiver_us = (
            (b - a) / events * 1e6 for a, b in zip(before, family(), strict=True)
        )
        self.events = events
        self.seconds = last["last"] - first
        self.whole_s = last["last"] - engine.started
        self.again = last["again"]
        self.peak_mib = memory_mib(engine.pid, "VmHWM")

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def numbers(self) -> list[Number]:
        total = self.engine_us + self.broker_us + self.receiver_us
        return [
            Number("both effects of an event", self.rate, "events/s", ">= 3,000"),
            Number("with the engine's start", self.events / self.whole_s, "events/s"),
            Number("from the first effect to the last", self.seconds, "s"),
            Number("CPU of the engine", self.engine_us, "us/event", "<= 300"),
            Number("CPU of the broker", self.broker_us, "us/event"),
            Number("CPU of the receiver", self.receiver_us, "us/event"),
            Number("cores in use, all three", total * self.rate / 1e6, f"of {cores()}"),
            Number("memory of the engine, at most", self.peak_mib, "MiB"),
            Number("after a tenth of the time", self.watch.at(EARLY), "MiB"),
            Number("at the end", self.watch.at(1.0), "MiB"),
            Number("effects received twice", self.again, ""),
        ]


def drain(url: str, data: Path, events: int) -> Drain:
    """Of what waits in the ingress queue. Raises Failed."""
    with Listener(url, events) as listener, Engine(data, ["--amqp", url]) as engine:
        return Drain(events, engine, listener)


def commits(data: Path) -> int:
    """How many transactions the store of an engine that has ended holds: the fewer, the more shared each of them."""
    with closing(sqlite3.connect(f"file:{data / STORE_FILE}?mode=ro", uri=True)) as db:
        number: int = db.execute("SELECT commit_no FROM owner").fetchone()[0]
    return number


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench drain", description="events per second of the engine, from a backlog")
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--data", type=Path, default=None, help="where to put broker and store (a temporary folder)")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(dir=options.data) as folder, PrivateBroker(Path(folder) / "broker") as broker:
        data = Path(folder) / "data"
        declare(broker.url())
        publish(broker.url(), purchases(options.events, options.users, seed=1), options.events)
        drained = drain(broker.url(), data, options.events)
        disk = sum(path.stat().st_size for path in data.iterdir() if path.is_file())
        numbers = [
            *drained.numbers(),
            Number("store on disk after it", disk / 2**20, "MiB"),
            Number("commits of the store", commits(data) / options.events * 1000, "per 1,000 events"),
        ]
    settings = {"events": options.events, "users": options.users, "segments": 16}
    name = "drain" if options.events < 500_000 else "backlog"
    report(name, numbers, settings, details={"memory_mib": drained.watch.seen})


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(f"bench drain: {failed}") from None
