"""What the reference model knows of one user for messages: all that was heard and sent, and who waits."""

from __future__ import annotations

from typing import Any

import msgspec

from simulation.notice_rules import Asked, Rules

WAITING_MAX = 32
Row = tuple[int, int]
"""A timer's (due, gen)."""


class Waiting(msgspec.Struct):
    """A message, by the offset of the entry that asked for it."""

    asked: Asked
    offset: int
    at: int
    end: int


class Consent(msgspec.Struct, frozen=True):
    """`category` empty: of the whole channel. `at`: when it was said."""

    channel: str
    category: str
    at: int
    granted: bool


class Reached(msgspec.Struct, frozen=True):
    """What those who deliver found of a channel, or that the user agreed to it anew. `at`: when it was said."""

    channel: str
    at: int
    works: bool


class Box:
    """One user's."""

    def __init__(self) -> None:
        self.zone = ""
        self.language = ""
        self.wish: int | None = None
        self.orders: set[str] = set()
        self.bought: list[tuple[int, str]] = []
        """(offset, product, empty for everything)."""
        self.consents: list[Consent] = []
        self.reports: set[tuple[str, str, str]] = set()
        """(by what its message is named, the name, status) of each that was heard."""
        self.reached: list[Reached] = []
        self.sent: list[tuple[int, str]] = []
        """(when, channel) of what was counted."""
        self.waiting: list[Waiting] = []
        self.row: Row | None = None

    @property
    def blank(self) -> bool:
        """Nothing is known of the user."""
        told = self.zone or self.language or self.wish is not None or self.orders
        return not (told or self.consents or self.reached or self.sent or self.waiting or self.row)

    def learn(self, changes: dict[str, Any]) -> None:
        """Of a profile."""
        self.zone = changes.get("zone", self.zone) or ""
        self.language = changes.get("locale", self.language) or ""
        self.wish = changes.get("preferred_hour", self.wish)

    def buy(self, offset: int, body: dict[str, Any]) -> None:
        """Each order once."""
        if body["order_id"] not in self.orders:
            self.orders.add(body["order_id"])
            products = [item["product_id"] for item in body.get("items") or ()] or [""]
            self.bought += [(offset, product) for product in products]

    def pointless(self, rules: Rules, asked: Asked) -> str:
        """Why it must never go, empty where it may."""
        if asked.bought_since is not None:
            since = [product for offset, product in self.bought if offset > asked.bought_since]
            if any(not product or not asked.goods or product in asked.goods for product in since):
                return "bought"
        if not self._agrees(rules, asked):
            return "no_consent"
        return "bounced" if self.bounces(asked.channel) else ""

    def _agrees(self, rules: Rules, asked: Asked) -> bool:
        facts = [fact for fact in self.consents if fact.channel == asked.channel]
        facts = [fact for fact in facts if fact.category in ("", asked.category)]
        if not facts:
            return not (rules.denies_all or asked.channel in rules.denied)
        newest = max(fact.at for fact in facts)
        return [fact for fact in facts if fact.at == newest][-1].granted

    def bounces(self, channel: str) -> bool:
        """By what was said of the latest moment, and of that last."""
        newest = self._newest().get(channel)
        return newest is not None and not newest.works

    def _newest(self) -> dict[str, Reached]:
        return {one.channel: one for one in sorted(self.reached, key=lambda one: one.at)}

    def wait(self, one: Waiting) -> Waiting | None:
        """Behind all that are as important; who must make room."""
        self.waiting.append(one)
        self.waiting.sort(key=lambda each: (-each.asked.priority, each.at, each.offset))
        return self.waiting.pop() if len(self.waiting) > WAITING_MAX else None

    def unlike(self, stored: list[Any]) -> str:
        """How the stored state differs, empty when it does not."""
        anything, products, _ = stored[1]
        newest = max([anything, *products.values()])
        sent = {scope: times[-50:] for scope, times in self._times().items() if times}
        both: dict[str, tuple[Any, Any]] = {
            "bought": (newest, max([offset for offset, _ in self.bought], default=0)),
            "sent": (stored[3][0], sent),
            "waiting": ([(one[0], one[3]) for one in stored[4][0]], [(one.offset, one.end) for one in self.waiting]),
            "profile": ((stored[5], stored[6], stored[8]), (self.zone, self.wish, self.language)),
            "timer": (stored[7], self.row[0] if self.row else 0),
            "reach": (stored[9], {name: [one.at, one.works] for name, one in self._newest().items()}),
        }
        return "; ".join(f"{name}: {one}, the model's {other}" for name, (one, other) in both.items() if one != other)

    def _times(self) -> dict[str, list[int]]:
        channels = {channel for _, channel in self.sent}
        scopes = {f"channel:{channel}": [at for at, of in self.sent if of == channel] for channel in channels}
        return {"all": [at for at, _ in self.sent], **scopes}
