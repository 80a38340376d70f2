"""What closing, pausing and changing a template leave to those who have its coupons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.coupon_engine import CouponEngine, cart


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


def test_a_coupon_of_a_closed_template_is_paid_for_from_its_budget_as_before(shop: CouponEngine) -> None:
    shop.put(budget=4_000)
    shop.settle()
    for user in ("a", "b", "c"):
        shop.say("coupon_issue", user, template="T1", source="test")
    shop.settle()
    shop.put(budget=4_000, status="closed")
    shop.settle()
    for body in shop.told("coupon.issued"):
        shop.say("coupon_use", body["user_id"], code=body["code"], order=cart())
    shop.settle(5)
    assert len(shop.told("coupon.redeemed")) == 2, shop.told("coupon.refused")
    assert [body["code"] for body in shop.told("coupon.refused")] == ["budget_spent"]


def test_what_was_taken_by_the_public_code_of_a_template_that_is_closed_since_can_still_be_used_and_given_back(
    shop: CouponEngine,
) -> None:
    shop.put(code={"public": "DOUBLE11"}, per_user={})
    shop.settle()
    shop.say("coupon_hold", "u", code="DOUBLE11", order=cart("held"))
    shop.say("coupon_hold", "u", code="DOUBLE11", order=cart("let-go"))
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart("used"))
    shop.settle()
    shop.put(code={"public": "DOUBLE11"}, per_user={}, status="closed")
    shop.settle()
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart("held"))
    shop.say("coupon_release", "u", code="DOUBLE11", order_id="let-go")
    shop.say("coupon_rollback", "u", code="DOUBLE11", order_id="used")
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart("new"))
    shop.settle()
    assert shop.told("coupon.redeemed", order_id="held") and shop.told("coupon.released", order_id="let-go")
    assert shop.told("coupon.rolled_back", order_id="used")
    assert [(body["order_id"], body["code"]) for body in shop.told("coupon.refused")] == [("new", "template_closed")]


def test_a_public_code_of_a_closed_template_is_free_for_another(shop: CouponEngine) -> None:
    shop.put("OLD", code={"public": "DOUBLE11"}, status="closed")
    for template in ("NEW", "OTHER"):
        shop.settle()
        shop.put(template, code={"public": "DOUBLE11"})
    shop.settle()
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart())
    shop.settle()
    assert [body["template"] for body in shop.told("coupon.redeemed")] == ["NEW"]


def test_the_public_code_of_a_draft_is_unknown(shop: CouponEngine) -> None:
    shop.put(code={"public": "DOUBLE11"}, status="draft")
    shop.settle()
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart())
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["unknown_code"]
    guard = shop.purse("u").guard
    assert guard is not None and guard.clear_at > 0, "a guess has cost nothing"


def test_a_draft_lends_nothing_whoever_asks(shop: CouponEngine) -> None:
    shop.put(stock=100, status="draft")
    shop.settle()
    for user in range(8):
        shop.say("coupon_issue", f"u{user}", template="T1")
    shop.settle()
    lent = shop.stock().stock
    assert lent is not None and lent.free == 100


def test_a_limit_that_is_lifted_while_somebody_asks_parks_nothing_and_lets_those_go_on_who_wait(
    shop: CouponEngine,
) -> None:
    shop.put(stock=2)
    shop.settle()
    for user in range(40):
        shop.say("coupon_issue", f"u{user}", template="T1", source="activity", activity_id="a")
    shop.step(30)
    shop.put(stock=None)
    shop.settle(5)
    assert shop.parked() == []
    assert len(shop.told("coupon.issued")) + len(shop.told("coupon.refused", code="sold_out")) == 40
    assert all(shelf.first == shelf.next for shelf in shop.shelves())
