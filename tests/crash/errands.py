"""What is asked of the whole ledger over both doors at once, drawn from a seed.

The simulator's shoppers say what; here it becomes a request under an Idempotency-Key or a message under an id. Some
requests stand twice in a row, so that two clients ask for the same thing at the same moment; some messages come again
byte for byte, as every real sender repeats them.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import pika

from gateway.points_commands import COMMANDS
from simulation.draw import draw_of
from simulation.programmes_drawn import programmes
from simulation.shoppers import Shoppers
from tests.crash.shop import Message

SOURCE = "mill"
PATHS = {row.event_type: re.sub(r":str\}", "}", row.path) for row in COMMANDS}
IN_PATH = ("user_id", "reservation_id")
ORDERS = 8
TWICE_SHARE = 0.1
RESEND_SHARE = 0.2
CHANGE_SHARE = 0.35
"""Of messages: the seed's own form."""
REFERRAL_SHARE = 0.2
"""Of its increases."""
REFERRERS = 20
"""Of whom nothing else is heard: nobody refers himself."""


class Request(NamedTuple):
    """A POST."""

    key: str
    path: str
    body: bytes


class Errands:
    """The same seed draws the same. `rules` is the programme that they are for."""

    def __init__(self, seed: int, users: int) -> None:
        self._rng = Random(f"{seed} errands")
        drawn = msgspec.structs.replace(draw_of(seed), ledger=1.0, users=users, orders=ORDERS, switches=0)
        self.rules: dict[str, Any] = programmes(self._rng, drawn)[0]
        self._shoppers = Shoppers(self._rng, drawn)
        self._users = users
        self.names = [f"u{i}" for i in range(users)]

    def requests(self, number: int) -> list[Request]:
        """So many, and the repetitions."""
        made: list[Request] = []
        for n in range(number):
            request = self._request(n)
            made += [request] * (1 + (self._rng.random() < TWICE_SHARE))
        return made

    def messages(self, number: int) -> list[Message]:
        """So many, and the resends, each behind what it repeats."""
        made: list[Message] = []
        for n in range(number):
            properties = pika.BasicProperties(app_id=SOURCE, message_id=f"e{n}", delivery_mode=2)
            made.append(Message("points.increase.purchase", properties, json.dumps(self._message()).encode()))
            if self._rng.random() < RESEND_SHARE:
                made.append(self._rng.choice(made))
        return made

    def _request(self, n: int) -> Request:
        body: dict[str, Any] = {}
        while body.get("event_type") not in PATHS:  # signing in has no path of its own
            body = self._shoppers.request(self._rng.randrange(self._users))
        named = {name: quote(body.pop(name), safe="") for name in IN_PATH if f"{{{name}}}" in PATHS[body["event_type"]]}
        path = PATHS[body.pop("event_type")].format(**named)
        return Request(f"k{n}", path, json.dumps(body).encode())

    def _message(self) -> dict[str, Any]:
        user = self._rng.randrange(self._users)
        return self._change(user) if self._rng.random() < CHANGE_SHARE else self._shoppers.message(user)

    def _change(self, user: int) -> dict[str, Any]:
        rng = self._rng
        kind = rng.choices(("increase", "decrease", "expire"), (6, 3, 1))[0]
        change: dict[str, Any] = {
            "event_type": "points_change", "user_id": f"u{user}", "change_type": kind,
            "points": rng.randint(1, 100), "reason": rng.choice(("purchase", "campaign", "tea")),
        }  # fmt: skip
        if rng.random() < 0.5:
            change["order_id"] = self._shoppers.order_id()
        if kind == "increase" and rng.random() < REFERRAL_SHARE:
            change |= {"reason": "referral", "metadata": {"referrer_id": f"r{rng.randrange(REFERRERS)}"}}
        return change
