"""A rush on one public code: two hundred clients at once, more users than the code has uses, and the program killed.

Every use must go out, to as many users as there are uses; whoever gets none is told `sold_out`, and nobody uses the
code twice, whether he asks again under the same key or with another order. Clients give up and ask again, and all come
from one address, which is none the worse for it: only a wrong code counts for the guard. When all is answered, the
template's statistics, the effects and the users' coupons say what the answers said.
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
import pytest

from tests.coupon_engine import cart
from tests.crash.clerks import ANSWER_S_MAX, Clerks
from tests.crash.errands import Request
from tests.crash.ordeal import complaint
from tests.crash.program import QUIETLY, Program
from tests.crash.receiver import Receiver
from tests.crash.templates import open_template, usage_of

CLIENTS = 200
HASTY_S = 0.2
"""What every tenth client waits for an answer before he asks again; the engine takes longer while all are at it."""
TEMPLATE, CODE = "D11", "DOUBLE11"
TYPED = (CODE, CODE.lower(), "double-11", "Double11")
"""All of which is the one code."""
OFF, USES = 1_100, 1_000
SOLD_OUT, HAS_HAD_ONE = "sold_out", "per_user_limit"
TWICE_SHARE = 0.1
"""Of requests: sent by two clients at the same moment."""
ANOTHER_SHARE = 0.1
"""Of users: they try the code with another order too."""
EFFECTS = {"coupon_redeemed", "coupon_refused", "coupon_usage"}
COUNTED = ("issued", "redeemed", "orders", "discount", "revenue")
SAMPLE = 50
WORK_S_MAX = 240.0
BLOW_S_MAX = 0.02
"""From the answer that a blow waited for to the blow: a few commits."""


class Rush:
    """`users` users, and fewer uses than that. Close it."""

    def __init__(self, url: str, folder: Path, seed: int, users: int) -> None:
        self.midway = 0
        """Lives that ended with requests under way."""
        self._rng, self._began_s, self._url = Random(seed), time.monotonic(), url
        self._users = [f"user{n}" for n in range(users)]
        self._orders: dict[str, tuple[str, int]] = {}
        """Key -> whose request it is, and what his order comes to."""
        self._requests = list(self._drawn())
        self.clerks = Clerks(CLIENTS, patience_s=(ANSWER_S_MAX,) * 9 + (HASTY_S,))
        self.clerks.hand(self._requests)
        self.program = Program(folder, "--amqp", url, *QUIETLY)
        with ExitStack() as stack:
            stack.callback(self.program.close)
            self.program.start()
            self.program.ready()
            self._receiver = stack.enter_context(closing(Receiver(url, EFFECTS)))
            stack.callback(self.clerks.end)
            self._open = stack.pop_all()
        limits = {"code": {"public": CODE, "uses": USES}, "per_user": {"total": 1}}
        open_template(self.program.url, TEMPLATE, kind={"type": "fixed", "amount": OFF}, **limits)

    def close(self) -> None:
        self._open.close()

    def _drawn(self) -> Iterator[Request]:
        wanted = self._users + self._rng.sample(self._users, round(len(self._users) * ANOTHER_SHARE))
        self._rng.shuffle(wanted)
        for n, user in enumerate(wanted):
            key, amount = f"k{n}", self._rng.randint(OFF, 100_000)
            self._orders[key] = user, amount
            body = json.dumps({"user_id": user, "order": cart(f"o{n}", amount)}).encode()
            request = Request(key, f"/v1/coupons/{self._rng.choice(TYPED)}/redemptions", body)
            yield from [request] * (1 + (self._rng.random() < TWICE_SHARE))

    def run(self, kills: int) -> None:
        """All of it, over so many lives that end by SIGKILL and a last one; after kills all is asked once more."""
        for still_to_come in range(kills, 0, -1):
            self._live(self.clerks.left // (still_to_come + 1))
        self._begin()
        self._work(lambda: not self.clerks.left)
        if kills:
            self.clerks.hand(self._requests)
            self._work(lambda: not self.clerks.left)
        self.program.until(self._told, WORK_S_MAX, lambda: f"only {len(self._receiver.acted)} effects came")

    def _begin(self) -> None:
        if not self.program.alive:
            self.program.start()
        self.program.ready()
        self.clerks.begin(self.program.url)

    def _live(self, answers: int) -> None:
        """A life that ends when it has given so many answers, or a little later."""
        self._begin()
        before = self.clerks.answered
        self._work(lambda: self.clerks.answered >= before + answers)
        time.sleep(self._rng.uniform(0, BLOW_S_MAX))
        self.program.kill()
        self.clerks.end()
        self.midway += bool(self.clerks.cut_short)

    def _work(self, done: Any) -> None:
        clerks = self.clerks
        self.program.until(
            lambda: bool(clerks.trouble) or done(), WORK_S_MAX, lambda: f"{clerks.left} requests are left"
        )
        assert not clerks.trouble, complaint(self.summary(), clerks.trouble, self.program)

    def _told(self) -> bool:
        heard = Counter(effect.source["event_type"] for effect in self._receiver.seen[:])
        return heard["coupon_redeemed"] + heard["coupon_refused"] >= len(self._orders) and heard["coupon_usage"] >= USES

    def reckon(self) -> None:
        """Compare everything."""
        found = self._receiver.trouble + list(self._differences())
        assert not found, complaint(self.summary(), found, self.program)
        self.clerks.end()
        self.program.stop()

    def _differences(self) -> Iterator[str]:
        answers = {key: json.loads(given.body) for key, given in self.clerks.answers.items()}
        redeemed = {key for key, given in self.clerks.answers.items() if given.status == 200}
        lucky = Counter(self._orders[key][0] for key in redeemed)
        refused = {key: answers[key]["code"] for key in answers.keys() - redeemed}
        revenue = sum(self._orders[key][1] for key in redeemed)
        usage = usage_of(self.program.url, TEMPLATE)
        for what, wanted, is_so in (
            ("answers", self._orders.keys(), answers.keys()),
            ("uses", USES, len(redeemed)),
            ("users who used it", USES, len(lucky)),
            ("statuses of refusals", {409}, {self.clerks.answers[key].status for key in refused}),
            ("refusals", {key: _why(self._orders[key][0] in lucky) for key in refused}, refused),
            ("the statistics", (USES, USES, USES, USES * OFF, revenue), tuple(usage[name] for name in COUNTED)),
            ("uses left", 0, usage["stock"]["free"] + usage["stock"]["unused"]),
            ("wrong codes", [], self._wrong_codes()),
        ):
            if wanted != is_so:
                yield f"{what}: {str(is_so)[:200]}, not {str(wanted)[:200]}"
        yield from self._effects(redeemed, refused, revenue)
        yield from self._purses(lucky)

    def _effects(self, redeemed: set[str], refused: dict[str, str], revenue: int) -> Iterator[str]:
        """What was told is what was answered, once."""
        seen = {effect.id: effect.source for effect in self._receiver.seen}
        acted = [seen[id] for id in self._receiver.acted]
        told = {kind: [body for body in acted if body["event_type"] == kind] for kind in EFFECTS}
        usage = told["coupon_usage"]
        sums = [sum(line[name] for line in usage) for name in ("number", "discount", "revenue")]
        for what, wanted, is_so in (
            ("redeemed", Counter(map(self._told_of, redeemed)), Counter(map(_of_effect, told["coupon_redeemed"]))),
            (
                "refused", Counter((*self._told_of(key), why) for key, why in refused.items()),
                Counter((*_of_effect(body), body["code"]) for body in told["coupon_refused"]),
            ),
            ("lines of usage", [USES, USES * OFF, revenue], sums),
        ):  # fmt: skip
            if wanted != is_so:
                yield f"effects, {what}: {str(is_so)[:200]}, not {str(wanted)[:200]}"

    def _told_of(self, key: str) -> tuple[str, str]:
        return self._orders[key][0], f"o{key[1:]}"

    def _wrong_codes(self) -> list[str]:
        """Lines of the metrics that would say that somebody was taken for a guesser."""
        lines = self._get("/metrics").text.splitlines()
        return [line for line in lines if line.startswith("ganglion_coupon_codes_")]

    def _purses(self, lucky: Counter[str]) -> Iterator[str]:
        """Some users have what was said."""
        for user in self._rng.sample(self._users, min(SAMPLE, len(self._users))):
            answer = self._get(f"/v1/users/{user}/coupons")
            states = [coupon["state"] for coupon in answer.json().get("data", [])]
            if states != ["redeemed"] * lucky[user]:
                yield f"{user}, of whom {lucky[user]} were redeemed, has {answer.text}"

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.program.url}{path}", timeout=60)

    def summary(self) -> str:
        """What it was like, in a line."""
        clerks = self.clerks
        return (
            f"{len(self._users):,} users, {len(self._requests):,} requests: {clerks.answered:,} answers, "
            f"{clerks.replayed} of them again, {clerks.given_up} given up; {self.program.lives} lives, {self.midway} "
            f"ended with {len(clerks.lost)} requests under way, of which {clerks.kept} had been done; "
            f"{len(self._receiver.acted):,} effects, {self._receiver.again:,} heard again, "
            f"{time.monotonic() - self._began_s:.0f} s"
        )


def _why(used: bool) -> str:
    """What somebody is told who did not get what he asked for, and had a use with another request or had none."""
    return HAS_HAD_ONE if used else SOLD_OUT


def _of_effect(body: dict[str, Any]) -> tuple[str, str]:
    return body["user_id"], body["order_id"]


def test_a_rush_of_two_hundred_clients_on_a_public_code_uses_it_up_and_not_once_more(
    broker: str, tmp_path: Path
) -> None:
    with closing(Rush(broker, tmp_path, seed=200, users=1_200)) as rush:
        rush.run(kills=0)
        rush.reckon()
        assert rush.clerks.given_up and rush.clerks.replayed, "nobody asked again"
        print(rush.summary())


@pytest.mark.long
def test_a_rush_on_a_public_code_outlives_ten_kills(broker: str, tmp_path: Path) -> None:
    with closing(Rush(broker, tmp_path, seed=2_000, users=3_000)) as rush:
        rush.run(kills=10)
        rush.reckon()
        assert rush.midway >= 8, f"only {rush.midway} blows fell on requests under way"
        assert rush.clerks.kept, "no blow fell between a commit and its answer"
        print(rush.summary())
