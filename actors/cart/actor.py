"""The actor of the cart domain: what users do with their carts in, what became of the carts out.

A cart that nobody has touched for `idle_s` is abandoned, which is said once until it changes. The timer for that is an
absence timer: it means that nothing happened, so it waits until the broker holds nothing older. Whatever is done to the
cart sets it anew, and a cart that is empty has none. A purchase that comes while its firing is under way ends that too,
for the firing is of an old generation then. What comes later still is the matter of whoever sends reminders
(notification/actor.py).

A poisonous entry parks its user, though no money is at stake: a purchase that is set aside alone, and retried behind
what the user put into his next cart, would take that out again; and until then he would be reminded of what he bought.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.behaviour.behaviour import known
from actors.behaviour.messages import SEEN
from actors.cart import cart
from actors.cart.acts import act_of
from actors.cart.cart import FORMAT, Applied, Cart
from actors.cart.messages import CartAbandoned, CartChanged
from actors.cart.view import shown
from actors.money import DEFAULT_CURRENCY
from supervision.domain import Domain, Event, TimerDue
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel, Emit, Output

CHANGED = "cart.changed"
ABANDONED = "cart.abandoned"
IDLE = "idle"
"""Key of the timer."""
IDLE_S = 3_600


class CartWatcherActor(Domain[Cart]):
    """Folds behaviours into carts; see cart.py. `idle_s` seconds without a touch abandon one, 0: nobody is told.
    `currency` is the doors'.
    """

    name: ClassVar[str] = "cart"
    reacts_to: ClassVar[Mapping[str, Any]] = {SEEN: msgspec.Raw}
    state_type = Cart
    format = FORMAT
    parks = "subject"

    def __init__(self, currency: str = DEFAULT_CURRENCY, idle_s: int = IDLE_S) -> None:
        self._currency = currency
        self._idle_ms = idle_s * 1000

    def fresh(self, subject: str) -> Cart:
        return Cart()

    def upgrade(self, fields: list[Any]) -> Cart:
        return cart.upgrade(fields)

    def react(self, state: Cart, event: Event) -> Iterator[Output]:
        if isinstance(event.body, TimerDue):
            if self._idle_ms and cart.abandon(state):
                yield Emit(ABANDONED, _abandoned(state, event.body.held), route=ABANDONED)
            return
        act = act_of(known(event.entry.body, self._currency))
        if act is None:
            return
        applied = cart.apply(state, act, event.entry.offset, event.at)
        if applied.reason is not None:
            yield Emit(CHANGED, _changed(state, applied))
        yield from self._wait(state, applied, event.at)

    def _wait(self, state: Cart, applied: Applied, at: int) -> Iterator[Output]:
        """For the cart to be abandoned, from now on; or no longer, once it is empty."""
        if applied.touched and self._idle_ms and not state.told:
            yield Arm(IDLE, at + self._idle_ms, absence=True)
        elif applied.reason is not None and not state.lines:
            yield Cancel(IDLE)

    def check(self, state: Cart) -> None:
        cart.check(state)


def _changed(state: Cart, applied: Applied) -> CartChanged:
    assert applied.reason is not None
    return CartChanged(
        state.no, applied.reason, cart.value(state), state.currency, len(state.lines), state.idle_since,
        applied.corrected, sum([line.quantity for line in state.lines]),
        tuple(dict.fromkeys(line.product for line in state.lines)),
        tuple(dict.fromkeys(line.category for line in state.lines if line.category)),
    )  # fmt: skip


def _abandoned(state: Cart, held: bool) -> CartAbandoned:
    return CartAbandoned(
        state.no, cart.value(state), state.currency, tuple(shown(line) for line in state.lines),
        rfc3339(state.idle_since), state.changed, state.more, held,
    )  # fmt: skip
