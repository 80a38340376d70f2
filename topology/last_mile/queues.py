"""The queues of the last mile, and how a message that could not be delivered waits in them.

The queue hears `notify.<channel>` of the channels that have an address, not `notify.#`: with that would come
`notify.refused`, which is nobody's message, and channels that somebody else delivers. A message that fails is published
to a queue for its wait, whose time-to-live sends it back: one queue for each step, since a queue lets only its head
expire. So a wait holds no delivery open, outlives this process, and an endpoint that is down does not stand in the way
of the others. After the last step the message goes to `marketing.dead`, like input that nobody can take.

How often it was tried stands in a header of our own. The broker counts deliveries too, but not the same ones in every
version; its count only guards against a message that kills the process each time.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
import pika

from actors.notification.messages import CHANNELS
from topology.amqp_topology import declare_all
from topology.dead import DeadLetter, dead_letter
from topology.ports import Delivery
from topology.table import DEAD, DELIVERY_LIMIT, EFFECTS, Binding, Queue, Topology
from topology.wire import BadMessage

QUEUE = "notify.apprise.queue"
STEPS_S: Sequence[float] = (5.0, 30.0, 120.0, 600.0, 1800.0)
"""Waits before the second and each further attempt: six attempts within 43 minutes."""
ATTEMPT = "x-notify-attempt"
"""How often it was tried before."""
KEY = "x-notify-key"
"""Its routing key of before its waits."""
KEY_BEGINS = "notify."
_KEYS = tuple(KEY_BEGINS + channel for channel in CHANNELS)


def waiting_queue(step_s: float) -> str:
    """Named by its wait, which cannot be changed of a queue."""
    return f"notify.apprise.retry.{step_s:g}s"


def table(channels: Collection[str], steps_s: Sequence[float] = STEPS_S) -> Topology:
    """What must stand besides the engine's own exchanges, which the engine makes."""
    main = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": DEAD}
    queues = [Queue(QUEUE, main), *(Queue(waiting_queue(step), _waiting(step)) for step in steps_s)]
    return Topology((), queues, [Binding(EFFECTS, "queue", QUEUE, KEY_BEGINS + each) for each in channels], ())


def preparer(channels: Collection[str], steps_s: Sequence[float] = STEPS_S) -> Callable[[pika.URLParameters], None]:
    """What the shell calls before each connection: all of it declared, and no channel heard that an earlier run had an
    address for.
    """

    def prepare(parameters: pika.URLParameters) -> None:
        connection = pika.BlockingConnection(parameters)
        try:
            declare_all(connection, table(channels, steps_s))
            channel = connection.channel()
            for other in set(CHANNELS) - set(channels):
                channel.queue_unbind(QUEUE, EFFECTS, KEY_BEGINS + other)
        finally:
            if connection.is_open:
                connection.close()

    return prepare


def restored(delivery: Delivery) -> tuple[Delivery, int]:
    """The delivery as it first came, and how often it was tried before. Anybody may publish headers of these names;
    what `put_aside` does not write counts for nothing.
    """
    headers: dict[str, Any] = dict(delivery.props.headers or {})
    tried, key = headers.pop(ATTEMPT, 0), headers.pop(KEY, "")
    if type(tried) is not int or tried < 1 or key not in _KEYS:
        return delivery, 0
    return msgspec.structs.replace(delivery, exchange=EFFECTS, key=key), tried


def put_aside(delivery: Delivery, tried: int, why: BadMessage, steps_s: Sequence[float]) -> DeadLetter:
    """What is to be published before `delivery`, as it first came, is acked; `tried`: this time included."""
    letter = dead_letter(delivery, why)
    if tried > len(steps_s):
        return letter
    message = letter.message
    headers = dict(message.props.headers or {}) | {ATTEMPT: tried, KEY: delivery.key}
    props = msgspec.structs.replace(message.props, headers=headers)
    queue = waiting_queue(steps_s[tried - 1])
    return DeadLetter(delivery.tag, msgspec.structs.replace(message, exchange="", key=queue, props=props))


def _waiting(step_s: float) -> dict[str, Any]:
    """A wait that ends must not be a message that is lost, so the strategy is said."""
    return {
        "x-queue-type": "quorum",
        "x-message-ttl": round(step_s * 1000),
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": QUEUE,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
