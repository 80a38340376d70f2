"""Several coupons on one order: the best deal, always the same one, and why not the others; against every set tried."""

from __future__ import annotations

from math import comb
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.coupon import stacking
from actors.coupon.discount import judge
from actors.coupon.reasons import Code, Reason
from actors.coupon.stacking import CANDIDATES_MAX, COUPONS_PER_ORDER_MAX, Candidate, Choice, best
from actors.coupon.taking import Discount, take
from actors.orders import Order
from tests import coupon_oracle as oracle
from tests.coupon_world import NOON, coupon, order, orders, wallets


def fixed(code: str, amount: int, template: str = "", days: int | None = None, **stacking: object) -> Candidate:
    return coupon(code, {"type": "fixed", "amount": amount}, template, days, stacking=stacking)


def codes(choice: Choice) -> list[str]:
    return [one.code for one in choice.applied]


def why(choice: Choice) -> dict[str, list[Reason]]:
    return {one.code: list(one.reasons) for one in choice.left_out}


def test_coupons_of_different_templates_are_used_together() -> None:
    choice = best([fixed("A", 300), fixed("B", 200)], order(1_000), NOON)
    assert codes(choice) == ["A", "B"]
    assert choice.discount.total == 500
    assert not choice.left_out


def test_of_one_template_only_the_best_coupon_is_used() -> None:
    choice = best([fixed("A", 200, "T"), fixed("B", 300, "T")], order(1_000), NOON)
    assert codes(choice) == ["B"]
    assert why(choice) == {"A": [Reason(Code.NOT_COMBINABLE, "stacking.group", None, ("B",))]}


def test_of_one_group_only_the_best_coupon_is_used() -> None:
    choice = best([fixed("A", 200, group="g"), fixed("B", 300, group="g"), fixed("C", 1)], order(1_000), NOON)
    assert codes(choice) == ["B", "C"]
    assert why(choice) == {"A": [Reason(Code.NOT_COMBINABLE, "stacking.group", None, ("B",))]}


def test_an_exclusive_coupon_is_used_alone_when_it_is_worth_more_than_all_others() -> None:
    others = [fixed("A", 200), fixed("B", 300)]
    choice = best([*others, fixed("X", 501, exclusive=True)], order(1_000), NOON)
    assert codes(choice) == ["X"]
    assert why(choice)["A"] == [Reason(Code.NOT_COMBINABLE, "stacking.exclusive", None, ("X",))]
    choice = best([*others, fixed("X", 499, exclusive=True)], order(1_000), NOON)
    assert codes(choice) == ["A", "B"]
    assert why(choice) == {"X": [Reason(Code.NOT_COMBINABLE, "stacking.exclusive", None, ("A", "B"))]}


def test_percentages_come_before_amounts_unless_the_priority_says_otherwise() -> None:
    half = {"type": "percent", "percent": "50"}
    choice = best([fixed("A", 300), coupon("P", half)], order(1_000), NOON)
    assert (codes(choice), choice.discount.total) == (["P", "A"], 800)
    choice = best([fixed("A", 300, priority=1), coupon("P", half)], order(1_000), NOON)
    assert (codes(choice), choice.discount.total) == (["A", "P"], 650)


def test_a_coupon_that_adds_nothing_is_kept_for_another_day() -> None:
    choice = best([fixed("A", 1_000), fixed("B", 300)], order(1_000), NOON)
    assert codes(choice) == ["A"]
    assert why(choice) == {"B": [Reason(Code.NO_GAIN, "codes", None, ("A",))]}


def test_of_equal_deals_the_coupon_that_ends_sooner_is_used_then_the_code_decides() -> None:
    wallet = [fixed("A", 300, "T", 20), fixed("B", 300, "T", 10), fixed("C", 300, "T", 10)]
    assert codes(best(wallet, order(1_000), NOON)) == ["B"]


def test_minimums_are_of_the_order_as_it_came() -> None:
    late = coupon("L", {"type": "fixed", "amount": 100}, minimum_amount=1_000)
    choice = best([fixed("A", 900, priority=9), late], order(1_000), NOON)
    assert (codes(choice), choice.discount.total) == (["A", "L"], 1_000)


