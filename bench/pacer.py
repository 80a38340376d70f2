"""A shop that publishes evenly: `python -m bench.pacer URL LETTER RATE FIRST EVENTS FILE`.

For latencies: `EVENTS` purchases numbered from FIRST, RATE a second, in the form that contestant LETTER takes, whatever
becomes of them; a shop does not slow down because its marketing does. FILE gets a line `event-number time` for each, of
the moment before it was written to the socket. Exit status 1 when it could not keep the pace.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop

from bench.peers.contestants import CONTESTANTS
from bench.shop import purchase
from topology.amqp_socket import AmqpConnection
from topology.ports import Outgoing

TICK_S = 0.005
USERS = 20_000
LATE_S_MAX = 2.0
"""So long after its time the last event may go out."""


class Pacer:
    """`messages` are made before the clock starts."""

    def __init__(self, messages: list[Outgoing], first: int, rate: float, file: Path) -> None:
        self._messages = messages
        self._first = first
        self._rate = rate
        self._file = file
        self._sent: list[float] = []
        self._began = 0.0
        self._connection: Any = None

    def run(self, url: str) -> None:
        self._loop = IOLoop()
        self._connection = AmqpConnection(pika.URLParameters(url), self._opened, sys.exit, self._loop)
        self._loop.start()

    def _opened(self) -> None:
        self._connection.channel(on_open_callback=self._begin)

    def _begin(self, channel: Any) -> None:
        self._channel = channel.channel_number
        self._began = time.monotonic()
        self._tick()

    def _tick(self) -> None:
        now, done = time.monotonic(), len(self._sent)
        due = min(len(self._messages), int((now - self._began) * self._rate) + 1)
        if due > done:
            self._connection.publish(self._channel, self._messages[done:due])
            self._sent += [now] * (due - done)
        if due < len(self._messages) or self._connection.unsent_bytes:
            self._loop.call_later(TICK_S, self._tick)
            return
        self._file.write_text("".join(f"{self._first + i} {at!r}\n" for i, at in enumerate(self._sent)))
        late = now - self._began - len(self._messages) / self._rate
        self._connection.close()
        sys.exit(f"{late:.1f} s behind the pace" if late > LATE_S_MAX else 0)


def main(url: str, letter: str, rate: float, first: int, events: int, file: Path) -> None:
    wrap = next(contestant.wrap for contestant in CONTESTANTS if contestant.letter == letter)
    rng = Random(first)
    messages = [
        wrap(purchase(number, rng.randrange(USERS), rng.randrange(1, 500))) for number in range(first, first + events)
    ]
    Pacer(messages, first, rate, file).run(url)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), Path(sys.argv[6]))
