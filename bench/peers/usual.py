"""(b) As most teams write it: `python -m bench.peers.usual URL REDIS`. pika, one Redis script per message, confirm and
ack each.

BlockingConnection and a callback, from pika's examples: simple, and each message is safely through before the next. It
waits for Redis's disk once and for the broker's twice per message, so one alone does 50 to 100 messages a second;
several replicas share a queue (contestants.py says how many).
"""

from __future__ import annotations

import sys
import time
from typing import Any

import pika
import redis

from bench.peers import job
from bench.shop import WORK_QUEUE

PREFETCH = 100


class Usual:
    """One connection, one channel for both ways."""

    def __init__(self, url: str, redis_url: str) -> None:
        self._book = redis.Redis.from_url(redis_url).register_script(job.BOOK)
        self._channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
        self._channel.confirm_delivery()
        self._channel.basic_qos(prefetch_count=PREFETCH)
        self._channel.basic_consume(WORK_QUEUE, self._got)

    def run(self) -> None:
        self._channel.start_consuming()

    def _got(self, channel: Any, method: Any, props: Any, body: bytes) -> None:
        purchase = job.purchase(body)
        balance: Any = self._book(*job.booking(purchase, time.time()))
        if balance is not None:
            for effect in job.effects(purchase, props.message_id, int(balance)):
                channel.basic_publish(
                    effect.exchange, effect.key, effect.body, job.properties(effect.props), mandatory=True
                )  # fmt: skip
        channel.basic_ack(method.delivery_tag)


if __name__ == "__main__":
    Usual(sys.argv[1], sys.argv[2]).run()
