"""Commands that wait for what a template lends: none is forgotten, and what one was promised is never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.coupon import shelving
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.lending import ASK, BACK, GRANT, RECALL, SERVE, SERVED, GiveBack, Serve
from actors.coupon.shelf import Need, Shelf, Slice, Ticket, ticket_key
from actors.coupon.stock import CouponStockActor
from supervision.domain import Domain, Event
from supervision.entry import Chain, Entry, part_subject, segment_of
from supervision.outputs import Emit, Output
from tests.coupon_engine import CouponEngine, cart
from tests.points_engine import SEGMENTS


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CouponEngine]:
    engine = CouponEngine(tmp_path / "data")
    yield engine
    engine.close()


def apart(number: int) -> list[str]:
    """So many users, the first of the first segment, the next of the next, and so on round."""
    users: list[list[str]] = [[] for _ in range(SEGMENTS)]
    for n in range(200):
        users[segment_of(f"user:u{n}", SEGMENTS)].append(f"u{n}")
    return [users[n % SEGMENTS][n // SEGMENTS] for n in range(number)]


@pytest.mark.parametrize("steps", range(4, 60, 4))
def test_who_asks_again_while_his_first_command_is_let_go_is_answered_too(shop: CouponEngine, steps: int) -> None:
    shop.put(stock=1)
    shop.settle()
    first, user = apart(2)
    shop.say("coupon_issue", first, template="T1", source="purchase", order_id="o")
    shop.settle()
    shop.say("coupon_issue", user, template="T1", source="purchase", order_id="o-1")
    shop.step(steps)
    shop.say("coupon_issue", user, template="T1", source="purchase", order_id="o-2")
    shop.settle(5)
    assert len(shop.told("coupon.refused", user_id=user, code="sold_out")) == 2
    assert shop.purse(user).waiting == {} and all(shelf.first == shelf.next for shelf in shop.shelves())


def test_budget_that_a_hold_gives_back_can_be_spent_in_another_segment(shop: CouponEngine) -> None:
    shop.put(budget=2_000)
    shop.settle()
    a, b = apart(2)
    for user in (a, b):
        shop.say("coupon_issue", user, template="T1", source="test")
    shop.settle()
    codes = {body["user_id"]: body["code"] for body in shop.told("coupon.issued")}
    shop.say("coupon_hold", a, code=codes[a], order=cart("a"), ttl_s=300)
    shop.settle(60)
    shop.say("coupon_use", b, code=codes[b], order=cart("b-1"))
    shop.settle(60)
    assert [body["code"] for body in shop.told("coupon.refused")] == ["budget_spent"]
    shop.say("coupon_release", a, code=codes[a], order_id="a")
    shop.settle(2)
    shop.say("coupon_use", b, code=codes[b], order=cart("b-2"))
    shop.settle(5)
    assert [body["order_id"] for body in shop.told("coupon.redeemed")] == ["b-2"]


def test_what_a_dry_segment_got_and_nobody_there_can_take_goes_to_others(shop: CouponEngine) -> None:
    shop.put(stock=5, per_user={})
    shop.settle()
    a, b = apart(2)
    shop.say("coupon_issue", a, template="T1", source="test", quantity=10)
    shop.settle(5)
    assert shop.told("coupon.refused", code="sold_out")
    shop.say("coupon_issue", b, template="T1", source="test", quantity=5)
    shop.settle(5)
    assert len(shop.told("coupon.issued", user_id=b)) == 5


def test_what_was_promised_to_a_command_that_is_discarded_is_for_others(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sick, elsewhere, *_, other = apart(SEGMENTS + 1)
    shop.put(stock=1)
    shop.settle()
    monkeypatch.setattr(CouponIssuerActor, "react", raising(CouponIssuerActor, SERVED, f"user:{sick}"))
    shop.say("coupon_issue", sick, template="T1", source="test")
    shop.settle(5)
    assert [row.subject for row in shop.parked()] == [f"user:{sick}"] and promised(shop) == 1
    shop.say("coupon_issue", other, template="T1", source="test")
    shop.settle(5)
    assert shop.told("coupon.refused", user_id=other, code="sold_out")
    shop.decide("engine.discard", sick, "coupon")
    shop.settle(5)
    assert promised(shop) == 0 and shop.purse(sick).waiting == {} and shop.parked() == []
    shop.say("coupon_issue", elsewhere, template="T1", source="again")
    shop.settle(5)
    assert shop.told("coupon.issued", user_id=elsewhere)


@pytest.mark.parametrize("kind", [GRANT, RECALL, SERVE])
def test_a_word_to_a_shelf_that_is_discarded_is_carried_out_all_the_same(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    shop.put(stock=2)
    shop.settle()
    here, there, *_ = users = apart(3)
    shop.say("coupon_issue", here, template="T1", source="test")
    shop.settle(5)
    where = part_subject(segment_of(f"user:{here if kind == RECALL else there}", SEGMENTS), "template:T1")
    with monkeypatch.context() as ill:
        ill.setattr(CouponIssuerActor, "react", raising(CouponIssuerActor, kind, where))
        for user in users[1:]:
            shop.say("coupon_issue", user, template="T1", source="test")
        shop.settle(5)
        assert where in [row.subject for row in shop.parked()]
    shop.decide("engine.discard", where, "coupon")
    shop.settle(60)
    assert shop.parked() == [] and (whole := shop.stock().stock) is not None
    assert len(shop.told("coupon.issued")) == 2 and len(shop.told("coupon.refused", code="sold_out")) == 1
    assert whole.free + sum(shelf.stock.left for shelf in shop.shelves() if shelf.stock) == 0


@pytest.mark.parametrize("kind", [ASK, BACK])
def test_a_word_to_a_template_that_is_discarded_is_carried_out_all_the_same(
    shop: CouponEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    shop.put(stock=2)
    shop.settle()
    with monkeypatch.context() as ill:
        ill.setattr(CouponStockActor, "react", raising(CouponStockActor, kind, "template:T1"))
        for user in (users := apart(3)):
            shop.say("coupon_issue", user, template="T1", source="test")
        shop.settle(60)
        assert {row.subject for row in shop.parked()} == {"template:T1"}
    shop.decide("engine.discard", "template:T1", "coupon_stock")
    shop.settle(60)
    assert shop.parked() == [] and len(shop.told("coupon.issued")) == 2
    assert len(shop.told("coupon.refused", code="sold_out")) == len(users) - 2


def raising(domain: type[Domain[Any]], kind: str, subject: str) -> Callable[..., Iterable[Output]]:
    """A reaction that fails on what is of `kind` and about `subject`."""
    react = domain.react

    def reacting(self: Domain[Any], state: Any, event: Event) -> Iterable[Output]:
        if event.entry.kind == kind and event.subject == subject:
            raise RuntimeError("ill")
        return react(self, state, event)

    return reacting


@pytest.mark.parametrize(("dry", "given_back"), [(True, [GiveBack("stock", 1, 1)]), (False, [])])
def test_stock_kept_for_one_who_is_refused_for_want_of_money_goes_back(dry: bool, given_back: list[GiveBack]) -> None:
    chain = Chain("shop|m", "user:a", 0, False, 0)
    ticket = Ticket("user:a", "coupon.hold", b"{}", "", Need(1, 500), chain)
    here = Shelf(
        status="active", first=1, next=2, serving=True, stock=Slice(left=1, queued=1, scarce=True),
        budget=Slice(queued=500, dry=dry, scarce=True, asked=not dry),
    )  # fmt: skip
    claimed = {ticket_key("T1", 1): msgspec.msgpack.encode(ticket)}
    entry = Entry(1, 1, 9, 0, 0, SERVE, part_subject(1, "template:T1"), b"{}")
    outputs = list(shelving.serve(here, Event(entry, None, 0, entry.subject, claimed), Serve("T1")))
    said = [output.body for output in outputs if isinstance(output, Emit) and output.kind == BACK]
    assert said == given_back
    assert here.stock is not None and here.stock.left == 1 - len(said)


def promised(shop: CouponEngine) -> int:
    return sum(shelf.stock.promised for shelf in shop.shelves() if shelf.stock)
