"""The shop: a seeded stream of points messages, and the resends that every real sender makes.

It sends what senders send: orders, spends that are too large, the same order again under another message id, the same
order with another amount, referrals to users of other segments, ids that two sources share, users whose names need
escaping. A resend repeats a message byte for byte with its properties. Nothing in it is bad input, so nothing of it
may end in the dead-letter queue.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pika

from tests.crash.books import Books

EXCHANGE = "marketing.points.events"
SOURCES = ("shop", "till")
SEGMENTS = 16
RESEND_SHARE = 0.25
RECENT_MESSAGES = 200
"""Half of the resends repeat one of the last so many, which may still be on its way."""

_KEYS = {"increase": "points.increase.purchase", "decrease": "points.decrease.use", "expire": "points.expire.validity"}


class Message(NamedTuple):
    """One publication."""

    key: str
    props: pika.BasicProperties
    body: bytes


def segment_of(user: str) -> int:
    """Where the documentation says a user lives."""
    return zlib.crc32(f"user:{user}".encode()) % SEGMENTS


class Shop:
    """Draws messages and tells the books of them; the same seed draws the same stream."""

    def __init__(self, rng: Random, users: int) -> None:
        self.books = Books()
        self.sent: list[Message] = []
        self._rng = rng
        self._users = [_name(i) for i in range(users)]
        self._referrers = [f"referrer-{i}" for i in range(max(4, users // 10))]
        self._ordered: list[dict[str, Any]] = []
        self._numbers = dict.fromkeys(SOURCES, 0)

    def messages(self, events: int) -> list[Message]:
        """`events` new messages, and resends among them."""
        drawn: list[Message] = []
        for _ in range(events):
            drawn.append(self._new(self._change()))
            while self._rng.random() < RESEND_SHARE / (1 + RESEND_SHARE):
                drawn.append(self.resend())
        return drawn

    def resend(self) -> Message:
        """One of the earlier messages, the same in all."""
        recent = self._rng.random() < 0.5
        return self._rng.choice(self.sent[-RECENT_MESSAGES:] if recent else self.sent)

    def last_words(self, number: int) -> dict[str, Message]:
        """A message for a user of its own in each segment: when its text is out, so is all that lay before it."""
        found: dict[int, str] = {}
        tried = 0
        while len(found) < SEGMENTS:
            user = f"last-{number}-{tried}"
            found.setdefault(segment_of(user), user)
            tried += 1
        return {user: self._new(_body(user, "increase", 1, "goodbye")) for user in found.values()}

    def _new(self, change: dict[str, Any]) -> Message:
        source = self._rng.choice(SOURCES)
        self._numbers[source] += 1
        name = f"m-{self._numbers[source]}"  # both sources use the same names: an id is a source's own
        in_body = self._rng.random() < 0.1
        change = {**change, "trace": self._rng.getrandbits(32), **({"event_id": name} if in_body else {})}
        props = pika.BasicProperties(app_id=source, message_id=None if in_body else name, delivery_mode=2)
        message = Message(_KEYS[change["change_type"]], props, json.dumps(change, ensure_ascii=False).encode())
        self.sent.append(message)
        self.books.fold(change, name)
        return message

    def _change(self) -> dict[str, Any]:
        draws: list[tuple[int, Callable[[], dict[str, Any]]]] = [
            (55, self._order), (10, self._checkin), (16, self._spend), (3, self._expire), (8, self._again),
            (8, self._referral),
        ]  # fmt: skip
        change = self._rng.choices([draw for _, draw in draws], [weight for weight, _ in draws])[0]()
        if "order_id" in change:
            self._ordered.append(change)
        return change

    def _order(self) -> dict[str, Any]:
        user = self._rng.choice(self._users + self._referrers)
        return _body(user, "increase", self._rng.randint(1, 500), "purchase_order", self._order_id())

    def _checkin(self) -> dict[str, Any]:
        return _body(self._rng.choice(self._users), "increase", self._rng.randint(1, 5), "checkin")

    def _spend(self) -> dict[str, Any]:
        return _body(self._rng.choice(self._users), "decrease", self._rng.randint(1, 3_000), "redeem", self._order_id())

    def _expire(self) -> dict[str, Any]:
        return _body(self._rng.choice(self._users), "expire", self._rng.randint(1, 300), "fraud")

    def _again(self) -> dict[str, Any]:
        """An earlier order under a new message id; of three, one says another amount."""
        if not self._ordered:
            return self._order()
        earlier = self._rng.choice(self._ordered)
        return earlier if self._rng.random() < 0.67 else {**earlier, "points": earlier["points"] + 1}

    def _referral(self) -> dict[str, Any]:
        """Of users who were referred before, too."""
        metadata: dict[str, Any] = {"referrer_id": self._rng.choice(self._referrers)}
        if self._rng.random() < 0.5:
            metadata["referrer_points"] = self._rng.randint(1, 50)
        order = self._order_id() if self._rng.random() < 0.5 else None
        change = _body(self._rng.choice(self._users), "increase", self._rng.randint(1, 100), "referral", order)
        return {**change, "metadata": metadata}

    def _order_id(self) -> str:
        return f"ORDER_{self._rng.getrandbits(48):012x}"


def _body(user: str, change_type: str, points: int, reason: str, order_id: str | None = None) -> dict[str, Any]:
    order = {"order_id": order_id} if order_id else {}
    fields = {"event_type": "points_change", "user_id": user, "change_type": change_type, "points": points}
    return {**fields, "reason": reason, **order}


def _name(i: int) -> str:
    """Plain mostly; some that a careless path, key or encoding would mistake for something else."""
    odd = ("u/{}", "用户{}", "a b{}", "100%{}", "?{}#", "user:{}")
    return odd[i // 10 % len(odd)].format(i) if i % 10 == 0 else f"u{i}"
