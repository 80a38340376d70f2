"""What the shop's pages and apps tell of customers: views, searches, carts, purchases, in both of the seed's shapes.

Products, orders and sessions are few, so that what is told meets what was told before: the same product once more, an
order again under another message, a cancellation of what was never bought, or was long ago. How badly all this comes
(again, twice, late, in another order) is the publishers' matter, as with any message.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec

BEHAVIOURS = ("marketing.behavior.events", "behavior.user")
"""Front door and key."""
NESTED, FLAT = b'{"event_type":"user_behavior"', b'{"user_id"'
"""How the two shapes begin here."""
PRODUCTS = ("p1", "p2", "p3")
VARIANTS = ("", "", "red", "blue")
CATEGORIES = ("", "toys", "gear")
"""By how many pieces are told of: so one product is told under several, of which a cart believes the first."""
PRICES = (9, 299, 99.99, 19.9)
ORDERS = 4
"""Names of one user's."""
WEIGHTS: Mapping[str, int] = {
    "add_to_cart": 34,
    "remove_from_cart": 10,
    "purchase_complete": 16,
    "order_cancelled": 10,
    "cart_cleared": 4,
    "product_view": 12,
    "search": 5,
    "sign_in": 5,
    "register": 2,
    "waved": 2,
}
"""Of what users do; the last is a word of the shop's own."""
TIMES = ("2026-09-21T14:13:00Z", "2026-09-21T22:12:30+08:00", "2026-09-01T00:00:00Z", "2026-11-01T00:00:00Z")
"""Of senders' clocks: now, when a world begins, and what cannot be."""


class Browsers:
    """Of one world, for all who send."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def message(self, user: int) -> bytes:
        """One about the user."""
        rng = self._rng
        done = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        told = self._told(done)
        if rng.random() < 0.3:
            told["timestamp"] = rng.choice(TIMES)
        if rng.random() < 0.5:
            return msgspec.json.encode({"user_id": f"u{user}", "behavior_type": done, **told})
        if "product_id" in told and rng.random() < 0.5:
            page = {name: told.pop(name) for name in ("product_id", "price") if name in told}
            told["page_info"] = {"page_type": "product", **page}
        about = {"event_type": "user_behavior", "user_id": f"u{user}", "behavior_type": done}
        return msgspec.json.encode({**about, "session_id": f"s{rng.randrange(3)}", **told})

    def _told(self, done: str) -> dict[str, Any]:
        rng = self._rng
        match done:
            case "add_to_cart" | "remove_from_cart":
                return self._goods(done)
            case "purchase_complete":
                return self._order() | self._bought()
            case "order_cancelled":
                return self._order()
            case "product_view":
                view = {"view_duration": rng.choice((3, 45.5, 9_000, -1)), "scroll_depth": rng.choice((0.2, 1, 7))}
                return {"product_id": rng.choice(PRODUCTS), **view}
            case "search":
                return {"query": rng.choice(("phone", "手机"))}
            case _:
                return {}

    def _goods(self, done: str) -> dict[str, Any]:
        """One product, or some in a list; the shop sometimes says what the cart comes to."""
        rng = self._rng
        told: dict[str, Any] = {"cart_total_value": rng.choice((0, 99.99, 598))} if rng.random() < 0.2 else {}
        if rng.random() < 0.15:
            return told | {"items": self._items()}
        told["product_id"] = rng.choice(PRODUCTS)
        if variant := rng.choice(VARIANTS):
            told["variant_id"] = variant
        if rng.random() < 0.6 or done == "add_to_cart":
            told["quantity"] = rng.randint(1, 3)
            told["category"] = CATEGORIES[told["quantity"] - 1]
        if rng.random() < 0.7:
            told["price"] = rng.choice(PRICES)
        if rng.random() < 0.05:
            told["currency"] = "USD"
        return told

    def _items(self) -> list[dict[str, Any]]:
        rng = self._rng
        items: list[dict[str, Any]] = []
        for product in rng.sample(PRODUCTS, rng.randint(1, 2)):
            item: dict[str, Any] = {"product_id": product, "quantity": rng.randint(1, 2)}
            if rng.random() < 0.3:
                item["variant_id"] = "red"
            if rng.random() < 0.5:
                item["amount"] = rng.choice((1_000, 4_999))
                item["category"] = CATEGORIES[item["quantity"] - 1]
            items.append(item)
        return items

    def _order(self) -> dict[str, Any]:
        return {"order_id": f"o{self._rng.randrange(ORDERS)}"}

    def _bought(self) -> dict[str, Any]:
        """What: of everything, as the seed has it, or by name."""
        rng = self._rng
        told: dict[str, Any] = {"order_value": 299, "payment_method": "alipay"} if rng.random() < 0.5 else {}
        return told | ({"items": self._items()} if rng.random() < 0.6 else {})
