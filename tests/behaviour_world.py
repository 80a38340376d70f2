"""A world for the behaviour domain: the seed's messages, and one user whose messages come through the real door."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.behaviour.door import user_behavior
from actors.commands import Command, Refusal
from actors.money import DEFAULT_CURRENCY

START_MS = 1_758_378_600_000
"""2025-09-20T14:30:00Z, the time of the seed's example."""
NESTED: dict[str, Any] = {
    "event_type": "user_behavior",
    "user_id": "123456",
    "session_id": "sess_789",
    "behavior_type": "product_view",
    "timestamp": "2025-09-20T14:30:00Z",
    "page_info": {"page_type": "product_detail", "product_id": "PROD_001", "category": "electronics", "price": 299.00},
    "user_agent": "Mozilla/5.0...",
    "referrer": "search_result",
}
FLAT: tuple[dict[str, Any], ...] = (
    {"behavior_type": "product_view", "product_id": "PROD_001", "view_duration": 45, "scroll_depth": 0.8},
    {"behavior_type": "add_to_cart", "product_id": "PROD_001", "quantity": 2, "cart_total_value": 598.00},
    {
        "behavior_type": "purchase_complete", "order_id": "ORDER_001", "order_value": 598.00,
        "payment_method": "alipay",
    },
)  # fmt: skip
"""As the seed writes them, but for the user."""

SPEC = user_behavior(DEFAULT_CURRENCY)


def message(behavior_type: str = "product_view", user: Any = "123456", **fields: Any) -> dict[str, Any]:
    """A flat `user_behavior` as a page sends it."""
    return {"behavior_type": behavior_type, "user_id": user} | fields


def knock(decoded: dict[str, Any]) -> Command | Refusal:
    """What the door says to a message."""
    return SPEC.decode(msgspec.json.encode(decoded), decoded)
