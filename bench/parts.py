"""Where the CPU of an event goes: `python -m bench parts [--events N] [--users N] [--data DIR]`.

The real program works off a backlog (bench/drain.py) with meters on (bench/metered.py), which are read at the first
effect and at the last. A part is a thread, or several of one purpose, or the turns of a domain's cells, from the start
to the last effect: a good deal of the input has been taken before the first effect comes out. The store's share is
taken out of those that call it. `other` is HTTP, alarms, supervisors and the courier, from the first effect on, so that
Python's imports are not in it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.listener import FIRST_S_MAX, Listener
from bench.metered import Meters
from bench.process import Failed, Program, end_in_order
from bench.report import Number, report
from bench.shop import declare, publish, purchases
from topology.broker_node import PrivateBroker

DRAIN_S_MAX = 300.0
ANSWER_S_MAX = 10.0
POLL_S = 0.01
PARTS = {
    "take (AMQP in)": ("amqp-consume",),
    "decode (bridge)": ("bridge",),
    "journal": ("journal",),
    "publish: relay": ("relay",),
    "publish: AMQP out": ("amqp-publish",),
}
"""Part -> the words in its threads' names."""
POINTS = "points (load, react, encode)"
NOTIFICATION = "notification (react, encode)"
OTHERS = "other domains"
SHARED = "cells-"
"""Begins the names of the threads that all domains share. Their own sum is not used: they come and go."""


def read(pid: int, file: Path) -> Meters:
    """What the meters of `pid` say now. Raises Failed."""
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    deadline = time.monotonic() + ANSWER_S_MAX
    while not file.exists():
        if time.monotonic() > deadline:
            raise Failed("the meters do not answer")
        time.sleep(POLL_S)
    return msgspec.json.decode(file.read_bytes(), type=Meters)


def parts(before: Meters, after: Meters) -> dict[str, float]:
    """Seconds by part. Only what is nobody's part counts from `before` on."""
    spent = dict(after.threads)
    found: dict[str, float] = {}
    for part, words in PARTS.items():
        names = [name for name in spent if any(word in name.split("/") for word in words)]
        found[part] = sum(spent.pop(name) for name in names)
    found["journal"] -= after.store_writes
    found[POINTS] = after.domains.get("points", 0.0) - after.store_reads
    found[NOTIFICATION] = after.domains.get("notification", 0.0)
    found[OTHERS] = sum(after.domains.values()) - found[POINTS] - found[NOTIFICATION] - after.store_reads
    found["store, writing"] = after.store_writes
    found["store, reading"] = after.store_reads
    rest = {name: seconds for name, seconds in spent.items() if not name.startswith(SHARED)}
    found["other"] = sum(seconds - before.threads.get(name, 0.0) for name, seconds in rest.items())
    return found


def measure(url: str, folder: Path, events: int) -> tuple[dict[str, float], float, float]:
    """(seconds of CPU by part, seconds that commits waited, seconds of the whole). Raises Failed."""
    file = folder / "meters"
    command = [
        sys.executable, "-m", "bench.metered", str(file), "serve", "--data", str(folder / "data"),
        "--http", "127.0.0.1:0", "--log-level", "warning", "--amqp", url,
    ]  # fmt: skip
    with Listener(url, events) as listener, Program(command, folder / "log") as program:
        first = listener.heard("first", FIRST_S_MAX)["first"]
        before = read(program.pid, file)
        last = listener.heard("last", DRAIN_S_MAX)["last"]
        after = read(program.pid, file)
    return parts(before, after), after.store_waits - before.store_waits, last - first


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench parts", description="CPU per event by part of the engine")
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--data", type=Path, default=None, help="where to put broker and store (a temporary folder)")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(dir=options.data) as name, PrivateBroker(Path(name) / "broker") as broker:
        declare(broker.url())
        publish(broker.url(), purchases(options.events, options.users, seed=1), options.events)
        spent, waited, seconds = measure(broker.url(), Path(name), options.events)
    per_event = {part: cpu / options.events * 1e6 for part, cpu in spent.items()}
    numbers = [Number(part, us, "us/event") for part, us in per_event.items()]
    numbers += [
        Number("all parts", sum(per_event.values()), "us/event", "<= 300"),
        Number("cores of the engine in use", sum(spent.values()) / seconds, ""),
        Number("commits waiting (disk, interpreter lock)", waited / seconds * 100, "% of the time"),
        Number("events", options.events / seconds, "/s"),
    ]
    settings = {"events": options.events, "users": options.users, "segments": 16}
    report("parts", numbers, settings, details={"us_per_event": per_event})


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(f"bench parts: {failed}") from None
