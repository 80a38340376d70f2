"""(d) Dramatiq: `dramatiq bench.peers.with_dramatiq`, addresses in BENCH_AMQP and BENCH_REDIS.

From its documentation: processes and threads from the command line, acks after the actor has returned, confirms on.
Its queues are classic durable ones, which it declares by itself; that spares it the Raft log that the others pay for.
Effects go out through the broker's own channel of the worker's thread, confirmed one by one. Started as a module it
only declares its queues.
"""

# pyright: reportMissingImports=false
# The library is only in the benchmark's own environment.

from __future__ import annotations

import os
import time
from typing import Any

import dramatiq
import msgspec
import redis
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from bench.peers import job

QUEUE = "bench.dramatiq"
ACTOR = "points_change"

broker = RabbitmqBroker(url=os.environ.get("BENCH_AMQP", "amqp://"), confirm_delivery=True)
dramatiq.set_broker(broker)
book: Any = redis.Redis.from_url(os.environ.get("BENCH_REDIS", "redis://")).register_script(job.BOOK)


@dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE)
def points_change(event: dict[str, Any], message_id: str) -> None:
    purchase = msgspec.convert(event, job.Purchase)
    balance = book(*job.booking(purchase, time.time()))
    if balance is None:
        return
    for effect in job.effects(purchase, message_id, int(balance)):
        broker.channel.basic_publish(
            effect.exchange, effect.key, effect.body, job.properties(effect.props), mandatory=True
        )  # fmt: skip


if __name__ == "__main__":
    broker.declare_queue(QUEUE, ensure=True)
