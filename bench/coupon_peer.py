"""The seed's coupons beside ours: how fast its locks give them out, and to whom they give two.

    python -m bench coupon_peer [--users N=100000] [--durable-users N=10000] [--kills N=20] [--rounds N=10]

A shop sends batches of 1,000 users (`batch_coupon_issue`) for a template whose stock is ten fewer than there are users;
four workers (peers/with_setnx.py) share them. First in peace, for the rate: with Redis as it comes, which may lose a
second of coupons, and for fewer users with `appendfsync always`, which promises what Ganglion promises. Then as a week
of sales is: one batch in twenty comes again, some batches later, and now and then a worker is killed, whose batch the
broker gives to another. At last `rounds` times a rush on a stock for a quarter of those who come, since whether two
workers see the last coupon is a matter of microseconds.

What came of it is counted from the coupons alone. `run` is one of these, for whoever puts it beside another way.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import redis

from bench.peers.with_setnx import COUPONS, LOCKS, STOCK, TEMPLATE, Batch, Coupon
from bench.process import ROOT, Failed, end_in_order
from bench.redis_node import PrivateRedis
from bench.report import Number, report
from bench.shop import WORK_QUEUE, declare, publish, ready
from topology.broker_node import PrivateBroker
from topology.ports import Outgoing, Props

WORKERS = 4
BATCH_USERS = 1_000
SHORT = 10
"""So many fewer coupons than users there are."""
REPEATED = 0.05
"""Of the batches."""
LATER = 10
"""So many batches after itself a batch comes again."""
LOOK_S = 0.01
READY_LOOK_S = 0.2
"""Each look is a connection of its own, and the broker has other things to do."""
RUSH_USERS = 4_000
RUN_S_MAX = 900.0
STOP_S_MAX = 120.0
KILLS = 20
SEED = 1

_json = msgspec.json.Encoder().encode
_coupon = msgspec.json.Decoder(Coupon).decode


class Books(msgspec.Struct, frozen=True):
    """What came of it. `again`: coupons of who had one already; `over`: more than the stock; `without`: users who got
    none, of whom `users` - `stock` had to; `lost`: taken from the stock and never given; `locked`: locks that nobody
    will take away before they expire.
    """

    users: int
    stock: int
    coupons: int
    again: int
    over: int
    without: int
    lost: int
    locked: int


class Peer(msgspec.Struct, frozen=True):
    """One run. `batches`: with those that came again; `seconds`: from the first coupon to the last ack; `cpu_us`: of
    the workers, for each coupon.
    """

    batches: int
    kills: int
    seconds: float
    rate: float
    cpu_us: float
    books: Books


def books(owners: Iterable[str], users: int, stock: int, left: int, locked: int) -> Books:
    """Of the coupons that there are, by owner. `left`: what the stock's counter says in the end."""
    had = Counter(owners)
    coupons, over = had.total(), max(0, had.total() - stock)
    lost = stock - left - coupons
    return Books(users, stock, coupons, coupons - len(had), over, users - len(had), lost, locked)


