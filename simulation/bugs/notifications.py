"""Bugs of notifications: buyers who are reminded of what they bought, and those who are not reminded at all."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from actors.notification import bought, outbox
from simulation.bugs.bug import Bug, Method, Swap


def _known_by_its_message(buy: Method) -> Method:
    def wrong(here: Any, order_id: str, products: Collection[str], offset: int) -> None:
        here.orders = [known for known in here.orders if known != order_id]
        buy(here, order_id, products, offset)

    return wrong


def _of_what_is_named(buy: Method) -> Method:
    def wrong(here: Any, order_id: str, products: Collection[str], offset: int) -> None:
        if products:
            buy(here, order_id, products, offset)

    return wrong


BUGS = (
    Bug(
        "bought_not_asked_again",
        "Whoever asks for a reminder has looked at the cart; why look again?",
        (Swap(outbox, "pointless", lambda _pointless: lambda here, policy, asked: None),),
    ),
    Bug(
        "order_told_again_ends_a_reminder",
        "A purchase is a purchase, and the newest one counts.",
        (Swap(bought, "buy", _known_by_its_message),),
    ),
    Bug(
        "purchase_of_everything_forgotten",
        "A purchase that names no goods says nothing about the goods of a cart.",
        (Swap(bought, "buy", _of_what_is_named),),
    ),
)
