"""The shop's programs: what they send to the broker and over HTTP, and how badly they behave.

They send again under the same id, under another, under one that said something else, days late and out of order;
they name nothing, they send rubbish; HTTP clients give up, or retry under the same key until somebody answers. Every
answer and every ack is handed to the checkers with the bytes it was for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Protocol

import msgspec

from actors.registry import COMMANDS
from gateway.ingest import Ingest, Taken
from simulation import notices_drawn
from simulation.broker import Message, SimulatedBroker
from simulation.browsing import BEHAVIOURS, FLAT, NESTED, Browsers
from simulation.checker import Checker
from simulation.coupon_shoppers import CouponShoppers
from simulation.draw import Draw
from simulation.shoppers import Shoppers
from simulation.tellers import ACTIVITIES, NAMED_CHECK, PLAIN_CHECK, Tellers
from simulation.violation import Violation
from supervision.messages import Item
from topology.ports import Props
from topology.wire import ByContent, Door

POINTS = ("marketing.points.events", "points.increase.x")
PROFILES = ("marketing.behavior.events", "behavior.profile.update")
"""Front door and key."""
COUPONS = ("marketing.coupon.events", "coupon.issue.x")
BATCHES = ("marketing.coupon.events", "coupon.issue.activity")
PLAIN_CHANGE = b'{"event_type":"points_change","user_id":"'
"""How a good change of points begins here; what no door takes begins otherwise."""
PROFILE_UPDATE = b'{"event_type":"user_profile_update"'
COUPON = b'{"event_type":"coupon_'
BATCH = b'{"event_type":"batch_coupon_issue"'
DOORS = {
    PROFILE_UPDATE: PROFILES, COUPON: COUPONS, BATCH: BATCHES, NESTED: BEHAVIOURS, FLAT: BEHAVIOURS,
    PLAIN_CHECK: ACTIVITIES, NAMED_CHECK: ACTIVITIES,
    notices_drawn.CONSENT_CHANGED: notices_drawn.CONSENTS, notices_drawn.DELIVERY_REPORT: notices_drawn.REPORTS,
}  # fmt: skip
"""By how a message begins; all else is about points."""
FACTS = {
    "zone": ("Asia/Shanghai", "UTC", None),
    "birthday": ("02-29", "1988-02-29", None),
    "shoe": (43, 43.0, "43", None),
    "likes": (["a"], ["a", "b"], {"a": 1}, None),
}
"""Fact -> what it is said to be; few, so that updates often change nothing."""
CHANGES = ("increase", "decrease", "expire")
CHANGES_UPTO = (6, 9, 10)
"""Of ten: so many are this or one before it."""
RETRIES_MAX = 1_000
RETRY_S = 0.5
RETRY_S_MAX = 2.0
"""Each client waits twice as long as before, up to this."""
RUBBISH = (b"{", b"[]", b'{"event_type":"points_change"}', b'{"event_type":"x"}', b"\xff")


class Shop(Protocol):
    """What publishers need of their world."""

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...
    def ingest(self) -> Ingest | None:
        """The running process's HTTP door; None while it has none."""
        ...

    @property
    def process(self) -> int: ...


class Sending(msgspec.Struct, frozen=True):
    """What a sender sends at once: one message, or a list of them; resends of it have the same `n`."""

    n: int
    parts: tuple[bytes, ...]
    message_id: str | None
    over_http: bool
    listed: bool = False

    @property
    def body(self) -> bytes:
        return b"[" + b",".join(self.parts) + b"]" if self.listed else self.parts[0]


