"""Points over HTTP, with everything behind it: each route done, declined with its numbers, unknown, wrong, again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.points import gifts
from gateway import balances, replies
from tests.gateway_world import is_problem
from tests.http_world import HttpWorld, http_world

ORDER = {
    "order_id": "A-1", "currency": "CNY", "amount": 29_900,
    "items": [
        {"product_id": "p1", "category": "tea", "quantity": 2, "unit_price": "100.00"},
        {"product_id": "p2", "quantity": 1, "amount": 5_000},
        {"product_id": "voucher", "quantity": 1, "amount": 1_000},
    ],
}  # fmt: skip
RULES: dict[str, Any] = {
    "earn": {
        "rate": "1",
        "exclude": {"products": ["voucher"]},
        "multipliers": [
            {"id": "tea", "factor": "2", "when": {"categories": ["tea"]}},
            {"id": "gold", "factor": "3", "when": {"tiers": ["gold"]}},
        ],
        "bonuses": [{"id": "welcome", "points": 10, "when": {"first_order": True}}],
    },
    "tiers": {"levels": [{"id": "all", "at": 0}, {"id": "gold", "at": 5_000}]},
    "reminder_days": 1,
    "wallets": {"promo": {"expiry": {"kind": "days", "n": 3}}},
    "caps": [{"id": "daily", "points": 9_000, "per": "day"}],
    "gifts": {"per_day": 2},
}
EARNS = 2 * 200 + 50 + 10


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("http")) as world:
        world.put_programme(**RULES)
        yield world


def test_an_accrual_is_answered_with_its_place_and_what_is_there_now(shop: HttpWorld) -> None:
    answer = shop.points("acc", "accruals", points=100, reason="survey")
    assert answer.status_code == 200
    assert set(answer.json()) == {"entry", "result"} and set(answer.json()["entry"]) == {"segment", "offset"}
    assert answer.json()["result"] == {
        "points": 100, "balance": 100, "wallet": "main", "pending": 0, "debt_paid": 0, "cut": 0,
    }  # fmt: skip


def test_an_order_earns_by_the_programme_item_by_item_and_says_why(shop: HttpWorld) -> None:
    result = shop.done("order", "accruals", order=ORDER)
    assert (result["points"], result["order_id"]) == (EARNS, "A-1")
    assert [(item["product"], item["points"], item["rules"]) for item in result["items"]] == [
        ("p1", 400, ["base", "tea"]), ("p2", 50, ["base"]), ("voucher", 0, []),
    ]  # fmt: skip
    again = is_problem(shop.points("order", "accruals", order=ORDER), 409, "already_accepted")
    assert again["points"] == EARNS
    is_problem(shop.points("order", "accruals", order={**ORDER, "amount": 99_999}), 409, "order_conflict")


def test_an_order_that_earns_nothing_is_answered_too(shop: HttpWorld) -> None:
    order = {**ORDER, "items": ORDER["items"][2:]}
    shop.done("nothing", "accruals", order={**order, "order_id": "first"})
    result = shop.done("nothing", "accruals", order=order)
    assert (result["points"], result["balance"]) == (0, 10)


def test_what_caps_cut_is_said_and_what_they_leave_nothing_of_is_declined(shop: HttpWorld) -> None:
    assert shop.done("capped", "accruals", points=10_000)["cut"] == 1_000
    document = is_problem(shop.points("capped", "accruals", points=1), 409, "cap_reached")
    assert (document["cap"], document["left"]) == ("daily", 0)


def test_a_redemption_takes_and_says_what_is_left_and_a_larger_one_what_is_missing(shop: HttpWorld) -> None:
    shop.done("spend", "accruals", points=100)
    assert shop.done("spend", "redemptions", points=30, reason="cart") == {
        "points": 30, "balance": 70, "wallet": "main",
    }  # fmt: skip
    document = is_problem(shop.points("spend", "redemptions", points=71, reason="cart"), 409, "insufficient_points")
    assert (document["missing"], document["balance"], document["points"]) == (1, 70, 71)
    is_problem(shop.points("nobody", "redemptions", points=1, reason="cart"), 409, "insufficient_points")


def test_a_reservation_is_held_confirmed_in_part_and_cannot_be_confirmed_again(shop: HttpWorld) -> None:
    shop.done("hold", "accruals", points=100)
    held = shop.done("hold", "reservations", points=60, ttl_s=600)
    assert held["balance"] == 40 and held["expires_at"].endswith("Z")
    path = f"reservations/{held['reservation_id']}"
    document = is_problem(shop.points("hold", f"{path}/confirm", points=61), 409, "more_than_held")
    assert document["held"] == 60
    assert shop.done("hold", f"{path}/confirm", points=50) == {
        "points": 50, "balance": 50, "wallet": "main", "reservation_id": held["reservation_id"], "released": 10,
    }  # fmt: skip
    is_problem(shop.points("hold", f"{path}/confirm"), 409, "reservation_closed")
    is_problem(shop.points("hold", f"{path}/cancel"), 409, "reservation_closed")


def test_a_reservation_may_be_named_and_cancelled(shop: HttpWorld) -> None:
    shop.done("cancel", "accruals", points=10)
    shop.done("cancel", "reservations", points=10, reservation_id="cart/7")
    is_problem(shop.points("cancel", "reservations", points=0 + 1, reservation_id="cart/7"), 409, "reservation_exists")
    assert shop.done("cancel", "reservations/cart%2F7/cancel")["balance"] == 10


@pytest.mark.parametrize("what", ["confirm", "cancel"])
def test_a_reservation_that_never_was_is_not_found(shop: HttpWorld, what: str) -> None:
    is_problem(shop.points("x", f"reservations/none/{what}"), 404, "unknown_reservation")


def test_a_confirm_after_its_time_is_declined_with_that_reason(shop: HttpWorld) -> None:
    shop.done("late", "accruals", points=10)
    shop.done("late", "reservations", points=10, ttl_s=1, reservation_id="r")

    def over() -> bool:
        return shop.get("/v1/users/late/points").json()["reserved"] == 0

    wait(over)
    is_problem(shop.points("late", "reservations/r/confirm"), 409, "reservation_expired")
    assert shop.get("/v1/users/late/points").json()["available"] == 10


def test_an_order_refunded_in_pieces_gives_back_what_it_earned_and_no_more(shop: HttpWorld) -> None:
    shop.done("refund", "accruals", order=ORDER)
    part = shop.done("refund", "reversals", order_id="A-1", items=[{"product_id": "p1", "quantity": 1}])
    assert (part["points"], part["amount"], part["from_lots"]) == (200, 10_000, 200)
    document = is_problem(
        shop.points("refund", "reversals", order_id="A-1", items=[{"product_id": "p9"}]), 409, "unknown_item"
    )
    assert document["item"] == "p9"
    rest = shop.done("refund", "reversals", order_id="A-1")
    assert rest["balance"] == 0 and part["points"] + rest["points"] == EARNS
    is_problem(shop.points("refund", "reversals", order_id="A-1"), 409, "nothing_to_reverse")


def test_a_refund_before_its_order_waits_and_says_so(shop: HttpWorld) -> None:
    assert shop.done("early", "reversals", order_id="A-1")["waiting"] is True
    shop.done("early", "accruals", order=ORDER)
    assert shop.get("/v1/users/early/points").json()["available"] == 0


def test_a_gift_leaves_at_once_and_arrives_and_has_its_limits(shop: HttpWorld) -> None:
    shop.done("giver", "accruals", points=10)
    result = shop.done("giver", "gifts", to="taker", points=4)
    assert (result["points"], result["balance"], result["to"]) == (4, 6, "taker")
    wait(lambda: shop.get("/v1/users/taker/points").status_code == 200)
    assert shop.get("/v1/users/taker/points").json()["available"] == 4
    document = is_problem(shop.points("giver", "gifts", to="taker", points=7), 409, "insufficient_points")
    assert document["missing"] == 1
    shop.done("giver", "gifts", to="taker", points=1)
    assert is_problem(shop.points("giver", "gifts", to="taker", points=1), 409, "gift_limit")["gifts_left"] == 0


def test_an_adjustment_gives_or_takes_with_a_note_that_the_records_keep(shop: HttpWorld) -> None:
    assert shop.done("adj", "adjustments", points=50, note="sorry")["balance"] == 50
    assert shop.done("adj", "adjustments", points=-20, note="too much")["balance"] == 30
    is_problem(shop.points("adj", "adjustments", points=-31, note="all"), 409, "insufficient_points")
    lines = shop.get("/v1/users/adj/points/records").json()["data"]
    assert [line["note"] for line in lines] == ["too much", "sorry"]


def test_no_message_from_outside_can_adjust(shop: HttpWorld) -> None:
    message = {"event_type": "points_adjust", "user_id": "adj2", "points": 5, "note": "me"}
    answer = shop.post("/v1/events", message)
    assert answer.json()["rejected"][0]["code"] == "unknown_event_type"


WRONG = [
    ("accruals", {}, "points"), ("accruals", {"points": 0}, "points"),
    ("accruals", {"points": 1, "order": {}}, "points"),
    ("accruals", {"points": 1, "pending": {"days": 0}}, "pending.days"),
    ("accruals", {"order": {**ORDER, "currency": "XXZ"}}, "order.currency"),
    ("accruals", {"order": {**ORDER, "amount": 1.5}}, "order.amount"),
    ("redemptions", {"points": "1", "reason": "x"}, "points"), ("redemptions", {"points": 1}, "reason"),
    ("reservations", {"points": 1, "ttl_s": 0}, "ttl_s"), ("reservations/r/confirm", {"points": -1}, "points"),
    ("reservations/r/cancel", {"reservation_id": "s"}, "reservation_id"), ("reversals", {}, "order_id"),
    ("reversals", {"order_id": "o", "items": []}, "items"), ("gifts", {"to": "w", "points": 1}, "to"),
    ("gifts", {"to": "", "points": 1}, "to"), ("adjustments", {"points": 0, "note": "x"}, "points"),
    ("adjustments", {"points": 1}, "note"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "field"), WRONG)
def test_a_field_that_cannot_be_is_named(shop: HttpWorld, what: str, body: dict[str, Any], field: str) -> None:
    document = is_problem(shop.points("w", what, **body), 422, "bad_field")
    assert [error["field"] for error in document["errors"]] == [field]


AGAIN = [
    ("accruals", {"points": 5}, {"points": 6}), ("accruals", {"order": ORDER}, {"order": {**ORDER, "order_id": "B"}}),
    ("redemptions", {"points": 1, "reason": "x"}, {"points": 1, "reason": "y"}),
    ("reservations", {"points": 1}, {"points": 2}), ("reservations/r/confirm", {}, {"points": 1}),
    ("reservations/r/cancel", {}, {"x": 1}), ("reversals", {"order_id": "o"}, {"order_id": "p"}),
    ("gifts", {"to": "v", "points": 1}, {"to": "w", "points": 1}),
    ("adjustments", {"points": 3, "note": "n"}, {"points": 3, "note": "m"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "other"), AGAIN)
def test_each_command_again_is_answered_as_at_first_and_another_under_its_key_is_refused(
    shop: HttpWorld, what: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    key = f"k-{what}-{len(str(body))}"
    first, again = (shop.points("again", what, key, **body) for _ in range(2))
    assert first.status_code in (200, 404, 409) and "idempotent-replayed" not in first.headers
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    is_problem(shop.points("again", what, key, **other), 422, "idempotency_key_reused")


def test_a_command_that_waits_for_an_operator_is_told_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(gifts, "give", broken)
    monkeypatch.setattr(replies, "FIRST_LOOK_S", 0.05)
    with http_world(tmp_path) as shop:
        is_problem(shop.points("u", "gifts", "k", to="v", points=1), 503, "parked")
        is_problem(shop.points("u", "redemptions", points=1, reason="behind it"), 503, "parked")
        assert shop.points("v", "accruals", points=1).status_code == 200
        monkeypatch.undo()
        assert shop.post("/v1/parked/points/user%3Au/retry", None).status_code == 202
        wait(lambda: shop.get("/v1/parked").json()["data"] == [])
        again = shop.points("u", "gifts", "k", to="v", points=1)
        assert is_problem(again, 409, "insufficient_points") and again.headers["idempotent-replayed"] == "true"


def test_an_estimate_is_what_the_accrual_gives_and_writes_nothing(shop: HttpWorld) -> None:
    said = shop.post("/v1/points/estimate", {"user_id": "est", "order": ORDER}).json()
    assert (said["points"], said["tier"], said["cut"]) == (EARNS, "all", [])
    assert said["bonuses"] == [{"rule": "welcome", "points": 10}]
    assert {"rule": "gold", "why": "tier"} in said["passed"]
    assert said["items"][2]["passed"] == [{"rule": "base", "why": "excluded_product"}]
    is_problem(shop.get("/v1/users/est/points"), 404, "unknown_user")
    assert shop.done("est", "accruals", order=ORDER)["points"] == EARNS
    later = shop.post("/v1/points/estimate", {"user_id": "est", "order": {**ORDER, "order_id": "A-2"}}).json()
    assert later["points"] == EARNS - 10 and {"rule": "welcome", "why": "not_first_order"} in later["passed"]


def test_an_estimate_knows_the_tier_and_the_caps(shop: HttpWorld) -> None:
    shop.done("rich", "accruals", points=8_800)
    said = shop.post("/v1/points/estimate", {"user_id": "rich", "order": ORDER}).json()
    assert said["tier"] == "gold" and said["points"] == 200
    assert said["cut"] == [{"cap": "daily", "points": 3 * 250 + 10 - 200}]


@pytest.mark.parametrize(
    ("body", "field"),
    [({"user_id": "u"}, "order"), ({"user_id": "", "order": ORDER}, "user_id"), ({"user_id": "u", "order": {}}, "")],
)
def test_an_estimate_of_what_is_no_order_is_refused(shop: HttpWorld, body: Any, field: str) -> None:
    document = is_problem(shop.post("/v1/points/estimate", body), 422, "bad_field")
    assert document["errors"][0]["field"].startswith(field)


def test_an_estimate_in_another_currency_is_declined_as_its_accrual_is(shop: HttpWorld) -> None:
    order = {"order_id": "x", "currency": "EUR", "amount": 100}
    is_problem(shop.post("/v1/points/estimate", {"user_id": "u", "order": order}), 409, "currency_mismatch")
    is_problem(shop.points("u", "accruals", order=order), 409, "currency_mismatch")


def test_a_balance_says_wallets_holds_and_debts_and_its_head_is_main(shop: HttpWorld) -> None:
    shop.done("whole", "accruals", points=100)
    shop.done("whole", "accruals", points=7, wallet="promo")
    shop.done("whole", "accruals", points=20, pending={"days": 3})
    shop.done("whole", "reservations", points=30)
    found = shop.get("/v1/users/whole/points").json()
    assert found["wallets"] == {
        "main": {"available": 70, "pending": 20, "reserved": 30, "debt": 0},
        "promo": {"available": 7, "pending": 0, "reserved": 0, "debt": 0},
    }
    assert (found["available"], found["balance"], found["pending"], found["reserved"]) == (70, 70, 20, 30)
    assert found["next_expiry"]["points"] == 70 and found["tier"] == "all"


def test_a_balance_can_be_asked_as_it_was_and_as_it_will_be(shop: HttpWorld) -> None:
    shop.done("times", "accruals", points=100)
    shop.done("times", "accruals", points=7, wallet="promo")
    first = shop.get("/v1/users/times/points/records?limit=1").json()["data"][0]["at"]
    shop.done("times", "redemptions", points=60, reason="x")
    shop.done("times", "accruals", points=20, pending={"days": 3})

    def at(when: str) -> dict[str, Any]:
        answer = shop.get("/v1/users/times/points", params={"as_of": when})
        assert answer.status_code == 200, answer.text
        return answer.json()

    then = at(first)
    assert then["wallets"]["main"]["available"] == 100 and then["wallets"]["promo"]["available"] == 7
    assert (then["lots"], then["next_expiry"], then["tier"], then["at"]) == (None, None, None, first)
    assert at("2001-01-01T00:00:00Z")["available"] == 0
    soon = at((datetime.now(UTC) + timedelta(days=5)).isoformat())
    assert (soon["available"], soon["pending"], soon["wallets"]["promo"]["available"]) == (60, 0, 0)
    assert at("2100-01-01T00:00:00+08:00")["available"] == 0


def test_a_past_too_many_lines_ago_is_refused_with_the_limit(shop: HttpWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "LINES_BACK_MAX", 2)
    for _ in range(3):
        shop.done("old", "accruals", points=1)
    answer = shop.get("/v1/users/old/points?as_of=2001-01-01T00:00:00Z")
    assert "more than 2" in is_problem(answer, 422, "too_far_back")["detail"]


@pytest.mark.parametrize("when", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "1969-01-01T00:00:00Z", ""])
def test_a_moment_that_is_none_is_refused(shop: HttpWorld, when: str) -> None:
    is_problem(shop.get("/v1/users/u/points", params={"as_of": when}), 400, "invalid_parameter")


def test_lots_say_where_they_came_from_page_by_page(shop: HttpWorld) -> None:
    shop.done("lots", "accruals", order=ORDER)
    shop.done("lots", "accruals", points=7, wallet="promo", reason="survey")
    shop.done("lots", "accruals", points=5, expires_at="2100-01-01T00:00:00Z")
    found: list[dict[str, Any]] = []
    query = "?limit=1"
    for _ in range(3):
        page = shop.get(f"/v1/users/lots/points/lots{query}").json()
        found += page["data"]
        query = f"?limit=1&cursor={page['next_cursor']}"
    assert page["has_more"] is False and page["next_cursor"] is None
    assert [(lot["wallet"], lot["points"], lot["reason"], lot["order_id"]) for lot in found] == [
        ("main", EARNS, "purchase", "A-1"), ("main", 5, "purchase", None), ("promo", 7, "survey", None),
    ]  # fmt: skip
    assert found[0]["programme"] and found[0]["items"][0] == {"product": "p1", "points": 400, "rules": ["base", "tea"]}
    assert found[0]["origin"].count(".") == 2 and found[1]["expires_at"] == "2100-01-01T00:00:00.000Z"
    is_problem(shop.get("/v1/users/lots/points/lots?cursor=x"), 400, "invalid_parameter")


def test_the_timeline_says_what_will_happen_soonest_first(shop: HttpWorld) -> None:
    shop.done("line", "accruals", points=5_000)
    shop.done("line", "accruals", points=20, pending={"days": 2})
    shop.done("line", "accruals", points=7, wallet="promo")
    shop.done("line", "reservations", points=10, reservation_id="r", ttl_s=600)
    lines = shop.get("/v1/users/line/points/timeline").json()["data"]
    assert [(line["what"], line["points"], line["wallet"], line["name"]) for line in lines][:3] == [
        ("release", 10, "main", "r"), ("activation", 20, "main", ""), ("expiry", 7, "promo", ""),
    ]  # fmt: skip
    assert {line["what"] for line in lines[3:]} == {"expiry", "tier_check"}
    assert sum(line["points"] for line in lines if line["what"] == "expiry") == 5_027
    page = shop.get("/v1/users/line/points/timeline?limit=1").json()
    assert page["has_more"] and page["data"] == lines[:1]
    assert shop.get(f"/v1/users/line/points/timeline?cursor={page['next_cursor']}").json()["data"] == lines[1:]


def test_a_tier_says_what_is_missing_and_when_it_is_lost(shop: HttpWorld) -> None:
    shop.done("tier", "accruals", points=10)
    found = shop.get("/v1/users/tier/tier").json()
    assert (found["level"], found["by"], found["sum"], found["next"], found["missing"]) == (
        "all", "points", 10, "gold", 4_990,
    )  # fmt: skip
    assert found["drops_at"] is None
    shop.done("tier", "accruals", points=5_000)
    found = shop.get("/v1/users/tier/tier").json()
    assert (found["level"], found["next"], found["missing"]) == ("gold", None, 0) and found["drops_at"]


@pytest.mark.parametrize("what", ["points", "points/records", "points/lots", "points/timeline", "tier", "export"])
def test_an_unknown_user_is_not_found(shop: HttpWorld, what: str) -> None:
    is_problem(shop.get(f"/v1/users/stranger/{what}"), 404, "unknown_user")


def test_records_show_what_moved_in_which_wallet_and_why(shop: HttpWorld) -> None:
    shop.done("rec", "accruals", order=ORDER)
    shop.done("rec", "reservations", points=10, reservation_id="r")
    held, earned = shop.get("/v1/users/rec/points/records").json()["data"]
    assert (held["change"], held["reservation_id"], held["wallet"]) == ("reserve", "r", "main")
    assert held["moves"] == {"available": -10, "reserved": 10}
    assert earned["moves"] == {"issued": EARNS, "available": EARNS}
    assert earned["items"][1] == {"product": "p2", "points": 50, "rules": ["base"]}
    assert earned["lots"][0]["points"] == EARNS and "reservation_id" not in earned


def test_a_programme_judges_what_is_accepted_after_its_200(tmp_path: Any) -> None:
    order = {"order_id": "o", "currency": "CNY", "amount": 10_000}
    with http_world(tmp_path) as shop:
        for rate in (1, 3, 5):
            version = shop.put_programme(earn={"rate": str(rate)})
            for user in "abcdefgh":
                result = shop.done(user, "accruals", order={**order, "order_id": f"o{rate}"})
                assert (result["points"], result["programme"]) == (100 * rate, version)


def wait(true: Any) -> None:
    """Until something that takes time has come about."""
    end = datetime.now(UTC) + timedelta(seconds=30)
    while not true():
        assert datetime.now(UTC) < end
