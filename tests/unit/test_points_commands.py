"""What the points domain answers to its commands, whichever door they come by."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.points.messages import RequestAnswered
from actors.points.programme import Programme, parse
from actors.points.records import ItemLine
from actors.points.state import NEVER
from supervision.outputs import Emit
from tests.points_world import DAY_MS, PointsWorld, knock

ORDER: dict[str, Any] = {
    "order_id": "A", "currency": "CNY", "amount": 30_000,
    "items": [
        {"product_id": "tea", "category": "food", "quantity": 2, "unit_price": 10_000},
        {"product_id": "cup", "quantity": 1, "amount": "100.00"},
    ],
}  # fmt: skip


def programme(**rules: Any) -> Programme:
    parsed = parse(msgspec.json.encode(rules))
    assert isinstance(parsed, Programme), parsed
    return parsed


def test_an_order_earns_by_the_rules_and_says_what_each_item_earned() -> None:
    world = PointsWorld(programme(earn={"rate": "1", "multipliers": [
        {"id": "double", "factor": "2", "when": {"categories": ["food"]}}
    ]}))  # fmt: skip
    answer = world.ask("points_accrue", order=ORDER)
    assert answer.ok and (answer.result["points"], answer.result["balance"]) == (500, 500)
    [line] = world.lines["user:123456"]
    assert line.items == (ItemLine("tea", 400, ("base", "double")), ItemLine("cup", 100, ("base",)))
    world.check()


def test_a_partial_refund_takes_back_exactly_what_those_goods_earned() -> None:
    world = PointsWorld()
    world.ask("points_accrue", order=ORDER)
    answer = world.ask("points_reverse", order_id="A", items=[{"product_id": "tea", "quantity": 1}])
    assert answer.ok and (answer.result["points"], answer.result["balance"]) == (100, 200)
    answer = world.ask("points_reverse", order_id="A")
    assert (answer.result["points"], answer.result["balance"]) == (200, 0)
    assert world.ask("points_reverse", order_id="A").code == "nothing_to_reverse"
    world.check()


def test_an_order_that_comes_again_under_another_id_earns_nothing_and_says_so() -> None:
    world = PointsWorld()
    world.ask("points_accrue", order=ORDER)
    again = world.ask("points_accrue", order=ORDER, event_id="other")
    assert (again.ok, again.code, world.balance()) == (False, "already_accepted", 300)
    other = world.ask("points_accrue", order={**ORDER, "amount": 40_000})
    assert (other.code, world.balance()) == ("order_conflict", 300)


def test_a_refund_that_comes_before_its_order_waits_for_it() -> None:
    world = PointsWorld()
    answer = world.ask("points_reverse", order_id="A", amount=15_000)
    assert answer.ok and answer.result["waiting"]
    world.ask("points_accrue", order=ORDER)
    assert world.balance() == 150
    world.check()


def test_a_refund_whose_order_never_comes_is_refused_in_the_end() -> None:
    world = PointsWorld()
    world.ask("points_reverse", order_id="A")
    world.advance(world.at + 8 * DAY_MS)
    [(_, kind, refused)] = world.effects
    assert (kind, refused.code, refused.order_id) == ("points.refused", "order_unknown", "A")


def test_a_refund_that_waited_is_carried_out_once_however_often_it_was_sent() -> None:
    world = PointsWorld()
    for _ in range(2):
        world.ask("points_reverse", order_id="A", amount=15_000, refund_id="f1")
    world.ask("points_accrue", order=ORDER)
    assert world.balance() == 150
    world.check()


def test_who_brings_a_refund_to_its_end_is_answered_for_himself_alone() -> None:
    world = PointsWorld()
    world.ask("points_reverse", order_id="A", items=[{"product_id": "shoe"}])
    assert world.ask("points_accrue", order=ORDER).result["points"] == 300
    world.ask("points_reverse", order_id="B")
    world.at += 8 * DAY_MS
    assert world.ask("points_redeem", points=1, reason="game").result["points"] == 1
    refused = [body.code for _, kind, body in world.effects if kind == "points.refused"]
    assert refused == ["unknown_item", "order_unknown"]


@pytest.mark.parametrize("kind", ["order_cancelled", "points_reverse"])
def test_an_order_that_was_undone_before_it_came_makes_nobody_gold(kind: str) -> None:
    world = PointsWorld(programme(tiers={"levels": [{"id": "gold", "at": 300}], "window": "month"}))
    world.say({"event_type": kind, "user_id": "123456", "order_id": "A"})
    world.ask("points_accrue", order=ORDER)
    world.say({"event_type": kind, "user_id": "123456", "order_id": "B"})
    world.send(points=300, order_id="B")
    assert world.kinds() == ["points.earned", "points.reversed"] * 2
    world.ask("points_accrue", points=299)
    assert "tier.upgraded" not in world.kinds()
    world.ask("points_accrue", points=1)
    assert world.kinds()[-1] == "tier.upgraded"


def test_a_refund_that_waited_in_vain_is_no_answer_to_what_made_it_fail() -> None:
    world = PointsWorld()
    world.ask("points_reverse", order_id="A", amount=40_000)
    assert world.ask("points_accrue", order=ORDER).ok
    world.ask("points_reverse", order_id="B")
    world.at += 8 * DAY_MS  # the timer is late, a purchase finds out
    assert world.ask("points_accrue", points=1).ok
    refused = [(body.order_id, body.code) for _, kind, body in world.effects if kind == "points.refused"]
    assert refused == [("A", "exceeds_order"), ("B", "order_unknown")]


def test_a_refund_that_was_sent_twice_before_its_order_is_carried_out_once() -> None:
    world = PointsWorld()
    world.ask("points_reverse", order_id="A", amount=10_000, refund_id="r1")
    world.ask("points_reverse", order_id="A", amount=10_000, refund_id="r1", event_id="other")
    world.ask("points_accrue", order=ORDER)
    assert world.balance() == 200
    world.check()


def test_points_of_an_order_wait_for_its_completion_and_vanish_when_it_is_cancelled() -> None:
    world = PointsWorld(programme(pending={"until": "order_completed"}))
    assert world.ask("points_accrue", order=ORDER).result["pending"] == 300
    world.ask("points_accrue", order={**ORDER, "order_id": "B"})
    assert world.balance() == 0
    world.say({"event_type": "order_completed", "user_id": "123456", "order_id": "A"})
    world.say({"event_type": "order_cancelled", "user_id": "123456", "order_id": "B"})
    world.say({"event_type": "order_completed", "user_id": "123456", "order_id": "B"})
    assert world.balance() == 300
    assert world.kinds() == ["points.pending", "points.pending", "points.activated", "points.reversed"]
    world.check()


def test_an_order_completed_before_its_points_came_does_not_wait() -> None:
    world = PointsWorld(programme(pending={"until": "order_completed"}))
    world.say({"event_type": "order_completed", "user_id": "123456", "order_id": "A"})
    world.ask("points_accrue", order=ORDER)
    assert world.balance() == 300


def test_pending_points_become_active_by_themselves() -> None:
    world = PointsWorld()
    world.ask("points_accrue", points=100, pending={"days": 14})
    world.advance(world.at + 14 * DAY_MS - 1)
    assert world.balance() == 0
    world.advance(world.at + 1)
    assert world.balance() == 100
    world.check()


def test_a_reservation_is_confirmed_in_part_and_the_rest_is_free_again() -> None:
    world = PointsWorld()
    world.send()
    held = world.ask("points_reserve", points=80, ttl_s=60)
    assert held.result["balance"] == 20
    answer = world.ask("points_confirm", reservation_id=held.result["reservation_id"], points=50)
    assert (answer.result["points"], answer.result["released"], answer.result["balance"]) == (50, 30, 50)
    again = world.ask("points_confirm", reservation_id=held.result["reservation_id"])
    assert again.code == "reservation_closed"
    world.check()


def test_a_confirm_after_the_reservation_expired_is_refused_with_reason() -> None:
    world = PointsWorld()
    world.send()
    world.ask("points_reserve", points=80, ttl_s=60, reservation_id="r1")
    world.advance(world.at + 60_000)
    assert world.balance() == 100
    assert world.ask("points_confirm", reservation_id="r1").code == "reservation_expired"
    assert world.ask("points_confirm", reservation_id="r2").code == "unknown_reservation"
    assert world.ask("points_reserve", points=1, reservation_id="r1").code == "reservation_exists"
    world.check()


def test_points_held_do_not_expire_and_what_would_have_goes_at_release() -> None:
    world = PointsWorld(programme(expiry={"kind": "days", "n": 1}, reminder_days=0))
    world.send()
    world.ask("points_reserve", points=60, ttl_s=5 * 24 * 3600, reservation_id="r1")
    world.advance(world.at + 3 * DAY_MS)
    assert (world.balance(), world.account().main.books.expired) == (0, 40)
    world.ask("points_cancel", reservation_id="r1")
    assert (world.balance(), world.account().main.books.expired) == (0, 100)
    world.check()


def test_points_spent_on_a_refunded_order_come_back() -> None:
    world = PointsWorld()
    world.send()
    world.ask("points_reserve", points=80, reservation_id="r1", order_id="A")
    world.ask("points_confirm", reservation_id="r1")
    world.ask("points_accrue", order=ORDER)
    answer = world.ask("points_reverse", order_id="A", amount=15_000)
    assert (answer.result["points"], answer.result["returned"], world.balance()) == (150, 40, 20 + 150 + 40)
    world.check()


@pytest.mark.parametrize(
    ("policy", "balance", "debt", "waived"),
    [("only_pending", 100, 0, 300), ("within_balance", 0, 0, 200), ("allow_negative", 0, 200, 0)],
)
def test_a_refund_of_spent_points_goes_by_the_policy(policy: str, balance: int, debt: int, waived: int) -> None:
    world = PointsWorld(programme(refund={"policy": policy}))
    world.ask("points_accrue", order=ORDER)
    world.ask("points_redeem", points=300, reason="game")
    world.ask("points_accrue", points=100)
    world.ask("points_reverse", order_id="A")
    main = world.account().main
    assert (world.balance(), main.debt, main.books.written_off) == (balance, debt, waived)
    world.send(points=500)
    assert world.balance() == balance + 500 - debt
    world.check()


def test_a_gift_moves_points_with_their_expiry_and_both_hear_of_it() -> None:
    world = PointsWorld()
    world.send()
    expires = world.account().main.lots[0].expires
    answer = world.ask("points_gift", to="9", points=30)
    assert (answer.ok, world.balance(), world.balance("9")) == (True, 70, 30)
    assert world.account("9").main.lots[0].expires == expires
    assert (world.kinds()[-1], world.kinds("9")) == ("points.gifted", ["points.earned"])
    world.check()


def test_gifts_have_daily_limits() -> None:
    world = PointsWorld(programme(gifts={"per_day": 1, "points_per_day": 50}))
    world.send()
    assert world.ask("points_gift", to="9", points=60).code == "gift_limit"
    assert world.ask("points_gift", to="9", points=10).ok
    assert world.ask("points_gift", to="9", points=10).code == "gift_limit"
    world.at += DAY_MS
    assert world.ask("points_gift", to="9", points=10).ok


def test_an_operator_gives_and_takes_with_a_note() -> None:
    world = PointsWorld()
    assert world.ask("points_adjust", points=50, note="sorry").result["balance"] == 50
    assert world.ask("points_adjust", points=-60, note="oops").code == "insufficient_points"
    assert world.ask("points_adjust", points=-20, note="oops").result["balance"] == 30
    assert [line.note for line in world.lines["user:123456"]] == ["sorry", "oops"]
    world.check()


def test_signing_in_pays_once_a_day_and_more_for_seven_in_a_row() -> None:
    world = PointsWorld(programme(sign_in={"points": 5, "streak": {"7": 20}}))
    for _ in range(7):
        world.say({"event_type": "sign_in", "user_id": "123456"})
        world.say({"event_type": "sign_in", "user_id": "123456"})
        world.at += DAY_MS
    assert world.balance() == 7 * 5 + 20
    world.check()


def test_who_signs_in_or_is_given_points_is_told_how_many_a_cap_let_come() -> None:
    caps = [{"id": "few", "points": 8, "per": "day", "reasons": ["sign_in", "adjustment"]}]
    world = PointsWorld(programme(sign_in={"points": 5}, caps=caps))
    assert world.ask("points_adjust", points=4, note="x").result["points"] == 4
    answer = world.ask("sign_in")
    assert (answer.result["points"], answer.result["balance"]) == (4, 8)


def test_the_day_of_a_sign_in_is_that_of_the_users_zone() -> None:
    world = PointsWorld(programme(sign_in={"points": 5}))
    world.say({
        "event_type": "user_profile_update", "user_id": "123456", "profile_changes": {"zone": "Asia/Shanghai"}
    })  # fmt: skip
    world.say({"event_type": "sign_in", "user_id": "123456"})
    world.at += 2 * 3_600_000  # 00:30 in Shanghai, still the same day in UTC
    world.say({"event_type": "sign_in", "user_id": "123456"})
    assert world.balance() == 10


def test_a_cap_cuts_what_exceeds_it_and_says_so() -> None:
    world = PointsWorld(programme(caps=[{"id": "daily", "points": 250, "per": "day"}]))
    world.ask("points_accrue", order=ORDER)
    [(_, kind, earned)] = world.effects
    assert (kind, earned.points, [(cut.cap, cut.points) for cut in earned.cut]) == (
        "points.earned",
        250,
        [("daily", 50)],
    )
    assert world.ask("points_accrue", points=10).code == "cap_reached"
    world.at += DAY_MS
    assert world.ask("points_accrue", points=10).ok
    assert world.ask("points_accrue", points=300, order_id="B").result["points"] == 240
    assert world.ask("points_accrue", points=300, order_id="B").code == "already_accepted"
    world.ask("points_reverse", order_id="B")
    answer = world.ask("points_reverse", order_id="A")
    assert (answer.result["points"], world.balance()) == (250, 10)
    world.check()


def test_an_order_beyond_a_cap_earns_nothing_and_is_taken_note_of() -> None:
    world = PointsWorld(programme(
        caps=[{"id": "daily", "points": 10, "per": "day"}],
        tiers={"levels": [{"id": "gold", "at": 30_000}], "by": "money"},
    ))  # fmt: skip
    world.ask("points_accrue", points=10)
    answer = world.ask("points_accrue", order=ORDER)
    assert (answer.ok, answer.result["points"]) == (True, 0)
    assert world.kinds() == ["points.earned", "points.refused", "tier.upgraded"]
    assert world.ask("points_reverse", order_id="A").ok
    world.check()


def test_a_tier_is_reached_at_once_and_lost_with_the_order_that_made_it() -> None:
    world = PointsWorld(programme(tiers={"levels": [{"id": "gold", "at": 300}], "window": "days", "n": 30}))
    world.ask("points_accrue", order=ORDER)
    assert world.kinds() == ["points.earned", "tier.upgraded"]
    world.ask("points_reverse", order_id="A")
    assert world.kinds()[2:] == ["points.reversed", "tier.dropped"]
    answer = world.ask("tier_grant", level="gold")
    assert answer.result["level"] == "gold"
    assert world.ask("tier_grant", level="lead").code == "unknown_level"
    world.check()


def test_wallets_are_apart_and_may_be_for_some_uses_only() -> None:
    world = PointsWorld(
        programme(wallets={"promo": {"expiry": {"kind": "never"}, "uses": ["game"], "reasons": ["campaign"]}})
    )
    world.ask("points_accrue", points=40, reason="campaign")
    world.ask("points_accrue", points=100)
    assert (world.balance(), world.balance(wallet="promo")) == (100, 40)
    assert world.account().wallets["promo"].lots[0].expires == NEVER
    assert world.ask("points_redeem", points=10, reason="tea", wallet="promo").code == "wallet_use"
    assert world.ask("points_redeem", points=10, reason="game", wallet="promo").result["balance"] == 30
    assert world.ask("points_redeem", points=10, reason="game", wallet="gold").code == "unknown_wallet"
    assert world.ask("points_redeem", points=99, reason="game", wallet="promo").code == "insufficient_points"
    assert (world.effects[-1][2].balance, world.effects[-1][2].wallet) == (30, "promo")
    world.check()


def test_a_wallet_for_some_uses_only_is_so_whichever_way_its_points_would_go() -> None:
    world = PointsWorld(programme(wallets={"main": {"uses": ["game"]}, "promo": {"uses": ["reserve"]}}))
    world.send()
    world.ask("points_accrue", points=40, wallet="promo")
    assert world.ask("points_reserve", points=10).code == "wallet_use"
    assert world.ask("points_gift", to="9", points=10).code == "wallet_use"
    [(_, refused)] = world.told(world.send(change="decrease", points=10, reason="tea"))
    assert (refused.code, refused.detail) == ("wallet_use", "points of the wallet main are for game")
    assert world.told(world.send(change="decrease", points=10, reason="game"))[0][0] == "points.spent"
    assert world.ask("points_reserve", points=10, wallet="promo").ok
    assert world.ask("points_adjust", points=-10, note="an operator may").ok
    world.check()


def test_sliding_points_live_as_long_as_their_owner_comes() -> None:
    world = PointsWorld(programme(expiry={"kind": "sliding", "n": 10}, reminder_days=2))
    world.send()
    for _ in range(5):
        world.advance(world.at + 7 * DAY_MS)
        world.ask("points_redeem", points=1, reason="game")
    assert world.balance() == 95
    world.advance(world.at + 11 * DAY_MS)
    assert world.balance() == 0
    assert world.kinds()[-2:] == ["points.expiring", "points.expired"]
    world.check()


def test_sliding_points_given_to_who_was_never_here_live_their_days() -> None:
    world = PointsWorld(programme(expiry={"kind": "sliding", "n": 10}, reminder_days=0))
    world.ask("points_accrue", points=100)
    world.ask("points_gift", to="9", points=30)
    world.ask("points_adjust", "8", points=20, note="welcome")
    world.send(reason="referral", points=40, metadata={"referrer_id": "7"})
    assert [world.balance(user) for user in "987"] == [30, 20, 40]
    world.advance(world.at + 10 * DAY_MS)
    assert [world.balance(user) for user in "987"] == [30, 20, 40]
    world.advance(world.at + DAY_MS)
    assert [world.balance(user) for user in "987"] == [0, 0, 0]
    world.check()


def test_a_jump_and_a_debt_raise_their_alarms() -> None:
    world = PointsWorld(programme(alarms={"jump_points": 250, "debt_points": 100}, refund={"policy": "allow_negative"}))
    world.ask("points_accrue", order=ORDER)
    world.ask("points_redeem", points=300, reason="game")
    world.ask("points_reverse", order_id="A")
    alarms = [(body.alarm, body.value, body.limit) for _, kind, body in world.effects if kind == "engine.alarm"]
    assert alarms == [("points_jump", 300, 250), ("debt_over_limit", 300, 100)]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"event_type": "points_accrue", "points": 5}, ""),
        ({"event_type": "points_accrue", "points": 5, "wallet": "nobodys"}, "unknown_wallet"),
        ({"event_type": "points_accrue", "points": 5, "reason": "capped"}, ""),
        ({"event_type": "points_accrue", "points": 5, "reason": "capped"}, "cap_reached"),
        ({"event_type": "tier_grant", "level": "nobodys"}, "unknown_level"),
    ],
)
def test_who_names_his_request_hears_within_what_came_of_it(fields: dict[str, Any], code: str) -> None:
    world = PointsWorld(programme(caps=[{"id": "c", "per": "day", "points": 5, "reasons": ["capped"]}]))
    for reference in ("c.1.steps[0]", "c.2.steps[0]") if code == "cap_reached" else ("c.1.steps[0]",):
        said = world.say({"user_id": "1", "campaign_action": reference, **fields})
    within = [out.body for out in said if isinstance(out, Emit) and not out.route]
    assert within == [RequestAnswered(reference, code)]
    assert not [out for out in world.say({"user_id": "1", **fields}) if isinstance(out, Emit) and not out.route]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"event_type": "points_accrue"}, "points"),
        ({"event_type": "points_accrue", "points": 1, "order": ORDER}, "points"),
        ({"event_type": "points_accrue", "points": 0}, "points"),
        ({"event_type": "points_accrue", "order": {**ORDER, "amount": 1.5}}, "order.amount"),
        ({"event_type": "points_accrue", "points": 1, "pending": {"days": 1, "on": "order_completed"}}, "pending"),
        ({"event_type": "points_accrue", "points": 1, "pending": {"on": "order_completed"}}, "order_id"),
        ({"event_type": "points_redeem", "points": 1}, "reason"),
        ({"event_type": "points_reserve", "points": 1, "ttl_s": 0}, "ttl_s"),
        ({"event_type": "points_confirm"}, "reservation_id"),
        ({"event_type": "points_reverse", "order_id": "A", "amount": 1, "items": []}, "amount"),
        ({"event_type": "points_reverse", "order_id": "A", "amount": "1.00"}, "currency"),
        ({"event_type": "points_gift", "to": "1", "points": 1}, "to"),
        ({"event_type": "points_adjust", "points": 0, "note": "x"}, "points"),
        ({"event_type": "sign_in", "timestamp": "yesterday"}, "timestamp"),
    ],
)
def test_bad_input_is_refused_at_the_door_with_its_field(fields: dict[str, Any], field: str) -> None:
    refusal = knock({"user_id": "1", **fields})
    assert getattr(refusal, "field", None) == field, refusal
