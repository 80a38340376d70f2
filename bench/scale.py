"""What many users cost: `python -m bench scale [--users 1000,100000,1000000] [--events N] [--data DIR]`.

For each number of users a store is filled (bench/people.py), the real program started on it without a broker, which
has its own pace, and the time to the first 200 of /readyz taken, the cold import of Python's modules included. Then it
works off a backlog of purchases by users drawn at random from all of them, which is the worst case for a cache and a
B-tree: a live shop has its regulars. What a user, a timer, an entry take on disk is what SQLite says of its tables
(`dbstat`). 10,000,000 users want 3 GB of disk and ten minutes: `--users 10000000`.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from bench.drain import drain
from bench.people import SEGMENTS, buyers, fill
from bench.process import Engine, Failed, end_in_order, memory_mib
from bench.report import Number, report
from bench.shop import declare, publish, purchases
from supervision.store_sqlite.store import STORE_FILE
from topology.broker_node import PrivateBroker

STARTS = 3
LOOK_S = 1.0
"""Between readiness and the look at the memory: what the start has read lazily is in it."""
TIMERS_PER_USER = 2
ENTRIES_PER_EVENT = 3


class Crowd(msgspec.Struct, frozen=True):
    """One number of users. Disk in bytes; `us_per_event` is the engine's CPU."""

    users: int
    filled_s: float
    store_bytes: int
    ready_s: float
    idle_mib: float
    rate: float
    us_per_event: float
    peak_mib: float
    bytes_per_user: float
    bytes_per_timer: float
    bytes_per_event: dict[str, float]


def start(folder: Path) -> tuple[float, float]:
    """(seconds to readiness, MiB resident after it)."""
    with Engine(folder) as engine:
        seconds = engine.ready()
        time.sleep(LOOK_S)
        return seconds, memory_mib(engine.pid, "VmRSS")


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each table and index of a store that nobody has open."""
    with closing(sqlite3.connect(f"file:{folder / STORE_FILE}?mode=ro", uri=True)) as db:
        return dict(db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall())


def crowd(folder: Path, url: str, users: int, events: int) -> Crowd:
    """Raises Failed."""
    began = time.monotonic()
    size = fill(folder, users, buyers())
    filled_s = time.monotonic() - began
    full = sizes(folder)
    starts = [start(folder) for _ in range(STARTS)]
    declare(url)
    publish(url, purchases(events, users, seed=2), events)
    drained = drain(url, folder, events)
    after = sizes(folder)
    grown = {table: (after[table] - full.get(table, 0)) / events for table in ("log", "ids", "records", "keys")}
    return Crowd(
        users, filled_s, size, max(seconds for seconds, _ in starts), max(mib for _, mib in starts),
        drained.rate, drained.engine_us, drained.peak_mib,
        full["states"] / users, (full["timers"] + full["timers_due"]) / users / TIMERS_PER_USER, grown,
    )  # fmt: skip


def numbers(found: Crowd) -> list[Number]:
    who = f"{found.users:,} users"
    return [
        Number(f"{who}: from start to ready, slowest of three", found.ready_s, "s", "< 5"),
        Number(f"{who}: resident memory when ready", found.idle_mib, "MiB"),
        Number(f"{who}: both effects of an event", found.rate, "events/s"),
        Number(f"{who}: CPU of the engine", found.us_per_event, "us/event"),
        Number(f"{who}: memory at work, at most", found.peak_mib, "MiB"),
        Number(f"{who}: store on disk before it", found.store_bytes / 2**20, "MiB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench scale", description="start, cost and memory by number of users")
    parser.add_argument("--users", default="1000,100000,1000000", help="numbers, with commas")
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--data", type=Path, default=None, help="where to put the stores (a temporary folder)")
    options = parser.parse_args()
    end_in_order()
    crowds: list[Crowd] = []
    with tempfile.TemporaryDirectory(dir=options.data) as folder, PrivateBroker(Path(folder) / "broker") as broker:
        for users in map(int, options.users.split(",")):
            crowds.append(crowd(Path(folder) / str(users), broker.url(), users, options.events))
            shutil.rmtree(Path(folder) / str(users))
    largest = crowds[-1]
    disk = [
        Number("disk per user: the account of one lot", largest.bytes_per_user, "bytes"),
        Number("disk per timer, with its index", largest.bytes_per_timer, "bytes"),
        Number("disk per entry of the log", crowds[0].bytes_per_event["log"] / ENTRIES_PER_EVENT, "bytes"),
        *(
            Number(f"disk per event: {table}", crowds[0].bytes_per_event[table], "bytes")
            for table in ("ids", "records", "keys")
        ),
    ]
    settings = {"events": options.events, "segments": SEGMENTS, "starts": STARTS}
    remarks = "the page cache is warm: the stores were written just before"
    found = [number for each in crowds for number in numbers(each)]
    report("scale", found + disk, settings, remarks, {"crowds": msgspec.to_builtins(crowds)})


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(f"bench scale: {failed}") from None
