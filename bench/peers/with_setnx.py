"""The seed's way to give out coupons, as it is written there: `python -m bench.peers.with_setnx URL REDIS`.

    String lockKey = "coupon:issue:" + userId + ":" + templateId;
    if (redis.setNX(lockKey, "1", 300)) {
        issueCoupon(userId, templateId);
        redis.delete(lockKey);
    }

A worker takes a message of up to 1,000 users, makes a coupon for each, sends its notification, and acks when it is
through. What the seed leaves open is filled in as most teams do: the stock is a counter that is looked at before it is
taken from, coupons are a list in Redis, and notifications go without confirms. One message at a time is a worker's, so
that the batches are shared; a library's default would give all to the first.

None of it is mended: a lock that is deleted keeps nobody from issuing again (coupon_peer.py counts to whom),
one whose owner died keeps everybody from it for five minutes, and there is no `else`.
"""

from __future__ import annotations

import signal
import sys
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pika
import redis

from bench.shop import WORK_QUEUE
from topology.table import EFFECTS

TEMPLATE = "DOUBLE11"
LOCKS = "coupon:issue:"
STOCK = f"coupon:stock:{TEMPLATE}"
COUPONS = f"coupon:issued:{TEMPLATE}"
"""A list of the coupons, in JSON."""
LOCK_S = 300
VALID_DAYS = 30
LOOK_S = 0.1

_json = msgspec.json.Encoder().encode


class Batch(msgspec.Struct):
    """The seed's message."""

    event_type: str
    activity_id: str
    user_batch: list[str]
    batch_size: int
    total_batches: int


class Coupon(msgspec.Struct):
    code: str
    user_id: str
    template: str
    activity_id: str
    expire_days: int = VALID_DAYS


class Sms(msgspec.Struct):
    event_type: str
    user_id: str
    template: str
    code: str
    text: str


_batch = msgspec.json.Decoder(Batch).decode
_persistent = pika.BasicProperties("application/json", delivery_mode=pika.DeliveryMode.Persistent)


def lock_of(user_id: str) -> str:
    return f"{LOCKS}{user_id}:{TEMPLATE}"


class Issuer:
    """The scheme itself. `redis` is a client; `notify` is called with each coupon."""

    def __init__(self, redis: Any, notify: Callable[[Coupon], object]) -> None:
        self._redis = redis
        self._notify = notify

    def work_off(self, batch: Batch) -> None:
        for user_id in batch.user_batch:
            lock = lock_of(user_id)
            if self._redis.set(lock, "1", nx=True, ex=LOCK_S):
                self._issue(user_id, batch)
                self._redis.delete(lock)

    def _issue(self, user_id: str, batch: Batch) -> None:
        if int(self._redis.get(STOCK)) <= 0:
            return
        self._redis.decr(STOCK)
        coupon = Coupon(uuid.uuid4().hex, user_id, TEMPLATE, batch.activity_id)
        self._redis.rpush(COUPONS, _json(coupon))
        self._notify(coupon)


class Worker:
    """One connection each. After SIGTERM it ends with the message that it has or is about to get."""

    def __init__(self, url: str, redis_url: str) -> None:
        self._ending = False
        self._issuer = Issuer(redis.Redis.from_url(redis_url), self._notify)
        self._connection: Any = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.basic_qos(prefetch_count=1)
        self._channel.basic_consume(WORK_QUEUE, self._got)

    def run(self) -> None:
        while not self._ending:
            self._connection.process_data_events(LOOK_S)
        self._connection.process_data_events(LOOK_S)
        self._connection.close()

    def end(self, *_: object) -> None:
        self._ending = True

    def _got(self, channel: Any, method: Any, _props: Any, body: bytes) -> None:
        self._issuer.work_off(_batch(body))
        channel.basic_ack(method.delivery_tag)

    def _notify(self, coupon: Coupon) -> None:
        sms = Sms("notify_sms", coupon.user_id, "coupon_issued", coupon.code, f"您获得优惠券{coupon.code}")
        self._channel.basic_publish(EFFECTS, "notify.sms", _json(sms), _persistent)


if __name__ == "__main__":
    worker = Worker(sys.argv[1], sys.argv[2])
    signal.signal(signal.SIGTERM, worker.end)
    worker.run()
