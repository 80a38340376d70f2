"""A million timers armed, ten thousand due within one second: `python -m bench timers [--timers N] [--due N]`.

A store is filled with users whose points and reminders are due some time in the coming year, and some whose points
expire within one second of our choosing, spread evenly over it. The real program is started on it; how late each is, is
the time at which the receiver has `points.expired` less the time at which the points expired: firing, reaction, commit,
publication and delivery are all in it. What a timer costs in memory is measured on the window of near timers itself,
which is all the engine holds of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from pathlib import Path

from bench.listener import Listener
from bench.people import fill
from bench.process import Engine, Failed, end_in_order, memory_mib
from bench.report import Number, report
from bench.shop import declare
from supervision.messages import TimerRow
from supervision.near_timers import SLICE_ROWS, NearTimers, Position
from topology.broker_node import PrivateBroker

KINDS = ("points_expired", "notify_sms")
START_S = 10.0
"""For the last users to be filled and the engine to be ready before the moment comes."""
AFTER_S_MAX = 120.0


def near_bytes() -> float:
    """Memory of one timer in the window."""

    def load(_after: Position, until: int, limit: int) -> list[TimerRow]:
        users = range(1_000_000, 1_000_000 + limit)
        return [TimerRow(user % 16, "points", f"user:{user}", "expiry", user, until - user) for user in users]

    tracemalloc.start()
    near = NearTimers(load)
    near.refill(1_790_000_000_000)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(near) == SLICE_ROWS
    return used / len(near)


class Moment:
    """The second in which the points of the last `due` of `users` expire.

    It is chosen when the first of them is asked for: filling a store takes as long as the machine likes, and those who
    are due are filled last.
    """

    def __init__(self, users: int, due: int) -> None:
        self._first = users - due
        self._due = due
        self.at_ms = 0

    def of(self, user: int) -> int:
        if user < self._first:
            return 0
        self.at_ms = self.at_ms or int((time.time() + START_S) * 1000)
        return self.at_ms + (user - self._first) * 1000 // self._due


def measure(folder: Path, url: str, timers: int, due: int) -> list[Number]:
    """Raises Failed."""
    users = due + (timers - due) // 2
    moment = Moment(users, due)
    fill(folder / "data", users, moment.of)
    declare(url)
    came = folder / "came"
    with Listener(url, due, came, KINDS) as listener, Engine(folder / "data", ["--amqp", url]) as engine:
        engine.ready()
        left_s = moment.at_ms / 1000 - time.time()
        if left_s < 0:
            raise Failed(f"the moment came {-left_s:.1f} s before the engine was ready")
        before = memory_mib(engine.pid, "VmRSS")
        listener.heard("first", left_s + AFTER_S_MAX)
        listener.heard("last", AFTER_S_MAX)
        peak = memory_mib(engine.pid, "VmHWM")
    late = _late(came, moment)
    return [
        Number("timers armed", timers, ""),
        Number("due within one second", len(late), ""),
        Number("late, half of them less than", late[len(late) // 2], "ms"),
        Number("late, 99 of 100 less than", late[len(late) * 99 // 100], "ms"),
        Number("late, all less than", late[-1], "ms"),
        Number("memory of the engine before it", before, "MiB"),
        Number("memory of the engine, at most", peak, "MiB"),
        Number("memory per timer that is near", near_bytes(), "bytes"),
    ]


def _late(came: Path, moment: Moment) -> list[float]:
    """Milliseconds, in order."""
    wall_s = time.time() - time.monotonic()
    late: list[float] = []
    for line in came.read_text().splitlines():
        user, kind, at = line.split()
        if kind == KINDS[0]:
            late.append((float(at) + wall_s) * 1000 - moment.of(int(user)))
    return sorted(late)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench timers", description="how late timers are when many are due")
    parser.add_argument("--timers", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=None, help="where to put broker and store (a temporary folder)")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(dir=options.data) as folder, PrivateBroker(Path(folder) / "broker") as broker:
        found = measure(Path(folder), broker.url(), options.timers, options.due)
    report("timers", found, {"timers": options.timers, "due": options.due})


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(f"bench timers: {failed}") from None
