"""(c) Celery: `celery -A bench.peers.with_celery worker`, addresses in BENCH_AMQP and BENCH_REDIS.

From its documentation: a quorum queue (`task_default_queue_type`), acks late, rejected when a worker is lost, no
results, the prefork pool, effects through kombu's pool of producers with `confirm_publish`. Delayed delivery, which
Celery prepares for quorum queues whether used or not, is left at classic queues to spare the broker 28 Raft groups.
Started as a module it only declares its queue, so that a backlog can be put there before the worker starts.
"""

# pyright: reportMissingImports=false
# The library is only in the benchmark's own environment.

from __future__ import annotations

import os
import time
from typing import Any

import msgspec
import redis
from celery import Celery

from bench.peers import job

QUEUE = "bench.celery"
TASK = "points.change"

app = Celery("bench", broker=os.environ.get("BENCH_AMQP", "amqp://"))
app.conf.update(
    task_default_queue=QUEUE,
    task_default_queue_type="quorum",
    task_default_exchange_type="direct",
    broker_native_delayed_delivery_queue_type="classic",
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_send_task_events=False,
    worker_prefetch_multiplier=32,
)
_book: Any = None


def book() -> Any:
    """The script; made in the child, after the fork."""
    global _book
    if _book is None:
        _book = redis.Redis.from_url(os.environ["BENCH_REDIS"]).register_script(job.BOOK)
    return _book


@app.task(name=TASK)
def change(event: dict[str, Any], message_id: str) -> None:
    purchase = msgspec.convert(event, job.Purchase)
    balance = book()(*job.booking(purchase, time.time()))
    if balance is None:
        return
    with app.producer_or_acquire() as producer:
        for effect in job.effects(purchase, message_id, int(balance)):
            props = effect.props
            producer.publish(
                effect.body, effect.key, exchange=effect.exchange, mandatory=True, content_type=props.content_type,
                content_encoding="utf-8", headers=dict(props.headers or {}), delivery_mode=props.delivery_mode,
                message_id=props.message_id, timestamp=props.timestamp,
                type=props.type, app_id=props.app_id,
            )  # fmt: skip


def declare() -> None:
    with app.connection_for_write() as connection:
        app.amqp.queues[QUEUE].bind(connection.default_channel).declare()


if __name__ == "__main__":
    declare()