def messages(users: int, repeated: float) -> list[Outgoing]:
    """The batches, each of other users; the chosen ones a second time, LATER batches after the first."""
    batches = -(-users // BATCH_USERS)
    early = range(max(0, batches - LATER))
    chosen = set(Random(SEED).sample(early, min(len(early), round(batches * repeated))))
    order: list[int] = []
    for number in range(batches):
        order += [number, number - LATER] if number - LATER in chosen else [number]
    made = [_message(number, users, batches) for number in range(batches)]
    return [made[number] for number in order]


def _message(number: int, users: int, batches: int) -> Outgoing:
    of = [f"user{user}" for user in range(number * BATCH_USERS, min(users, (number + 1) * BATCH_USERS))]
    body = Batch("batch_coupon_issue", TEMPLATE, of, len(of), batches)
    return Outgoing("", WORK_QUEUE, _json(body), Props("application/json"))


class Crew:
    """The workers, as a context manager: none is left when it ends."""

    def __init__(self, url: str, redis_url: str) -> None:
        self._command = [sys.executable, "-m", "bench.peers.with_setnx", url, redis_url]
        self._working: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Crew:
        self._working = [self._start() for _ in range(WORKERS)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._working:
            worker.kill()
            worker.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, cwd=ROOT)

    def kill(self, number: int) -> None:
        """One dies without a word, and another takes its place."""
        worker = self._working[number]
        worker.kill()
        worker.wait()
        self._working[number] = self._start()

    def alive(self) -> None:
        if any(worker.poll() is not None for worker in self._working):
            raise Failed("a worker ended by itself")

    def finish(self) -> None:
        """Each ends with the message it has."""
        for worker in self._working:
            worker.terminate()
        for worker in self._working:
            worker.wait(STOP_S_MAX)


def run(
    url: str, node: PrivateRedis, users: int, stock: int = 0, repeated: float = REPEATED, kills: int = KILLS
) -> Peer:
    """`stock`: 0 is SHORT fewer than users. Raises Failed."""
    node.empty()
    declare(url)
    stock = stock or users - SHORT
    store = redis.Redis.from_url(node.url)
    store.set(STOCK, stock)
    sent = messages(users, repeated)
    publish(url, sent, len(sent))
    before = _cpu_s()
    with Crew(url, node.url) as crew:
        began = _until(store, crew, 1)
        for count, number in _deaths(stock, kills):
            _until(store, crew, count)
            crew.kill(number)
        _until_all_taken(url, crew)
        crew.finish()
        seconds = time.monotonic() - began
    if left := ready(url, WORK_QUEUE):
        raise Failed(f"{left} batches are left")
    found = _found(store, users, stock)
    cpu_us = (_cpu_s() - before) / found.coupons * 1e6
    return Peer(len(sent), kills, seconds, found.coupons / seconds, cpu_us, found)


def _deaths(stock: int, kills: int) -> Iterator[tuple[int, int]]:
    """After how many coupons which worker dies; the last of them long before the stock is gone."""
    rng = Random(SEED)
    return ((stock * (n + 1) // (kills + 2), rng.randrange(WORKERS)) for n in range(kills))


def _until(store: Any, crew: Crew, coupons: int) -> float:
    """-> when there were so many."""
    deadline = time.monotonic() + RUN_S_MAX
    while store.llen(COUPONS) < coupons:
        crew.alive()
        if time.monotonic() > deadline:
            raise Failed(f"no {coupons} coupons within {RUN_S_MAX:.0f} s")
        time.sleep(LOOK_S)
    return time.monotonic()


def _until_all_taken(url: str, crew: Crew) -> None:
    """Until every message is with a worker."""
    deadline = time.monotonic() + RUN_S_MAX
    while ready(url, WORK_QUEUE):
        crew.alive()
        if time.monotonic() > deadline:
            raise Failed(f"the batches were not taken within {RUN_S_MAX:.0f} s")
        time.sleep(READY_LOOK_S)


def _found(store: Any, users: int, stock: int) -> Books:
    owners = [_coupon(coupon).user_id for coupon in store.lrange(COUPONS, 0, -1)]
    locked = sum(1 for _ in store.scan_iter(f"{LOCKS}*", 10_000))
    return books(owners, users, stock, int(store.get(STOCK)), locked)


def _cpu_s() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def numbers(durable: Peer, peace: Peer, sales: Peer, rushes: Sequence[Peer]) -> list[Number]:
    over = [rush.books.over for rush in rushes]
    return [
        Number("in peace", peace.rate, "coupons/s"),
        Number("in peace, all users", peace.seconds, "s"),
        Number("in peace, workers' CPU", peace.cpu_us, "us/coupon"),
        Number("in peace, Redis on disk before it answers", durable.rate, "coupons/s"),
        Number("sales", sales.rate, "coupons/s"),
        Number("sales, coupons of who had one already", sales.books.again, ""),
        Number(f"sales, users who got none, where {SHORT} should", sales.books.without, ""),
        Number("sales, users locked out for five minutes", sales.books.locked, ""),
        Number("sales, coupons taken from the stock and never given", sales.books.lost, ""),
        Number("sales, coupons beyond the stock", sales.books.over, ""),
        Number(f"{len(rushes)} rushes, those that gave more than the stock", sum(number > 0 for number in over), ""),
        Number(f"{len(rushes)} rushes, coupons beyond the stock", sum(over), ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench coupon_peer", description="the seed's coupons, as written")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--durable-users", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--rounds", type=int, default=10, help="of the rush")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory() as name, PrivateBroker(Path(name) / "broker") as broker:
        url, folder = broker.url(), Path(name)
        with PrivateRedis(folder / "durable", "always") as node:
            durable = run(url, node, options.durable_users, repeated=0.0, kills=0)
        with PrivateRedis(folder / "usual", "everysec") as node:
            peace = run(url, node, options.users, repeated=0.0, kills=0)
            sales = run(url, node, options.users, kills=options.kills)
            rush = RUSH_USERS // 4
            rushes = [run(url, node, RUSH_USERS, rush, repeated=0.0, kills=0) for _ in range(options.rounds)]
    settings = {"users": options.users, "durable_users": options.durable_users, "workers": WORKERS}
    runs = {"durable": durable, "peace": peace, "sales": sales, "rushes": rushes}
    found = numbers(durable, peace, sales, rushes)
    report("coupon_peer", found, settings, details=msgspec.to_builtins(runs), packages=("redis",))


if __name__ == "__main__":
    main()
