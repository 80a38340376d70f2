"""Holding, using, releasing and rolling back in a whole engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.coupon.actor import CouponIssuerActor
from actors.coupon.code_keys import KNOWN_TO_ALL
from actors.coupon.code_pattern import DEFAULT
from actors.coupon.codes import Located, code_of, locate
from actors.coupon.shelving import IDLE_MS
from supervision.entry import segment_of
from tests.coupon_engine import CouponEngine, cart, raising
from tests.points_engine import SEGMENTS

DAY_S = 86_400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


def given(shop: CouponEngine, user: str = "u", **fields: Any) -> str:
    """The code of a coupon that the user has."""
    shop.put(**fields)
    shop.settle()
    shop.say("coupon_issue", user, template="T1", source="test")
    shop.settle()
    return shop.told("coupon.issued", user_id=user)[-1]["code"]


def test_a_coupon_is_used_once_and_the_same_use_again_is_the_same(shop: CouponEngine) -> None:
    code = given(shop, budget=10_000)
    for order in ("o-1", "o-1", "o-2"):
        shop.say("coupon_use", "u", code=code, order=cart(order))
    shop.settle()
    (redeemed,) = shop.told("coupon.redeemed")
    assert redeemed["order_id"] == "o-1" and redeemed["discount"] == 2_000
    assert redeemed["items"] == [{"product_id": "p1", "discount": 2_000}]
    (refused,) = shop.told("coupon.refused")
    assert refused["code"] == "already_redeemed" and refused["order_id"] == "o-2"
    assert shop.purse("u").coupons == {} and shop.purse("u").armed == 0


def test_a_hold_keeps_the_coupon_for_its_order_and_ends_by_itself(shop: CouponEngine) -> None:
    code = given(shop, budget=10_000)
    shop.say("coupon_hold", "u", code=code, order=cart("o-1"), ttl_s=60)
    shop.settle()
    shop.say("coupon_use", "u", code=code, order=cart("o-2"))
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["held_by_other_order"]
    shop.settle(60)
    assert [body["reason"] for body in shop.told("coupon.released")] == ["expired"]
    shop.say("coupon_use", "u", code=code, order=cart("o-2"))
    shop.settle()
    assert [body["order_id"] for body in shop.told("coupon.redeemed")] == ["o-2"]
    assert spent(shop) == 2_000


def spent(shop: CouponEngine) -> int:
    """What of the budget is neither free nor in a slice."""
    budget = shop.stock().budget
    assert budget is not None
    return budget.total - budget.free - sum(shelf.budget.left for shelf in shop.shelves() if shelf.budget)


def test_a_held_coupon_is_used_with_what_the_hold_has_taken(shop: CouponEngine) -> None:
    code = given(shop, budget=2_000)
    shop.say("coupon_hold", "u", code=code, order=cart("o-1"))
    shop.settle()
    assert spent(shop) == 2_000
    shop.say("coupon_use", "u", code=code, order=cart("o-1", 1_500))
    shop.settle()
    assert [body["discount"] for body in shop.told("coupon.redeemed")] == [1_500]
    assert spent(shop) == 1_500


def test_a_use_rolled_back_brings_coupon_and_money_back_once(shop: CouponEngine) -> None:
    code = given(shop, budget=2_000)
    shop.say("coupon_use", "u", code=code, order=cart("o-1"))
    for _ in range(2):
        shop.say("coupon_rollback", "u", code=code, order_id="o-1")
    shop.settle()
    assert len(shop.told("coupon.rolled_back")) == 1 and spent(shop) == 0
    assert [body["code"] for body in shop.told("coupon.refused")] == ["not_redeemed"]
    shop.say("coupon_use", "u", code=code, order=cart("o-2"))
    shop.settle()
    assert [body["order_id"] for body in shop.told("coupon.redeemed")] == ["o-1", "o-2"] and spent(shop) == 2_000


def test_the_budget_is_never_passed_and_all_of_it_is_given(shop: CouponEngine) -> None:
    shop.put(budget=10_000)
    shop.settle()
    for user in range(8):
        shop.say("coupon_issue", f"u{user}", template="T1", source="test")
    shop.settle()
    for body in shop.told("coupon.issued"):
        shop.say("coupon_use", body["user_id"], code=body["code"], order=cart())
    shop.settle(5)
    assert len(shop.told("coupon.redeemed")) == 5
    assert len(shop.told("coupon.refused", code="budget_spent")) == 3 and spent(shop) == 10_000


def test_a_public_code_is_used_as_often_as_it_may_be(shop: CouponEngine) -> None:
    shop.put(code={"public": "DOUBLE11", "uses": 10})
    shop.settle()
    for user in range(15):
        shop.say("coupon_use", f"u{user}", code=" double-11", order=cart(f"o-{user}"))
    shop.settle(5)
    assert len(shop.told("coupon.redeemed")) == 10 and len(shop.told("coupon.refused", code="sold_out")) == 5
    first = shop.told("coupon.redeemed")[0]
    assert first["code"] == "DOUBLE11"
    shop.say("coupon_rollback", first["user_id"], code="double11", order_id=first["order_id"])
    shop.settle()
    shop.say("coupon_use", first["user_id"], code="double11", order=cart("o-99"))
    shop.settle(5)
    assert len(shop.told("coupon.redeemed")) == 11


def test_what_was_taken_by_a_public_code_and_given_back_counts_no_more_for_the_day_it_was_taken_on(
    shop: CouponEngine,
) -> None:
    shop.put(code={"public": "DOUBLE11"}, per_user={"per_day": 1})
    shop.settle()
    shop.say("coupon_hold", "u", code="DOUBLE11", order=cart("o-1"), ttl_s=3 * DAY_S)
    shop.settle()
    shop.clock.advance(DAY_S)
    shop.settle(30)
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart("o-2"))
    shop.say("coupon_release", "u", code="DOUBLE11", order_id="o-1")
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart("o-3"))
    shop.settle()
    assert [body["order_id"] for body in shop.told("coupon.redeemed")] == ["o-2"]
    assert [body["code"] for body in shop.told("coupon.refused")] == ["per_user_limit"]
    uses = shop.purse("u").uses["T1"]
    assert (uses.ever, uses.of_day, uses.of_month) == (1, 1, 1)


def test_a_public_code_outlives_its_template_for_what_was_taken_by_it(shop: CouponEngine) -> None:
    code: dict[str, Any] = {"code": {"public": "DOUBLE11"}}
    shop.put(budget=10_000, **code)
    shop.settle()
    for user in ("u1", "u2", "u3"):
        shop.say("coupon_hold", user, code="DOUBLE11", order=cart("o-1"))
    shop.settle()
    shop.put(status="closed", budget=10_000, **code)
    shop.settle()
    for user in ("u1", "u2", "u4"):
        shop.say("coupon_use", user, code="DOUBLE11", order=cart("o-1"))
    shop.say("coupon_rollback", "u1", code="DOUBLE11", order_id="o-1")
    shop.say("coupon_release", "u3", code="DOUBLE11", order_id="o-1")
    shop.settle()
    assert {body["user_id"] for body in shop.told("coupon.redeemed")} == {"u1", "u2"}
    assert {body["user_id"]: body["code"] for body in shop.told("coupon.refused")} == {"u4": "template_closed"}
    assert shop.told("coupon.rolled_back", user_id="u1") and shop.told("coupon.released", user_id="u3")


def test_a_public_code_of_a_closed_template_is_free_for_another(shop: CouponEngine) -> None:
    code: dict[str, Any] = {"code": {"public": "DOUBLE11"}}
    shop.put("old", status="closed", **code)
    shop.put("new", **code)
    shop.settle()
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart())
    shop.settle()
    assert [body["template"] for body in shop.told("coupon.redeemed")] == ["new"]


def test_a_code_of_another_segment_is_no_code_of_what_was_used_here_under_the_same_number(shop: CouponEngine) -> None:
    code = given(shop)
    shop.say("coupon_use", "u", code=code, order=cart())
    shop.settle()
    here = locate(code, KNOWN_TO_ALL, SEGMENTS)
    assert isinstance(here, Located)
    other = code_of(KNOWN_TO_ALL.newest, DEFAULT, (here.segment + 1) % SEGMENTS, here.serial)
    shop.say("coupon_rollback", "u", code=other, order_id="o-1")
    shop.say("coupon_use", "u", code=other, order=cart())
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["not_redeemed", "not_yours"]
    assert shop.told("coupon.rolled_back") == []


def test_what_comes_back_in_one_segment_is_not_refused_in_another_for_long(shop: CouponEngine) -> None:
    shop.put(code={"public": "DOUBLE11", "uses": 1})
    shop.settle()
    first, second = next((f"u{a}", f"u{b}") for a in range(9) for b in range(9) if home(f"u{a}") != home(f"u{b}"))
    shop.say("coupon_use", first, code="DOUBLE11", order=cart("o-1"))
    shop.settle()
    shop.say("coupon_use", second, code="DOUBLE11", order=cart("o-2"))
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused", user_id=second)] == ["sold_out"]
    shop.clock.advance(2 * IDLE_MS / 1_000)
    shop.settle()
    shop.say("coupon_rollback", first, code="DOUBLE11", order_id="o-1")
    shop.settle()
    shop.clock.advance(IDLE_MS / 1_000)
    shop.settle()
    shop.say("coupon_use", second, code="DOUBLE11", order=cart("o-3"))
    shop.settle()
    assert [body["order_id"] for body in shop.told("coupon.redeemed", user_id=second)] == ["o-3"]


def home(user: str) -> int:
    return segment_of(f"user:{user}", SEGMENTS)


def test_codes_that_are_wrong_or_anothers_are_refused_and_guessing_is_slowed(shop: CouponEngine) -> None:
    code = given(shop)
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    shop.say("coupon_use", "thief", code=code, order=cart())
    shop.say("coupon_use", "u", code=wrong, order=cart())
    shop.say("coupon_use", "u", code="NOSUCHCODE", order=cart())
    shop.settle()
    told = {body["code"]: body["user_id"] for body in shop.told("coupon.refused")}
    assert told == {"not_yours": "thief", "bad_check_character": "u", "unknown_code": "u"}
    for _ in range(20):
        shop.say("coupon_use", "u", code="NOSUCHCODE", order=cart())
    shop.settle()
    assert shop.told("coupon.refused", code="too_many_attempts", user_id="u")


def test_all_reasons_are_said_when_an_order_does_not_fulfil_the_conditions(shop: CouponEngine) -> None:
    code = given(shop, minimum_amount=50_000, categories=["tea"])
    shop.say("coupon_use", "u", code=code, order=cart())
    shop.settle()
    (refused,) = shop.told("coupon.refused")
    assert {reason["code"] for reason in refused["reasons"]} >= {"category", "minimum_amount"}


def test_a_coupon_expires_with_a_word_the_day_before(shop: CouponEngine) -> None:
    code = given(shop, valid={"days": 2})
    shop.clock.advance(1.9 * DAY_S)
    shop.settle(30)
    assert [body["code"] for body in shop.told("coupon.expiring")] == [code]
    shop.clock.advance(DAY_S)
    shop.settle(30)
    assert [body["code"] for body in shop.told("coupon.expired")] == [code]
    shop.say("coupon_use", "u", code=code, order=cart())
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["expired"]
    assert shop.purse("u").coupons == {}


def test_what_is_held_does_not_expire_before_it_is_released(shop: CouponEngine) -> None:
    code = given(shop, valid={"days": 1})
    shop.say("coupon_hold", "u", code=code, order=cart(), ttl_s=3 * DAY_S)
    shop.settle()
    shop.clock.advance(2.5 * DAY_S)
    shop.settle(30)
    assert shop.told("coupon.expired") == []
    shop.say("coupon_release", "u", code=code, order_id="o-1")
    shop.settle()
    assert len(shop.told("coupon.released")) == 1 and len(shop.told("coupon.expired")) == 1


def test_coupons_of_one_order_are_reckoned_one_after_the_other(shop: CouponEngine) -> None:
    shop.put("A", kind={"type": "percent", "percent": "50"}, stacking={"group": "a"})
    shop.put("B", kind={"type": "fixed", "amount": 7_000}, stacking={"group": "b"})
    shop.put("C", stacking={"group": "b"})
    shop.settle()
    for template in "ABC":
        shop.say("coupon_issue", "u", template=template, source="test")
    shop.settle()
    codes = {body["template"]: body["code"] for body in shop.told("coupon.issued")}
    for template in "ABC":
        shop.say("coupon_use", "u", code=codes[template], order=cart())
    shop.settle()
    assert [body["discount"] for body in shop.told("coupon.redeemed")] == [5_000, 5_000]
    assert [body["code"] for body in shop.told("coupon.refused")] == ["not_combinable"]


def test_what_is_due_is_seen_to_although_the_firing_was_discarded(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(shop)
    with monkeypatch.context() as ill:
        ill.setattr(CouponIssuerActor, "react", raising(CouponIssuerActor, "timer.coupon", "user:u"))
        shop.clock.advance(32 * DAY_S)
        shop.settle(5)
        assert [row.subject for row in shop.parked()] == ["user:u"]
    shop.decide("engine.discard", "u", "coupon")
    shop.settle(5)
    assert shop.parked() == [] and len(shop.told("coupon.expired", user_id="u")) == 1
    assert shop.purse("u").coupons == {} and shop.purse("u").armed == 0
