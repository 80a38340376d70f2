"""What the cart domain makes of behaviours as the seed sends them, and of its timer."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.behaviour.messages import SEEN
from actors.cart.actor import IDLE, IDLE_S, CartWatcherActor
from actors.cart.cart import Cart
from actors.cart.messages import CartAbandoned, CartChanged, CartLine
from supervision.domain import Event, TimerDue
from supervision.entry import Entry
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel, Emit, Output
from tests.behaviour_world import FLAT

START_MS = 1_790_000_000_000
_, ADDED, BOUGHT = FLAT


class CartWorld:
    """One user; each message a minute after the one before."""

    def __init__(self, idle_s: int = IDLE_S) -> None:
        self.actor = CartWatcherActor(idle_s=idle_s)
        self.cart = Cart()
        self.offset = 0

    @property
    def at(self) -> int:
        return START_MS + self.offset * 60_000

    def see(self, message: dict[str, Any] | None = None, **fields: Any) -> list[Output]:
        raw = msgspec.json.encode({"user_id": "1", **(message or {}), **fields})
        return self._react(SEEN, raw, msgspec.Raw(raw))

    def fire(self, held: bool = False) -> list[Output]:
        return self._react("timer.cart", b"", TimerDue(IDLE, self.offset, self.at, 0, held=held))

    def _react(self, kind: str, raw: bytes, body: Any) -> list[Output]:
        self.offset += 1
        entry = Entry(0, 1, self.offset, self.at, 0, kind, "user:1", raw)
        outputs = list(self.actor.react(self.cart, Event(entry, body, self.at, "user:1")))
        self.actor.check(self.cart)
        return outputs


def changed(outputs: list[Output]) -> CartChanged:
    emit = outputs[0]
    assert isinstance(emit, Emit) and isinstance(emit.body, CartChanged)
    assert (emit.kind, emit.route) == ("cart.changed", ""), "it is nobody's business outside"
    return emit.body


def test_the_seeds_messages_fill_a_cart_and_empty_it() -> None:
    world = CartWorld()
    said = world.see(ADDED)
    assert changed(said) == CartChanged(1, "added", 59_800, "CNY", 1, world.at, pieces=2, products=("PROD_001",))
    assert said[1:] == [Arm("idle", world.at + IDLE_S * 1_000, absence=True)]
    said = world.see(BOUGHT)
    assert changed(said) == CartChanged(1, "bought", 0, "", 0, world.at)
    assert said[1:] == [Cancel("idle")]


def test_the_categories_of_a_cart_are_those_that_were_told() -> None:
    world = CartWorld()
    goods = (("tea", "drinks"), ("hat", ""), ("gin", "drinks"))
    items = [{"product_id": product, "quantity": 1, "category": category or None} for product, category in goods]
    said = changed(world.see(behavior_type="add_to_cart", items=items))
    assert (said.products, said.categories) == (("tea", "hat", "gin"), ("drinks",))


def test_every_touch_sets_the_timer_anew() -> None:
    world = CartWorld(idle_s=600)
    for _ in range(3):
        assert world.see(ADDED)[-1] == Arm("idle", world.at + 600_000, absence=True)
    said = world.see(behavior_type="remove_from_cart", product_id="never there")
    assert said == [Arm("idle", world.at + 600_000, absence=True)], "somebody is there, though nothing changed"


def test_what_is_no_matter_of_carts_does_nothing() -> None:
    world = CartWorld()
    world.see(ADDED)
    for type_ in ("product_view", "search", "favorite", "of_our_own"):
        assert world.see(behavior_type=type_, product_id="PROD_001") == []
    assert world.see(behavior_type="order_refunded", order_id="ORDER_001") == []
    assert world.see(behavior_type="order_cancelled", order_id="never heard of") == []


def test_an_order_of_other_goods_leaves_the_timer_as_it_is() -> None:
    world = CartWorld()
    world.see(ADDED)
    assert world.see(BOUGHT, items=[{"product_id": "hat", "quantity": 1}]) == []


def test_what_an_order_leaves_is_waited_for_anew() -> None:
    world = CartWorld()
    world.see(ADDED)
    said = world.see(BOUGHT, items=[{"product_id": "PROD_001", "quantity": 1}])
    assert (changed(said).reason, changed(said).lines) == ("bought", 1)
    assert said[1:] == [Arm("idle", world.at + IDLE_S * 1_000, absence=True)]


def test_a_cart_that_nobody_touched_is_abandoned_once() -> None:
    world = CartWorld()
    world.see(behavior_type="add_to_cart", items=[
        {"product_id": "tea", "quantity": 2, "price": 5.00},
        {"product_id": "cup", "variant_id": "red", "quantity": 1},
    ])  # fmt: skip
    since = rfc3339(world.at)
    lines = (CartLine("tea", 2, unit_price=500), CartLine("cup", 1, "red"))
    told = CartAbandoned(1, 1_000, "CNY", lines, since, 1, held=True)
    assert world.fire(held=True) == [Emit("cart.abandoned", told, route="cart.abandoned")]
    assert world.fire() == []
    assert world.see(behavior_type="remove_from_cart", product_id="hat") == [], "that is no change"
    said = world.see(ADDED)
    assert isinstance(said[-1], Arm)
    assert len(world.fire()) == 1


def test_an_order_cancelled_soon_gives_the_cart_back_to_be_abandoned() -> None:
    world = CartWorld()
    world.see(ADDED)
    world.see(BOUGHT)
    said = world.see(behavior_type="order_cancelled", order_id="ORDER_001")
    assert (changed(said).cart_no, changed(said).reason, changed(said).lines) == (2, "given_back", 1)
    assert isinstance(said[-1], Arm)


def test_nobody_is_told_where_that_is_switched_off() -> None:
    world = CartWorld(idle_s=0)
    assert len(world.see(ADDED)) == 1
    assert world.fire() == [], "of a timer from before"


def test_the_shops_total_is_compared_with_what_the_prices_come_to() -> None:
    world = CartWorld()
    world.see(behavior_type="add_to_cart", product_id="tea", quantity=1, price=5.00)
    said = changed(world.see(behavior_type="add_to_cart", product_id="cup", price=12.00, cart_total_value=15.00))
    assert (said.value, said.corrected) == (1_500, True)


def test_a_poisonous_entry_parks_its_user() -> None:
    assert CartWatcherActor.parks == "subject"
