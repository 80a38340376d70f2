"""What campaigns hear, as events with fields: behaviours under their own names, facts of other domains under theirs.

Fields have the names that the message has at the door, and values as rules compare them: amounts are minor units, times
RFC 3339. What a client claims and what cannot be so stands in `flags` (behaviour/plausible.py), and `flagged` says
whether there are any: a rule that gives something away asks that there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors.behaviour.behaviour import Behaviour

FACTS = (
    "points.earned", "points.spent", "points.activated", "points.reversed", "points.expiring", "points.expired",
    "tier.upgraded", "tier.dropped", "tier.will_drop", "coupon.issued", "coupon.refused", "coupon.redeemed",
    "coupon.rolled_back", "coupon.transferred", "coupon.expiring", "coupon.expired", "cart.abandoned",
    "message.sent", "message.held", "message.suppressed", "notify.refused", "webhook.delivered",
    "webhook.failed",
)  # fmt: skip
"""Words of other domains that may start a campaign."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """An event of a user. `by_user`: something that the user did; else it is another domain's word."""

    name: str
    fields: Mapping[str, Any]
    by_user: bool = False


def behaviour(seen: Behaviour, flags: tuple[str, ...]) -> Heard:
    """What was seen, with the plausibility's `flags`. What was not said is missing."""
    said = {
        "session_id": seen.session, "page_type": seen.page_type, "product_id": seen.product, "variant_id": seen.variant,
        "category": seen.category, "quantity": seen.quantity, "price": seen.price, "currency": seen.currency,
        "cart_total_value": seen.cart_total, "order_id": seen.order_id, "order_value": seen.order_value,
        "payment_method": seen.payment, "view_duration": None if seen.view_ms is None else seen.view_ms / 1_000,
        "scroll_depth": seen.scroll, "query": seen.query,
    }  # fmt: skip
    fields: dict[str, Any] = {name: value for name, value in said.items() if value not in (None, "")}
    return Heard(seen.type, {**fields, "flags": list(flags), "flagged": bool(flags)}, by_user=True)
