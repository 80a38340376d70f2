"""Carts in a whole engine: an abandoned one is told of over restarts, and can be asked for over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.behaviour.messages import SEEN
from actors.registry import domains
from supervision.entry import Draft, Origin, encode_draft, segment_of
from supervision.messages import Append, Item
from tests import points_engine
from tests.cart_stages import Rule
from tests.cells import settle
from tests.gateway_world import is_problem
from tests.http_world import HttpWorld, http_world
from tests.points_engine import SEGMENTS, PointsEngine

HOUR_S = 3_600
STEPS_MAX = 27
"""From a firing to the request, and as many more."""


def seen(journal: Any, user: str, type_: str, **fields: Any) -> None:
    """As a door would have it appended."""
    body = msgspec.json.encode({"user_id": user, "behavior_type": type_, **fields})
    draft = Draft(SEEN, f"user:{user}", body, origin=Origin.OUTSIDE)
    item = Item(segment_of(draft.subject, SEGMENTS), draft, encode_draft(draft))
    journal.tell(Append([item], lambda _: None, len(body)))


def abandoned(engine: PointsEngine) -> list[tuple[str, int]]:
    return [(body["user_id"], body["cart_no"]) for _, body in engine.said("cart.abandoned")]


def test_who_leaves_his_cart_is_told_of_once_over_a_kill_and_who_buys_is_not(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path)
    for user in ("leaves", "buys", "comes back"):
        seen(engine.engine.journal, user, "add_to_cart", product_id="tea", cart_total_value=5)
    engine.pass_time(HOUR_S / 2)
    seen(engine.engine.journal, "buys", "purchase_complete", order_id="A")
    seen(engine.engine.journal, "comes back", "add_to_cart", product_id="cup")
    engine.settle()
    engine.kill()
    engine = PointsEngine(tmp_path, clock=engine.clock)
    assert abandoned(engine) == []
    engine.pass_time(HOUR_S / 2 + 60)
    assert abandoned(engine) == [("leaves", 1)]
    engine.pass_time(HOUR_S)
    assert sorted(abandoned(engine)) == [("comes back", 1), ("leaves", 1)]
    engine.close()


def test_a_purchase_after_any_step_ends_the_reminder_if_it_stands_before_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points_engine, "domains", lambda *rules, **more: (*domains(*rules, **more), Rule()))
    outcomes: list[str] = []
    for steps in range(0, STEPS_MAX, 3):
        engine = PointsEngine(tmp_path / f"{steps}")
        seen(engine.engine.journal, "1", "add_to_cart", product_id="tea")
        engine.pass_time(HOUR_S - 1)
        while not engine.said("timer.cart"):
            engine.step()
        engine.step(steps)
        seen(engine.engine.journal, "1", "purchase_complete", order_id="A")
        engine.settle()
        [(request, _)] = engine.said("notify.requested")
        [_, (purchase, _)] = engine.said(SEEN)
        outcomes.append("suppressed" if purchase.offset < request.offset else "sent")
        said = [len(engine.said(kind)) for kind in ("message.suppressed", "notify.sms")]
        assert said == ([1, 0] if purchase.offset < request.offset else [0, 1])
        engine.close()
    assert set(outcomes) == {"suppressed", "sent"}, outcomes


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("shop")) as world:
        yield world


def test_a_cart_can_be_asked_for_with_the_offset_up_to_which_it_is_so(shop: HttpWorld) -> None:
    seen(shop.wiring.engine.journal, "a/b", "add_to_cart", product_id="tea", quantity=2, price=5, cart_total_value=9)
    settle(shop.runtime, lambda: shop.get("/v1/users/a%2Fb/cart").status_code == 200)
    cart = shop.get("/v1/users/a%2Fb/cart").json()
    assert cart["as_of"] == {"segment": segment_of("user:a/b", SEGMENTS), "offset": cart["as_of"]["offset"]}
    assert cart["lines"] == [{"product_id": "tea", "quantity": 2, "unit_price": 500}]
    assert (cart["user_id"], cart["cart_no"], cart["value"], cart["currency"]) == ("a/b", 1, 900, "CNY")
    assert cart["idle_since"] and not cart["more"] and not cart["abandoned"]


def test_a_cart_that_was_bought_is_empty_and_not_unknown(shop: HttpWorld) -> None:
    seen(shop.wiring.engine.journal, "u2", "add_to_cart", product_id="tea")
    seen(shop.wiring.engine.journal, "u2", "purchase_complete", order_id="A")
    settle(shop.runtime, lambda: shop.get("/v1/users/u2/cart").json().get("lines") == [])
    assert shop.get("/v1/users/u2/cart").json()["currency"] is None
    is_problem(shop.get("/v1/users/nobody/cart"), 404, "unknown_user")


def test_a_cart_and_what_is_remembered_of_purchases_are_exported(shop: HttpWorld) -> None:
    seen(shop.wiring.engine.journal, "u3", "add_to_cart", product_id="tea")
    seen(
        shop.wiring.engine.journal, "u3", "purchase_complete", order_id="A",
        items=[{"product_id": "cup", "quantity": 1}],
    )  # fmt: skip

    def sections() -> dict[str, Any]:
        return {section["domain"]: section for section in shop.get("/v1/users/u3/export").json().get("sections", ())}

    settle(shop.runtime, lambda: {"cart", "notification"} <= set(sections()))
    settle(shop.runtime, lambda: sections()["notification"]["orders"] == ["A"])
    assert sections()["notification"]["products"] == ["cup"]
    assert [line["product_id"] for line in sections()["cart"]["cart"]["lines"]] == ["tea"]
