"""What the shop's programs ask of the ledger: orders, check-outs, refunds in pieces, gifts in a ring, sign-ins.

Orders, reservations and refunds are few and named by small numbers, so that what is asked meets what was asked before:
late, twice, in the wrong order, of what is over.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from simulation.draw import Draw

RESERVATIONS = 3
"""Names of one user's."""
REFUNDS = 3
"""Names of one order's."""
BEGIN = datetime.fromtimestamp(1_790_000_000, UTC)
"""When worlds begin, for who speaks of a day."""
GRANT_H_MAX = 75 * 24
PRODUCTS = (("tea", "food"), ("cup", "ware"))


class Shoppers:
    """Of one world."""

    def __init__(self, rng: Random, draw: Draw) -> None:
        self._rng = rng
        self._draw = draw
        self._commands: dict[Any, int] = {
            self._accrue_order: 6, self._accrue: 3, self._redeem: 6, self._reserve: 6, self._confirm: 5,
            self._cancel: 2, self._reverse: 6, self._gift: 3, self._bring_back: 3,
        }  # fmt: skip
        self._habits: dict[int, list[dict[str, Any]]] = {}
        """What users have begun and go on with, the next thing last."""
        self._kinds: dict[Any, int] = {**self._commands, self._sign_in: 2}
        self._unasked = {self._completed: 3, self._cancelled: 2, self._grant: 2}

    def message(self, user: int) -> dict[str, Any]:
        """A message about a user; nobody waits for an answer."""
        return self._one(user, self._kinds | self._unasked)

    def request(self, user: int) -> dict[str, Any]:
        """One that is answered; operators' own among them."""
        return self._one(user, self._kinds | {self._adjust: 2})

    def command(self, user: int) -> dict[str, Any]:
        """One that HTTP has a path for."""
        return self._one(user, {**self._commands, self._adjust: 2})

    def ring(self) -> list[dict[str, Any]]:
        """Everybody gives as much to the next one; whatever the order, what they have together stays."""
        points = self._rng.randint(1, 10)
        gift = {"event_type": "points_gift", "points": points}
        n = self._draw.users
        return [{"user_id": f"u{i}", **gift, "to": f"u{(i + 1) % n}"} for i in range(n)] if n > 1 else []

    def _one(self, user: int, kinds: dict[Any, int]) -> dict[str, Any]:
        if habit := self._habits.get(user):
            return {"user_id": f"u{user}", **habit.pop()}
        [make] = self._rng.choices(list(kinds), list(kinds.values()))
        return {"user_id": f"u{user}", **make(user)}

    def order_id(self) -> str:
        return f"o{self._rng.randrange(min(self._draw.orders, 5))}"

    def _order(self, order_id: str) -> dict[str, Any]:
        """The same each time, but for senders who say something else."""
        n = int(order_id[1:]) + 1
        quantity = 2 + n % 3 + (self._rng.random() < 0.05)
        items: list[dict[str, Any]] = [
            {"product_id": product, "category": category, "quantity": quantity, "unit_price": 333 * n + 700 * i}
            for i, (product, category) in enumerate(PRODUCTS[: 1 + n % 2])
        ]
        amount = sum(item["unit_price"] * item["quantity"] for item in items) + n % 2 * 600
        return {"order_id": order_id, "currency": "CNY", "amount": amount, "items": items}

    def _accrue_order(self, user: int) -> dict[str, Any]:
        return {"event_type": "points_accrue", "order": self._order(self.order_id())}

    def _bring_back(self, user: int) -> dict[str, Any]:
        """Buys, spends what it earned and more, and returns it all: what a debt comes of."""
        order = self._order(self.order_id())
        spends = {"event_type": "points_redeem", "points": self._rng.randint(20, 60), "reason": "game"}
        returns = {"event_type": "points_reverse", "order_id": order["order_id"]}
        self._habits[user] = [returns, spends, spends]
        return {"event_type": "points_accrue", "order": order}

    def _accrue(self, user: int) -> dict[str, Any]:
        rng = self._rng
        body: dict[str, Any] = {"event_type": "points_accrue", "points": rng.randint(1, 60)}
        body["reason"] = rng.choice(("purchase", "campaign"))
        if rng.random() < 0.4:
            body["order_id"] = self.order_id()
            if rng.random() < 0.4:
                body["pending"] = {"on": "order_completed"}
        elif rng.random() < 0.4:
            body["pending"] = rng.choice(({"days": rng.randint(1, 3)}, {"at": self._moment()}))
        if rng.random() < (0.6 if "pending" in body else 0.3):
            body["expires_at"] = self._moment()
        return body

    def _moment(self) -> str:
        """Soon after the world began, or later; over already, or yet to come."""
        seconds = self._rng.choice((self._rng.randint(1, 10), 3_600 * self._rng.randrange(GRANT_H_MAX)))
        return (BEGIN + timedelta(seconds=seconds)).isoformat()

    def _redeem(self, user: int) -> dict[str, Any]:
        rng = self._rng
        body = {"event_type": "points_redeem", "points": rng.randint(5, 60), "reason": rng.choice(("game", "tea"))}
        if rng.random() < 0.4:
            body["order_id"] = self.order_id()
        if rng.random() < 0.15:
            body["wallet"] = "promo"
        return body

    def _reserve(self, user: int) -> dict[str, Any]:
        rng = self._rng
        body: dict[str, Any] = {"event_type": "points_reserve", "points": rng.randint(1, 25)}
        if rng.random() < 0.8:
            body["ttl_s"] = rng.choice((1, 1, 60, 600, 100_000))
        if rng.random() < 0.8:
            body["reservation_id"] = self._reservation()
        if rng.random() < 0.4:
            body["order_id"] = self.order_id()
        return body

    def _reservation(self) -> str:
        return f"h{self._rng.randrange(RESERVATIONS)}"

    def _confirm(self, user: int) -> dict[str, Any]:
        body: dict[str, Any] = {"event_type": "points_confirm", "reservation_id": self._reservation()}
        if self._rng.random() < 0.7:
            body["points"] = self._rng.randint(1, 30)
        return body

    def _cancel(self, user: int) -> dict[str, Any]:
        return {"event_type": "points_cancel", "reservation_id": self._reservation()}

    def _reverse(self, user: int) -> dict[str, Any]:
        rng = self._rng
        body: dict[str, Any] = {"event_type": "points_reverse", "order_id": self.order_id()}
        if rng.random() < 0.5:
            body["refund_id"] = f"f{rng.randrange(REFUNDS)}"
        roll = rng.random()
        if roll < 0.45:
            lines = rng.sample(PRODUCTS, rng.randint(1, 2)) if rng.random() < 0.3 else [rng.choice(PRODUCTS)]
            body["items"] = [self._returned(product) for product, _ in lines]
        elif roll < 0.85:
            body["amount"] = rng.randint(1, 2_500)
        return body

    def _returned(self, product: str) -> dict[str, Any]:
        rng = self._rng
        roll = rng.random()
        if roll < 0.5:
            return {"product_id": product, "quantity": rng.randint(1, 2)}
        return {"product_id": product, "amount": rng.randint(1, 1_500)} if roll < 0.8 else {"product_id": product}

    def _gift(self, user: int) -> dict[str, Any]:
        """To the next one, so that gifts go round."""
        to = f"u{(user + 1) % self._draw.users}" if self._draw.users > 1 else "r1"
        return {"event_type": "points_gift", "to": to, "points": self._rng.randint(1, 30)}

    def _sign_in(self, user: int) -> dict[str, Any]:
        return {"event_type": "sign_in"}

    def _completed(self, user: int) -> dict[str, Any]:
        return {"event_type": "order_completed", "order_id": self.order_id()}

    def _cancelled(self, user: int) -> dict[str, Any]:
        return {"event_type": "order_cancelled", "order_id": self.order_id()}

    def _grant(self, user: int) -> dict[str, Any]:
        """By somebody who plans ahead, or is late."""
        rng = self._rng
        body: dict[str, Any] = {"event_type": "tier_grant", "level": rng.choice(("silver", "gold", "gold", "jade"))}
        if rng.random() < 0.8:
            body["until"] = (BEGIN + timedelta(hours=rng.randrange(GRANT_H_MAX))).isoformat()
        return body

    def _adjust(self, user: int) -> dict[str, Any]:
        points = self._rng.choice((40, 15, -10, -30))
        return {"event_type": "points_adjust", "points": points, "note": "by hand"}
