"""Who takes part: how each is started, where it takes its input from, in what form, and how much of it.

A slow contestant is given fewer events, so that every run takes about as long; rates are per second and do not mind.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.process import ROOT
from bench.shop import WORK_QUEUE, Wrap, as_it_is, cores, to_the_work_queue
from topology.ports import Outgoing, Props
from topology.table import INGRESS

CELERY_QUEUE, CELERY_TASK = "bench.celery", "points.change"
DRAMATIQ_QUEUE, DRAMATIQ_ACTOR = "bench.dramatiq", "points_change"
WAITING_PROCESSES_PER_CORE = 4
"""Of those that wait for disks most of the time: for Redis's once, for the broker's twice per message."""
DRAMATIQ_THREADS = 8
"""Its default, per process."""

_json = msgspec.json.Encoder().encode


class Place(msgspec.Struct, frozen=True):
    """Where a run happens: the broker, Redis, and a folder that is empty at its start."""

    amqp: str
    redis: str
    folder: Path


class Contestant(msgspec.Struct, frozen=True):
    """`share` of the events; `prepare` declares its queue when the shop's table does not have it."""

    letter: str
    name: str
    what: str
    share: float
    command: Callable[[Place], list[str]]
    queue: str = INGRESS
    wrap: Wrap = as_it_is
    prepare: list[str] = []


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _usual(place: Place) -> list[str]:
    replicas = str(WAITING_PROCESSES_PER_CORE * cores())
    return _module("bench.peers.replicas", replicas, "bench.peers.usual", place.amqp, place.redis)


def _faststream(_place: Place) -> list[str]:
    return _module("bench.peers.replicas", str(cores()), "bench.peers.with_faststream")


def _ganglion(place: Place) -> list[str]:
    data = str(place.folder / "data")
    return [
        sys.executable, str(ROOT / "run.py"), "serve", "--data", data, "--http", "127.0.0.1:0",
        "--log-level", "warning", "--amqp", place.amqp,
    ]  # fmt: skip


def _celery(_place: Place) -> list[str]:
    return _module(
        "celery", "-A", "bench.peers.with_celery", "worker", "--loglevel", "WARNING", "--without-gossip",
        "--without-mingle", "--without-heartbeat", "--concurrency", str(WAITING_PROCESSES_PER_CORE * cores()),
    )  # fmt: skip


def _dramatiq(place: Place) -> list[str]:
    return _module(
        "dramatiq", "bench.peers.with_dramatiq", "--processes", str(cores()), "--threads", str(DRAMATIQ_THREADS),
        "--pid-file", str(place.folder / "dramatiq.pid"),
    )  # fmt: skip


def _for_celery(message: Outgoing) -> Outgoing:
    """Celery's message protocol, version 2."""
    id = str(uuid.uuid4())
    headers = {
        "lang": "py", "task": CELERY_TASK, "id": id, "root_id": id, "parent_id": None, "group": None, "eta": None,
        "expires": None, "retries": 0, "timelimit": [None, None], "argsrepr": "", "kwargsrepr": "",
        "origin": "shop", "ignore_result": True,
    }  # fmt: skip
    options = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = _json([[msgspec.Raw(message.body), message.props.message_id], {}, options])
    props = Props("application/json", "utf-8", headers, correlation_id=id, reply_to="")
    return Outgoing("", CELERY_QUEUE, body, props)


def _for_dramatiq(message: Outgoing) -> Outgoing:
    body = {
        "queue_name": DRAMATIQ_QUEUE, "actor_name": DRAMATIQ_ACTOR, "kwargs": {}, "options": {},
        "args": [msgspec.Raw(message.body), message.props.message_id],
        "message_id": str(uuid.uuid4()), "message_timestamp": 1_790_000_000_000,
    }  # fmt: skip
    return Outgoing("", DRAMATIQ_QUEUE, _json(body), Props())


CONTESTANTS = (
    Contestant("a", "pika", "pika alone, no work", 1.0, lambda place: _module("bench.peers.plain", place.amqp)),
    Contestant(
        "b", "usual", "pika, one Redis script, confirm and ack each", 0.1, _usual, WORK_QUEUE, to_the_work_queue
    ),
    Contestant(
        "c", "celery", "Celery, acks late, the same script", 0.1, _celery, CELERY_QUEUE, _for_celery,
        _module("bench.peers.with_celery"),
    ),
    Contestant(
        "d", "dramatiq", "Dramatiq, the same script", 0.2, _dramatiq, DRAMATIQ_QUEUE, _for_dramatiq,
        _module("bench.peers.with_dramatiq"),
    ),
    Contestant("e", "faststream", "FastStream, the same script", 0.15, _faststream, WORK_QUEUE, to_the_work_queue),
    Contestant("f", "ganglion", "Ganglion, the whole job, fsync on", 1.0, _ganglion),
)  # fmt: skip
