"""The reminder: a domain of simulated worlds only that does what a campaign would: whoever abandons a cart is to be
told of it, unless he has bought any of it since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from actors.cart.actor import ABANDONED
from actors.cart.messages import CartAbandoned
from actors.notification.actor import REQUESTED
from actors.notification.messages import BoughtSince, SendNotification, Unless
from supervision.domain import Domain, Event
from supervision.outputs import Emit, Output


class ReminderActor(Domain[None]):
    """One request for each cart that is abandoned, by the place of which it is known."""

    name: ClassVar[str] = "reminder"
    reacts_to: ClassVar[Mapping[str, Any]] = {ABANDONED: CartAbandoned}

    def react(self, state: None, event: Event) -> Iterator[Output]:
        told: CartAbandoned = event.body
        unless = Unless(BoughtSince(told.changed_at, tuple({line.product_id: 0 for line in told.lines})))
        params: dict[str, str | int] = {"lines": len(told.lines)}
        yield Emit(REQUESTED, SendNotification("cart_remind_sms", "sms", params, unless, reference=event.place))
