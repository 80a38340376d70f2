"""(a) pika alone: `python -m bench.peers.plain URL`. The limit of the client library; no work is done.

SelectConnection, as pika's documentation has it for throughput: a thousand messages prefetched, effects published on a
second channel with confirms, a message acked once both of its effects are confirmed, acks of many at once. The effects'
bodies are made once; nothing is decoded, booked or remembered.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import pika
from pika.spec import Basic

from bench.peers import job
from bench.shop import purchase
from topology.table import INGRESS

PREFETCH = 1_000
ACK_EVERY = 100
"""Confirmed messages per ack, fewer when nothing else is under way."""


class Plain:
    """One connection, one channel each way."""

    def __init__(self) -> None:
        example = purchase(1_234_567, 12_345, 100)
        self._effects = job.effects(job.purchase(example.body), "m-1234567", 250)
        self._take: Any = None
        self._give: Any = None
        self._published = 0
        self._confirmed: set[int] = set()
        self._lowest = 1
        self._tags: deque[tuple[int, int]] = deque()
        """(last confirm that it waits for, tag of the message), in order."""
        self._unacked = 0

    def run(self, url: str) -> None:
        connection = pika.SelectConnection(pika.URLParameters(url), on_open_callback=self._opened)
        connection.ioloop.start()

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._giving)

    def _giving(self, channel: Any) -> None:
        self._give = channel
        channel.confirm_delivery(self._confirm, lambda _: channel.connection.channel(on_open_callback=self._taking))

    def _taking(self, channel: Any) -> None:
        self._take = channel
        channel.basic_qos(prefetch_count=PREFETCH, callback=lambda _: channel.basic_consume(INGRESS, self._got))

    def _got(self, _channel: Any, method: Any, props: Any, _body: bytes) -> None:
        for effect, suffix in zip(self._effects, ("earned", "sms"), strict=True):
            properties = job.properties(effect.props, f"{props.message_id}/{suffix}")
            self._give.basic_publish(effect.exchange, effect.key, effect.body, properties, mandatory=True)
        self._published += 2
        self._tags.append((self._published, method.delivery_tag))

    def _confirm(self, frame: Any) -> None:
        method = frame.method
        if not isinstance(method, Basic.Ack):
            sys.exit("the broker refused an effect")
        if method.multiple:
            self._confirmed.update(range(self._lowest, method.delivery_tag + 1))
        else:
            self._confirmed.add(method.delivery_tag)
        while self._lowest in self._confirmed:
            self._confirmed.discard(self._lowest)
            self._lowest += 1
        self._ack()

    def _ack(self) -> None:
        tag = 0
        while self._tags and self._tags[0][0] < self._lowest:
            tag = self._tags.popleft()[1]
            self._unacked += 1
        if tag and (self._unacked >= ACK_EVERY or not self._tags):
            self._take.basic_ack(tag, multiple=True)
            self._unacked = 0


if __name__ == "__main__":
    Plain().run(sys.argv[1])
