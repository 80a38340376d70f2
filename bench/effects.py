"""The receiver of a drain: `python -m bench.effects URL QUEUE N` counts effects until both of N events have come.

A program of its own, as a real receiver is, so that its CPU is not the engine's. It prints JSON lines: `{"ready":
true}` once it consumes, `{"first": t}` at the first effect, `{"last": t, "counts": {...}}` at the end; times of the
monotonic clock, which Linux gives to all processes alike. A message id that comes twice is counted once, and said.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pika

PREFETCH = 2_000
ACK_EVERY = 500
SILENCE_S_MAX = 60.0
"""Without an effect for this long the engine is given up."""
EFFECTS_PER_EVENT = ("points_earned", "notify_sms")


class Receiver:
    """Counts distinct effects by type; acks in runs."""

    def __init__(self, queue: str, events: int) -> None:
        self._queue = queue
        self._events = events
        self._seen: set[str] = set()
        self._again = 0
        self._heard = time.monotonic()
        self.counts: dict[str, int] = {}

    def run(self, url: str) -> None:
        connection: Any = pika.SelectConnection(pika.URLParameters(url), on_open_callback=self._opened)
        connection.ioloop.start()

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel)

    def _channel(self, channel: Any) -> None:
        self._look(channel.connection.ioloop)
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(self._queue, self._got, callback=lambda _: say(ready=True))

    def _look(self, loop: Any) -> None:
        if time.monotonic() > self._heard + SILENCE_S_MAX:
            sys.exit(f"no effect for {SILENCE_S_MAX:.0f} s; so far {self.counts}, {self._again} twice")
        loop.call_later(1.0, lambda: self._look(loop))

    def _got(self, channel: Any, method: Any, props: Any, _body: bytes) -> None:
        if not self.counts:
            say(first=time.monotonic())
        self._heard = time.monotonic()
        if props.message_id in self._seen:
            self._again += 1
            return
        self._seen.add(props.message_id)
        self.counts[props.type] = self.counts.get(props.type, 0) + 1
        complete = len(self._seen) >= len(EFFECTS_PER_EVENT) * self._events and self._complete()
        if complete or method.delivery_tag % ACK_EVERY == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if complete:
            say(last=time.monotonic(), counts=self.counts, again=self._again)
            channel.connection.ioloop.stop()

    def _complete(self) -> bool:
        return all(self.counts.get(kind, 0) >= self._events for kind in EFFECTS_PER_EVENT)


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    Receiver(sys.argv[2], int(sys.argv[3])).run(sys.argv[1])
