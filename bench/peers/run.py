"""One run of one contestant: how fast it works off a backlog, or how long each event takes at a given pace.

The rate is what the receiver got from the first effect to the last; the start of the contestant's processes is not in
it. CPU is what the kernel counted in that time, user and system, since on a small machine everybody shares the cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pika

from bench.listener import FIRST_S_MAX, Listener
from bench.peers.contestants import Contestant, Place
from bench.process import ROOT, Failed, Program, cpu_s, family, family_cpu_s, memory_mib
from bench.redis_node import PrivateRedis
from bench.shop import declare, publish, purchase, purchases
from topology.table import INGRESS

USERS = 20_000
RUN_S_MAX = 120.0
PACE_S = 6.0
WARM_UP_EVENTS = 50
WARM_UP_S = 1.0
"""What was published in this time is not counted among the latencies."""
STOP_S_MAX = 8.0


class Drained(msgspec.Struct, frozen=True):
    """Microseconds of CPU per event; `memory_mib`: of all its processes, each at most; `again`: effects that came
    twice; `whole_s`: from the start of its processes to the last effect. What a contestant has done before its first
    effect makes its rate look better by that much.
    """

    letter: str
    events: int
    rate: float
    seconds: float
    own_us: float
    broker_us: float
    redis_us: float
    receiver_us: float
    memory_mib: float
    again: int
    whole_s: float

    @property
    def whole_rate(self) -> float:
        return self.events / self.whole_s

    @property
    def total_us(self) -> float:
        return self.own_us + self.broker_us + self.redis_us + self.receiver_us


class Paced(msgspec.Struct, frozen=True):
    """Milliseconds from an event's publication to the arrival of its later effect."""

    letter: str
    load: str
    rate: float
    events: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class Stage:
    """The broker and the Redis that all runs share, and folders to put things into."""

    def __init__(self, amqp: str, redis: PrivateRedis, folder: Path) -> None:
        self.amqp = amqp
        self.redis = redis
        self._folder = folder
        self._runs = 0

    def place(self) -> Place:
        """Empty queues, an empty Redis, an empty folder."""
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        folder.mkdir()
        self.redis.empty()
        declare(self.amqp)
        return Place(self.amqp, self.redis.url, folder)

    def clear(self, contestant: Contestant) -> None:
        """Nothing of its input stays."""
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp))
        channel = connection.channel()
        if contestant.queue == INGRESS:
            channel.queue_purge(INGRESS)
        else:
            channel.queue_delete(contestant.queue)
        connection.close()


def drain(stage: Stage, contestant: Contestant, events: int) -> Drained:
    """Raises Failed."""
    place = stage.place()
    try:
        _prepare(contestant, place)
        publish(place.amqp, map(contestant.wrap, purchases(events, USERS, seed=1)), events)
        with Listener(place.amqp, events) as listener, _started(contestant, place) as program:
            return _measured(stage, contestant, events, listener, program)
    finally:
        stage.clear(contestant)


def _measured(stage: Stage, contestant: Contestant, events: int, listener: Listener, program: Program) -> Drained:
    def spent() -> tuple[float, float, float, float]:
        redis = stage.redis.pid
        own = cpu_s(program.pid) + family_cpu_s(program.pid, ())
        broker = family_cpu_s(os.getpid(), (program.pid, listener.pid, redis))
        return own, broker, cpu_s(redis), cpu_s(listener.pid)

    def alive() -> None:
        if not program.running:
            raise Failed("it ended")

    first = listener.heard("first", FIRST_S_MAX, alive)["first"]
    before = spent()
    try:
        last = listener.heard("last", RUN_S_MAX, alive)
    finally:
        memory = (
            sum(memory_mib(pid, "VmHWM") for pid in (program.pid, *family(program.pid))) if program.running else 0.0
        )
    own, broker, redis, receiver = ((b - a) / events * 1e6 for a, b in zip(before, spent(), strict=True))
    seconds = last["last"] - first
    return Drained(
        contestant.letter, events, events / seconds, seconds, own, broker, redis, receiver, memory, last["again"],
        last["last"] - program.started,
    )  # fmt: skip


def pace(stage: Stage, contestant: Contestant, rate: float, load: str) -> Paced:
    """Latencies at `rate` events a second, which is called `load`. Raises Failed."""
    place = stage.place()
    came, went = place.folder / "came", place.folder / "went"
    events = int(rate * PACE_S)
    total = WARM_UP_EVENTS + events
    try:
        _prepare(contestant, place)
        with Listener(place.amqp, total, came) as listener, _started(contestant, place):
            warm = (contestant.wrap(purchase(number, number, 1)) for number in range(WARM_UP_EVENTS))
            publish(place.amqp, warm, WARM_UP_EVENTS)
            listener.heard("first", FIRST_S_MAX)
            _publish_evenly(contestant, place, rate, events, went)
            listener.heard("last", RUN_S_MAX)
        waits = latencies(went.read_text(), came.read_text())
        return Paced(contestant.letter, load, rate, len(waits), _at(waits, 50), _at(waits, 99), waits[-1])
    finally:
        stage.clear(contestant)


def _publish_evenly(contestant: Contestant, place: Place, rate: float, events: int, went: Path) -> None:
    arguments = (place.amqp, contestant.letter, str(rate), str(WARM_UP_EVENTS), str(events), str(went))
    pacer = subprocess.run(
        [sys.executable, "-m", "bench.pacer", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if pacer.returncode:
        raise Failed(f"the shop could not keep the pace: {pacer.stderr.strip()[-300:]}")


def latencies(went: str, came: str) -> list[float]:
    """Milliseconds from each event's publication to its later effect, in order, without the warm-up's.

    `went`: lines `number time`; `came`: lines `number kind time`.
    """
    sent = {int(number): float(at) for number, at in map(str.split, went.splitlines())}
    counted_from = min(sent.values()) + WARM_UP_S
    got: dict[int, float] = {}
    for line in came.splitlines():
        number, _, at = line.split()
        got[int(number)] = max(got.get(int(number), 0.0), float(at))
    return sorted((got[number] - at) * 1e3 for number, at in sent.items() if at >= counted_from)


def _at(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _environment(place: Place) -> dict[str, str]:
    return {"BENCH_AMQP": place.amqp, "BENCH_REDIS": place.redis}


def _prepare(contestant: Contestant, place: Place) -> None:
    if contestant.prepare:
        with Program(contestant.prepare, place.folder / "prepare.log", _environment(place)) as program:
            if program.ended(FIRST_S_MAX) != 0:
                raise Failed(f"its queue could not be declared: {program.last_words()}")


@contextmanager
def _started(contestant: Contestant, place: Place):
    """Its program; what it said last is in a failure's text."""
    command = contestant.command(place)
    with Program(command, place.folder / "log", _environment(place), STOP_S_MAX) as program:
        try:
            yield program
        except Failed as failed:
            raise Failed(f"{failed}; it said: {program.last_words() or 'nothing'}") from None
