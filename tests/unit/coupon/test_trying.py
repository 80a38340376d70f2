"""Codes that are tried out, whatever is asked with them, and public codes that nobody could type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from actors.commands import Refusal
from actors.coupon.code_keys import KNOWN_TO_ALL
from actors.coupon.code_pattern import DEFAULT
from actors.coupon.codes import Located, code_of, locate
from actors.coupon.offer import parse
from tests.coupon_engine import TEMPLATE, CouponEngine, cart
from tests.points_engine import SEGMENTS

DAY_S = 86_400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


@pytest.mark.parametrize("ask", ["coupon_release", "coupon_rollback"])
def test_guessing_is_slowed_whatever_is_asked_with_the_code(shop: CouponEngine, ask: str) -> None:
    shop.put(code={"public": "DOUBLE11"})
    shop.settle()
    for guess in range(12):
        shop.say(ask, "u", code=f"GUESS{guess}", order_id="o")
    shop.say(ask, "u", code="DOUBLE11", order_id="o")
    shop.settle()
    assert shop.told("coupon.refused")[-1]["code"] == "too_many_attempts"


def test_who_has_guessed_may_still_give_back_what_he_has(shop: CouponEngine) -> None:
    shop.put(code={"public": "DOUBLE11"}, per_user={})
    shop.settle()
    shop.say("coupon_hold", "u", code="DOUBLE11", order=cart("held"))
    shop.say("coupon_use", "u", code="DOUBLE11", order=cart("used"))
    for guess in range(12):
        shop.say("coupon_use", "u", code=f"GUESS{guess}", order=cart("o"))
    shop.say("coupon_release", "u", code="DOUBLE11", order_id="held")
    shop.say("coupon_rollback", "u", code="DOUBLE11", order_id="used")
    shop.settle()
    assert shop.told("coupon.released") and shop.told("coupon.rolled_back")


def test_a_coupon_of_the_same_number_in_another_segment_is_another_coupon(shop: CouponEngine) -> None:
    shop.put()
    shop.settle()
    shop.say("coupon_issue", "u", template="T1", source="test")
    shop.settle()
    (issued,) = shop.told("coupon.issued")
    mine = locate(issued["code"], KNOWN_TO_ALL, SEGMENTS)
    assert isinstance(mine, Located)
    anothers = code_of(KNOWN_TO_ALL.newest, DEFAULT, (mine.segment + 1) % SEGMENTS, mine.serial)
    shop.say("coupon_use", "u", code=issued["code"], order=cart("o"))
    shop.say("coupon_use", "u", code=anothers, order=cart("o"))
    shop.say("coupon_rollback", "u", code=anothers, order_id="o")
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["not_yours", "not_redeemed"]
    assert shop.told("coupon.rolled_back") == [] and shop.parked() == []


@pytest.mark.parametrize("public", ["A--", "ABCDEFGHIJKLMNOPQRST", "A-B"])
def test_a_public_code_that_could_not_be_typed_is_refused(public: str) -> None:
    found = parse(msgspec.json.encode(TEMPLATE | {"code": {"public": public}}))
    assert isinstance(found, Refusal) and found.field == "code.public"


def test_a_public_coupon_that_is_given_back_another_day_counts_for_the_day_it_was_taken(shop: CouponEngine) -> None:
    shop.put(code={"public": "DOUBLE11"}, per_user={"per_day": 2})
    shop.settle()
    for order in ("a", "b"):
        shop.say("coupon_hold", "u", code="DOUBLE11", order=cart(order), ttl_s=2 * DAY_S)
    shop.settle()
    shop.clock.advance(1.5 * DAY_S)
    shop.settle()
    shop.say("coupon_release", "u", code="DOUBLE11", order_id="a")
    shop.settle()
    assert shop.parked() == [] and shop.told("coupon.released", order_id="a")
    for order in ("c", "d"):
        shop.say("coupon_hold", "u", code="DOUBLE11", order=cart(order))
    shop.say("coupon_release", "u", code="DOUBLE11", order_id="b")
    shop.say("coupon_hold", "u", code="DOUBLE11", order=cart("e"))
    shop.settle()
    assert [body["order_id"] for body in shop.told("coupon.refused", code="per_user_limit")] == ["e"]


def test_what_is_held_can_be_used_at_a_time_when_it_could_not_be_held(shop: CouponEngine) -> None:
    shop.put(valid={"days": 1})
    shop.settle()
    shop.say("coupon_issue", "u", template="T1", source="test")
    shop.settle()
    (issued,) = shop.told("coupon.issued")
    shop.say("coupon_hold", "u", code=issued["code"], order=cart(), ttl_s=3 * DAY_S)
    shop.settle()
    shop.clock.advance(2.5 * DAY_S)
    shop.settle()
    shop.say("coupon_hold", "u", code=issued["code"], order=cart(), ttl_s=3 * DAY_S)
    shop.say("coupon_use", "u", code=issued["code"], order=cart())
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["expired"], "held anew it may not be"
    assert shop.told("coupon.redeemed")


def test_the_statistics_of_an_order_that_changed_between_its_coupons_come_to_nothing_when_all_is_taken_back(
    shop: CouponEngine,
) -> None:
    for template, group in (("T1", "a"), ("T2", "b")):
        shop.put(template, stacking={"group": group})
    shop.settle()
    for template in ("T1", "T2"):
        shop.say("coupon_issue", "u", template=template, source="test")
    shop.settle()
    codes = [body["code"] for body in shop.told("coupon.issued")]
    shop.say("coupon_use", "u", code=codes[0], order=cart("o", 10_000))
    shop.say("coupon_use", "u", code=codes[1], order=cart("o", 30_000))
    for code in codes:
        shop.say("coupon_rollback", "u", code=code, order_id="o")
    shop.settle()
    for template in ("T1", "T2"):
        assert all((shelf.tally.revenue, shelf.tally.discount) == (0, 0) for shelf in shop.shelves(template))
    assert sum(body["revenue"] for body in shop.told("coupon.usage")) == 0


def test_coupons_of_one_order_are_of_one_currency(shop: CouponEngine) -> None:
    shop.put("T1", stacking={"group": "a"})
    shop.put("T2", stacking={"group": "b"}, currency="USD")
    shop.settle()
    for template in ("T1", "T2"):
        shop.say("coupon_issue", "u", template=template, source="test")
    shop.settle()
    codes = [body["code"] for body in shop.told("coupon.issued")]
    shop.say("coupon_use", "u", code=codes[0], order=cart("o"))
    shop.say("coupon_use", "u", code=codes[1], order=cart("o", currency="USD"))
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused")] == ["currency"]
