"""The receiver: `python -m bench.effects URL QUEUE N [FILE]` counts effects until both of N events have come.

A program of its own, as a real receiver is, so that its CPU is nobody else's. It takes without acks, on the engine's
own fast reading of deliveries, and does as little as it can: on a small machine it takes its cores from whoever is
measured. It prints JSON lines: `{"ready": true}` once it consumes,
`{"first": t}` at the first effect, `{"last": t, "counts": {...}, "again": n}` at the end; times of the monotonic
clock, which Linux gives to all processes alike. A message id that comes twice is counted once, and said.

With FILE it also notes when each effect came, as a line `event-number kind time`; which event an effect belongs to is
said by its message id (`m-0000007/sms`, the peers') or by its body (`source_id`, Ganglion's).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pika
from pika.adapters.select_connection import IOLoop

from bench.shop import EFFECTS_PER_EVENT, number_of
from topology.amqp_socket import AmqpConnection
from topology.ports import Delivery

SILENCE_S_MAX = 60.0
"""Without an effect for this long the contestant is given up."""


class _Body(msgspec.Struct):
    source_id: str


class Receiver:
    """Counts distinct effects by type."""

    def __init__(self, queue: str, events: int, times: Path | None = None) -> None:
        self._queue = queue
        self._events = events
        self._times = times
        self._came: list[tuple[str, str, bytes, float]] = []
        self._seen: set[str] = set()
        self._again = 0
        self._heard = time.monotonic()
        self.counts: dict[str, int] = {}
        self._connection: Any = None

    def run(self, url: str) -> None:
        loop = IOLoop()
        self._connection = AmqpConnection(pika.URLParameters(url), self._opened, self._ended, loop)
        self._look(loop)
        loop.start()

    def _opened(self) -> None:
        self._connection.channel(on_open_callback=self._consume)

    def _consume(self, channel: Any) -> None:
        self._connection.deliver = self._got
        channel.basic_consume(self._queue, self._by_pika, auto_ack=True, callback=lambda _: say(ready=True))

    def _ended(self, reason: str) -> None:
        sys.exit(f"the receiver's connection ended: {reason}")

    def _by_pika(self, _channel: Any, method: Any, props: Any, body: bytes) -> None:
        """Long messages come this way."""
        self._got(Delivery(method.delivery_tag, method.exchange, method.routing_key, props, body))

    def _look(self, loop: Any) -> None:
        if time.monotonic() > self._heard + SILENCE_S_MAX:
            sys.exit(f"no effect for {SILENCE_S_MAX:.0f} s; so far {self.counts}, {self._again} twice")
        loop.call_later(1.0, lambda: self._look(loop))

    def _got(self, delivery: Delivery) -> None:
        props: Any = delivery.props
        now = self._heard = time.monotonic()
        if not self.counts:
            say(first=now)
        if props.message_id in self._seen:
            self._again += 1
            return
        self._seen.add(props.message_id)
        self.counts[props.type] = self.counts.get(props.type, 0) + 1
        if self._times is not None:
            self._came.append((props.message_id, props.type, delivery.body, now))
        if len(self._seen) >= len(EFFECTS_PER_EVENT) * self._events and self._complete():
            self._note()
            say(last=now, counts=self.counts, again=self._again)
            sys.exit(0)

    def _complete(self) -> bool:
        return all(self.counts.get(kind, 0) >= self._events for kind in EFFECTS_PER_EVENT)

    def _note(self) -> None:
        if self._times is not None:
            lines = (f"{number_of(cause(id, body))} {kind} {at!r}\n" for id, kind, body, at in self._came)
            self._times.write_text("".join(lines))


def cause(message_id: str, body: bytes) -> str:
    """The id of the message that the effect `message_id` belongs to."""
    source, slash, _ = message_id.partition("/")
    return source if slash else msgspec.json.decode(body, type=_Body).source_id.rpartition("|")[2]


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    Receiver(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]) if sys.argv[4:] else None).run(sys.argv[1])
