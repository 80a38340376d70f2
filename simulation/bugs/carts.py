"""Bugs of carts: what was bought stays in them or comes back too late, and timers of nothing."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actors.cart import cart
from actors.cart.actor import CartWatcherActor
from simulation.bugs.bug import Bug, Method, Swap


def _who_abandoned_did_not_buy(_buy: Method) -> Method:
    return lambda here, order, at: not here.told and _buy(here, order, at)


def _known_by_its_message(_buy: Method) -> Method:
    def wrong(here: Any, order: Any, at: int) -> bool:
        here.orders = [taken for taken in here.orders if taken.order_id != order.order_id]
        return _buy(here, order, at)

    return wrong


def _while_there_is_something(_wait: Method) -> Method:
    def wrong(self: Any, state: Any, applied: Any, at: int) -> Iterator[Any]:
        if state.lines:
            yield from _wait(self, state, applied, at)

    return wrong


BUGS = (
    Bug(
        "cart_not_cleared_by_a_late_purchase",
        "Who has abandoned his cart has not bought it; an order that comes now is of something else.",
        (Swap(cart, "_buy", _who_abandoned_did_not_buy),),
    ),
    Bug(
        "order_told_again_clears_the_next_cart",
        "Messages are known by their ids, so whatever arrives here is a new order.",
        (Swap(cart, "_buy", _known_by_its_message),),
    ),
    Bug(
        "order_given_back_whenever",
        "A cancelled order is one that never was, whenever it was cancelled.",
        (Swap(cart, "_forget", lambda _forget: lambda here, at: None),),
    ),
    Bug(
        "prices_of_another_currency_kept",
        "The shop has one currency; what comes with it is a label.",
        (Swap(cart, "_reckon_in", lambda _reckon_in: lambda here, currency: setattr(here, "currency", currency)),),
    ),
    Bug(
        "timer_of_an_empty_cart",
        "An empty cart is nobody's matter, and its timer will find nothing when it fires.",
        (Swap(CartWatcherActor, "_wait", _while_there_is_something),),
    ),
)
