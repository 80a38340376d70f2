"""Messages that others ask for: sent, refused, or pointless by what was bought before they were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from actors.behaviour.messages import SEEN
from actors.cart.cart import ORDERS_MAX
from actors.notification import bought
from actors.notification.actor import REQUESTED, NotificationActor
from actors.notification.bought import PRODUCTS_MAX, Bought
from actors.notification.directory import Directory
from actors.notification.messages import (
    BoughtSince,
    MessageSuppressed,
    Notify,
    NotifyRefused,
    Param,
    SendNotification,
    Unless,
)
from actors.notification.recipient import Recipient
from actors.notification.templates import Templates
from supervision.domain import Event
from supervision.entry import Entry
from supervision.outputs import Emit

PARAMS: dict[str, Param] = {"lines": 2}


class User:
    """What is said to one; each message at the next offset."""

    def __init__(self) -> None:
        self.actor = NotificationActor(Templates())
        self.state = Recipient()
        self.offset = 0

    def buys(self, order_id: str, *products: str) -> None:
        items = [{"product_id": product, "quantity": 1} for product in products]
        self.does("purchase_complete", order_id=order_id, items=items)

    def does(self, type_: str, **fields: Any) -> None:
        raw = msgspec.json.encode({"user_id": "1", "behavior_type": type_, **fields})
        assert self._react(SEEN, raw, msgspec.Raw(raw)) == []

    def is_to_hear(self, changed_at: int | None, *products: str, template: str = "cart_remind_sms") -> Emit:
        since = None if changed_at is None else BoughtSince(changed_at, products)
        asked = SendNotification(template, "sms", PARAMS, Unless(since))
        raw = msgspec.json.encode({"event_type": "notify_requested", "user_id": "1", **msgspec.to_builtins(asked)})
        emit, *_ = self._react(REQUESTED, raw, msgspec.json.decode(raw, type=SendNotification))
        assert isinstance(emit, Emit) and emit.route == emit.kind
        return emit

    def hears(self, changed_at: int | None, *products: str) -> bool:
        return isinstance(self.is_to_hear(changed_at, *products).body, Notify)

    def _react(self, kind: str, raw: bytes, body: Any) -> Sequence[Any]:
        self.offset += 1
        entry = Entry(0, 1, self.offset, 5, 0, kind, "user:1", raw)
        outputs = list(self.actor.react(self.state, Event(entry, body, 5, "user:1", shared=Directory())))
        self.actor.check(self.state)
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=Recipient)
        return outputs


def test_what_is_asked_for_is_sent() -> None:
    emit = User().is_to_hear(None)
    assert emit.body == Notify("cart_remind_sms", "zh-Hans", PARAMS, "您的购物车里还有2种商品等您结算")


def test_a_purchase_before_the_request_ends_it_and_says_so() -> None:
    user = User()
    user.does("add_to_cart", product_id="tea")
    user.buys("A", "tea")
    emit = user.is_to_hear(1, "tea", "cup")
    assert emit.kind == "message.suppressed"
    assert emit.body == MessageSuppressed("cart_remind_sms", "sms", PARAMS, "bought")


def test_only_a_purchase_of_it_and_behind_the_place_counts() -> None:
    user = User()
    user.buys("A", "tea")
    assert user.hears(1, "tea"), "he has come back for more"
    assert user.hears(0, "cup")
    assert not user.hears(0), "of anything"
    assert user.hears(None, "tea")


def test_an_order_that_names_nothing_is_of_everything() -> None:
    user = User()
    user.does("add_to_cart", product_id="tea")
    user.buys("A")
    assert not user.hears(1, "tea")
    assert user.hears(2, "tea")


def test_an_order_that_is_told_again_is_nothing() -> None:
    user = User()
    user.buys("A", "tea")
    user.buys("A", "tea")
    user.buys("A")
    assert user.hears(1, "tea")


@pytest.mark.parametrize("type_", ["order_cancelled", "order_refunded", "add_to_cart", "product_view"])
def test_nothing_else_that_he_does_ends_it(type_: str) -> None:
    user = User()
    user.does(type_, order_id="A", product_id="tea")
    assert user.hears(0, "tea")


def test_what_is_forgotten_of_purchases_counts_as_one_of_everything() -> None:
    user = User()
    for n in range(PRODUCTS_MAX):
        user.buys(f"o{n}", f"p{n}")
    assert user.hears(0, "hat")
    user.buys("one more", "one more")
    assert not user.hears(0, "hat"), "p0 was bought at 1, and nobody knows any more that it was no hat"
    assert user.hears(1, "hat")
    assert len(user.state.bought.products) == PRODUCTS_MAX and len(user.state.bought.orders) == ORDERS_MAX


def test_a_purchase_that_was_parked_counts_from_its_own_place() -> None:
    state = Bought()
    bought.buy(state, "B", ["tea"], 9)
    bought.buy(state, "A", ["tea"], 5)
    assert bought.since(state, 8, ["tea"]) and not bought.since(state, 9, ["tea"])


def test_a_template_that_is_not_there_is_refused() -> None:
    emit = User().is_to_hear(None, template="cart_remind_telegram")
    refused = NotifyRefused(
        "cart_remind_telegram", "zh-Hans", PARAMS, "unknown_template", "there is no template cart_remind_telegram"
    )
    assert (emit.kind, emit.body) == ("notify.refused", refused)
