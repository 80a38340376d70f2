"""The real program with meters: `python -m bench.metered FILE serve ...` is `run.py serve ...`, and at each SIGUSR1 it
writes to FILE how much CPU each of its threads and its store have used so far.

Threads are asked of the kernel (schedstat, nanoseconds); Python knows their names, the kernel does not. The store has
no thread of its own, and the cells of all domains share theirs, so the calls into it and the turns of the cells are
timed with the calling thread's CPU clock: two readings of a clock per call, of which there are a few per group. Nothing
else of the program is touched.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec

import run
from supervision.host import DomainHost
from supervision.store_sqlite.reader import SqliteReader
from supervision.store_sqlite.store import SqliteStore

WRITES = ("commit", "known_ids", "idle", "trim", "timers_due")
READS = ("load", "read_log")


class Meters(msgspec.Struct):
    """Seconds of CPU; `threads` by name, those of one name together."""

    threads: dict[str, float]
    store_writes: float
    store_waits: float
    """Wall time of commits without their CPU: the disk's, and the interpreter lock's after it."""
    store_reads: float
    domains: dict[str, float]
    """The turns of each domain's cells, their reads of the store included."""


_spent = {"writes": 0.0, "waits": 0.0, "reads": 0.0}
_domains: dict[str, float] = {}
_lock = threading.Lock()


def metered(method: Callable[..., Any], kind: str) -> Callable[..., Any]:
    """`method`, its CPU added up under `kind`."""

    @wraps(method)
    def call(*args: Any, **named: Any) -> Any:
        cpu, wall = time.thread_time(), time.monotonic()
        try:
            return method(*args, **named)
        finally:
            cpu, wall = time.thread_time() - cpu, time.monotonic() - wall
            with _lock:
                _spent[kind] += cpu
                if kind == "writes":
                    _spent["waits"] += wall - cpu

    return call


def by_domain(receive: Callable[..., Any]) -> Callable[..., Any]:
    """A host's `receive`, its CPU added up by domain."""

    @wraps(receive)
    def turn(host: Any, message: Any) -> Any:
        cpu = time.thread_time()
        try:
            return receive(host, message)
        finally:
            cpu = time.thread_time() - cpu
            with _lock:
                _domains[host._domain.name] = _domains.get(host._domain.name, 0.0) + cpu

    return turn


def readings() -> Meters:
    threads: dict[str, float] = {}
    for thread in threading.enumerate():
        path = Path(f"/proc/self/task/{thread.native_id}/schedstat")
        if path.exists():
            threads[thread.name] = threads.get(thread.name, 0.0) + int(path.read_text().split()[0]) / 1e9
    with _lock:
        return Meters(threads, _spent["writes"], _spent["waits"], _spent["reads"], dict(_domains))


def meter() -> None:
    """Meter the store and the cells of this process, from now on."""
    for kind, owner, names in (("writes", SqliteStore, WRITES), ("reads", SqliteReader, READS)):
        for name in names:
            setattr(owner, name, metered(getattr(owner, name), kind))
    DomainHost.receive = by_domain(DomainHost.receive)


def put_in(file: Path) -> None:
    """Meter, and write at each signal; whole or not at all, so that a reader sees no half."""
    meter()

    def write(_number: int, _frame: object) -> None:
        beside = file.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(readings()))
        os.replace(beside, file)

    signal.signal(signal.SIGUSR1, write)


if __name__ == "__main__":
    put_in(Path(sys.argv[1]))
    sys.exit(run.main(sys.argv[2:]))
