"""What coupons would take off an order, asked over HTTP: the best deal, the reasons, and that redeeming does it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.coupon_engine import cart
from tests.gateway_world import is_problem
from tests.http_world import HttpWorld, http_world
from tests.unit.test_http_coupons import done, mistyped

CARTS = 40
CARTS_LONG = 400
STEPS = [{"at_least": 3_000, "off": 500}, {"at_least": 9_000, "off": 2_000}]
TEMPLATES: dict[str, dict[str, Any]] = {
    "fixed": {"kind": {"type": "fixed", "amount": 700}},
    "tenth": {"kind": {"type": "percent", "percent": "10", "maximum": 900}, "stacking": {"group": "percents"}},
    "third": {"kind": {"type": "percent", "percent": "100/3"}, "stacking": {"group": "percents", "priority": 3}},
    "steps": {"kind": {"type": "full_reduction", "steps": STEPS}},
    "way": {"kind": {"type": "free_shipping", "maximum": 800}},
    "second": {"kind": {"type": "nth_item", "n": 2, "percent": "50"}, "categories": ["books"]},
    "gift": {"kind": {"type": "gift", "product": "p3"}},
    "alone": {"kind": {"type": "fixed", "amount": 2_500}, "stacking": {"exclusive": True}},
    "dear": {"kind": {"type": "fixed", "amount": 900}, "minimum_amount": 8_000, "products": ["p1", "p2"]},
    "paused": {"kind": {"type": "fixed", "amount": 5_000}},
}  # fmt: skip
OWN_REASONS = {"no_gain", "not_combinable", "too_many_coupons"}
"""Of a coupon that could be used, were it not for others."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("shop")) as world:
        for id, fields in TEMPLATES.items():
            world.put_template(id, **fields)
        world.put_template(
            "public", code={"public": "EVERYONE", "uses": 100_000}, kind={"type": "fixed", "amount": 450}
        )
        yield world


def validated(shop: HttpWorld, user: str, codes: list[str], order: dict[str, Any]) -> dict[str, Any]:
    answer = shop.post("/v1/coupons/validate", {"user_id": user, "codes": codes, "order": order})
    assert answer.status_code == 200, answer.text
    return answer.json()


def redeem(shop: HttpWorld, user: str, code: str, order: dict[str, Any]) -> Any:
    return shop.post(f"/v1/coupons/{code}/redemptions", {"user_id": user, "order": order})


