"""A world for the behaviour domain: the seed's messages, and one user whose messages come through the real door."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.behaviour.actor import BehaviourActor, Visits
from actors.behaviour.door import user_behavior
from actors.behaviour.records import BehaviourLine
from actors.commands import Command, Refusal
from actors.money import DEFAULT_CURRENCY
from supervision.domain import Event
from supervision.entry import Entry, Origin
from supervision.outputs import Record

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


class BehaviourWorld:
    """One user; states go through their encoding after every reaction and are checked."""

    def __init__(self) -> None:
        self.actor = BehaviourActor(DEFAULT_CURRENCY)
        self.offset = 0
        self.stored = msgspec.msgpack.encode(Visits())

    @property
    def state(self) -> Visits:
        return msgspec.msgpack.decode(self.stored, type=Visits)

    def send(self, decoded: dict[str, Any], at: int = START_MS) -> BehaviourLine:
        """Through the door and the actor at `at`; -> the line that it writes, which is all that it does."""
        command = knock(decoded)
        assert isinstance(command, Command), command
        self.offset += 1
        entry = Entry(
            0, 1_790_000_000, self.offset, at, 0, command.kind, command.subject, msgspec.json.encode(decoded),
            origin=Origin.OUTSIDE, occurred_at=command.occurred_at,
        )  # fmt: skip
        state = self.state
        (output,) = self.actor.react(state, Event(entry, None, at, command.subject))
        self.actor.check(state)
        self.stored = msgspec.msgpack.encode(state)
        assert isinstance(output, Record)
        return msgspec.json.decode(msgspec.json.encode(output.body), type=BehaviourLine)
