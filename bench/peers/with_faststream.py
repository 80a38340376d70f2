"""(e) FastStream: `python -m bench.peers.with_faststream`, addresses in BENCH_AMQP and BENCH_REDIS.

From its documentation: asyncio (aio-pika below), a worker process per core, many messages prefetched and each handled
in a task of its own, Redis through `redis.asyncio`, acks once the handler has returned, both effects published at once
and their confirms awaited.
"""

# pyright: reportMissingImports=false
# The library is only in the benchmark's own environment.

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from redis.asyncio import Redis

from bench.peers import job
from bench.shop import WORK_QUEUE
from topology.ports import Outgoing
from topology.table import EFFECTS

PREFETCH = 200

broker = RabbitBroker(os.environ.get("BENCH_AMQP", "amqp://"), default_channel=Channel(prefetch_count=PREFETCH))
app = FastStream(broker)
effects = RabbitExchange(EFFECTS, ExchangeType.TOPIC, declare=False)
book: Any = Redis.from_url(os.environ.get("BENCH_REDIS", "redis://")).register_script(job.BOOK)


@broker.subscriber(RabbitQueue(WORK_QUEUE, declare=False), ack_policy=AckPolicy.NACK_ON_ERROR)
async def points_change(event: dict[str, Any], message: RabbitMessage) -> None:
    purchase = msgspec.convert(event, job.Purchase)
    balance = await book(*job.booking(purchase, time.time()))
    if balance is not None:
        await asyncio.gather(*map(publish, job.effects(purchase, message.message_id, int(balance))))


async def publish(effect: Outgoing) -> None:
    props = effect.props
    await broker.publish(
        effect.body, exchange=effects, routing_key=effect.key, persist=True, headers=dict(props.headers or {}),
        content_type=props.content_type, message_id=props.message_id, message_type=props.type,
        timestamp=datetime.fromtimestamp(props.timestamp or 0, UTC),
    )  # fmt: skip


if __name__ == "__main__":
    asyncio.run(app.run())
