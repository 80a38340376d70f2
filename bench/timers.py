"""A million timers armed, ten thousand due within one second: `python -m bench timers [--timers N] [--due N] [--of X]`.

A store is filled with users whose points and reminders are due some time in the coming year, and some whose points
expire within one second of our choosing, spread evenly over it; or, with `--of carts`, with users who have each left a
cart, whose timers are absence timers and wait until the broker holds nothing older. The real program is started on it;
how late each is, is the time at which the receiver has `points.expired` (`cart.abandoned`) less the time at which the
timer was due: firing, reaction, commit, publication and delivery are all in it. What a timer costs in memory is
measured on the window of near timers itself, which is all the engine holds of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.listener import Listener
from bench.people import Due, Make, buyers, fill, with_carts
from bench.process import Engine, Failed, end_in_order, memory_mib
from bench.report import Number, report
from bench.shop import declare, publish, purchases
from supervision.messages import TimerRow
from supervision.near_timers import SLICE_ROWS, NearTimers, Position
from topology.broker_node import PrivateBroker


@dataclass(frozen=True)
class Sort:
    """`make`: who has such timers, `each` of them; `kinds`: the effects of one that is due, the timed one first."""

    make: Callable[[Due], Make]
    each: int
    kinds: tuple[str, ...]


SORTS = {
    "points": Sort(buyers, 2, ("points_expired", "notify_sms")),
    "carts": Sort(with_carts, 1, ("cart_abandoned",)),
}
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
    """The second in which the timers of the last `due` of `users` are due.

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


def measure(folder: Path, url: str, sort: Sort, timers: int, due: int) -> list[Number]:
    """Raises Failed."""
    users = due + (timers - due) // sort.each
    moment = Moment(users, due)
    fill(folder / "data", users, sort.make(moment.of))
    declare(url)
    came = folder / "came"
    with Listener(url, due, came, sort.kinds) as listener, Engine(folder / "data", ["--amqp", url]) as engine:
        engine.ready()
        publish(url, purchases(1, 1, seed=1), 1)  # a consumer that has heard nothing yet cannot tell what is late
        left_s = moment.at_ms / 1000 - time.time()
        if left_s < 0:
            raise Failed(f"the moment came {-left_s:.1f} s before the engine was ready")
        before = memory_mib(engine.pid, "VmRSS")
        listener.heard("first", left_s + AFTER_S_MAX)
        listener.heard("last", AFTER_S_MAX)
        peak = memory_mib(engine.pid, "VmHWM")
    late = _late(came, moment, sort.kinds[0])
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


def _late(came: Path, moment: Moment, of: str) -> list[float]:
    """Milliseconds, in order."""
    wall_s = time.time() - time.monotonic()
    late: list[float] = []
    for line in came.read_text().splitlines():
        user, kind, at = line.split()
        if kind == of:
            late.append((float(at) + wall_s) * 1000 - moment.of(int(user)))
    return sorted(late)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench timers", description="how late timers are when many are due")
    parser.add_argument("--timers", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--of", choices=SORTS, default="points", help="whose timers they are")
    parser.add_argument("--data", type=Path, default=None, help="where to put broker and store (a temporary folder)")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(dir=options.data) as folder, PrivateBroker(Path(folder) / "broker") as broker:
        found = measure(Path(folder), broker.url(), SORTS[options.of], options.timers, options.due)
    name = "timers" if options.of == "points" else f"timers_of_{options.of}"
    report(name, found, {"timers": options.timers, "due": options.due})


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(f"bench timers: {failed}") from None
