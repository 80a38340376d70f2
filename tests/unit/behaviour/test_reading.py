"""One reading of both shapes: whose category and price they are, what goods there are, and money in minor units."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.behaviour.behaviour import Behaviour, Line, known, read
from actors.commands import Refusal
from actors.money import AMOUNT_MAX
from tests.behaviour_world import FLAT, NESTED, message


def reading(_default: str = "CNY", **fields: Any) -> Behaviour:
    behaviour = read(msgspec.json.encode(message(**fields)), _default)
    assert isinstance(behaviour, Behaviour), behaviour
    return behaviour


def refused(_default: str = "CNY", **fields: Any) -> Refusal:
    refusal = read(msgspec.json.encode(message(**fields)), _default)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def test_the_seeds_nested_example_is_read() -> None:
    assert read(msgspec.json.encode(NESTED), "CNY") == Behaviour(
        "product_view", "CNY", "sess_789", "product_detail", "PROD_001", "", "electronics", price=29_900
    )


def test_the_seeds_flat_examples_are_read() -> None:
    view, add, purchase = (reading(**fields) for fields in FLAT)
    assert view == Behaviour("product_view", "CNY", product="PROD_001", view_ms=45_000, scroll=0.8)
    line = Line("PROD_001", 2)
    assert add == Behaviour("add_to_cart", "CNY", product="PROD_001", quantity=2, cart_total=59_800, lines=(line,))
    assert purchase == Behaviour("purchase_complete", "CNY", order_id="ORDER_001", order_value=59_800, payment="alipay")


def test_both_shapes_may_be_mixed_and_what_is_said_of_the_behaviour_counts_more() -> None:
    page = {"page_type": "product_detail", "product_id": "P1", "category": "tea", "price": 5}
    assert reading(page_info=page) == reading(page_info={"page_type": "product_detail"}, **page_less(page))
    mixed = reading(page_info=page, product_id="P1", price=4.5, view_duration=1.25)
    assert (mixed.product, mixed.category, mixed.price, mixed.view_ms) == ("P1", "tea", 450, 1_250)


def page_less(page: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in page.items() if name != "page_type"}


def test_a_page_says_nothing_of_another_product_than_its_own() -> None:
    page = {"page_type": "product_detail", "product_id": "P1", "category": "tea", "price": 5}
    added = reading(behavior_type="add_to_cart", page_info=page, product_id="P2")
    assert (added.page_type, added.product, added.category, added.price) == ("product_detail", "P2", "", None)
    assert added.lines == (Line("P2", 1),)
    listing = reading(page_info={"page_type": "list", "category": "tea"}, product_id="P2")
    assert (listing.product, listing.category) == ("P2", "tea"), "the page has no product of its own"


def test_goods_stand_in_lines_whether_one_product_is_named_or_items_are() -> None:
    one = reading(behavior_type="add_to_cart", product_id="P", variant_id="red", category="tea", quantity=3, price=1.5)
    assert one.lines == (Line("P", 3, 450, "red", "tea"),)
    items = [
        {"product_id": "P", "quantity": 3, "price": 1.5, "variant_id": "red", "category": "tea"},
        {"product_id": "Q", "quantity": 2, "unit_price": "2.50"},
        {"product_id": "Q", "quantity": 1, "amount": 99},
        {"product_id": "R", "quantity": 1},
    ]
    many = reading(behavior_type="purchase_complete", order_id="A-1", items=items, product_id="other")
    assert many.lines == (*one.lines, Line("Q", 2, 500), Line("Q", 1, 99), Line("R", 1))
    assert reading(behavior_type="product_view", product_id="P").lines == ()


def test_pieces_that_are_not_counted_are_one_when_they_come_and_all_when_they_go() -> None:
    assert reading(behavior_type="add_to_cart", product_id="P", price=2).lines == (Line("P", 1, 200),)
    assert reading(behavior_type="remove_from_cart", product_id="P", price=2).lines == (Line("P", 0),)
    assert reading(behavior_type="remove_from_cart", product_id="P", quantity=2).lines == (Line("P", 2),)


@pytest.mark.parametrize(
    ("default", "said", "price"),
    [("CNY", "JPY", 598), ("JPY", None, 598), ("CNY", None, 59_800), ("KWD", None, 598_000)],
)
def test_an_amount_is_in_the_currency_that_is_said_else_in_the_shops_own(
    default: str, said: str | None, price: int
) -> None:
    behaviour = reading(default, price=598, currency=said)
    assert (behaviour.currency, behaviour.price) == (said or default, price)


def test_an_amount_that_is_no_whole_number_of_minor_units_is_a_mistake_and_named() -> None:
    assert refused(price=0.105).field == "price"
    assert refused(page_info={"price": 0.105}).field == "page_info.price"
    assert refused(cart_total_value="598.00").code == "wrong_type"
    assert refused(order_value=-1).code == "out_of_range"
    item = {"product_id": "P", "quantity": 1}
    assert refused(items=[item, item | {"price": 0.105}]).field == "items[1].price"
    assert refused(items=[item | {"unit_price": 1.5}]).code == "float_amount"
    assert refused(items=[item | {"amount": 5, "price": 5}]) == Refusal(
        "exclusive", "items[0].amount", "items[0].amount must not be given beside price"
    )


def test_many_pieces_must_not_come_to_more_than_there_is_money() -> None:
    most = AMOUNT_MAX // 100
    assert reading(behavior_type="add_to_cart", product_id="P", price=most).lines[0].amount == AMOUNT_MAX
    assert refused(behavior_type="add_to_cart", product_id="P", price=most, quantity=2).code == "out_of_range"
    item = {"product_id": "P", "quantity": 2, "unit_price": AMOUNT_MAX}
    assert refused(items=[item]).field == "items[0].unit_price"


def test_any_word_is_a_behaviour_and_stays_itself() -> None:
    assert reading(behavior_type="试穿 v2").type == "试穿 v2"


def test_a_message_read_lately_is_not_read_again() -> None:
    raw = msgspec.json.encode(message(query="tea"))
    assert read(raw, "CNY") is read(bytes(bytearray(raw)), "CNY")
    assert known(raw, "CNY") is read(raw, "CNY")
    assert known(raw, "EUR").currency == "EUR"