def why_not(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {one["code"]: [reason["code"] for reason in one["reasons"]] for one in answer["not_applied"]}


def test_all_that_is_applicable_is_shown_by_item_and_the_rest_with_its_reasons(shop: HttpWorld) -> None:
    codes = {id: shop.give_coupon("v1", id) for id in ("fixed", "tenth", "third", "dear")}
    answer = validated(shop, "v1", [*codes.values(), "NOSUCH"], cart(amount=6_000))
    by_code = {one["code"]: one for one in answer["applicable"]}
    assert set(by_code) == {codes["fixed"], codes["third"]}
    assert by_code[codes["third"]]["by_item"] == [{"product_id": "p1", "discount": 2_000}]
    assert answer["discount"] == 2_700 and answer["by_item"] == [{"product_id": "p1", "discount": 2_700}]
    assert why_not(answer) == {
        codes["tenth"]: ["not_combinable"], codes["dear"]: ["minimum_amount"], "NOSUCH": ["unknown_code"],
    }  # fmt: skip


def test_each_reason_that_stands_before_the_order_is_named(shop: HttpWorld) -> None:
    other, used, held = (
        shop.give_coupon("somebody", "fixed"),
        shop.give_coupon("v2", "tenth"),
        shop.give_coupon("v2", "way"),
    )
    done(redeem(shop, "v2", used, cart("o-1")))
    shipped = cart("o-2", shipping=900, amount=10_000)
    done(shop.post(f"/v1/coupons/{held}/holds", {"user_id": "v2", "order": shipped}))
    paused = shop.give_coupon("v2", "paused")
    shop.become("paused", "paused")
    answer = validated(shop, "v2", [other, used, held, paused, mistyped(used), "EVERYONE"], cart("o-3"))
    shop.become("paused", "active")
    assert why_not(answer) == {
        other: ["not_yours"], used: ["already_redeemed"], held: ["held_by_other_order"], paused: ["template_paused"],
        mistyped(used): ["bad_check_character"],
    }  # fmt: skip
    assert [one["code"] for one in answer["applicable"]] == ["EVERYONE"]
    without_id = cart("o-2", shipping=900)
    del without_id["order_id"]
    assert why_not(validated(shop, "v2", [held], without_id)) == {held: ["held_by_other_order"]}
    assert [one["shipping"] for one in validated(shop, "v2", [held], cart("o-2", shipping=900))["applicable"]] == [800]


def test_what_was_used_with_the_order_already_counts(shop: HttpWorld) -> None:
    first, second, third = (shop.give_coupon("v3", id) for id in ("third", "tenth", "steps"))
    order = cart("o-1", amount=9_000)
    done(redeem(shop, "v3", first, order))
    answer = validated(shop, "v3", [first, second, third], order)
    assert why_not(answer) == {first: ["already_redeemed"], second: ["not_combinable"]}
    assert [one["discount"] for one in answer["applicable"]] == [2_000]


def test_a_budget_that_is_spent_is_seen_and_the_next_best_taken(shop: HttpWorld) -> None:
    kind = {"type": "fixed", "amount": 2_000}
    shop.put_template("thin", budget=2_000, kind=kind, stacking={"group": "rivals"})
    shop.put_template("thick", kind={"type": "fixed", "amount": 1_000}, stacking={"group": "rivals"})
    thin, thick, spender = (
        shop.give_coupon("v4", "thin"),
        shop.give_coupon("v4", "thick"),
        shop.give_coupon("v4", "thin"),
    )
    done(redeem(shop, "v4", spender, cart("o-1")))
    is_problem(redeem(shop, "v4", thin, cart("o-2")), 409, "budget_spent")
    answer = validated(shop, "v4", [thin, thick], cart("o-3"))
    assert why_not(answer) == {thin: ["budget_spent"]}
    assert [one["code"] for one in answer["applicable"]] == [thick]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"codes": ["C"], "order": cart()}, "user_id"), ({"user_id": "u", "codes": [], "order": cart()}, "codes"),
        ({"user_id": "u", "codes": ["C"] * 51, "order": cart()}, "codes"),
        ({"user_id": "u", "codes": ["C"], "order": {"currency": "CNY"}}, "order.amount"),
    ],
)  # fmt: skip
def test_what_is_no_such_question_is_422_and_names_the_field(shop: HttpWorld, body: Any, field: str) -> None:
    errors = is_problem(shop.post("/v1/coupons/validate", body), 422, "bad_field")["errors"]
    assert [error["field"] for error in errors] == [field]


def some_order(rng: Random, n: int) -> dict[str, Any]:
    products = rng.sample(["p1", "p2", "p3", "p4"], rng.randint(1, 4))
    items = [
        {
            "product_id": product, "category": "books" if product < "p3" else "toys", "quantity": rng.randint(1, 3),
            "amount": rng.choice([0, 1, 333, 1_000, 2_999, 7_001]),
        }
        for product in products
    ]  # fmt: skip
    return {"order_id": f"cart-{n}", "currency": "CNY", "items": items, "shipping": rng.choice([0, 500, 1_200])}


@pytest.mark.parametrize("carts", [CARTS, pytest.param(CARTS_LONG, marks=pytest.mark.long)])
def test_redeeming_what_is_applicable_gives_what_was_said_and_the_rest_is_refused_for_what_was_said(
    shop: HttpWorld, carts: int
) -> None:
    rng, applied = Random(6), 0
    for n in range(carts):
        with shop.with_fresh_app():  # its guard would count the mistyped codes of all carts together
            applied += agreed(shop, rng, f"w{carts}-{n}", some_order(rng, n))
    assert applied > carts


def agreed(shop: HttpWorld, rng: Random, user: str, order: dict[str, Any]) -> int:
    """How many coupons were applicable; each was as it was said."""
    ids = [*rng.sample([id for id in TEMPLATES if id != "paused"], rng.randint(1, 6)), rng.choice(list(TEMPLATES))]
    codes = [shop.give_coupon(user, id) for id in ids] + ["EVERYONE", mistyped(shop.give_coupon(user, "fixed"))]
    if rng.random() < 0.3:
        redeem(shop, user, codes[0], order)
    answer = validated(shop, user, codes, order)
    for one in answer["applicable"]:
        result = done(redeem(shop, user, one["code"], order))
        assert (result["discount"], result["by_item"]) == (one["discount"], one["by_item"]), (order, one)
    assert answer["discount"] == sum(one["discount"] for one in answer["applicable"])
    for one in answer["not_applied"]:
        said = [reason["code"] for reason in one["reasons"]]
        if OWN_REASONS & set(said) or said == ["already_redeemed"]:
            continue
        refused = redeem(shop, user, one["code"], order).json()
        assert refused["code"] == said[0] and refused.get("reasons", one["reasons"]) == one["reasons"]
    return len(answer["applicable"])
