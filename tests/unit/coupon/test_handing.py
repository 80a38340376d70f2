"""Coupons that are handed over, in a whole engine: between users of one segment and of two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.coupon.actor import CouponIssuerActor
from actors.coupon.handing import HAND, HANDED
from actors.coupon.state import COUPONS_MAX
from supervision.entry import segment_of
from tests.coupon_engine import CouponEngine, cart, raising
from tests.points_engine import SEGMENTS

DAY_S = 86_400
NAMES = [f"u{n}" for n in range(60)]
SOME = {"transferable": True, "per_user": {"total": 3}}


def living_in(*segments: int) -> list[str]:
    """A user in each of these segments."""
    free = iter(NAMES)
    return [next(name for name in free if segment_of(f"user:{name}", SEGMENTS) == each) for each in segments]


APART, TOGETHER = living_in(0, 1, 2), living_in(3, 3, 3)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


def given(shop: CouponEngine, user: str, source: str = "test", **fields: Any) -> str:
    """The code of a coupon that the user has."""
    shop.put(**(SOME | fields))
    shop.settle()
    shop.say("coupon_issue", user, template="T1", source=source)
    shop.settle()
    return code_of(shop, user)


def code_of(shop: CouponEngine, user: str) -> str:
    """The newest that the user was given."""
    return shop.told("coupon.issued", user_id=user)[-1]["code"]


def hand(shop: CouponEngine, user: str, code: str, to: str) -> None:
    shop.say("coupon_transfer", user, code=code, to=to)
    shop.settle()


def refused(shop: CouponEngine, *user: str) -> list[str]:
    said = shop.told("coupon.refused", asked="transfer")
    return [body["code"] for body in said if not user or body["user_id"] in user]


def pieces(shop: CouponEngine, *users: str) -> list[int]:
    return [len(shop.purse(user).coupons) for user in users]


@pytest.mark.parametrize("users", [APART, TOGETHER], ids=["apart", "together"])
def test_a_coupon_goes_from_hand_to_hand_and_is_at_each_moment_one_users(
    shop: CouponEngine, users: Sequence[str]
) -> None:
    ann, bob, cid = users
    first = given(shop, ann, stock=3, budget=2_000)
    (issued,) = shop.told("coupon.issued")
    codes = [first]
    for giver, to in ((ann, bob), (bob, cid), (cid, ann)):
        hand(shop, giver, codes[-1], to)
        codes.append(code_of(shop, to))
        assert pieces(shop, ann, bob, cid) == [int(user == to) for user in (ann, bob, cid)]
        got = shop.told("coupon.issued", user_id=to)[-1]
        assert (got["origin"], got["from_user_id"], got["trigger_source"]) == (codes[-2], giver, "transfer")
        assert (got["valid_from"], got["valid_until"]) == (issued["valid_from"], issued["valid_until"])
        assert got["template_version"] == issued["template_version"]
    assert len(set(codes)) == 4
    assert [(body["code"], body["to_user_id"]) for body in shop.told("coupon.transferred")] == list(
        zip(codes, (bob, cid, ann), strict=False)
    )
    shop.say("coupon_use", ann, code=codes[-1], order=cart())
    shop.settle()
    assert len(shop.told("coupon.redeemed")) == 1 and pieces(shop, *users) == [0, 0, 0]
    tallies = [shelf.tally for shelf in shop.shelves()]
    assert sum(tally.issued for tally in tallies) == 1 and sum(tally.transferred for tally in tallies) == 3
    assert [body["number"] for body in shop.told("coupon.usage", what="transferred")] == [1, 1, 1]


def test_what_was_handed_over_is_good_for_its_giver_no_more_and_says_so_to_him_alone(shop: CouponEngine) -> None:
    ann, bob, cid = APART
    code = given(shop, ann)
    hand(shop, ann, code, bob)
    for user in (ann, bob):
        shop.say("coupon_use", user, code=code, order=cart())
        shop.say("coupon_hold", user, code=code, order=cart())
    hand(shop, ann, code, cid)
    told = [(body["user_id"], body["code"]) for body in shop.told("coupon.refused")]
    assert sorted(told) == sorted([(ann, "transferred")] * 3 + [(bob, "not_yours")] * 2)
    assert all(bob not in str(body) for body in shop.told("coupon.refused", user_id=ann))


@pytest.mark.parametrize("users", [APART, TOGETHER], ids=["apart", "together"])
def test_a_hand_over_that_is_sent_again_under_another_id_is_the_same(shop: CouponEngine, users: Sequence[str]) -> None:
    ann, bob, _ = users
    code = given(shop, ann)
    for _ in range(3):  # the second comes while the first is on its way
        shop.say("coupon_transfer", ann, code=code, to=bob)
    shop.settle()
    hand(shop, ann, code, bob)
    assert pieces(shop, ann, bob) == [0, 1] and len(shop.told("coupon.transferred")) == 1
    assert set(refused(shop)) <= {"being_transferred"}


def test_what_is_on_its_way_can_be_used_by_nobody_and_given_to_nobody_else(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, cid = APART
    code = given(shop, ann, valid={"days": 2})
    monkeypatch.setattr(CouponIssuerActor, "react", raising(CouponIssuerActor, HAND, f"user:{bob}"))
    hand(shop, ann, code, bob)
    assert shop.purse(ann).leaving and [row.subject for row in shop.parked()] == [f"user:{bob}"]
    shop.say("coupon_use", ann, code=code, order=cart())
    shop.say("coupon_hold", ann, code=code, order=cart())
    hand(shop, ann, code, cid)
    assert [body["code"] for body in shop.told("coupon.refused")] == ["being_transferred"] * 3
    shop.clock.advance(4 * DAY_S)
    shop.settle()
    assert shop.told("coupon.expired") == [] and shop.told("coupon.expiring") == []
    monkeypatch.undo()
    shop.decide("engine.retry", bob, "coupon")
    shop.settle()
    assert refused(shop)[-1] == "expired" and len(shop.told("coupon.expired", user_id=ann)) == 1
    assert pieces(shop, ann, bob) == [0, 0]


@pytest.mark.parametrize("sick", [HAND, HANDED])
def test_what_a_discard_forgets_of_a_hand_over_loses_no_coupon(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch, sick: str
) -> None:
    ann, bob, _ = APART
    code = given(shop, ann)
    ill = bob if sick == HAND else ann
    monkeypatch.setattr(CouponIssuerActor, "react", raising(CouponIssuerActor, sick, f"user:{ill}"))
    hand(shop, ann, code, bob)
    monkeypatch.undo()
    shop.decide("engine.discard", ill, "coupon")
    shop.settle()
    assert shop.purse(ann).leaving == {} and shop.parked() == []
    assert (pieces(shop, ann, bob), refused(shop)) == (
        ([1, 0], ["not_delivered"]) if sick == HAND else ([0, 1], [])
    )  # fmt: skip


def test_whoever_has_had_as_many_as_he_may_is_given_none_and_the_giver_keeps_it(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    code = given(shop, ann, per_user={"total": 1}, valid={"days": 3})
    given(shop, bob, per_user={"total": 1}, valid={"days": 3})
    hand(shop, ann, code, bob)
    assert refused(shop) == ["per_user_limit"] and pieces(shop, ann, bob) == [1, 1]
    assert bob not in str(shop.told("coupon.refused"))
    shop.clock.advance(2.5 * DAY_S)
    shop.settle()
    assert len(shop.told("coupon.expiring", user_id=ann)) == 1
    shop.say("coupon_use", ann, code=code, order=cart())
    shop.settle()
    assert len(shop.told("coupon.redeemed", user_id=ann)) == 1


def test_what_was_issued_to_a_user_may_come_back_to_him_whatever_his_limit(shop: CouponEngine) -> None:
    ann, bob, cid = APART
    code = given(shop, ann, per_user={"total": 1})
    hand(shop, ann, code, bob)
    hand(shop, bob, code_of(shop, bob), ann)
    assert pieces(shop, ann, bob) == [1, 0] and shop.purse(ann).uses["T1"].ever == 1
    hand(shop, ann, code_of(shop, ann), cid)
    hand(shop, cid, code_of(shop, cid), bob)
    assert refused(shop) == ["per_user_limit"] and pieces(shop, ann, bob, cid) == [0, 0, 1]
    shop.say("coupon_issue", ann, template="T1", source="again")
    shop.settle()
    assert [body["code"] for body in shop.told("coupon.refused", asked="issue")] == ["per_user_limit"]


def test_a_full_purse_takes_no_coupon_of_others(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    code = given(shop, ann, per_user={})
    for n in range(COUPONS_MAX // 10):
        shop.say("coupon_issue", bob, template="T1", source=f"s{n}", quantity=10)
    shop.settle(10)
    hand(shop, ann, code, bob)
    assert refused(shop) == ["purse_full"] and pieces(shop, ann, bob) == [1, COUPONS_MAX]


def test_what_may_not_be_handed_over_is_refused_with_its_reason(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    code = given(shop, ann, transferable=False, valid={"days": 1})
    hand(shop, ann, code, bob)
    shop.put(**SOME, valid={"days": 1}, status="paused")
    shop.settle()
    hand(shop, ann, code, bob)
    shop.put(**SOME, valid={"days": 1})
    shop.settle()
    shop.say("coupon_hold", ann, code=code, order=cart(), ttl_s=60)
    shop.settle()
    hand(shop, ann, code, bob)
    assert refused(shop) == ["not_transferable", "template_paused", "held_by_other_order"]
    hand(shop, bob, code, ann)
    assert refused(shop, bob) == ["not_yours"]
    shop.settle(70)
    shop.say("coupon_use", ann, code=code, order=cart())
    shop.settle()
    hand(shop, ann, code, bob)
    late = given(shop, ann, "later", valid={"days": 1})
    shop.clock.advance(3 * DAY_S)
    shop.settle()
    hand(shop, ann, late, bob)
    assert refused(shop, ann)[3:] == ["already_redeemed", "expired"] and pieces(shop, ann, bob) == [0, 0]


def test_what_a_public_or_imported_code_is_good_for_is_nobodys_to_give(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    for template, code in (("P", {"public": "DOUBLE11"}), ("I", {"imported": True})):
        shop.put(template, **SOME, code=code)
    shop.settle()
    shop.say("coupon_hold", ann, code="DOUBLE11", order=cart())
    shop.settle()
    for code in ("DOUBLE11", "SHOPS123"):
        hand(shop, ann, code, bob)
    assert refused(shop) == ["not_transferable"] * 2


def test_a_coupon_of_a_closed_template_can_be_handed_over_while_it_is_valid(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    code = given(shop, ann)
    shop.put(**SOME, status="closed")
    shop.settle()
    hand(shop, ann, code, bob)
    shop.say("coupon_use", bob, code=code_of(shop, bob), order=cart())
    shop.settle()
    assert len(shop.told("coupon.redeemed", user_id=bob)) == 1


def test_the_receiver_is_reminded_of_the_end_also_when_the_giver_was(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    code = given(shop, ann, valid={"days": 3})
    (end,) = [body["valid_until"] for body in shop.told("coupon.issued")]
    shop.clock.advance(3.2 * DAY_S)
    shop.settle()
    hand(shop, ann, code, bob)
    assert [body["user_id"] for body in shop.told("coupon.expiring")] == [ann, bob]
    shop.clock.advance(DAY_S)
    shop.settle()
    assert [(body["user_id"], body["valid_until"]) for body in shop.told("coupon.expired")] == [(bob, end)]
    assert shop.purse(ann).armed == shop.purse(bob).armed == 0


def test_a_hand_over_waits_behind_the_users_earlier_command(shop: CouponEngine) -> None:
    ann, bob, _ = APART
    code = given(shop, ann, budget=2_000)
    shop.say("coupon_use", ann, code=code, order=cart())
    hand(shop, ann, code, bob)
    shop.settle(5)
    assert len(shop.told("coupon.redeemed")) == 1 and refused(shop) == ["already_redeemed"]


def test_a_coupon_does_not_come_before_the_news_of_its_version(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob, _ = APART
    there = f"segment:{segment_of(f'user:{bob}', SEGMENTS):02d}"
    monkeypatch.setattr(
        CouponIssuerActor, "react", raising(CouponIssuerActor, "programme.activated", there)
    )  # fmt: skip
    code = given(shop, ann)
    hand(shop, ann, code, bob)
    assert refused(shop) == ["not_delivered"] and pieces(shop, ann, bob) == [1, 0]
    monkeypatch.undo()
    shop.decide("engine.retry", there, "coupon")
    shop.settle()
    hand(shop, ann, code, bob)
    assert pieces(shop, ann, bob) == [0, 1]


@pytest.mark.parametrize("steps", range(0, 60, 3))
def test_a_kill_between_the_hops_loses_no_coupon_and_gives_none_twice(tmp_path: Path, steps: int) -> None:
    shop = CouponEngine(tmp_path / "data")
    ann, bob, _ = APART
    code = given(shop, ann)
    shop.say("coupon_transfer", ann, code=code, to=bob)
    shop.step(steps)
    shop = shop.reopened()
    shop.say("coupon_transfer", ann, code=code, to=bob)
    shop.settle()
    assert pieces(shop, ann, bob) == [0, 1] and len(shop.told("coupon.transferred")) == 1
    shop.close()
