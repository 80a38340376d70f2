"""Coupon templates over HTTP, with a whole engine behind it: put, switched, listed, counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.templates import Templates
from tests.coupon_engine import TEMPLATE, cart
from tests.gateway_world import is_problem
from tests.http_world import HttpWorld, http_world

PATH = "/v1/coupon-templates"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("shop")) as world:
        yield world


def put(shop: HttpWorld, id: str, tag: str = "", **fields: Any) -> httpx.Response:
    headers = {"if-match": tag} if tag else {}
    return shop.request("PUT", f"{PATH}/{id}", json=TEMPLATE | fields, headers=headers)


def again(shop: HttpWorld, id: str, **fields: Any) -> httpx.Response:
    """Over what is in force."""
    return put(shop, id, shop.get(f"{PATH}/{id}").headers["etag"], **fields)


def test_a_new_template_is_a_draft_and_is_shown_as_it_was_put_without_defaults(shop: HttpWorld) -> None:
    answer = put(shop, "new", stock=5, minimum_amount=0)
    assert answer.status_code == 200 and answer.json()["changed"] and answer.json()["number"] == 1
    shown = shop.get(f"{PATH}/new")
    assert shown.json() == {**TEMPLATE, "stock": 5}
    assert shown.headers["etag"] == answer.headers["etag"]
    assert (shown.headers["template-status"], shown.headers["programme-number"]) == ("draft", "1")
    is_problem(shop.post("/v1/users/u/coupons", {"template": "new"}), 404, "unknown_template")


def test_a_template_is_replaced_only_by_who_names_it_and_keeps_its_status(shop: HttpWorld) -> None:
    first = put(shop, "named").headers["etag"]
    shop.become("named", "active")
    document = is_problem(put(shop, "named", name="x"), 428, "precondition_required")
    second = shop.get(f"{PATH}/named").headers["etag"]
    assert second in document["detail"] and second != first
    is_problem(put(shop, "named", first, name="x"), 412, "precondition_failed")
    assert put(shop, "named", second, name="x").json()["number"] == 3
    assert shop.get(f"{PATH}/named").headers["template-status"] == "active"
    is_problem(put(shop, "unnamed", first), 412, "precondition_failed")
    only_new = {"if-none-match": "*"}
    assert shop.request("PUT", f"{PATH}/fresh", json=TEMPLATE, headers=only_new).status_code == 200
    is_problem(shop.request("PUT", f"{PATH}/fresh", json=TEMPLATE, headers=only_new), 412, "precondition_failed")


def test_of_two_drafts_that_came_with_one_public_code_the_one_that_has_it_can_be_switched_on(
    shop: HttpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unseen:
        unseen.setattr(Templates, "_whose", lambda *_: "")
        for id in ("both-1", "both-2"):
            assert put(shop, id, code={"public": "BOTH"}).status_code == 200
    document = is_problem(shop.post(f"{PATH}/both-2/activate", None), 422, "refused_programme")
    assert document["errors"][0]["code"] == "taken" and "both-1 has it" in document["detail"]
    shop.become("both-1", "active")
    shop.become("both-1", "closed")
    shop.become("both-2", "active")


def test_a_template_becomes_only_what_it_may(shop: HttpWorld) -> None:
    put(shop, "life")
    is_problem(shop.post(f"{PATH}/life/pause", None), 409, "no_such_change")
    changes = (
        ("active", 200),
        ("paused", "template_paused"),
        ("active", "per_user_limit"),
        ("closed", "template_closed"),
    )
    for n, (status, word) in enumerate(changes):
        shop.become("life", status)
        assert shop.get(f"{PATH}/life").headers["template-status"] == status
        answer = shop.post("/v1/users/u/coupons", {"template": "life", "order_id": f"o-{n}"})
        assert word in (answer.status_code, answer.json().get("code"))
    number = shop.get(f"{PATH}/life").headers["programme-number"]
    shop.become("life", "closed")
    assert shop.get(f"{PATH}/life").headers["programme-number"] == number == "5"
    is_problem(shop.post(f"{PATH}/life/activate", None), 409, "no_such_change")
    is_problem(again(shop, "life", name="x"), 409, "no_such_change")
    for verb in ("activate", "pause", "close"):
        is_problem(shop.post(f"{PATH}/nowhere/{verb}", None), 404, "unknown_template")
    is_problem(shop.get(f"{PATH}/nowhere"), 404, "unknown_template")


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ({}, {"stock": 5}, "stock"), ({"stock": 5}, {}, "stock"), ({}, {"budget": 5_000}, "budget"),
        ({"budget": 5_000}, {}, "budget"),
        ({"code": {"public": "LIM1", "uses": 3}}, {"code": {"public": "LIM1"}}, "code.uses"),
    ],
)  # fmt: skip
def test_what_was_without_limit_stays_so_once_it_was_active_and_the_reverse(
    shop: HttpWorld, before: dict[str, Any], after: dict[str, Any], field: str
) -> None:
    id = f"limits-{field}-{len(before)}"
    assert put(shop, id, **before).status_code == 200
    assert again(shop, id, **after).status_code == 200 and again(shop, id, **before).status_code == 200, "a draft may"
    shop.become(id, "active")
    errors = is_problem(again(shop, id, **after), 422, "refused_programme")["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [(field, "limit_kept")]
    shop.become(id, "closed")


def test_a_public_code_can_be_typed_and_is_one_templates_alone_until_that_is_closed(shop: HttpWorld) -> None:
    long = {"public": "A" * 20}
    errors = is_problem(put(shop, "long", code=long), 422, "refused_programme")["errors"]
    assert [error["field"] for error in errors] == ["code.public"]
    assert put(shop, "first", code={"public": "SUMMER1"}, name="x").status_code == 200
    document = is_problem(put(shop, "second", code={"public": "SUMMER1"}), 422, "refused_programme")
    assert "first has it" in document["detail"]
    assert again(shop, "first", code={"public": "SUMMER1"}).status_code == 200
    shop.become("first", "closed")
    assert put(shop, "second", code={"public": "SUMMER1"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "not_json"), (b'{"name": "x"}', 422, "refused_programme"), (b"[]", 422, "refused_programme"),
        (b'{"name":"x","kind":{"type":"fixed","amount":0},"valid":{"days":3}}', 422, "refused_programme"),
        (b'{"name":"x"},"status":"active","x":{}', 400, "not_json"),
    ],
)  # fmt: skip
def test_what_is_no_template_is_refused(shop: HttpWorld, body: bytes, status: int, code: str) -> None:
    is_problem(shop.request("PUT", f"{PATH}/bad", content=body), status, code)


def test_templates_are_listed_by_id_page_by_page(shop: HttpWorld) -> None:
    put(shop, "a-listed", code={"public": "LISTED"}, activity_id="act")
    put(shop, "b-listed")
    page = shop.get(f"{PATH}?limit=1").json()
    assert page["data"] == [
        {"id": "a-listed", "status": "draft", "number": 1, "public_code": "LISTED", "activity_id": "act"}
    ]
    assert page["has_more"]
    after = shop.get(f"{PATH}?limit=500&cursor={page['next_cursor']}").json()
    assert after["data"][0]["id"] == "b-listed" and not after["has_more"]


def test_usage_is_the_sum_of_what_came_of_the_coupons_and_says_where_the_stock_is(shop: HttpWorld) -> None:
    shop.put_template("used", stock=100, budget=50_000)
    codes = {user: shop.give_coupon(user, "used") for user in ("ua", "ub", "uc", "ud")}
    for user in ("ua", "ub"):
        use = {"user_id": user, "order": cart(f"used-{user}")}
        assert shop.post(f"/v1/coupons/{codes[user]}/redemptions", use).status_code == 200
    assert shop.post(f"/v1/coupons/{codes['ub']}/redemptions/used-ub/rollback", {}).status_code == 200
    usage = shop.get(f"{PATH}/used/usage").json()
    counted = {name: usage[name] for name in ("issued", "redeemed", "rolled_back", "orders", "discount", "revenue")}
    assert counted == {
        "issued": 4, "redeemed": 2, "rolled_back": 1, "orders": 1, "discount": 2_000, "revenue": 10_000,
    }  # fmt: skip
    stock = usage["stock"]
    assert stock["total"] == 100 == stock["free"] + stock["lent"] and stock["lent"] - stock["unused"] == 4
    assert usage["budget"]["lent"] - usage["budget"]["unused"] == 2_000
    assert (usage["status"], usage["currency"]) == ("active", "CNY")
    is_problem(shop.get(f"{PATH}/nowhere/usage"), 404, "unknown_template")


def test_each_change_is_in_the_audit_log_before_it_is_made(shop: HttpWorld) -> None:
    put(shop, "audited")
    shop.become("audited", "active")
    active, drafted = shop.ports.audit.page(2, None).data
    assert (drafted.what, drafted.about, drafted.old) == ("rules.change", "template:audited", None)
    assert active.old["programme"]["status"] == "draft" and active.new["programme"]["status"] == "active"
