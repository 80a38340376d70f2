"""Imported codes in a whole engine: each is used once, by whoever it is lent to first, and free again when undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from actors.coupon.actor import CouponIssuerActor
from actors.coupon.imported import FETCH, FETCHED, IMPORT, RETURN, ImportCode, ImportedCode, ImportedCodesActor
from actors.coupon.spelling import SUBJECT
from supervision.entry import Draft, Origin, encode_draft, segment_of
from supervision.messages import Append, Item
from tests.coupon_engine import CouponEngine, cart, raising
from tests.points_engine import SEGMENTS


class CodesEngine(CouponEngine):
    killed = False

    def bring(self, *codes: str, template: str = "T1") -> None:
        """The shop's codes, of a template."""
        for code in codes:
            subject = SUBJECT + code
            draft = Draft(IMPORT, subject, msgspec.json.encode(ImportCode(template)), origin=Origin.OPERATOR)
            item = Item(segment_of(subject, SEGMENTS), draft, encode_draft(draft))
            self.engine.journal.tell(Append((item,), lambda _: None, len(draft.body)))
        self.settle()

    def code(self, code: str) -> ImportedCode:
        subject = SUBJECT + code
        with closing(self.store.reader()) as reader:
            data, _ = reader.snapshot(segment_of(subject, SEGMENTS), ImportedCodesActor.name, subject)
        return msgspec.msgpack.decode(data, type=ImportedCode) if data else ImportedCode()

    def refused(self) -> list[tuple[str, str]]:
        """(user, why), in the order of time."""
        found = sorted(self.said("coupon.refused"), key=lambda one: one[0].at)
        return [(body["user_id"], body["code"]) for _, body in found]

    def kill(self) -> None:
        super().kill()
        self.killed = True


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CodesEngine]:
    engine = CodesEngine(tmp_path / "data")
    engine.put(code={"imported": True}, per_user={}, stock=10)
    engine.settle()
    engine.bring("AB12345", "CD67890")
    yield engine
    if not engine.killed:
        assert engine.parked() == []
        engine.close()


def test_an_imported_code_is_used_once_by_one_user_and_again_for_the_same_order(shop: CodesEngine) -> None:
    for user in ("u1", "u2"):
        shop.say("coupon_use", user, code="ab-12345", order=cart("o-1"))
        shop.settle(1)
    for order in ("o-1", "o-2"):
        shop.say("coupon_use", "u1", code="AB12345", order=cart(order))
        shop.settle(1)
    (used,) = shop.told("coupon.redeemed")
    assert (used["user_id"], used["code"], used["template"], used["discount"]) == ("u1", "AB12345", "T1", 2_000)
    assert shop.refused() == [("u2", "not_yours"), ("u1", "already_redeemed")]
    assert (shop.code("AB12345").user, shop.code("AB12345").out) == ("u1", 1)


@pytest.mark.parametrize("steps", [*range(0, 40, 3), 400])
def test_of_many_who_use_one_code_at_once_one_does_however_they_interleave(shop: CodesEngine, steps: int) -> None:
    users = [f"u{n}" for n in range(6)]
    for user in users:
        for order in ("o-1", "o-2"):
            shop.say("coupon_use", user, code="AB12345", order=cart(order))
            shop.step(steps)
    shop.settle(1)
    (used,) = shop.told("coupon.redeemed")
    assert len(shop.refused()) == 2 * len(users) - 1
    assert {user for user, code in shop.refused() if code == "not_yours"} == {*users} - {used["user_id"]}
    assert shop.code("AB12345").out == 1


@pytest.mark.parametrize("undone", ["coupon_release", "coupon_rollback", "time"])
def test_a_code_whose_hold_or_use_is_undone_is_anybodys_again(shop: CodesEngine, undone: str) -> None:
    for first, then in pairwise(["u1", "u2", "u1", "u1", "u3"]):
        asked = "coupon_use" if undone == "coupon_rollback" else "coupon_hold"
        shop.say(asked, first, code="AB12345", order=cart("o-1"))
        shop.settle(1)
        shop.say("coupon_use", then if then != first else "u9", code="AB12345", order=cart("o-2"))
        shop.settle(1)
        if undone != "time":
            shop.say(undone, first, code="AB12345", order_id="o-1")
        shop.settle(1 if undone != "time" else 16 * 60)
        assert shop.code("AB12345") == ImportedCode(1, "T1", shop.code("AB12345").at)
    assert len(shop.told("coupon.held" if undone != "coupon_rollback" else "coupon.redeemed")) == 4
    assert sum(shelf.tally.issued for shelf in shop.shelves()) == 0 and shop.purse("u1").coupons == {}


def test_a_held_code_is_for_its_order_and_used_with_it(shop: CodesEngine) -> None:
    shop.say("coupon_hold", "u1", code="AB12345", order=cart("o-1"))
    shop.settle(1)
    for user, order in (("u1", "o-2"), ("u2", "o-1"), ("u1", "o-1")):
        shop.say("coupon_use", user, code="AB12345", order=cart(order))
        shop.settle(1)
    assert shop.refused() == [("u1", "held_by_other_order"), ("u2", "not_yours")]
    assert len(shop.told("coupon.redeemed", user_id="u1", order_id="o-1")) == 1


