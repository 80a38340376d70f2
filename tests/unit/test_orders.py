"""What an order's JSON must be, and what it comes to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Refusal
from actors.money import AMOUNT_MAX
from actors.orders import ITEMS_MAX, QUANTITY_MAX, REMEMBERED_BYTES_MAX, Order, OrderItem, parse, parse_cart


def order(**fields: Any) -> dict[str, Any]:
    return {"order_id": "A-1", "currency": "CNY"} | fields


def item(product: str = "p", quantity: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"product_id": product, "quantity": quantity} | fields


def read(body: Any) -> Order:
    parsed = parse(msgspec.json.encode(body))
    assert isinstance(parsed, Order), parsed
    return parsed


def test_prices_and_amounts_are_minor_units_or_strings_of_major_ones() -> None:
    items = [item("p1", 2, unit_price="100.00", category="tea"), item("p2", amount=5_000)]
    assert read(order(amount=29_900, items=items)) == Order(
        "A-1", "CNY", 29_900, (OrderItem("p1", "tea", 2, 20_000), OrderItem("p2", "", 1, 5_000))
    )


def test_an_order_without_an_amount_is_what_its_items_come_to() -> None:
    assert read(order(items=[item(unit_price=3, quantity=5), item("q", amount="1.50")])).amount == 165


@pytest.mark.parametrize("items", [{}, {"items": None}, {"items": []}])
def test_an_order_without_items_is_one_nameless_item(items: dict[str, Any]) -> None:
    assert read(order(amount="12.34", **items)).items == (OrderItem("", "", 1, 1_234),)


def test_items_may_come_to_less_than_the_order_and_never_to_more() -> None:
    assert read(order(amount=101, items=[item(amount=100)])).amount == 101
    refusal = parse(msgspec.json.encode(order(amount=99, items=[item(amount=100)])))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == ("items_exceed_amount", "order.amount")
    assert refusal.message == "order.amount must be at least what the items come to: 1.00 and 0.99 CNY"


def test_lines_of_one_product_are_one_item() -> None:
    items = [item("p", 2, unit_price=10), item("q", amount=1), item("p", amount=5)]
    assert read(order(items=items)).items == (OrderItem("p", "", 3, 25), OrderItem("q", "", 1, 1))


def test_amounts_are_in_the_minor_units_of_the_orders_currency() -> None:
    assert read(order(currency="JPY", amount="500")).amount == 500
    assert read(order(currency="KWD", amount="0.500")).amount == 500


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ([], "wrong_type", "order"),
        ({"currency": "CNY"}, "missing", "order.order_id"),
        ({"order_id": "A"}, "missing", "order.currency"),
        (order(order_id=""), "empty", "order.order_id"),
        (order(order_id="x" * 129), "too_long", "order.order_id"),
        (order(currency="cny", amount=1), "unknown_currency", "order.currency"),
        (order(), "missing", "order.amount"),
        (order(items=[]), "missing", "order.amount"),
        (order(amount=1.5), "float_amount", "order.amount"),
        (order(amount="1.505"), "too_precise", "order.amount"),
        (order(amount=-1), "out_of_range", "order.amount"),
        (order(amount=AMOUNT_MAX + 1), "out_of_range", "order.amount"),
        (order(amount=True), "wrong_type", "order.amount"),
        (order(items={}), "wrong_type", "order.items"),
        (order(items=[item(amount=1), {"quantity": 1}]), "missing", "order.items[1].product_id"),
        (order(items=[{"product_id": "p", "amount": 1}]), "missing", "order.items[0].quantity"),
        (order(items=[item("", amount=1)]), "empty", "order.items[0].product_id"),
        (order(items=[item(amount=1, category="x" * 129)]), "too_long", "order.items[0].category"),
        (order(items=[item(quantity=0, amount=1)]), "out_of_range", "order.items[0].quantity"),
        (order(items=[item(quantity=QUANTITY_MAX + 1, amount=1)]), "out_of_range", "order.items[0].quantity"),
        (order(items=[item(quantity="1", amount=1)]), "wrong_type", "order.items[0].quantity"),
        (order(items=[item(amount=1), item("q")]), "one_of", "order.items[1].amount"),
        (order(items=[item(amount=1, unit_price=1)]), "one_of", "order.items[0].amount"),
        (order(items=[item(amount=1), item("q", unit_price="0.001")]), "too_precise", "order.items[1].unit_price"),
        (order(items=[item(quantity=2, unit_price=AMOUNT_MAX)]), "out_of_range", "order.items[0].unit_price"),
        (order(items=[item("p", amount=AMOUNT_MAX), item("q", amount=1)]), "out_of_range", "order.items"),
        (order(items=[item(amount=1), item(amount=1, category="c")]), "contradiction", "order.items[1].category"),
    ],
)
def test_what_is_no_order_is_refused_with_the_field(body: Any, code: str, field: str) -> None:
    refusal = parse(msgspec.json.encode(body))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (code, field)
    assert field in refusal.message


def test_the_most_items_and_pieces_are_taken_and_one_more_is_not() -> None:
    items = [item(f"p{index}", QUANTITY_MAX, amount=1) for index in range(ITEMS_MAX)]
    assert len(read(order(items=items)).items) == ITEMS_MAX
    refusal = parse(msgspec.json.encode(order(items=[*items, item(amount=1)])))
    assert isinstance(refusal, Refusal)
    assert refusal.message == f"order.items must be at most {ITEMS_MAX}, not {ITEMS_MAX + 1}"


def test_the_reaction_need_not_read_anew_what_the_door_has_just_read_unless_it_is_long() -> None:
    longest = msgspec.json.encode(order(amount=1)).ljust(REMEMBERED_BYTES_MAX)
    assert parse(longest) is parse(bytes(bytearray(longest)))
    longer = longest + b" "
    assert parse(longer) is not parse(longer)
    assert parse(longer) == parse(longest)


def test_unknown_fields_are_nobodys_business() -> None:
    assert read(order(amount=1, note="x", items=[item(amount=1, colour="red")])).amount == 1


def test_what_is_no_json_is_refused() -> None:
    for raw in (b"", b"{", b'{"order_id": "\xff", "currency": "CNY"}'):
        refusal = parse(raw, "body.order")
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.field) == ("not_json", "body.order")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    st.fixed_dictionaries(
        {"order_id": st.just("A") | json, "currency": st.sampled_from(["CNY", "JPY"]) | json},
        optional={
            "amount": st.integers(0, 100) | json,
            "items": st.lists(
                st.fixed_dictionaries(
                    {"product_id": st.sampled_from("pq") | json, "quantity": st.integers(1, 3) | json},
                    optional={"amount": st.integers(0, 100) | json, "unit_price": st.integers(0, 100) | json},
                )
            ),
        },
    )
)
def test_every_json_is_an_order_whose_items_fit_or_is_refused(body: Any) -> None:
    parsed = parse(msgspec.json.encode(body))
    if isinstance(parsed, Order):
        assert 0 <= sum(item.amount for item in parsed.items) <= parsed.amount <= AMOUNT_MAX
        assert parsed.items
        assert len({item.product for item in parsed.items}) == len(parsed.items)
    else:
        assert parsed.message


def test_a_cart_needs_no_id_and_says_what_the_shipping_costs() -> None:
    cart = {"currency": "CNY", "items": [item("p", 2, unit_price=100)], "shipping": "6.00"}
    assert parse_cart(msgspec.json.encode(cart)) == Order("", "CNY", 800, (OrderItem("p", "", 2, 200),), 600)
    assert parse_cart(msgspec.json.encode(cart | {"order_id": "A-1", "amount": 900})) == Order(
        "A-1", "CNY", 900, (OrderItem("p", "", 2, 200),), 600
    )


def test_a_cart_without_items_is_one_nameless_item_beside_the_shipping() -> None:
    cart = parse_cart(b'{"currency": "CNY", "amount": 1000, "shipping": 600}')
    assert isinstance(cart, Order)
    assert cart.items == (OrderItem("", "", 1, 400),)


def test_items_and_shipping_of_a_cart_come_to_no_more_than_its_amount() -> None:
    refusal = parse_cart(b'{"currency": "CNY", "amount": 599, "shipping": 600}')
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == ("items_exceed_amount", "order.amount")


def test_the_same_bytes_are_a_cart_for_one_and_no_order_for_the_other() -> None:
    raw = b'{"currency": "CNY", "amount": 500, "shipping": 1.5}'
    assert isinstance(parse_cart(raw), Refusal)
    refusal = parse(raw)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == ("missing", "order.order_id")


def test_the_shipping_of_a_paid_order_is_not_asked_for() -> None:
    assert read(order(amount=500, shipping="nonsense")).shipping == 0
