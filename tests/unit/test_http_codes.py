"""Codes of the shop's own over HTTP, with a whole engine behind it: brought, validated, used, given back, shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway import imported_codes, routes_codes
from tests.cells import settle
from tests.coupon_engine import cart
from tests.gateway_world import is_problem
from tests.http_world import HttpWorld, http_world
from tests.unit.test_http_coupons import done

IMPORTED: dict[str, Any] = {"code": {"imported": True}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("shop")) as world:
        world.put_template("old", **IMPORTED)
        world.put_template("other", **IMPORTED)
        world.put_template("plain")
        yield world


def bring(shop: HttpWorld, codes: list[Any], template: str = "old") -> dict[str, Any]:
    answer = shop.post(f"/v1/coupon-templates/{template}/codes", {"codes": codes})
    assert answer.status_code == 200, answer.text
    return answer.json()


def file(shop: HttpWorld, body: str, media: str) -> httpx.Response:
    path = "/v1/coupon-templates/old/codes"
    return shop.request("POST", path, content=body.encode(), headers={"content-type": media})


def validated(shop: HttpWorld, user: str, code: str, order: str = "o") -> str:
    """`applied`, or the first reason why not."""
    said = shop.post("/v1/coupons/validate", {"user_id": user, "codes": [code], "order": cart(order)}).json()
    return "applied" if said["applicable"] else said["not_applied"][0]["reasons"][0]["code"]


def used(shop: HttpWorld, user: str, code: str, order: str = "o") -> str:
    """The same of using it."""
    answer = shop.post(f"/v1/coupons/{code}/redemptions", {"user_id": user, "order": cart(order)})
    return "applied" if answer.status_code == 200 else answer.json()["code"]


def test_a_list_of_codes_is_told_what_each_came_to_and_sent_again_adds_nothing(shop: HttpWorld) -> None:
    codes = ["LIST-001", "list002", "LIST 002", "x", "A" * 20, "NO/CODE", 7]
    first = bring(shop, codes)
    counts = {"too_short": 1, "too_long": 1, "characters": 1, "wrong_type": 1}
    assert (first["codes"], first["imported"], first["known"], first["refused"]) == (7, 2, 1, counts)
    assert [one["code"] for one in first["first_refused"]] == ["x", "A" * 20, "NO/CODE", "7"]
    again = bring(shop, codes)
    assert (again["imported"], again["known"], again["refused"]) == (0, 3, counts)


def test_a_code_that_is_anothers_is_refused_and_says_whose_it_is(shop: HttpWorld) -> None:
    bring(shop, ["WHOSE1"])
    shop.put_template("public", code={"public": "WHOSE2"})
    answer = bring(shop, ["WHOSE1", "WHOSE2", "WHOSE3"], "other")
    assert answer["imported"] == 1 and answer["refused"] == {"taken": 2}
    assert {one["code"]: one["detail"] for one in answer["first_refused"]} == {
        "WHOSE1": "it is a code of the template old", "WHOSE2": "it is the public code of the template public",
    }  # fmt: skip
    body = {"name": "x", "kind": {"type": "fixed", "amount": 1}, "valid": {"days": 1}, "code": {"public": "WHOSE3"}}
    document = is_problem(shop.request("PUT", "/v1/coupon-templates/late", json=body), 422, "refused_programme")
    assert document["errors"][0]["code"] == "taken" and "other has it" in document["detail"]


def test_a_template_must_say_that_it_takes_codes(shop: HttpWorld) -> None:
    path = "/v1/coupon-templates/{}/codes"
    is_problem(shop.post(path.format("plain"), {"codes": ["PLAIN1"]}), 409, "no_such_change")
    is_problem(shop.post(path.format("none"), {"codes": ["PLAIN1"]}), 404, "unknown_template")
    is_problem(shop.post(path.format("old"), {"codes": []}), 422, "list_size")
    is_problem(shop.post(path.format("old"), {"codes": "PLAIN1"}), 422, "bad_field")
    is_problem(shop.request("POST", path.format("old")), 400, "not_json")
    shop.put_template("over", status="closed", **IMPORTED)
    is_problem(shop.post(path.format("over"), {"codes": ["PLAIN1"]}), 409, "no_such_change")


def test_a_file_of_codes_comes_in_parts(shop: HttpWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_codes, "CODES_AT_ONCE", 7)
    monkeypatch.setattr(imported_codes, "REFUSED_NAMED_MAX", 2)
    lines = [json.dumps(f"FILE{n}" if n % 2 else {"code": f"FILE{n}"}) for n in range(50)]
    answer = file(shop, "\n".join([*lines, '{"user_id": "u"}', "[]", "no json"]), "application/x-ndjson").json()
    assert (answer["codes"], answer["imported"], answer["refused"]) == (53, 50, {"wrong_type": 3})
    assert len(answer["first_refused"]) == 2
    csv = "batch,code\n" + "".join(f"1,FILE{n}\n" for n in range(40, 60))
    answer = file(shop, csv, "text/csv").json()
    assert (answer["codes"], answer["imported"], answer["known"]) == (20, 10, 10)
    is_problem(file(shop, "\n\n", "text/csv"), 422, "list_size")


def test_an_imported_code_is_held_used_and_given_back_and_validation_says_the_same(shop: HttpWorld) -> None:
    bring(shop, ["USE-1"])
    path = "/v1/coupons/use-1"
    assert shop.get(path).json() | {"as_of": 0} == {
        "code": "USE1", "template": "old", "user_id": None, "state": "imported", "source": None, "valid_from": None,
        "valid_until": None, "life": [], "as_of": 0,
    }  # fmt: skip
    is_problem(shop.request("DELETE", f"{path}/holds/o-1"), 422, "bad_field")
    for asked in (validated, used):
        assert asked(shop, "u1", "NOCODE", "o-1") == "unknown_code"
    assert validated(shop, "u1", "use-1", "o-1") == "applied"
    held = done(shop.post(f"{path}/holds", {"user_id": "u1", "order": cart("o-1")}))
    assert (held["code"], held["discount"]) == ("USE1", 2_000)
    assert (shop.get(path).json()["state"], shop.get(path).json()["user_id"]) == ("held", "u1")
    for user, order, said in (
        ("u2", "o-1", "not_yours"),
        ("u1", "o-2", "held_by_other_order"),
        ("u1", "o-1", "applied"),
    ):
        assert validated(shop, user, "use-1", order) == said == used(shop, user, "use-1", order)
    life = shop.get(path).json()
    assert (life["state"], [one["change"] for one in life["life"]]) == ("redeemed", ["issued", "held", "redeemed"])
    for user, order, said in (("u2", "o-1", "not_yours"), ("u1", "o-2", "already_redeemed")):
        assert validated(shop, user, "use-1", order) == said == used(shop, user, "use-1", order)
    (listed,) = shop.get("/v1/users/u1/coupons").json()["data"]
    assert (listed["code"], listed["source"], listed["state"]) == ("…1", "code", "redeemed")
    assert done(shop.request("POST", f"{path}/redemptions/o-1/rollback"))["code"] == "USE1"
    assert shop.get(path).json()["state"] == "imported"
    settle(shop.runtime, lambda: validated(shop, "u2", "use-1") == "applied")
    assert used(shop, "u2", "use-1") == "applied"
    assert shop.get(path).json()["user_id"] == "u2"


def test_a_template_with_imported_codes_is_listed_without_a_public_one(shop: HttpWorld) -> None:
    rows = {row["id"]: row["public_code"] for row in shop.get("/v1/coupon-templates").json()["data"]}
    assert rows["old"] is None and rows["plain"] is None
    errors = is_problem(
        shop.request(
            "PUT", "/v1/coupon-templates/both",
            json={"name": "x", "kind": {"type": "fixed", "amount": 1}, "valid": {"days": 1},
                  "code": {"imported": True, "public": "BOTHOFIT"}},
        ), 422, "refused_programme",
    )["errors"]  # fmt: skip
    assert errors[0]["field"] == "code.public"
