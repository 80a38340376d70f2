"""A shop's engine with jobs: batches are sent as the seed sends them, operators say their words."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import msgspec

from actors.coupon_jobs.job import Job
from supervision.entry import segment_of
from supervision.messages import Append, Item
from tests.coupon_engine import CouponEngine
from tests.points_engine import SEGMENTS
from topology.wire import MadeUp


class JobsEngine(CouponEngine):
    """`batch` and `word` send; `job` reads what is stored of a job."""

    def batch(self, users: Iterable[Any], **fields: Any) -> None:
        said: dict[str, Any] = {"activity_id": "A", "template": "T1", "user_batch": list(users)} | fields
        self._send("batch_coupon_issue", said)

    def word(self, event_type: str, job: str = "A") -> None:
        self._send(event_type, {"job_id": job})

    def _send(self, event_type: str, fields: dict[str, Any]) -> None:
        self._said += 1
        raw = msgspec.json.encode({"event_type": event_type, **fields})
        item = self._door.decode(raw, "test", None, MadeUp(f"m-{self._said}"))
        assert isinstance(item, Item), item
        self.engine.journal.tell(Append((item,), lambda _: None, len(raw)))

    def job(self, job: str = "A") -> Job:
        subject = f"job:{job}"
        with closing(self.store.reader()) as reader:
            data, _ = reader.snapshot(segment_of(subject, SEGMENTS), "coupon_jobs", subject)
        return msgspec.msgpack.decode(data, type=Job) if data else Job()

    def issued(self) -> list[str]:
        """The users who got a coupon, each as often as he got one."""
        return sorted(body["user_id"] for body in self.told("coupon.issued"))


def users(many: int, first: int = 0) -> list[str]:
    return [f"u{number:05d}" for number in range(first, first + many)]
