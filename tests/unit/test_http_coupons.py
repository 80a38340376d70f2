"""Commands about coupons over HTTP, with a whole engine behind it: issue, hold, use, release, roll back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.coupon.alphabet import ALPHABET
from supervision.entry import segment_of
from tests.coupon_engine import cart
from tests.gateway_world import is_problem
from tests.http_world import SEGMENTS, HttpWorld, http_world


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("shop")) as world:
        world.put_template()
        yield world


def done(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def mistyped(code: str) -> str:
    """`code` with another character at its end."""
    return code[:-1] + next(c for c in ALPHABET if c != code[-1])


def test_a_coupon_is_issued_and_its_code_shown_once_for_each_key_and_occasion(shop: HttpWorld) -> None:
    first = shop.post("/v1/users/u1/coupons", {"template": "T1", "quantity": 2}, "k1")
    again = shop.post("/v1/users/u1/coupons", {"template": "T1", "quantity": 2}, "k1")
    assert first.json() == again.json() and again.headers["idempotent-replayed"] == "true"
    coupons = done(first)["coupons"]
    assert len({one["code"] for one in coupons}) == 2
    assert {(one["template"], one["state"]) for one in coupons} == {("T1", "issued")}
    order = {"template": "T1", "source": "purchase", "order_id": "o-1"}
    assert done(shop.post("/v1/users/u1/coupons", order)) == done(shop.post("/v1/users/u1/coupons", order))


def test_a_coupon_is_held_used_and_given_back_by_its_code_alone(shop: HttpWorld) -> None:
    code = shop.give_coupon("u2")
    held = done(shop.post(f"/v1/coupons/{code}/holds", {"user_id": "u2", "order": cart("o-2"), "ttl_s": 60}))
    assert (held["code"], held["order_id"], held["discount"]) == (code, "o-2", 2_000)
    used = done(shop.post(f"/v1/coupons/{code.lower()}/redemptions", {"user_id": "u2", "order": cart("o-2")}, "k2"))
    assert used["by_item"] == [{"product_id": "p1", "discount": 2_000}]
    back = done(shop.post(f"/v1/coupons/{code}/redemptions/o-2/rollback", {}))
    assert (back["code"], back["discount"]) == (code, 2_000)
    assert done(shop.post(f"/v1/coupons/{code}/redemptions", {"user_id": "u2", "order": cart("o-3")}))["code"] == code


def test_a_command_that_must_say_nothing_may_come_without_a_body(shop: HttpWorld) -> None:
    code = shop.give_coupon("u2b")
    done(shop.post(f"/v1/coupons/{code}/redemptions", {"user_id": "u2b", "order": cart("o-2b")}))
    path = f"/v1/coupons/{code}/redemptions/o-2b/rollback"
    empty = {"headers": {"idempotency-key": "k2b"}}
    first = shop.request("POST", path, **empty)
    assert done(first)["discount"] == 2_000
    again = shop.post(path, {}, "k2b")
    assert again.json() == first.json() and again.headers["idempotent-replayed"] == "true"
    is_problem(shop.request("POST", f"/v1/coupons/{code}/holds"), 400, "not_json")


def test_a_hold_is_released_by_the_code_alone_and_again_under_its_key(shop: HttpWorld) -> None:
    code = shop.give_coupon("u3")
    done(shop.post(f"/v1/coupons/{code}/holds", {"user_id": "u3", "order": cart("o-4")}))
    path = f"/v1/coupons/{code}/holds/o-4"
    for replayed in (None, "true"):
        answer = shop.request("DELETE", path, headers={"idempotency-key": "k3"})
        assert done(answer) == {"code": code, "order_id": "o-4"}
        assert answer.headers.get("idempotent-replayed") == replayed
    assert is_problem(shop.request("DELETE", path), 409, "not_held")["coupon"] == code


def test_what_is_refused_says_why_with_the_numbers_behind_it(shop: HttpWorld) -> None:
    shop.put_template("dear", minimum_amount=50_000)
    code = shop.give_coupon("u4", "dear")
    path = f"/v1/coupons/{code}/redemptions"
    refused = is_problem(shop.post(path, {"user_id": "u4", "order": cart("o-5")}), 409, "minimum_amount")
    assert refused["reasons"] == [{"code": "minimum_amount", "path": "minimum_amount", "want": 50_000, "saw": 10_000}]
    assert refused["entry"]["segment"] == segment_of("user:u4", SEGMENTS)
    is_problem(shop.post(path, {"user_id": "somebody", "order": cart("o-5")}), 409, "not_yours")
    is_problem(shop.post("/v1/users/u4/coupons", {"template": "none"}), 404, "unknown_template")


def test_a_code_that_is_nobodys_is_404_and_a_mistyped_one_is_told_from_it(shop: HttpWorld) -> None:
    code = shop.give_coupon("u5")
    wrong = mistyped(code)
    is_problem(
        shop.post(f"/v1/coupons/{wrong}/redemptions", {"user_id": "u5", "order": cart()}), 409, "bad_check_character"
    )
    is_problem(shop.post("/v1/coupons/NOSUCH/redemptions", {"user_id": "u5", "order": cart()}), 404, "unknown_code")
    is_problem(shop.post("/v1/coupons/NOSUCH/redemptions/o/rollback", {}), 404, "unknown_code")
    is_problem(shop.post("/v1/coupons/x/redemptions/o/rollback", {}), 404, "bad_check_character")
    is_problem(shop.post(f"/v1/coupons/{wrong}/redemptions/o/rollback", {}), 404, "bad_check_character")
    is_problem(shop.request("DELETE", f"/v1/coupons/{wrong}/holds/o"), 404, "bad_check_character")


def test_a_public_code_is_given_back_by_who_says_whose_use_is_meant(shop: HttpWorld) -> None:
    shop.put_template("double", code={"public": "DOUBLE11", "uses": 2})
    for user in ("u6", "u7"):
        done(shop.post("/v1/coupons/double-11/redemptions", {"user_id": user, "order": cart(f"o-{user}")}))
    refused = shop.post("/v1/coupons/DOUBLE11/redemptions", {"user_id": "u8", "order": cart("o-u8")})
    is_problem(refused, 409, "sold_out")
    path = "/v1/coupons/DOUBLE11/redemptions/o-u6/rollback"
    errors = is_problem(shop.post(path, {}), 422, "bad_field")["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("user_id", "missing")]
    done(shop.post(path, {"user_id": "u6"}))
    done(shop.post("/v1/coupons/DOUBLE11/holds", {"user_id": "u6", "order": cart("o-u8")}))
    is_problem(shop.request("DELETE", "/v1/coupons/DOUBLE11/holds/o-u8"), 422, "bad_field")
    done(shop.request("DELETE", "/v1/coupons/DOUBLE11/holds/o-u8?user_id=u6"))


def test_who_gives_wrong_codes_again_and_again_must_wait_and_is_told_how_long(shop: HttpWorld) -> None:
    path = f"/v1/coupons/{mistyped(shop.give_coupon('u9'))}/redemptions"
    for _ in range(10 + 1):
        is_problem(shop.post(path, {"user_id": "u9", "order": cart()}), 409, "bad_check_character")
    answer = shop.post(path, {"user_id": "u9", "order": cart()})
    assert is_problem(answer, 429, "too_many_attempts")["wait_s"] == int(answer.headers["retry-after"]) > 0


def test_the_seeds_message_over_http_finds_the_template_by_its_own_name(shop: HttpWorld) -> None:
    seeds = {"coupon_template_id": "T1", "trigger_source": "new_user_register", "issue_quantity": 1, "expire_days": 30}
    (coupon,) = done(shop.post("/v1/users/u10/coupons", seeds))["coupons"]
    assert coupon["template"] == "T1"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/users/u/coupons", {}, "template"), ("POST", "/v1/users/u/coupons", {"template": ""}, "template"),
        ("POST", "/v1/coupons/C/holds", {"order": cart()}, "user_id"),
        ("POST", "/v1/coupons/C/holds", {"user_id": "u", "order": cart(), "ttl_s": 0}, "ttl_s"),
        ("POST", "/v1/coupons/C/redemptions", {"user_id": "u"}, "order"),
        ("POST", "/v1/coupons/C/redemptions", {"user_id": "u", "order": {"currency": "CNY"}}, "order.amount"),
        ("POST", "/v1/coupons/C/redemptions/o/rollback", {"user_id": "u", "order_id": "p"}, "order_id"),
        ("POST", "/v1/coupons/C/transfer", {"to": "v"}, "user_id"),
        ("POST", "/v1/coupons/C/transfer", {"user_id": "u", "to": "u"}, "to"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_such_command_is_422_and_names_the_field(
    shop: HttpWorld, method: str, path: str, body: Any, field: str
) -> None:
    errors = is_problem(shop.request(method, path, json=body), 422, "bad_field")["errors"]
    assert [error["field"] for error in errors] == [field]


def test_a_coupon_is_handed_over_once_for_each_key_and_the_old_code_tells_of_nobody(shop: HttpWorld) -> None:
    shop.put_template("gift", transferable=True, per_user={"total": 1})
    code, path = shop.give_coupon("u11", "gift"), "/v1/coupons/{}/transfer"
    first = shop.post(path.format(code.lower()), {"user_id": "u11", "to": "u12"}, "k11")
    assert done(first) == {"code": code, "to": "u12"}
    again = shop.post(path.format(code.lower()), {"user_id": "u11", "to": "u12"}, "k11")
    assert again.json() == first.json() and again.headers["idempotent-replayed"] == "true"
    assert done(shop.post(path.format(code), {"user_id": "u11", "to": "u12"})) == done(first)
    is_problem(shop.post(path.format(code), {"user_id": "u11", "to": "u13"}), 409, "transferred")
    is_problem(shop.post(path.format(code), {"user_id": "u12", "to": "u13"}), 409, "not_yours")
    (new,) = shop.get("/v1/users/u12/coupons").json()["data"]
    assert (new["state"], new["source"], new["template"]) == ("issued", "transfer", "gift") and new["code"] != code
    (old,) = shop.get("/v1/users/u11/coupons?state=transferred").json()["data"]
    assert old["code"] == code and old["valid_until"] == new["valid_until"]
    told = shop.get(f"/v1/coupons/{code}")
    assert [event["change"] for event in told.json()["life"]] == ["issued", "transferred"] and "u12" not in told.text
    said = shop.get(f"/v1/coupons/{new['code']}").json()
    assert (said["user_id"], said["state"], [event["change"] for event in said["life"]]) == (
        "u12", "issued", ["received"],
    )  # fmt: skip
    sums = shop.get("/v1/coupon-templates/gift/usage").json()
    assert (sums["issued"], sums["transferred"]) == (1, 1)


def test_a_hand_over_that_the_receiver_cannot_have_is_declined_for_who_asked(shop: HttpWorld) -> None:
    shop.put_template("one", transferable=True, per_user={"total": 1})
    code, _ = shop.give_coupon("u14", "one"), shop.give_coupon("u15", "one")
    declined = shop.post(f"/v1/coupons/{code}/transfer", {"user_id": "u14", "to": "u15"}, "k14")
    assert is_problem(declined, 409, "per_user_limit")["coupon"] == code and "u15" not in declined.text
    (mine,) = shop.get("/v1/users/u14/coupons").json()["data"]
    assert (mine["code"], mine["state"]) == (code, "issued")
    plain = shop.give_coupon("u14")
    is_problem(shop.post(f"/v1/coupons/{plain}/transfer", {"user_id": "u14", "to": "u15"}), 409, "not_transferable")


def test_two_folders_give_different_codes_for_what_is_otherwise_the_same(tmp_path: Path) -> None:
    codes: list[str] = []
    for name in ("one", "other"):
        with http_world(tmp_path / name) as world:
            world.put_template()
            codes.append(world.give_coupon("u"))
    assert codes[0] != codes[1]