def test_a_code_that_does_not_fit_the_order_is_not_kept_from_others(shop: CodesEngine) -> None:
    shop.say("coupon_use", "u1", code="AB12345", order=cart("o-1", currency="USD"))
    shop.settle(1)
    shop.say("coupon_use", "u2", code="AB12345", order=cart("o-2"))
    shop.settle(1)
    assert shop.refused() == [("u1", "currency")] and shop.told("coupon.redeemed", user_id="u2")


def test_imported_codes_are_of_the_templates_stock_and_limits(shop: CodesEngine) -> None:
    shop.put(code={"imported": True}, per_user={"total": 1}, stock=1)
    shop.settle()
    for user, code in (("u1", "AB12345"), ("u1", "CD67890"), ("u2", "CD67890")):
        shop.say("coupon_use", user, code=code, order=cart(f"o-{user}"))
        shop.settle(5)
    assert shop.refused()[0][0] == "u1" and shop.refused()[1] == ("u2", "sold_out")
    assert len(shop.told("coupon.redeemed")) == 1 and shop.code("CD67890").user == ""


def test_a_command_that_waits_for_stock_keeps_the_code_meanwhile(shop: CodesEngine) -> None:
    shop.put(code={"imported": True}, per_user={}, stock=1, template="T2")
    shop.settle()
    shop.bring("EF1", "GH2", template="T2")
    shop.say("coupon_use", "u1", code="EF1", order=cart("o-1"))
    shop.say("coupon_use", "u2", code="GH2", order=cart("o-2"))
    shop.say("coupon_use", "u3", code="EF1", order=cart("o-3"))
    shop.settle(60)
    assert len(shop.told("coupon.redeemed")) == 1 and ("u3", "not_yours") in shop.refused()
    assert sorted(code for _, code in shop.refused()) == ["not_yours", "sold_out"]
    assert sum(shop.code(code).out for code in ("EF1", "GH2")) == 1


def test_a_code_is_free_when_the_command_that_it_was_lent_for_is_discarded(
    shop: CodesEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ill:
        ill.setattr(CouponIssuerActor, "react", raising(CouponIssuerActor, FETCHED, "user:u1"))
        shop.say("coupon_use", "u1", code="AB12345", order=cart())
        shop.settle(5)
    assert [row.subject for row in shop.parked()] == ["user:u1"] and shop.code("AB12345").user == "u1"
    shop.decide("engine.discard", "u1", "coupon")
    shop.settle(1)
    assert shop.code("AB12345").user == "" and shop.told("coupon.redeemed") == []


@pytest.mark.parametrize("kind", [FETCH, RETURN])
def test_what_is_said_to_a_code_and_discarded_is_carried_out(
    shop: CodesEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with monkeypatch.context() as ill:
        ill.setattr(ImportedCodesActor, "react", raising(ImportedCodesActor, kind, "code:AB12345"))
        shop.say("coupon_use", "u1", code="AB12345", order=cart(currency="USD"))
        shop.settle(5)
    shop.decide("engine.discard", "code:AB12345", ImportedCodesActor.name)
    shop.settle(1)
    assert shop.refused() == [("u1", "currency")] and shop.code("AB12345").user == ""


def test_a_code_that_is_brought_again_stays_what_it_is(shop: CodesEngine) -> None:
    before = shop.code("AB12345")
    shop.bring("AB12345", template="T9")
    shop.bring("AB12345")
    assert shop.code("AB12345") == before and before.template == "T1"


def test_who_tries_codes_out_waits_whatever_comes_back_meanwhile(shop: CodesEngine) -> None:
    for n in range(8):
        shop.say("coupon_use", "u1", code=f"GUESS{n}", order=cart())
    shop.say("coupon_use", "u1", code="AB12345", order=cart())
    shop.settle(1)
    refused = [code for _, code in shop.refused()]
    assert refused[:3] == ["unknown_code"] * 3 and refused[-1] == "too_many_attempts"
    assert shop.code("AB12345").user == "" and "GUESS1" not in str(shop.code("GUESS1"))


def test_a_store_that_takes_no_imported_codes_asks_none(tmp_path: Path) -> None:
    engine = CodesEngine(tmp_path / "data")
    engine.put()
    engine.settle()
    engine.say("coupon_use", "u1", code="NOSUCH", order=cart())
    engine.settle(1)
    assert engine.refused() == [("u1", "unknown_code")] and engine.said(FETCHED) == []
    engine.close()


@pytest.mark.parametrize("steps", range(4, 60, 4))
def test_a_kill_between_asking_and_answer_loses_no_code_and_gives_none_twice(shop: CodesEngine, steps: int) -> None:
    shop.say("coupon_use", "u1", code="AB12345", order=cart("o-1"))
    shop.say("coupon_hold", "u2", code="AB12345", order=cart("o-2"))
    shop.step(steps)
    shop.kill()
    later = CodesEngine(shop.folder, shop.clock)
    later.settle(1)
    took = later.told("coupon.redeemed") + later.told("coupon.held")
    assert len(took) == 1 and later.code("AB12345").out == 1
    assert len(later.refused()) == 1
    later.close()
