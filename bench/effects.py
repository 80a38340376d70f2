"""The receiver: `python -m bench.effects URL QUEUE N` counts effects until N of each kind have come.

A program of its own, as a real receiver is, so that its CPU is nobody else's. It takes without acks, on the engine's
own fast reading of deliveries, and does as little as it can: on a small machine it takes its cores from whoever is
measured. It prints JSON lines: `{"ready": true}` once it consumes,
`{"first": t}` at the first effect, `{"last": t, "counts": {...}, "again": n}` at the end; times of the monotonic
clock, which Linux gives to all processes alike. A message id that comes twice is counted once, and said.

With `--times FILE` it also notes when each effect came, as a line `number kind time`. The number is that of the event
the effect belongs to, from its message id (`m-0000007/sms`, the peers') or its body (`source_id`, Ganglion's); what a
timer began belongs to no event, and has its user's number.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
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
    user_id: str = ""
    source_id: str = ""


class Receiver:
    """Counts distinct effects by type, until `events` of each of `kinds`."""

    def __init__(self, queue: str, events: int, kinds: Sequence[str], times: Path | None) -> None:
        self._queue = queue
        self._kinds = kinds
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
        if len(self._seen) >= len(self._kinds) * self._events and self._complete():
            self._note()
            say(last=now, counts=self.counts, again=self._again)
            sys.exit(0)

    def _complete(self) -> bool:
        return all(self.counts.get(kind, 0) >= self._events for kind in self._kinds)

    def _note(self) -> None:
        if self._times is not None:
            lines = (f"{number(id, body)} {kind} {at!r}\n" for id, kind, body, at in self._came)
            self._times.write_text("".join(lines))


def number(message_id: str, body: bytes) -> int:
    """Which event, or which user, the effect belongs to."""
    source, slash, _ = message_id.partition("/")
    if slash:
        return number_of(source)
    said = msgspec.json.decode(body, type=_Body)
    return number_of(said.source_id.rpartition("|")[2]) if said.source_id else int(said.user_id)


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.effects", description="count effects")
    parser.add_argument("url")
    parser.add_argument("queue")
    parser.add_argument("events", type=int)
    parser.add_argument("--kinds", default=",".join(EFFECTS_PER_EVENT))
    parser.add_argument("--times", type=Path, default=None)
    options = parser.parse_args()
    Receiver(options.queue, options.events, options.kinds.split(","), options.times).run(options.url)


if __name__ == "__main__":
    main()
