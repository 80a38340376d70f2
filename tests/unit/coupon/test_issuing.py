"""Issuing coupons in a whole engine: once for each occasion, from what there is, and not one too many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.coupon_engine import CouponEngine


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


def test_the_seeds_message_gives_a_coupon_and_says_so(shop: CouponEngine) -> None:
    shop.put("TMPL_001", categories=["electronics", "books"], minimum_amount=5_000)
    shop.settle()
    shop.say(
        "coupon_issue", "123456", coupon_template_id="TMPL_001", trigger_source="new_user_register", issue_quantity=1,
        expire_days=30, conditions={"min_amount": 100, "valid_categories": ["electronics", "books"]},
    )  # fmt: skip
    shop.settle()
    (issued,) = shop.said("coupon.issued")
    entry, body = issued
    assert entry.route == "coupon.issued.newuser"
    assert body["template"] == "TMPL_001" and body["trigger_source"] == "new_user_register"
    assert body["user_id"] == "123456" and len(body["code"].replace("-", "")) == 24
    (coupon,) = shop.purse("123456").coupons.values()
    assert coupon.terms.minimum == 10_000 and coupon.terms.categories == ("books", "electronics")


def test_whatever_is_sent_again_for_the_same_occasion_is_the_same_coupon(shop: CouponEngine) -> None:
    shop.put(per_user={"total": 10})
    shop.settle()
    for _ in range(3):
        shop.say("coupon_issue", "u", template="T1", source="purchase", order_id="o-1")
        shop.settle(0.1)
    shop.say("coupon_issue", "u", template="T1", source="purchase", order_id="o-2")
    shop.settle()
    assert len(shop.told("coupon.issued")) == 2 and len(shop.purse("u").coupons) == 2


def test_occasions_that_read_alike_are_two(shop: CouponEngine) -> None:
    shop.put(per_user={"total": 10})
    shop.settle()
    shop.say("coupon_issue", "u", template="T1", source="a", order_id="x/order/y")
    shop.say("coupon_issue", "u", template="T1", source="a/order/x", order_id="y")
    shop.settle()
    assert len(shop.purse("u").coupons) == 2


def test_the_last_piece_goes_out_and_not_one_more_wherever_it_lies(shop: CouponEngine) -> None:
    shop.put(stock=100)
    shop.settle()
    for user in range(130):
        shop.say("coupon_issue", f"u{user}", template="T1", source="activity", activity_id="a")
        if user % 7 == 0:
            shop.step(20)
    shop.settle(5)
    assert len(shop.told("coupon.issued")) == 100
    assert len(shop.told("coupon.refused", code="sold_out")) == 30
    codes = {body["code"] for body in shop.told("coupon.issued")}
    assert len(codes) == 100
    lent = shop.stock().stock
    assert lent is not None and lent.free == 0
    assert sum(shelf.tally.issued for shelf in shop.shelves()) == 100


def test_a_flood_beyond_the_slices_waits_and_goes_on_in_order(shop: CouponEngine) -> None:
    shop.put(stock=1_000)
    shop.settle()
    assert sum(shelf.stock.left for shelf in shop.shelves() if shelf.stock) < 700
    for user in range(700):
        shop.say("coupon_issue", f"u{user}", template="T1", source="activity", activity_id="a")
    shop.settle(10)
    assert len(shop.told("coupon.issued")) == 700
    assert any(shelf.next > 1 for shelf in shop.shelves()), "nobody has waited"
    assert all(not shelf.serving and shelf.first == shelf.next for shelf in shop.shelves())


def test_what_was_sent_twice_and_waits_twice_is_issued_once(shop: CouponEngine) -> None:
    shop.put(stock=8, per_user={"total": 2})
    shop.settle()
    for user in range(10):
        for _ in range(2):
            shop.say("coupon_issue", f"u{user}", template="T1", source="purchase", order_id="o")
    shop.settle(5)
    assert len(shop.told("coupon.issued")) == 8
    assert all(len(shop.purse(f"u{user}").coupons) <= 1 for user in range(10))


@pytest.mark.parametrize("steps", [1, 3])
def test_who_comes_when_his_earlier_command_is_just_let_go_does_not_wait_for_ever(
    shop: CouponEngine, steps: int
) -> None:  # fmt: skip
    shop.put(stock=400, per_user={})
    shop.settle()
    for order in range(120):
        shop.say("coupon_issue", "u", template="T1", source="purchase", order_id=f"o-{order}")
        shop.step(steps)
    shop.settle(5)
    assert any(shelf.next > 1 for shelf in shop.shelves()), "nobody has waited"
    assert all(shelf.first == shelf.next for shelf in shop.shelves())
    assert shop.purse("u").waiting == {} and len(shop.purse("u").coupons) == 120


@pytest.mark.parametrize(("fields", "wanted"), [({"total": 2}, 2), ({"per_day": 1}, 1), ({"per_month": 3}, 3)])
def test_a_user_gets_no_more_than_the_template_allows(
    shop: CouponEngine, fields: dict[str, int], wanted: int
) -> None:  # fmt: skip
    shop.put(per_user=fields)
    shop.settle()
    for order in range(5):
        shop.say("coupon_issue", "u", template="T1", source="purchase", order_id=f"o-{order}")
    shop.settle()
    assert len(shop.purse("u").coupons) == wanted
    assert len(shop.told("coupon.refused", code="per_user_limit")) == 5 - wanted


def test_a_paused_template_issues_nothing_and_a_closed_one_gives_everything_back(shop: CouponEngine) -> None:
    shop.put(stock=100)
    shop.settle()
    shop.say("coupon_issue", "u1", template="T1")
    shop.settle()
    shop.put(stock=100, status="paused")
    shop.settle()
    shop.say("coupon_issue", "u2", template="T1")
    shop.settle()
    assert shop.told("coupon.refused", code="template_paused", user_id="u2")
    shop.put(stock=100, status="closed")
    shop.settle()
    lent = shop.stock().stock
    assert lent is not None and lent.free == 99
    assert shop.purse("u1").coupons, "what was issued stays"


def test_more_stock_is_given_to_those_who_come_after_it_was_sold_out(shop: CouponEngine) -> None:
    shop.put(stock=2)
    shop.settle()
    for user in range(6):
        shop.say("coupon_issue", f"u{user}", template="T1", source="activity", activity_id="a")
    shop.settle()
    assert len(shop.told("coupon.issued")) == 2
    shop.put(stock=5)
    shop.settle()
    for user in range(6):
        shop.say("coupon_issue", f"u{user}", template="T1", source="activity", activity_id="a")
    shop.settle()
    assert len(shop.told("coupon.issued")) == 5
