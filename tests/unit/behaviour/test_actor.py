"""What the behaviour domain writes down: a line for each thing done, as it was said, with what cannot be so."""

from __future__ import annotations

import msgspec

from actors.behaviour.actor import KEPT_DAYS, BehaviourActor
from actors.behaviour.behaviour import Line
from actors.behaviour.plausible import Session
from actors.behaviour.records import BehaviourLine
from supervision.entry import segment_of
from tests.behaviour_world import FLAT, NESTED, START_MS, BehaviourWorld, message

AT = "2025-09-20T14:30:00.000Z"


def test_the_seeds_nested_example_is_a_line() -> None:
    assert BehaviourWorld().send(NESTED) == BehaviourLine(
        AT, "product_view", "0.1790000000.1", AT, "sess_789", "product_detail", "PROD_001", category="electronics",
        price=29_900, currency="CNY",
    )  # fmt: skip


def test_what_was_not_said_is_left_out_of_the_line() -> None:
    lines = [msgspec.json.encode(BehaviourWorld().send(message(**flat))) for flat in FLAT]
    entry = {"at": AT, "entry": "0.1790000000.1"}
    assert [msgspec.json.decode(line) for line in lines] == [
        {**entry, "type": "product_view", "product_id": "PROD_001", "view_ms": 45_000, "scroll_depth": 0.8},
        {
            **entry, "type": "add_to_cart", "product_id": "PROD_001", "quantity": 2, "cart_total": 59_800,
            "currency": "CNY", "items": [{"product_id": "PROD_001", "quantity": 2}],
        },
        {
            **entry, "type": "purchase_complete", "order_id": "ORDER_001", "order_value": 59_800, "currency": "CNY",
            "payment_method": "alipay",
        },
    ]  # fmt: skip


def test_goods_are_written_line_by_line() -> None:
    items = [{"product_id": "P", "quantity": 2, "unit_price": 500}, {"product_id": "Q", "quantity": 1}]
    line = BehaviourWorld().send(message("purchase_complete", order_id="A-1", items=items))
    assert (line.items, line.currency) == ((Line("P", 2, 1_000), Line("Q", 1)), "CNY")


def test_an_unknown_word_is_written_as_itself() -> None:
    assert BehaviourWorld().send(message("试穿")).type == "试穿"


def test_a_claim_that_cannot_be_so_is_taken_and_flagged() -> None:
    world = BehaviourWorld()
    first = message(session_id="s", view_duration=45, timestamp="2025-09-20T14:30:00Z")
    assert world.send(first).flags == ()
    fake = message(session_id="s", view_duration=300, timestamp="2025-09-20T14:30:10Z")
    assert world.send(fake, START_MS + 11_000).flags == ("longer_than_session",)
    assert world.state.session == Session("s", START_MS - 45_000, START_MS + 10_000)
    ahead = world.send(message(session_id="s", timestamp="2099-01-01T00:00:00Z"), START_MS + 12_000)
    assert (ahead.flags, ahead.occurred_at) == (("future",), "2099-01-01T00:00:00.000Z")


def test_a_line_says_when_it_was_written_and_is_kept_for_so_many_days_after() -> None:
    line = BehaviourWorld().send(message(timestamp="2025-09-01T00:00:00Z"), START_MS + 1_234)
    assert BehaviourActor("CNY").written_at(msgspec.json.encode(line)) == START_MS + 1_234
    assert BehaviourActor("CNY").records_kept_ms == KEPT_DAYS * 24 * 3_600_000
    assert BehaviourActor("CNY", 1).records_kept_ms == 24 * 3_600_000


def test_a_guest_has_a_history_of_his_own() -> None:
    assert segment_of("user:anon:7f3a", 16) in range(16)
    assert BehaviourWorld().send(message(user="anon:7f3a")).type == "product_view"
