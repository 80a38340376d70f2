"""A receiver of all effects, which looks at each as it comes: is it one we know, byte for byte; does it follow its
predecessor?

Publications may repeat, that is the promise to a receiver: `message_id` tells. What may never happen is that a
repetition differs, or that an effect is seen before the one with the `seq` below its own. It acks what it has taken
down, and connects again when its connection is lost.

Its queue has a single active consumer: without, a broker that was restarted gives a new consumer what is next before
it has noticed that the old one is gone and takes back what that held, and effects come out of order by no fault of the
engine (measured: 75 effects of one segment behind 23 later ones).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection
from typing import Any, NamedTuple

import pika
from pika.exceptions import AMQPError

EFFECTS = "marketing.effects"
QUEUE = "crash.effects"
PREFETCH = 1_000
TYPES = {"points_earned", "points_spent", "points_expired", "points_refused", "notify_sms"}
"""All that the shop's messages can lead to; anything else is the engine speaking of trouble."""
LEDGER_TYPES = TYPES | {
    "points_pending", "points_activated", "points_reserved", "points_confirmed", "points_released", "points_reversed",
    "points_gifted", "tier_upgraded", "tier_dropped", "tier_will_drop",
}  # fmt: skip
"""All that the whole ledger's commands can."""
LOOK_S = 0.1
"""How soon a closed listener notices, and one to whom nothing comes."""
DELIVERY_COUNT = "x-delivery-count"
"""The broker's own header on what it delivers again after our connection was lost; no part of the effect."""
ACK_MESSAGES = 100
AGAIN_S = 0.1
"""From losing a connection to trying the next."""


class Seen(NamedTuple):
    """An effect as it came first."""

    id: str
    key: str
    segment: int
    epoch: int
    offset: int
    seq: int
    source: dict[str, Any]
    """The decoded body."""


class Listener:
    """Consumes in a thread from construction to `close`. The queue is durable, so nothing is missed before either."""

    def __init__(self, url: str, types: Collection[str] = TYPES) -> None:
        self.seen: list[Seen] = []
        """Each effect once, in the order of first sight."""
        self.again = 0
        self.pauses = 0
        """How often nothing came for LOOK_S: all that was on its way is in `seen`."""
        self.trouble: list[str] = []
        self._url = url
        self._types = types
        self._known: dict[str, tuple[Any, ...]] = {}
        self._newest: dict[int, tuple[int, int, int]] = {}
        self._ended = threading.Event()
        self._declare()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _declare(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        channel.queue_declare(QUEUE, durable=True, arguments=arguments)
        channel.queue_bind(QUEUE, EFFECTS, "#")
        connection.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self._consume()
            except AMQPError:
                time.sleep(AGAIN_S)

    def _consume(self) -> None:
        connection: Any = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        unacked = newest = 0
        for method, props, body in channel.consume(QUEUE, inactivity_timeout=LOOK_S):
            if method is not None:
                self._look(method.routing_key, props, body)
                unacked += 1
                newest = method.delivery_tag
            else:
                self.pauses += 1
            if unacked and (method is None or unacked == ACK_MESSAGES):
                channel.basic_ack(newest, multiple=True)
                unacked = 0
            if self._ended.is_set():
                break
        connection.close()

    def _look(self, key: str, props: Any, body: bytes) -> None:
        headers = sorted((name, value) for name, value in (props.headers or {}).items() if name != DELIVERY_COUNT)
        whole = (key, body, props.type, props.content_type, props.app_id, props.timestamp, props.delivery_mode, headers)
        known = self._known.setdefault(props.message_id, whole)
        if known is not whole:
            self.again += 1
            if known != whole:
                self.trouble.append(f"{props.message_id} came again as another: first {known}, then {whole}")
            return
        try:
            self._first(key, props, body)
        except (AssertionError, ValueError, KeyError, TypeError) as error:
            self.trouble.append(f"{props.message_id}: {error!r} in {whole}")

    def _first(self, key: str, props: Any, body: bytes) -> None:
        segment, epoch, offset = (int(part) for part in props.message_id.split("."))
        seq = props.headers["seq"]
        last = self._newest.get(segment, (0, 0, 0))
        self._newest[segment] = (epoch, offset, seq)
        fields = json.loads(body)
        self._follows(last, (epoch, offset, seq))
        assert props.headers["segment"] == str(segment), "the header names another segment"
        assert props.type == fields["event_type"], "type and body disagree"
        assert f"{key.replace('.', '_')}_".startswith(f"{props.type}_"), "type and key disagree"
        assert props.type in self._types, "nobody should have said this"
        assert (props.content_type, props.app_id, props.delivery_mode) == ("application/json", "ganglion", 2)
        self.seen.append(Seen(props.message_id, key, segment, epoch, offset, seq, fields))

    def _follows(self, last: tuple[int, int, int], this: tuple[int, int, int]) -> None:
        """An effect's (epoch, offset, seq) after those of its segment's newest."""
        assert this[2] == last[2] + 1, f"seq {this[2]} after {last[2]}"
        assert this[1] > last[1] and this[0] >= last[0], f"place after {last[0]}.{last[1]}"
