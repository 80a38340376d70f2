"""How fast the whole engine drains a backlog: `python -m bench drain [--events N] [--users N] [--data DIR]`.

Everything is as in production but for the size of the machine: a private RabbitMQ with quorum queues, the real
program with its SQLite store and `synchronous=FULL`, and a receiver of its own process on a durable quorum queue
bound to all effects. The backlog is published and confirmed before the engine starts; an event counts when both of
its effects (`points_earned`, `notify_sms`) are with the receiver. The rate is events over the time from the first
effect to the last, so the start is not in it; CPU is what the kernel counted in that time, user and system, of
engine, broker and receiver, since on a small machine they share the cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pika

from actors.registry import COMMANDS
from bench.process import ROOT, Engine, Failed, cpu_s, family_cpu_s, memory_mib
from bench.report import Number, report
from supervision.store_sqlite.store import STORE_FILE
from topology.amqp_publish import AmqpPublish
from topology.amqp_topology import declare_all
from topology.broker_node import PrivateBroker
from topology.ports import Outgoing, Props
from topology.publish_file import publish_all
from topology.table import EFFECTS, topology

QUEUE = "bench.effects"
DOOR, KEY = "marketing.points.events", "points.increase.purchase"


def backlog(events: int, users: int, seed: int) -> Iterator[Outgoing]:
    """Purchases of random users, each its own order, as a shop would send them."""
    rng = Random(seed)
    for i in range(events):
        body = (
            f'{{"event_type":"points_change","user_id":"{rng.randrange(users)}","change_type":"increase",'
            f'"points":{rng.randrange(1, 500)},"reason":"purchase_order","order_id":"ORDER_{i:07d}",'
            f'"timestamp":"2026-11-11T00:00:00Z","metadata":{{"order_amount":500.0}}}}'
        )
        yield Outgoing(DOOR, KEY, body.encode(), Props("application/json", message_id=f"m-{i:07d}", app_id="shop"))


def declare(url: str) -> None:
    """What the engine would declare, and the receiver's queue."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    declare_all(connection, topology(sorted({spec.exchange for spec in COMMANDS.values()})))
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(QUEUE, EFFECTS, "#")
    connection.close()


def publish(url: str, events: int, users: int) -> None:
    """The backlog, confirmed to the last. Raises Failed."""
    port = AmqpPublish(url, lambda _: None)
    try:
        result = publish_all(port, backlog(events, users, seed=1), lambda _: None)
    finally:
        port.close()
    if result.confirmed != events or result.unrouted:
        raise Failed(f"the backlog was not taken: {result}")


class Spent:
    """CPU seconds of the three parties, at one moment."""

    def __init__(self, engine: int, receiver: int) -> None:
        self.engine = cpu_s(engine)
        self.receiver = cpu_s(receiver)
        self.broker = family_cpu_s(os.getpid(), (engine, receiver))


def drain(url: str, data: Path, events: int) -> list[Number]:
    """Start receiver and engine, wait for the last effect."""
    command = [sys.executable, "-m", "bench.effects", url, QUEUE, str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as receiver:
        try:
            _heard(receiver, "ready")
            with Engine(data, ["--amqp", url]) as engine:
                first = _heard(receiver, "first")
                before = Spent(engine.pid, receiver.pid)
                last = _heard(receiver, "last")
                after = Spent(engine.pid, receiver.pid)
                peak = memory_mib(engine.pid, "VmHWM")
        finally:
            receiver.kill()
    seconds = last["last"] - first["first"]
    disk = sum(path.stat().st_size for path in data.iterdir() if path.is_file())
    return [
        Number("both effects of an event", events / seconds, "events/s", ">= 3,000"),
        Number("from the first effect to the last", seconds, "s"),
        Number("CPU of the engine", (after.engine - before.engine) / events * 1e6, "us/event", "<= 300"),
        Number("CPU of the broker", (after.broker - before.broker) / events * 1e6, "us/event"),
        Number("CPU of the receiver", (after.receiver - before.receiver) / events * 1e6, "us/event"),
        Number("cores in use, all three", _total(after, before) / seconds, f"of {len(os.sched_getaffinity(0))}"),
        Number("memory of the engine, at most", peak, "MiB"),
        Number("store on disk after it", disk / 2**20, "MiB"),
        Number("commits of the store", commits(data) / events * 1000, "per 1,000 events"),
        Number("effects received twice", last["again"], ""),
    ]


def commits(data: Path) -> int:
    """How many transactions the store of an engine that has ended holds: the fewer, the more shared each of them."""
    with closing(sqlite3.connect(f"file:{data / STORE_FILE}?mode=ro", uri=True)) as db:
        number: int = db.execute("SELECT commit_no FROM owner").fetchone()[0]
    return number


def _total(after: Spent, before: Spent) -> float:
    return sum(getattr(after, part) - getattr(before, part) for part in ("engine", "broker", "receiver"))


def _heard(receiver: subprocess.Popen[str], word: str) -> dict[str, Any]:
    assert receiver.stdout is not None
    line = receiver.stdout.readline()
    said: dict[str, Any] = json.loads(line) if line else {}
    if word not in said:
        raise Failed(f"the receiver should have said {word}, it said {line.strip() or 'nothing'}")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description="events per second of the whole engine, from a backlog")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--data", type=Path, default=None, help="where to put broker and store (a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as folder, PrivateBroker(Path(folder) / "broker") as broker:
        url = broker.url()
        declare(url)
        publish(url, options.events, options.users)
        numbers = drain(url, Path(folder) / "data", options.events)
    report("drain", numbers, {"events": options.events, "users": options.users, "segments": 16})


if __name__ == "__main__":
    main()