class Publishers:
    """All of a world's senders."""

    def __init__(
        self, rng: Random, draw: Draw, shop: Shop, broker: SimulatedBroker, checker: Checker, coupons: CouponShoppers,
        browsers: Browsers, tellers: Tellers,
    ) -> None:  # fmt: skip
        self._rng = rng
        self._tellers = tellers
        self._browsers = browsers
        self._coupons = coupons
        self._draw = draw
        self._shop = shop
        self._broker = broker
        self._checker = checker
        self._door = Door(COMMANDS, draw.segments)
        self._shoppers = Shoppers(rng, draw)
        self._numbers = 0
        self._sent: list[Sending] = []
        self._names: dict[tuple[str | None, bytes], tuple[str, str] | None] = {}
        self._dead: set[bytes] = set()
        self._buried = 0
        self.sent = 0
        """Messages, resends not counted."""
        self.waiting: dict[int, int] = {}
        """HTTP requests without an answer -> the process they were sent to last."""
        broker.on_ack = self._acked

    def plan_day(self, inputs: int) -> None:
        """Send that many in the world's window, evenly or in bursts, and again what was sent on earlier days."""
        rng, draw = self._rng, self._draw
        bursts = [rng.uniform(0, draw.window_s) for _ in range(draw.bursts)]
        left = inputs
        while left > 0:
            seconds = rng.choice(bursts) if bursts and rng.random() < 0.9 else rng.uniform(0, draw.window_s)
            batch = [self._make() for _ in range(min(left, rng.randint(1, draw.batch)))]
            left -= len(batch)
            self._shop.at(seconds, partial(self._send, batch))
            for sending in batch:
                self._plan_resends(sending)
        for old in self._sent[:-inputs]:
            if rng.random() < draw.late_rate / 4:
                self._plan_again(rng.uniform(0, draw.window_s), old)

    def plan(self, seconds: float, body: bytes) -> None:
        """Send this one message, then or again, as any other is."""
        self._numbers += 1
        over_http = self._rng.random() < self._draw.http_share
        sending = Sending(self._numbers, (body,), f"m{self._numbers}", over_http)
        self._shop.at(seconds, partial(self._send, [sending]))
        self._plan_resends(sending)

    def _send(self, batch: list[Sending]) -> None:
        for sending in batch:
            if sending.over_http:
                self._post(sending, RETRIES_MAX)
            else:
                self._put(sending)

    def _plan_resends(self, sending: Sending) -> None:
        rng, draw = self._rng, self._draw
        self._sent.append(sending)
        self.sent += 1
        if rng.random() < draw.resend_rate:
            self._plan_again(rng.uniform(0, draw.window_s * 1.5), sending)
        if rng.random() < draw.other_id_rate:
            self._plan_again(rng.uniform(0, draw.window_s), self._renamed(sending))
        if rng.random() < draw.reused_rate:
            self._plan_again(rng.uniform(0, draw.window_s), self._reused(sending))

    def _plan_again(self, seconds: float, sending: Sending) -> None:
        if sending.over_http:
            gives_up = self._rng.random() < self._draw.give_up_rate
            self._shop.at(seconds, lambda: self._post(sending, 0 if gives_up else RETRIES_MAX))
        else:
            self._shop.at(seconds, lambda: self._put(sending))

    def _make(self) -> Sending:
        rng, draw = self._rng, self._draw
        self._numbers += 1
        n = self._numbers
        over_http = rng.random() < draw.http_share
        parts = (self._body(n),)
        listed = over_http and rng.random() < draw.list_share
        if listed:
            parts = tuple(self._body(n) for _ in range(rng.randint(1, 3)))
        named = over_http or rng.random() >= draw.nameless_rate
        return Sending(n, parts, f"m{n}" if named else None, over_http, listed)

    def _renamed(self, sending: Sending) -> Sending:
        self._numbers += 1
        n = self._numbers
        return msgspec.structs.replace(sending, n=n, message_id=sending.message_id and f"m{n}")

    def _reused(self, sending: Sending) -> Sending:
        """Another message under an id that was given away already."""
        other = tuple(
            part.replace(b'"points":', b'"points":1')
            .replace(b'_changes":{', b'_changes":{"reused":1,')
            .replace(b'"coupon_issue",', b'"coupon_issue","reused":1,')
            .replace(b'"trigger_id":"t', b'"trigger_id":"another')
            .replace(b'"delivery_report",', b'"delivery_report","reused":1,')
            .replace(b'"behavior_type":', b'"reused":1,"behavior_type":')
            for part in sending.parts
        )
        return msgspec.structs.replace(sending, parts=other)

    def _body(self, n: int) -> bytes:
        rng, draw = self._rng, self._draw
        if rng.random() < draw.bad_rate:
            return rng.choice(RUBBISH)
        user = min(int(rng.expovariate(2 / draw.users)), draw.users - 1)  # a few hot ones
        if draw.profiles and rng.random() < draw.profiles:
            return self._profile(user)
        if draw.told and rng.random() < draw.told:
            return self._tellers.message(user)
        if draw.notices and rng.random() < draw.notices:
            return notices_drawn.message(rng, user)
        if draw.browsing and rng.random() < draw.browsing:
            return self._browsers.message(user)
        if draw.coupons and rng.random() < draw.coupons:
            return msgspec.json.encode(self._coupons.message(user))
        if draw.ledger and rng.random() < draw.ledger:
            return msgspec.json.encode(self._shoppers.message(user))
        change: dict[str, Any] = {
            "event_type": "points_change",
            "user_id": f"u{user}",
            "change_type": rng.choices(CHANGES, cum_weights=CHANGES_UPTO)[0],
            "points": rng.randint(1, 100),
            "reason": rng.choice(("purchase", "sign_in", "gift card!")),
        }
        if rng.random() < 0.6:
            change["order_id"] = f"o{rng.randrange(draw.orders)}"
        if rng.random() < draw.nameless_rate:
            change["event_id"] = f"e{n}"
        if rng.random() < draw.referral_rate:
            change |= {
                "change_type": "increase",
                "reason": "referral",
                "metadata": {"referrer_id": f"r{rng.randrange(5)}"},
            }
        return msgspec.json.encode(change)

    def _profile(self, user: int) -> bytes:
        """An update by a sender whose clock says anything."""
        rng = self._rng
        names = rng.sample(list(FACTS), rng.randint(1, 3))
        update = {
            "event_type": "user_profile_update",
            "user_id": f"u{user}",
            "profile_changes": {name: rng.choice(FACTS[name]) for name in names},
            "update_timestamp": f"2026-09-{rng.randint(1, 30):02}T12:00:00Z",
        }
        return msgspec.json.encode(update)

    # AMQP.

    def _put(self, sending: Sending) -> None:
        props = Props(message_id=sending.message_id, app_id="shop")
        body = sending.body
        plain = body.startswith(PLAIN_CHANGE)
        exchange, key = (
            POINTS if plain else next((door for begin, door in DOORS.items() if body.startswith(begin)), POINTS)
        )
        self._broker.put(Message(sending.n, exchange, key, props, body))

    def _acked(self, message: Message) -> None:
        known = self._known_by(message)
        if known is not None and self._checker.acked(*known, message.body):
            return
        for letter in self._broker.dead[self._buried :]:
            self._dead.add(letter.body)
        self._buried = len(self._broker.dead)
        if message.body not in self._dead:
            raise Violation("invariant 5: a message that is not in the log was acked and is not among the dead")

    def heard(self, message: Message) -> bool:
        """Whether it is in the log, or no door takes it."""
        known = self._known_by(message)
        return known is None or self._checker.knows(*known)

    def _known_by(self, message: Message) -> tuple[str, str] | None:
        """(id, subject) of what a message becomes in the log; None: no door takes it."""
        id, body = message.props.message_id, message.body
        if id and body.startswith(PLAIN_CHANGE):  # known without asking a door, which costs a fortieth of a world
            user, _, _ = body.removeprefix(PLAIN_CHANGE).partition(b'"')
            return f"shop|{id}", f"user:{user.decode()}"
        if (id, body) not in self._names:
            item = self._door.decode(body, "shop", id, ByContent(message.exchange, message.key))
            self._names[id, body] = (item.draft.id, item.draft.subject) if isinstance(item, Item) else None
        return self._names[id, body]

    # HTTP.

    def _post(self, sending: Sending, retries: int, wait_s: float = RETRY_S) -> None:
        """A client that sends again under the same key until it is answered, or gives up."""
        process, n = self._shop.process, sending.n
        ingest = self._shop.ingest()
        if retries:
            self.waiting[n] = process

        def answer(result: Any) -> None:
            if isinstance(result, Taken):
                self._check_answer(sending, result)
            elif getattr(result, "code", "") in ("not_taking", "segment_lost"):
                return
            self.waiting.pop(n, None)

        def again() -> None:
            if n in self.waiting and retries > 0:
                self._post(sending, retries - 1, min(2 * wait_s, RETRY_S_MAX))

        if ingest is not None:
            ingest.submit(sending.body, f"h{n}", answer)
        if n in self.waiting:
            self._shop.at(wait_s, again)

    def _check_answer(self, sending: Sending, taken: Taken) -> None:
        if len(taken.accepted) + len(taken.rejected) != len(sending.parts):
            raise Violation(f"invariant 5: {len(sending.parts)} messages over HTTP were answered with another number")
        for accepted in taken.accepted:
            self._checker.answered(accepted.segment, accepted.offset, accepted.id, sending.parts[accepted.index])
