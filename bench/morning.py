"""Ten o'clock for a million users: `python -m bench morning [--users N] [--data DIR]`.

A campaign is due for everybody at one moment, as the flash coupons of the seed are at 10:00. It goes out page by page
in the bulk lane, so what a check-out feels of it is what its lane leaves: points commands come in steadily, each
answered, first alone, then while it is under way, and how long they wait is compared within one run. Then they stop,
the campaign has the engine to itself, and at the end every user has been seen to once.

The real engine on its SQLite store with `synchronous=FULL`, in threads as in production, without a broker. The users
are filled in beforehand, as the domain of campaigns has them after a first behaviour of each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from bench.campaigns import known, lines_of_why, put
from bench.coupons import SETTLE_S, Shop, wait, waits
from bench.people import SEGMENTS, fill, members
from bench.report import Number, report

MINUTE_S = 60.0
LOOK_S = 2.0
"""Between counts of what has been done, each of which reads an index of millions of lines."""
LINES = 3
"""Of why, for each user: he entered, it acted, and he had finished."""


def campaign(at_s: float) -> dict[str, Any]:
    """For everybody, each day at that minute."""
    moment = datetime.fromtimestamp(at_s, UTC)
    cron = f"{moment.minute} {moment.hour} * * *"
    trigger = {"type": "schedule", "cron": cron}
    return {"name": "C10", "zone": "UTC", "trigger": trigger, "steps": [{"type": "emit", "effect": "flash"}]}


def seen_to(folder: Path) -> int:
    """Users with whom the campaign is done."""
    return lines_of_why(folder) // LINES


def measure(folder: Path, users: int, seconds: float) -> list[Number]:
    fill(folder, users, members())
    shop = Shop(folder, SEGMENTS)
    moment = (time.time() + seconds + MINUTE_S) // MINUTE_S * MINUTE_S
    put(shop, campaign(moment))
    wait(lambda: known(shop, 1))
    alone = waits(shop, seconds, 0)
    wait(lambda: time.time() >= moment)
    first = waits(shop, SETTLE_S, len(alone))  # the lane had the engine to itself, and makes room
    before, began = seen_to(folder), time.monotonic()
    busy = waits(shop, seconds, 10 * len(alone))
    after, ended = seen_to(folder), time.monotonic()
    left = users - after
    while seen_to(folder) < users:
        if time.monotonic() > ended + users / 100:
            raise SystemExit("bench morning: it does not come to an end")
        time.sleep(LOOK_S)
    alone_s = time.monotonic() - ended
    shop.close()
    assert lines_of_why(folder) == users * LINES, "somebody was seen to twice"
    p99, p99_busy = (each[int(len(each) * 0.99)] * 1000 for each in (alone, busy))
    return [
        Number("points commands alone, p50", alone[len(alone) // 2] * 1000, "ms"),
        Number("points commands alone, p99", p99, "ms"),
        Number("at ten o'clock, p50", busy[len(busy) // 2] * 1000, "ms"),
        Number("at ten o'clock, p99", p99_busy, "ms"),
        Number("p99 at ten o'clock against alone", p99_busy / p99, "times", "<= 2"),
        Number(f"the longest in its first {SETTLE_S:g} s", first[-1] * 1000, "ms"),
        Number("users seen to meanwhile", (after - before) / (ended - began), "/s"),
        Number("users seen to with nothing beside it", left / alone_s, "/s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench morning", description="one moment for all users")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of points commands alone, and beside it")
    parser.add_argument("--data", type=Path, default=None, help="where to put the store (a temporary folder)")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(dir=options.data) as name:
        numbers = measure(Path(name) / "data", options.users, options.seconds)
    report("morning", numbers, {"users": options.users, "seconds": options.seconds})


if __name__ == "__main__":
    main()
