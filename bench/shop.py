"""The shop of the measurements: what it publishes, and where its effects are waited for.

Every contestant is given the same purchases of random users, each its own order, made from a seed. The number of an
event is in its message id, and every effect says which message caused it, so that a receiver can tell what is still
missing and how long each took. Contestants whose library has a wire format of its own are given the same command in
that (`Wrap`); the shop would have done the wrapping.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from random import Random

import pika

from actors.registry import COMMANDS
from bench.process import Failed
from topology.amqp_publish import AmqpPublish
from topology.amqp_topology import declare_all
from topology.ports import Outgoing, Props
from topology.publish_file import publish_all
from topology.table import EFFECTS, topology

EFFECTS_QUEUE = "bench.effects"
WORK_QUEUE = "bench.work"
"""For contestants of several processes: the ingress queue has one active consumer, for the order's sake."""
DOOR, KEY = "marketing.points.events", "points.increase.purchase"
SOURCE = "shop"
EFFECTS_PER_EVENT = ("points_earned", "notify_sms")

Wrap = Callable[[Outgoing], Outgoing]


def as_it_is(message: Outgoing) -> Outgoing:
    """The `Wrap` of whoever takes plain messages from the ingress queue."""
    return message


def to_the_work_queue(message: Outgoing) -> Outgoing:
    """The `Wrap` of whoever shares a plain queue among processes."""
    return Outgoing("", WORK_QUEUE, message.body, message.props)


def purchase(number: int, user: int, points: int) -> Outgoing:
    body = (
        f'{{"event_type":"points_change","user_id":"{user}","change_type":"increase",'
        f'"points":{points},"reason":"purchase_order","order_id":"ORDER_{number:07d}",'
        f'"timestamp":"2026-11-11T00:00:00Z","metadata":{{"order_amount":500.0}}}}'
    )
    return Outgoing(DOOR, KEY, body.encode(), Props("application/json", message_id=message_id(number), app_id=SOURCE))


def purchases(events: int, users: int, seed: int) -> Iterator[Outgoing]:
    """Of random users, numbered from 0."""
    rng = Random(seed)
    for number in range(events):
        yield purchase(number, rng.randrange(users), rng.randrange(1, 500))


def message_id(number: int) -> str:
    return f"m-{number:07d}"


def number_of(message_id: str) -> int:
    """The number of the event with this message id. Raises ValueError when it is not the shop's."""
    return int(message_id.removeprefix("m-"))


def declare(url: str) -> None:
    """What the engine would declare, an empty queue of the receiver, and the work queue; quorum queues all."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    declare_all(connection, topology(sorted({spec.exchange for spec in COMMANDS.values()})))
    channel = connection.channel()
    channel.queue_delete(EFFECTS_QUEUE)
    for queue in (EFFECTS_QUEUE, WORK_QUEUE):
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(EFFECTS_QUEUE, EFFECTS, "#")
    connection.close()


def ready(url: str, queue: str) -> int:
    """Messages of `queue` that nobody was given yet."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    count: int = connection.channel().queue_declare(queue, passive=True).method.message_count
    connection.close()
    return count


def publish(url: str, messages: Iterable[Outgoing], events: int) -> None:
    """A backlog of `events`, confirmed to the last. Raises Failed."""
    port = AmqpPublish(url, lambda _: None)
    try:
        result = publish_all(port, messages, lambda _: None)
    finally:
        port.close()
    if result.confirmed != events or result.unrouted:
        raise Failed(f"the backlog was not taken: {result}")


def cores() -> int:
    return len(os.sched_getaffinity(0))
