"""Double 11: a coupon for each of very many users by the seed's batches, fewer coupons than users, batches and messages
that come again, and the program killed all the while.

Every piece of stock must go out, to as many users as there are pieces; nobody gets two; whoever gets none is told
`sold_out`; no code is given twice; and the template's statistics are what the effects and the records say.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pika
import pytest

from actors.coupon.code_keys import KNOWN_TO_ALL
from actors.coupon.codes import MISTYPED, locate
from tests.crash.ordeal import complaint, left_behind
from tests.crash.program import QUIETLY, Program
from tests.crash.publisher import Publisher
from tests.crash.receiver import Receiver
from tests.crash.serial import at_rest
from tests.crash.shop import SEGMENTS, Message
from tests.crash.templates import open_template, usage_of

EXCHANGE, KEY = "marketing.coupon.events", "coupon.issue.activity"
ACTIVITY, TEMPLATE = "DOUBLE11_2025", "D11"
BATCH = 1_000
REPEATED_SHARE = 0.05
"""Of the batches: sent again under another id; as many messages come again as they were."""
EFFECTS = {"coupon_issued", "coupon_refused", "coupon_job_progress", "coupon_job_done", "notify_sms"}
WORK_S_MAX = 300.0
SOLD_OUT = "sold_out"


class Sale:
    """`users` users and a stock that is `short` of it. Close it."""

    def __init__(
        self, url: str, folder: Path, seed: int, users: int, short: int, life_s: tuple[float, float], batch: int = BATCH
    ) -> None:  # fmt: skip
        """A life ends `life_s` after its first effect."""
        self.midway = 0
        """Lives that ended while the job was under way."""
        self._url, self._users, self._stock, self._life_s = url, users, users - short, life_s
        self._rng, self._began_s = Random(seed), time.monotonic()
        self.program = Program(folder, "--amqp", url, *QUIETLY)
        everybody = [f"user{n}" for n in range(users)]
        self._batches = [everybody[at : at + batch] for at in range(0, users, batch)]
        with ExitStack() as stack:
            stack.callback(self.program.close)
            self.program.start()
            self.program.ready()
            self._receiver = stack.enter_context(closing(Receiver(url, EFFECTS)))
            self._publisher = stack.enter_context(closing(Publisher(url, EXCHANGE)))
            self._open = stack.pop_all()
        limits = {"stock": self._stock, "per_user": {"total": 1}}
        open_template(self.program.url, TEMPLATE, activity_id=ACTIVITY, **limits)

    def close(self) -> None:
        self._open.close()

    def messages(self) -> Iterator[Message]:
        """The seed's batches; some come again as they were, some under another id."""
        for number, users in enumerate(self._batches):
            body = {
                "event_type": "batch_coupon_issue", "activity_id": ACTIVITY, "user_batch": users,
                "batch_size": len(users), "total_batches": len(self._batches),
            }  # fmt: skip
            raw = json.dumps(body).encode()
            yield self._message(f"b-{number}", raw)
            if self._rng.random() < REPEATED_SHARE:
                yield self._message(f"b-{number}", raw)
            if self._rng.random() < REPEATED_SHARE:
                yield self._message(f"again-{number}", raw)

    def _message(self, id: str, body: bytes) -> Message:
        return Message(KEY, pika.BasicProperties(message_id=id, app_id="sale", delivery_mode=2), body)

    def run(self, kills: int) -> None:
        self._publisher.send(list(self.messages()))
        for _ in range(kills):
            self._live()
        self._begin()
        self.program.until(lambda: self._job().get("status") == "done", WORK_S_MAX, lambda: f"{self._job()}")
        self.program.until(self._told, WORK_S_MAX, lambda: f"only {len(self._receiver.acted)} effects came")
        self._publisher.settle()
        self.program.until(lambda: at_rest(self.program.data), WORK_S_MAX, lambda: "something is still under way")

    def _begin(self) -> None:
        if not self.program.alive:
            self.program.start()
        self.program.ready()

    def _live(self) -> None:
        """A life that ends some time after the first effect that it is heard of."""
        heard = len(self._receiver.seen)
        self._begin()
        self.program.until(
            lambda: len(self._receiver.seen) > heard or self._over(), WORK_S_MAX, lambda: "nothing is heard of it"
        )
        time.sleep(self._rng.uniform(*self._life_s))
        self.midway += not self._over()
        self.program.kill()

    def _over(self) -> bool:
        """As far as is known before all is heard."""
        return self._job().get("status") == "done"

    def _job(self) -> dict[str, Any]:
        answer = httpx.get(f"{self.program.url}/v1/coupon-jobs/{ACTIVITY}", timeout=60)
        return answer.json() if answer.status_code == 200 else {}

    def _told(self) -> bool:
        kinds = Counter(effect.source["event_type"] for effect in self._receiver.seen)
        least = min(kinds["coupon_issued"], kinds["notify_sms"])
        return least >= self._stock and kinds["coupon_refused"] >= self._users - self._stock

    def reckon(self) -> None:
        """Compare everything."""
        found = list(self._receiver.trouble) + list(self._differences())
        assert not found, complaint(self.summary(), found, self.program)
        self.program.stop()
        assert not left_behind(self._url)

    def _differences(self) -> Iterator[str]:
        ids = list(self._receiver.acted)
        seen = {effect.id: effect for effect in self._receiver.seen}
        acted = [seen[id].source for id in ids]
        issued = [body for body in acted if body["event_type"] == "coupon_issued"]
        refused = [body for body in acted if body["event_type"] == "coupon_refused"]
        got = Counter(body["user_id"] for body in issued)
        codes = Counter(body["code"] for body in issued)
        usage = usage_of(self.program.url, TEMPLATE)
        everybody = {user for some in self._batches for user in some}
        for what, wanted, is_so in (
            ("coupons issued", self._stock, len(issued)),
            ("users who got one", self._stock, len(got)),
            ("codes", self._stock, len(codes)),
            ("refused", {SOLD_OUT: self._users - self._stock}, dict(Counter(body["code"] for body in refused))),
            ("users who got none", everybody - got.keys(), {body["user_id"] for body in refused}),
            ("mistyped codes", 0, sum(locate(code, KNOWN_TO_ALL, SEGMENTS) is MISTYPED for code in codes)),
            ("texts", self._stock, sum(body["event_type"] == "notify_sms" for body in acted)),
            ("the job", (self._stock, self._users), self._of_job()),
            ("the template's statistics", self._stock, usage["issued"]),
            ("the stock", 0, usage["stock"]["free"] + usage["stock"]["unused"]),
        ):
            if wanted != is_so:
                yield f"{what}: {str(is_so)[:200]}, not {str(wanted)[:200]}"
        yield from self._purses(codes)

    def _of_job(self) -> tuple[int, int]:
        job = self._job()
        return job["issued"], job["issued"] + sum(job["refused"].values())

    def _purses(self, codes: Counter[str]) -> Iterator[str]:
        """Some users have what was said."""
        with httpx.Client(base_url=self.program.url, timeout=60) as http:
            for code in self._rng.sample(sorted(codes), min(100, len(codes))):
                coupon = http.get(f"/v1/coupons/{code}").json()
                if (coupon.get("state"), coupon.get("template")) != ("issued", TEMPLATE):
                    yield f"{code} is {coupon}"

    def summary(self) -> str:
        """What it was like, in a line."""
        return (
            f"{self._users:,} users, stock {self._stock:,}: {self.program.lives} lives, {self.midway} ended in the "
            f"midst of the job; {len(self._receiver.acted):,} effects, {self._receiver.again:,} heard again, "
            f"{time.monotonic() - self._began_s:.0f} s"
        )


def test_a_sale_gives_out_all_it_has_and_not_one_more_whatever_is_killed(broker: str, tmp_path: Path) -> None:
    with closing(Sale(broker, tmp_path, seed=11, users=3_000, short=10, life_s=(0, 0.2), batch=100)) as sale:
        sale.run(kills=3)
        sale.reckon()
        assert sale.midway, "no kill struck the job at work"


@pytest.mark.long
def test_a_hundred_thousand_users_and_twenty_kills(broker: str, tmp_path: Path) -> None:
    with closing(Sale(broker, tmp_path, seed=1111, users=100_000, short=10, life_s=(0.3, 1.2))) as sale:
        sale.run(kills=20)
        sale.reckon()
        assert sale.midway >= 10, f"only {sale.midway} kills struck the job at work"
        print(sale.summary())
