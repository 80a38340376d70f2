"""What the door takes of `user_behavior`, and what it says to the rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.behaviour.forms import CLAIM_MAX, FORM
from actors.behaviour.messages import ITEMS_MAX, QUERY_BYTES_MAX, SESSION_ID_BYTES_MAX, TYPE_BYTES_MAX, UserBehavior
from actors.commands import Command, Refusal
from actors.orders import QUANTITY_MAX
from tests.behaviour_world import FLAT, NESTED, START_MS, knock, message

ITEM = {"product_id": "P", "quantity": 1}


def test_the_seeds_examples_become_commands_about_their_user() -> None:
    assert knock(NESTED) == Command("behaviour.seen", "user:123456", START_MS)
    for flat in FLAT:
        assert knock(message(**flat)) == Command("behaviour.seen", "user:123456", 0)


def test_a_guest_is_a_user_under_the_name_that_his_page_made_up() -> None:
    assert knock(message(user="anon:7f3a")) == Command("behaviour.seen", "user:anon:7f3a", 0)


@pytest.mark.parametrize("field", ["user_id", "behavior_type"])
def test_a_required_field_that_is_missing_is_named(field: str) -> None:
    sent = {name: value for name, value in message().items() if name != field}
    assert knock(sent) == Refusal("missing", field, f"{field} must be {FORM.rules[field]}")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("user_id", "", "empty"),
        ("user_id", "x" * 129, "too_long"),
        ("user_id", 5, "wrong_type"),
        ("behavior_type", "", "empty"),
        ("behavior_type", "x" * (TYPE_BYTES_MAX + 1), "too_long"),
        ("event_type", "user_behaviour", "unknown"),
        ("session_id", "x" * (SESSION_ID_BYTES_MAX + 1), "too_long"),
        ("session_id", "a\nb", "control_characters"),
        ("timestamp", "yesterday", "not_rfc3339"),
        ("page_info", [], "wrong_type"),
        ("product_id", 7, "wrong_type"),
        ("product_id", "x" * 129, "too_long"),
        ("variant_id", "x" * 129, "too_long"),
        ("category", "x" * 129, "too_long"),
        ("quantity", 0, "out_of_range"),
        ("quantity", QUANTITY_MAX + 1, "out_of_range"),
        ("quantity", 1.5, "wrong_type"),
        ("currency", "YUAN", "unknown_currency"),
        ("view_duration", "45", "wrong_type"),
        ("view_duration", CLAIM_MAX + 1, "out_of_range"),
        ("scroll_depth", -CLAIM_MAX - 1, "out_of_range"),
        ("query", "茶" * (QUERY_BYTES_MAX // 3 + 1), "too_long"),
        ("order_id", "x" * 129, "too_long"),
        ("payment_method", "x" * 65, "too_long"),
        ("items", {}, "wrong_type"),
        ("items", [ITEM] * (ITEMS_MAX + 1), "out_of_range"),
    ],
)
def test_each_field_has_its_rule_and_the_refusal_says_it(field: str, value: Any, code: str) -> None:
    answer = knock({**message(), field: value})
    assert answer == Refusal(code, field, f"{field} must be {FORM.rules[field]}")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"page_info": {"page_type": "x" * 129}}, "too_long", "page_info.page_type"),
        ({"page_info": {"product_id": 5}}, "wrong_type", "page_info.product_id"),
        ({"items": [ITEM, {"product_id": "P"}]}, "missing", "items[1].quantity"),
        ({"items": [ITEM | {"product_id": ""}]}, "empty", "items[0].product_id"),
        ({"items": [ITEM | {"quantity": 0}]}, "out_of_range", "items[0].quantity"),
        ({"items": [ITEM | {"variant_id": "a\tb"}]}, "control_characters", "items[0].variant_id"),
    ],
)
def test_a_mistake_within_a_field_is_named_with_its_place(fields: dict[str, Any], code: str, field: str) -> None:
    answer = knock(message(**fields))
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.field) == (code, field)
    assert answer.message.startswith(field)


@pytest.mark.parametrize("word", ["purchase_complete", "order_cancelled", "order_refunded"])
def test_what_is_about_an_order_says_which(word: str) -> None:
    answer = knock(message(word, order_id=""))
    assert isinstance(answer, Refusal) and (answer.code, answer.field) == ("missing", "order_id")
    assert isinstance(knock(message(word, order_id="A-1")), Command)


@pytest.mark.parametrize("word", ["add_to_cart", "remove_from_cart"])
def test_what_moves_goods_says_which_in_one_way_or_another(word: str) -> None:
    answer = knock(message(word))
    assert isinstance(answer, Refusal) and (answer.code, answer.field) == ("missing", "product_id")
    for said in ({"product_id": "P"}, {"page_info": {"product_id": "P"}}, {"items": [ITEM]}):
        assert isinstance(knock(message(word, **said)), Command)


def test_limits_can_be_reached() -> None:
    fields: dict[str, Any] = {
        "quantity": QUANTITY_MAX, "items": [ITEM] * ITEMS_MAX, "view_duration": -CLAIM_MAX, "scroll_depth": CLAIM_MAX,
        "query": "x" * QUERY_BYTES_MAX, "session_id": "x" * SESSION_ID_BYTES_MAX,
    }  # fmt: skip
    assert isinstance(knock(message("x" * TYPE_BYTES_MAX, **fields)), Command)


def test_an_optional_text_may_be_empty_and_any_optional_field_null() -> None:
    fields = [field.name for field in msgspec.structs.fields(UserBehavior) if not field.required]
    assert isinstance(knock({**message(), **dict.fromkeys(fields)}), Command)
    texts = ("session_id", "product_id", "variant_id", "category", "query", "order_id", "payment_method")
    assert isinstance(knock(message(**dict.fromkeys(texts, ""))), Command)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([field.name for field in msgspec.structs.fields(UserBehavior)])


@given(st.dictionaries(FIELDS, JSON, max_size=4))
def test_whatever_json_comes_the_door_answers_and_names_the_field(wild: dict[str, Any]) -> None:
    answer = knock({**message("add_to_cart", product_id="P", order_id="A-1"), **wild})
    assert isinstance(answer, Command | Refusal)
    if isinstance(answer, Refusal):
        assert answer.field.partition(".")[0].partition("[")[0] in FORM.rules
        assert answer.message.startswith(answer.field)
