"""What one coupon takes off an order, by item, and every reason why it takes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.coupon.discount import Judged, judge
from actors.coupon.reasons import LABELS_SHOWN_MAX, SENTENCES, Code, Reason
from actors.coupon.stacking import Candidate
from actors.coupon.taking import Discount
from actors.fields import rfc3339_ms
from actors.money import AMOUNT_MAX
from actors.orders import Order, OrderItem
from actors.rule_words import LABELS_MAX
from tests import coupon_oracle as oracle
from tests.coupon_world import NOON, coupons, issued, offer, order, orders

TEN_OFF: dict[str, Any] = {"type": "fixed", "amount": 1_000}
MIXED = Order(
    "A", "CNY", 600, (OrderItem("p", "tea", 1, 100), OrderItem("q", "cups", 1, 200), OrderItem("r", "", 1, 300))
)


def judged(kind: dict[str, Any], cart: Order, at: int = NOON, **fields: Any) -> Judged:
    one = offer(kind, **fields)
    return judge(issued(one), one, cart, at)


def off(kind: dict[str, Any], cart: Order, **fields: Any) -> Discount:
    found = judged(kind, cart, **fields)
    assert isinstance(found, Discount), found
    return found


def reasons(kind: dict[str, Any], cart: Order, at: int = NOON, **fields: Any) -> list[Reason]:
    found = judged(kind, cart, at, **fields)
    assert isinstance(found, tuple), found
    return list(found)


def test_a_fixed_amount_is_dealt_to_the_items_by_what_they_cost() -> None:
    assert off(TEN_OFF, order(3_000, 1_000, 2_000)).by_item == (500, 167, 333)


def test_a_fixed_amount_is_never_more_than_the_items_cost() -> None:
    assert off(TEN_OFF, order(300, 100)).by_item == (300, 100)


def test_a_percentage_is_rounded_down_once_for_all_items() -> None:
    assert off({"type": "percent", "percent": "12.5"}, order(33, 33, 33)).by_item == (4, 4, 4)
    assert off({"type": "percent", "percent": "100/3"}, order(100)).total == 33


def test_a_percentage_takes_off_at_most_its_maximum() -> None:
    assert off({"type": "percent", "percent": "50", "maximum": 300}, order(500, 500)).by_item == (150, 150)


def test_every_200_off_30_counts_as_often_as_it_is_reached_up_to_its_limit() -> None:
    every = {"type": "full_reduction", "steps": [{"at_least": 20_000, "off": 3_000}], "times_max": 3}
    assert [off(every, order(amount)).total for amount in (20_000, 39_999, 40_000, 60_000, 99_999)] == [
        3_000, 3_000, 6_000, 9_000, 9_000,
    ]  # fmt: skip


def test_of_steps_the_highest_that_is_reached_counts() -> None:
    steps = [{"at_least": 30_000, "off": 5_000}, {"at_least": 50_000, "off": 10_000}]
    kind = {"type": "full_reduction", "steps": steps}
    assert [off(kind, order(amount)).total for amount in (30_000, 49_999, 50_000, 99_000)] == [
        5_000, 5_000, 10_000, 10_000,
    ]  # fmt: skip
    assert reasons(kind, order(29_999)) == [
        Reason(Code.MINIMUM_AMOUNT, "kind.steps[0].at_least", 30_000, 29_999)
    ]  # fmt: skip


def test_free_shipping_is_free_up_to_its_maximum_and_leaves_the_items_alone() -> None:
    assert off({"type": "free_shipping"}, order(500, shipping=600)) == Discount((0,), 600)
    assert off({"type": "free_shipping", "maximum": 400}, order(500, shipping=600)) == Discount((0,), 400)
    assert reasons({"type": "free_shipping"}, order(500)) == [Reason(Code.NO_SHIPPING, "kind", None, 0)]


def test_a_gift_costs_nothing_and_does_not_count_towards_the_minimum() -> None:
    gift = {"type": "gift", "product": "q", "quantity": 1}
    assert off(gift, order(9_900, 100), minimum_amount=9_900).by_item == (0, 100)
    assert reasons(gift, order(9_899, 100), minimum_amount=9_900) == [
        Reason(Code.MINIMUM_AMOUNT, "minimum_amount", 9_900, 9_899)
    ]
    assert reasons(gift, order(9_900)) == [Reason(Code.GIFT_NOT_IN_ORDER, "kind.product", "q")]


def test_of_more_pieces_than_are_given_the_others_are_paid() -> None:
    cart = Order("A", "CNY", 1_001, (OrderItem("q", "", 4, 1_001),))
    assert off({"type": "gift", "product": "q", "quantity": 3}, cart).by_item == (750,)


def test_of_every_n_pieces_the_cheapest_are_reduced() -> None:
    nth = {"type": "nth_item", "n": 3, "percent": "50", "times_max": 2}
    assert off(nth, order(500, 300, 400)).by_item == (0, 150, 0)
    assert off(nth, order(1_500, 300, 400, quantity=3)).by_item == (0, 100, 0)
    assert reasons(nth, order(500, 300)) == [Reason(Code.TOO_FEW_PIECES, "kind.n", 3, 2)]


def test_pieces_that_cost_nothing_are_not_what_is_reduced() -> None:
    nth = {"type": "nth_item", "n": 2}
    assert off(nth, order(500, 0, 300)).by_item == (0, 0, 300)
    assert reasons(nth, order(500, 0)) == [Reason(Code.TOO_FEW_PIECES, "kind.n", 2, 1)]


def test_only_items_that_the_coupon_is_for_are_reduced_and_counted() -> None:
    assert off(TEN_OFF, MIXED, categories=["tea", "cups"]).by_item == (100, 200, 0)
    assert off(TEN_OFF, MIXED, products=["r"]).by_item == (0, 0, 300)
    assert off(TEN_OFF, MIXED, exclude={"categories": ["cups"], "products": ["p"]}).by_item == (0, 0, 300)
    assert reasons(TEN_OFF, MIXED, categories=["tea"], minimum_amount=101) == [
        Reason(Code.MINIMUM_AMOUNT, "minimum_amount", 101, 100)
    ]


def test_an_order_with_none_of_its_items_says_what_of_them_is_wrong() -> None:
    assert reasons(TEN_OFF, MIXED, categories=["pots"], exclude={"products": ["p"], "categories": ["cups"]}) == [
        Reason(Code.EXCLUDED_PRODUCT, "exclude.products", None, ("p",)),
        Reason(Code.EXCLUDED_CATEGORY, "exclude.categories", None, ("cups",)),
        Reason(Code.CATEGORY, "categories", ("pots",), ("",)),
    ]
    assert reasons(TEN_OFF, MIXED, products=["x"]) == [Reason(Code.PRODUCT, "products", ("x",), ("p", "q", "r"))]


def test_a_narrower_coupon_is_judged_by_its_own_terms() -> None:
    one = offer(TEN_OFF, categories=["tea", "cups"])
    narrow = issued(one, conditions={"min_amount": 5, "valid_categories": ["cups"]})
    assert judge(narrow, one, order(900), NOON) == (
        Reason(Code.CATEGORY, "categories", ("cups",), ("tea",)),
        Reason(Code.MINIMUM_AMOUNT, "minimum_amount", 500, 0),
    )
    assert judge(narrow, one, order(900, category="cups"), NOON) == Discount((900,))


def test_it_is_valid_from_its_first_moment_up_to_its_last() -> None:
    one = offer(TEN_OFF)
    terms = issued(one, days=1)
    assert terms.valid_until == rfc3339_ms("2025-11-13T00:00:00+08:00")
    for at, code in ((NOON - 1, Code.NOT_YET_VALID), (terms.valid_until, Code.EXPIRED)):
        found = judge(terms, one, order(2_000), at)
        assert isinstance(found, tuple)
        assert [reason.code for reason in found] == [code]
    for at in (NOON, terms.valid_until - 1):
        assert isinstance(judge(terms, one, order(2_000), at), Discount)


def test_weekdays_and_hours_are_those_of_the_templates_zone() -> None:
    valid = {"days": 30, "weekdays": [2, 3], "hours": [22, 2]}
    late = rfc3339_ms("2025-11-11T22:00:00+08:00") or 0
    assert isinstance(judged(TEN_OFF, order(2_000), late, valid=valid), Discount)
    thursday = rfc3339_ms("2025-11-13T12:59:00+08:00") or 0
    assert reasons(TEN_OFF, order(2_000), thursday, valid=valid) == [
        Reason(Code.WEEKDAY, "valid.weekdays", (2, 3), 4),
        Reason(Code.HOUR, "valid.hours", (22, 2), 12),
    ]


def test_all_reasons_are_told_at_once() -> None:
    one = offer(TEN_OFF, categories=["cups"], minimum_amount=10_000, valid={"days": 1, "weekdays": [2]})
    found = judge(issued(one), one, order(100), NOON + 8 * 86_400_000)
    assert isinstance(found, tuple)
    assert [reason.code for reason in found] == [Code.EXPIRED, Code.WEEKDAY, Code.CATEGORY, Code.MINIMUM_AMOUNT]


def test_amounts_of_another_currency_are_not_compared() -> None:
    cart = Order("A", "JPY", 5, (OrderItem("p", "", 1, 5),))
    assert reasons(TEN_OFF, cart, minimum_amount=100) == [Reason(Code.CURRENCY, "currency", "CNY", "JPY")]


@pytest.mark.parametrize("kind", [TEN_OFF, {"type": "percent", "percent": "10"}])
def test_where_there_is_nothing_to_take_off_it_says_so(kind: dict[str, Any]) -> None:
    assert reasons(kind, order(0)) == [Reason(Code.NOTHING_TO_DISCOUNT, "kind")]


@given(coupons("C"), orders())
def test_parts_come_to_the_sum_for_any_amounts_and_are_the_oracles(one: Candidate, cart: Order) -> None:
    found = judge(one.terms, one.offer, cart, NOON)
    assert found == judge(one.terms, one.offer, cart, NOON)
    if isinstance(found, Discount):
        assert all(0 <= part <= item.amount for part, item in zip(found.by_item, cart.items, strict=True))
        left = oracle.Left([item.amount for item in cart.items], cart.shipping)
        assert (found.by_item, found.shipping) == oracle.takes(one, cart, left)
    else:
        assert found


def test_every_code_has_a_sentence() -> None:
    assert list(SENTENCES) == list(Code)
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in SENTENCES.values())


def test_the_codes_that_the_contract_names_are_there() -> None:
    named = (
        "unknown_code bad_check_character not_yours expired not_yet_valid already_redeemed held_by_other_order "
        "minimum_amount category sold_out budget_spent per_user_limit not_combinable template_paused too_many_attempts"
    )
    assert set(named.split()) <= set(Code)


def test_a_reason_is_read_as_it_was_written() -> None:
    for reason in (
        Reason(Code.CATEGORY, "categories", ("cups",), ("", "tea")),
        Reason(Code.MINIMUM_AMOUNT, "minimum_amount", 100, 0),
        Reason(Code.NO_SHIPPING, "kind"),
    ):
        assert msgspec.json.decode(msgspec.json.encode(reason), type=Reason) == reason
    assert msgspec.json.encode(Reason(Code.NOT_YOURS)) == b'{"code":"not_yours"}'


def test_the_labels_of_a_reason_are_bounded() -> None:
    found = reasons(TEN_OFF, order(900), products=[f"x{n:04}" for n in range(LABELS_MAX)])
    assert found[0].want == tuple(f"x{n:04}" for n in range(LABELS_SHOWN_MAX))


@given(st.lists(st.integers(0, AMOUNT_MAX // 8), min_size=1, max_size=4), st.integers(1, AMOUNT_MAX))
def test_amounts_of_any_size_are_dealt_to_the_last_unit(amounts: list[int], amount: int) -> None:
    cart = order(*amounts)
    for kind, total in (
        ({"type": "fixed", "amount": amount}, min(amount, cart.amount)),
        ({"type": "percent", "percent": "100/3"}, cart.amount // 3),
    ):
        found = judged(kind, cart)
        assert found == (Reason(Code.NOTHING_TO_DISCOUNT, "kind"),) or isinstance(found, Discount)
        assert (found.total if isinstance(found, Discount) else 0) == total