def test_no_more_coupons_than_the_limit_are_used() -> None:
    wallet = [fixed(f"C{n}", 100 + n) for n in range(COUPONS_PER_ORDER_MAX + 1)]
    choice = best(wallet, order(10_000), NOON)
    assert codes(choice) == [f"C{n}" for n in range(1, COUPONS_PER_ORDER_MAX + 1)]
    assert why(choice) == {"C0": [Reason(Code.TOO_MANY_COUPONS, "codes", COUPONS_PER_ORDER_MAX)]}


def test_of_more_coupons_than_are_searched_those_take_part_that_give_most() -> None:
    wallet = [fixed(f"C{n:02}", 100 + n) for n in range(2 * CANDIDATES_MAX)]
    choice = best(wallet, order(10_000), NOON)
    assert codes(choice) == [one.code for one in wallet[-COUPONS_PER_ORDER_MAX:]]


def test_at_worst_every_set_costs_one_discount(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Candidate] = []

    def counting(offer: Any, *rest: Any) -> Discount:
        taken.append(offer)
        return take(offer, *rest)

    monkeypatch.setattr(stacking, "take", counting)
    wallet = [coupon(f"C{n}", {"type": "percent", "percent": str(40 + n)}) for n in range(CANDIDATES_MAX)]
    best(wallet, order(9_999, 12_345), NOON)
    sets = sum(comb(CANDIDATES_MAX, count) for count in range(1, COUPONS_PER_ORDER_MAX + 1))
    assert sets == 246
    assert sets / 2 < len(taken) <= sets + COUPONS_PER_ORDER_MAX


def test_a_coupon_that_cannot_be_used_says_all_its_reasons() -> None:
    old = coupon("O", {"type": "fixed", "amount": 5}, minimum_amount=9_999, categories=["cups"])
    choice = best([old, fixed("A", 10)], order(1_000), NOON)
    assert codes(choice) == ["A"]
    assert [reason.code for reason in why(choice)["O"]] == [Code.CATEGORY, Code.MINIMUM_AMOUNT]


def test_a_code_named_twice_counts_once() -> None:
    one = fixed("A", 10)
    assert best([one, one], order(1_000), NOON) == best([one], order(1_000), NOON)


def test_no_coupons_are_no_deal() -> None:
    assert best([], order(100, 200), NOON) == Choice((), Discount((0, 0)), ())


@given(wallets(least=3), orders())
@settings(max_examples=400)
def test_the_choice_is_the_best_of_all_sets_of_coupons(wallet: list[Candidate], cart: Order) -> None:
    choice = best(wallet, cart, NOON)
    usable = [one for one in wallet if isinstance(judge(one.terms, one.offer, cart, NOON), Discount)]
    wanted = oracle.best(usable, cart)
    assert tuple(codes(choice)) == wanted.codes
    assert tuple((one.discount.by_item, one.discount.shipping) for one in choice.applied) == wanted.parts
    assert choice.discount.total == wanted.total


@given(wallets(), orders(), st.randoms(use_true_random=False))
def test_the_same_cart_gives_the_same_choice_in_whatever_order_codes_are_named(
    wallet: list[Candidate], cart: Order, random: Random
) -> None:
    turned = list(wallet)
    random.shuffle(turned)
    assert best(turned, cart, NOON) == best(wallet, cart, NOON)


@given(wallets(), orders())
def test_no_item_costs_less_than_nothing_and_every_coupon_is_applied_or_told_why_not(
    wallet: list[Candidate], cart: Order
) -> None:
    choice = best(wallet, cart, NOON)
    off = choice.discount
    assert all(0 <= part <= item.amount for part, item in zip(off.by_item, cart.items, strict=True))
    assert 0 <= off.shipping <= cart.shipping
    assert off.total == sum(one.discount.total for one in choice.applied)
    assert sorted([*codes(choice), *why(choice)]) == sorted(one.code for one in wallet)
    assert all(why(choice).values())


@given(wallets(), orders())
def test_no_coupon_gives_more_beside_others_than_alone(wallet: list[Candidate], cart: Order) -> None:
    by_code = {one.code: one for one in wallet}
    for applied in best(wallet, cart, NOON).applied:
        one = by_code[applied.code]
        alone = judge(one.terms, one.offer, cart, NOON)
        assert isinstance(alone, Discount)
        assert applied.discount.total <= alone.total
