"""A user's way through campaigns: who enters, what is done, what ends it, and what is written down of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from actors.campaign.directory import VERSIONS_MAX
from actors.campaign.entering import kept_out
from actors.campaign.state import WHY_LAST_MAX
from actors.notification.messages import SendNotification
from actors.points.messages import ANSWERED as POINTS_ANSWERED
from actors.webhook.messages import RequestWebhook
from tests.campaign_user import User, kinds

NEVER = {"type": "tier", "op": "=", "value": "nobody's"}
REMIND = {"type": "send_notification", "channel": "sms", "template": "cart_remind_sms"}
COUPON = {"type": "issue_coupon", "template": "cart_save_10"}
HALF_AN_HOUR = {"type": "wait", "seconds": 1_800}
BOUGHT = {"type": "after_trigger", "event": "purchase_complete"}
ABANDONED: dict[str, Any] = {
    "trigger": {"type": "cart_idle", "seconds": 3_600, "min_value": 10_000},
    "steps": [REMIND, HALF_AN_HOUR, COUPON],
    "exit": BOUGHT,
}
VIEWED: dict[str, Any] = {
    "trigger": {
        "type": "event",
        "event": "product_view",
        "where": [{"field": "view_duration", "op": ">", "value": 30}],
    },
    "steps": [COUPON],
}
GIFT: dict[str, Any] = {
    "trigger": {"type": "event", "event": "purchase_complete"},
    "when": {"type": "event", "field": "order_value", "op": ">=", "value": 50_000},
    "steps": [{"type": "emit", "effect": "gift"}],
}
VIP: dict[str, Any] = {
    "trigger": {"type": "change"},
    "when": {
        "type": "all",
        "of": [
            {"type": "tier", "op": "=", "value": "silver"},
            {
                "type": "sum", "event": "purchase_complete", "field": "order_value", "net": True,
                "within": {"days": 30}, "op": ">=", "value": 100_000,
            },
        ],
    },
    "steps": [{"type": "upgrade_tier", "level": "gold"}],
}  # fmt: skip


def test_who_leaves_a_full_cart_is_reminded_after_an_hour_and_gets_the_coupon_half_an_hour_later() -> None:
    ann = User()
    ann.campaign("CART", **ABANDONED)
    ann.cart(29_900, "p1")
    assert ann.waits(3_599) == []
    reminded = ann.waits(1)
    assert kinds(reminded) == ["campaign.entered", "notify.requested"]
    asked = reminded[1].body
    assert isinstance(asked, SendNotification) and asked.template == "cart_remind_sms" and asked.unless.bought
    assert kinds(ann.waits(1_800)) == ["coupon.issue", "campaign.exited"]
    assert ann.outcomes() == ["entered", "acted", "acted", "finished"]
    assert not ann.member.runs and not ann.timers


def test_who_buys_after_the_reminder_gets_no_coupon_and_the_record_says_why() -> None:
    ann = User()
    ann.campaign("CART", **ABANDONED)
    ann.cart(29_900, "p1")
    ann.waits(3_600)
    ann.does("purchase_complete", order_id="A-1", order_value=299)
    assert kinds(ann.waits(1_800)) == ["campaign.exited"]
    assert ann.lines[-1].outcome == "exited"
    conditions = ann.lines[-1].conditions
    assert not isinstance(conditions, UnsetType)
    (seen,) = conditions
    assert seen.path == "exit" and seen.met


def test_a_cart_that_is_touched_again_waits_anew_and_one_that_is_emptied_not_at_all() -> None:
    ann = User()
    ann.campaign("CART", **ABANDONED)
    ann.cart(29_900, "p1")
    ann.waits(3_000)
    ann.cart(39_900, "p1", "p2")
    assert ann.waits(3_000) == []
    ann.cart(0)
    assert ann.waits(10_000) == [] and not ann.timers


def test_a_cart_below_the_least_value_reminds_nobody() -> None:
    ann = User()
    ann.campaign("CART", **ABANDONED)
    ann.cart(9_999, "p1")
    assert ann.waits(10_000) == []


def test_a_view_longer_than_thirty_seconds_brings_a_coupon_and_a_shorter_one_does_not() -> None:
    ann = User()
    ann.campaign("VIEW", **VIEWED)
    assert ann.does("product_view", product_id="p1", view_duration=30) == []
    assert kinds(ann.does("product_view", product_id="p1", view_duration=45)) == [
        "campaign.entered", "coupon.issue", "campaign.exited"
    ]  # fmt: skip


def test_an_order_that_is_large_enough_brings_a_gift_and_another_is_told_why_not() -> None:
    ann = User()
    ann.campaign("GIFT", **GIFT)
    assert ann.does("purchase_complete", order_id="A-1", order_value=499.99) == []
    assert ann.last("GIFT") == ("not_entered", "when")
    assert (ann.member.last["GIFT"].path, ann.member.last["GIFT"].saw) == ("when", 49_999)
    (_, gift, _) = ann.does("purchase_complete", order_id="A-2", order_value=500)
    assert gift.route == "campaign.effect.gift"


def test_two_events_that_race_to_a_level_bring_it_once() -> None:
    ann = User()
    ann.campaign("VIP", **VIP)
    ann.hears("tier.upgraded", level="silver", before="")
    assert ann.does("purchase_complete", order_id="A-1", order_value=999) == []
    assert kinds(ann.does("purchase_complete", order_id="A-2", order_value=1)) == [
        "campaign.entered", "tier.grant", "campaign.exited"
    ]  # fmt: skip
    assert ann.does("purchase_complete", order_id="A-3", order_value=1) == []


def test_a_refund_takes_its_order_out_of_the_sum() -> None:
    ann = User()
    ann.campaign("VIP", **VIP)
    ann.hears("tier.upgraded", level="silver", before="")
    ann.does("purchase_complete", order_id="A-1", order_value=999)
    ann.does("order_refunded", order_id="A-1", order_value=500)
    assert ann.does("purchase_complete", order_id="A-2", order_value=500) == []
    assert kinds(ann.does("purchase_complete", order_id="A-3", order_value=1))[1] == "tier.grant"


def test_an_order_that_is_told_again_is_counted_once_and_not_again_when_it_was_cancelled() -> None:
    ann = User()
    orders = {"type": "count", "event": "purchase_complete", "net": True, "op": ">=", "value": 1}
    for id, number in (("ONE", 1), ("TWO", 2)):
        ann.campaign(
            id, trigger={"type": "event", "event": "favorite"}, when={**orders, "value": number}, steps=[REMIND]
        )
    for _ in range(2):
        ann.does("purchase_complete", order_id="A-1", order_value=5)
    ann.does("favorite")
    assert ann.outcomes("ONE") and not ann.outcomes("TWO")
    ann.does("order_cancelled", order_id="A-1")
    ann.does("purchase_complete", order_id="A-1", order_value=5)
    ann.does("order_refunded", order_id="A-1", order_value=5)
    assert ann.does("favorite") == []


def test_a_limit_lets_so_many_in_and_says_when_there_is_room_again() -> None:
    ann = User()
    ann.campaign("VIEW", **VIEWED, limits=[{"window": {"seconds": 3_600}, "count": 1}])
    assert ann.does("product_view", product_id="p1", view_duration=45)
    ann.waits(3_599)
    assert ann.does("product_view", product_id="p1", view_duration=45) == []
    assert ann.last("VIEW") == ("capped", "campaign:VIEW until 2026-09-21T15:13:20.000Z")
    ann.waits(1)
    assert ann.does("product_view", product_id="p1", view_duration=45)


def test_a_run_that_ends_before_it_did_anything_gives_its_slot_back() -> None:
    ann = User()
    steps = [{"type": "wait", "seconds": 60}, COUPON]
    ann.campaign("VIEW", **{**VIEWED, "steps": steps}, exit=BOUGHT, limits=[{"count": 1}])
    ann.does("product_view", product_id="p1", view_duration=45)
    ann.does("purchase_complete", order_id="A-1", order_value=1)
    assert kinds(ann.waits(60)) == ["campaign.exited"]
    ann.does("product_view", product_id="p1", view_duration=45)
    assert kinds(ann.waits(60)) == ["coupon.issue", "campaign.exited"]


def test_of_those_who_are_kept_out_it_is_written_down_once() -> None:
    ann = User()
    half = Fraction(1, 2)
    out, within = (next(f"C{n}" for n in range(99) if kept_out(f"C{n}", "ann", half) == out) for out in (True, False))
    for id in (out, within):
        ann.campaign(id, **VIEWED, holdout_percent="50")
    for _ in range(3):
        ann.does("product_view", product_id="p1", view_duration=45)
    assert ann.outcomes(out) == ["holdout"]
    assert ann.outcomes(within)[0] == "entered"


def test_who_is_kept_out_is_written_down_once_however_many_campaigns_there_are_and_whatever_is_stopped() -> None:
    ann = User()
    for n in range(WHY_LAST_MAX + 8):
        ann.campaign(f"C{n:02}", **VIEWED, when=NEVER, holdout_percent="50")
    for stopped in ((), ("all",), ()):
        ann.stop(*stopped)
        ann.does("product_view", product_id="p1", view_duration=45)
    kept = [line.campaign for line in ann.lines if line.outcome == "holdout"]
    assert len(kept) == len(set(kept)) > 10
    assert ann.totals.campaigns[kept[0]].holdout == 1
    assert ann.last(f"C{WHY_LAST_MAX + 7:02}")[0] in ("not_entered", "holdout")


def test_the_share_that_is_kept_out_is_as_large_as_asked_and_another_for_each_campaign() -> None:
    users = [f"user-{n}" for n in range(2_000)]
    tenth = [{user for user in users if kept_out(id, user, Fraction(1, 10))} for id in ("A", "B")]
    assert all(150 < len(out) < 250 for out in tenth)
    assert len(tenth[0] & tenth[1]) < 50


def test_a_refusal_leads_to_another_branch() -> None:
    ann = User()
    instead = {"then": [{"type": "give_points", "points": 100}], "codes": ["sold_out"]}
    ann.campaign("VIEW", **{**VIEWED, "steps": [{**COUPON, "on_refused": [instead]}]})
    (_, issue) = ann.does("product_view", product_id="p1", view_duration=45)
    reference = issue.body.activity_id  # type: ignore[attr-defined]
    assert ann.hears("coupon.refused", activity_id="other", code="sold_out", template="cart_save_10") == []
    answered = ann.hears("coupon.refused", activity_id=reference, code="sold_out", template="cart_save_10")
    assert kinds(answered) == ["points.accrue", "campaign.exited"]
    assert ann.outcomes() == ["entered", "acted", "refused", "acted", "finished"]


@pytest.mark.parametrize("step", [{"type": "give_points", "points": 5}, {"type": "upgrade_tier", "level": "gold"}])
@pytest.mark.parametrize("code", ["", "cap_reached"])
def test_points_and_levels_are_waited_for_where_a_branch_asks_what_came_of_them(
    step: dict[str, Any], code: str
) -> None:
    ann = User()
    instead = {"then": [REMIND, {"type": "stop"}], "codes": ["cap_reached"]}
    ann.campaign("VIEW", **{**VIEWED, "steps": [{**step, "on_refused": [instead]}, COUPON]})
    (_, asked) = ann.does("product_view", product_id="p1", view_duration=45)
    assert ann.hears("points.answered", reference="OTHER.1.steps[0]", code=code) == []
    assert ann.concerned("points.answered", reference="VIEW.1.steps[0]", code=code)
    said = ann.hears("points.answered", reference=asked.body.campaign_action, code=code)  # type: ignore[attr-defined]
    assert kinds(said)[0] == ("notify.requested" if code else "coupon.issue")


def test_points_that_no_branch_asks_of_do_not_name_themselves_and_are_not_waited_for() -> None:
    ann = User()
    ann.campaign("VIEW", **{**VIEWED, "steps": [{"type": "give_points", "points": 5}, COUPON]})
    said = ann.does("product_view", product_id="p1", view_duration=45)
    assert kinds(said)[1:3] == ["points.accrue", "coupon.issue"]
    assert said[1].body.campaign_action is UNSET  # type: ignore[attr-defined]


def test_what_is_waited_for_comes_or_does_not() -> None:
    steps = [{"type": "wait_for", "event": "favorite", "seconds": 60, "then": [COUPON], "else": [REMIND]}]
    for comes, kind in ((True, "coupon.issue"), (False, "notify.requested")):
        ann = User()
        ann.campaign("VIEW", **{**VIEWED, "steps": steps})
        ann.does("product_view", product_id="p1", view_duration=45)
        said = ann.does("favorite", product_id="p1") if comes else ann.waits(60)
        assert kinds(said)[0] == kind


def test_what_comes_after_the_time_that_it_was_waited_for_did_not_come_however_late_the_timer_fires() -> None:
    for seconds, effect in ((3_600, "yes"), (3_601, "no")):
        ann = User()
        step = {
            "type": "wait_for", "event": "share", "seconds": 3_600, "then": [{"type": "emit", "effect": "yes"}],
            "else": [{"type": "emit", "effect": "no"}],
        }  # fmt: skip
        ann.campaign("ASK", trigger={"type": "event", "event": "favorite"}, steps=[step])
        ann.does("favorite")
        ann.at += seconds * 1_000  # nobody was there, and this is heard before the firing
        ann.does("share")
        ann.waits(1)
        assert [emit.body.effect for emit in ann.emits if emit.kind == "campaign.effect"] == [effect]  # type: ignore[attr-defined]


def test_who_is_under_way_finishes_on_the_old_version_or_moves_to_the_new_one() -> None:
    for under_way, kind in (("finish", "coupon.issue"), ("move", "points.accrue")):
        ann = User()
        steps: list[Any] = [{"type": "wait", "seconds": 60}, COUPON]
        ann.campaign("VIEW", **{**VIEWED, "steps": steps})
        ann.does("product_view", product_id="p1", view_duration=45)
        newer = [{"type": "wait", "seconds": 90}, {"type": "give_points", "points": 5}]
        ann.campaign("VIEW", **{**VIEWED, "steps": newer}, under_way=under_way)
        assert kinds(ann.waits(60))[0] == kind


@pytest.mark.parametrize(("newer", "reason"), [(VERSIONS_MAX - 1, "finished"), (VERSIONS_MAX, "no_such_step")])
def test_who_is_under_way_on_a_version_that_is_kept_no_more_is_through(newer: int, reason: str) -> None:
    ann = User()
    ann.campaign("VIEW", **{**VIEWED, "steps": [{"type": "wait", "seconds": 60}, COUPON]})
    ann.does("product_view", product_id="p1", view_duration=45)
    for n in range(newer):
        ann.campaign("VIEW", **{**VIEWED, "steps": [{"type": "wait", "seconds": 60 + n + 1}, COUPON]})
    ann.waits(60)
    assert ann.lines[-1].reason == reason


def test_a_paused_campaign_lets_nobody_in_and_an_archived_one_ends_those_under_way() -> None:
    ann = User()
    made = ann.campaign("VIEW", **{**VIEWED, "steps": [{"type": "wait", "seconds": 60}, COUPON]})
    ann.does("product_view", product_id="p1", view_duration=45)
    ann.status("VIEW", "paused", made)
    assert kinds(ann.waits(60)) == ["coupon.issue", "campaign.exited"]
    assert ann.does("product_view", product_id="p1", view_duration=45) == []
    ann.status("VIEW", "active", made)
    ann.does("product_view", product_id="p1", view_duration=45)
    ann.status("VIEW", "archived", made)
    assert kinds(ann.waits(60)) == ["campaign.exited"]
    assert ann.lines[-1].reason == "archived"


CART_ABANDON_001: dict[str, Any] = {
    "trigger_id": "CART_ABANDON_001",
    "trigger_name": "购物车遗弃触发",
    "conditions": {"event": "add_to_cart", "no_action_duration": 3600, "min_cart_value": 100},
    "actions": [
        {"type": "send_notification", "template": "cart_remind_sms", "delay": 0},
        {"type": "issue_coupon", "template": "cart_save_10", "delay": 1800},
    ],
    "frequency_limit": {"max_times_per_user": 1},
}
VIP_UPGRADE: dict[str, Any] = {
    "trigger_id": "VIP_UPGRADE",
    "conditions": {"and": [{"user_level": "silver"}, {"purchase_amount_30d": ">= 1000"}, {"login_days_30d": ">= 2"}]},
    "actions": [
        {"type": "upgrade_vip", "level": "gold"},
        {"type": "send_congratulation"},
        {"type": "issue_vip_coupon_pack"},
    ],
}


def test_the_seeds_abandoned_cart_is_reminded_once_and_a_buyer_is_left_alone() -> None:
    ann, bob = User(), User()
    for user in (ann, bob):
        user.seed(CART_ABANDON_001)
        user.does("add_to_cart", product_id="p1", quantity=1, price=299)
        user.cart(29_900, "p1")
        user.waits(1_800)
        user.does("product_view", product_id="p2")
        assert user.waits(3_599) == [], "looking around is doing something"
        assert kinds(user.waits(1)) == ["campaign.entered", "notify.requested"]
    bob.does("purchase_complete", order_id="A-1", order_value=299)
    bob.cart(0)
    assert kinds(ann.waits(1_800)) == ["coupon.issue", "campaign.exited"]
    assert kinds(bob.waits(1_800)) == ["campaign.exited"]
    ann.does("add_to_cart", product_id="p1", quantity=1, price=299)
    assert ann.waits(7_200) == [] and ann.last("CART_ABANDON_001")[0] == "capped"


def test_what_other_domains_say_is_nothing_that_the_user_does() -> None:
    ann = User()
    ann.seed(CART_ABANDON_001)
    ann.does("add_to_cart", product_id="p1", quantity=1, price=299)
    ann.cart(29_900, "p1")
    ann.waits(3_599)
    ann.hears("cart.abandoned", cart_no=1, value=29_900)
    ann.hears("points.expiring", points=5)
    ann.hears(POINTS_ANSWERED, reference="ANOTHER.1.steps[0]", code="")
    assert kinds(ann.waits(1)) == ["campaign.entered", "notify.requested"]


def test_what_a_page_claims_in_another_domains_words_is_not_believed() -> None:
    ann = User()
    ann.campaign("UP", trigger={"type": "event", "event": "tier.upgraded"}, steps=[COUPON])
    assert ann.does("tier.upgraded") == []
    assert kinds(ann.hears("tier.upgraded", level="gold", before=""))[0] == "campaign.entered"


def test_the_seeds_upgrade_comes_once_with_its_pack_when_the_last_of_its_conditions_holds() -> None:
    ann = User()
    ann.seed(VIP_UPGRADE)
    for template, tags in (("V1", ["vip_coupon_pack"]), ("V2", ["vip_coupon_pack", "x"]), ("T", ["x"])):
        ann.template(template, tags)
    ann.hears("tier.upgraded", level="silver", before="")
    ann.does("purchase_complete", order_id="A-1", order_value=1_000)
    ann.does("sign_in")
    assert ann.waits(86_400) == []
    said = ann.does("sign_in")
    assert kinds(said) == [
        "campaign.entered", "tier.grant", "notify.requested", "coupon.issue", "coupon.issue", "campaign.exited",
    ]  # fmt: skip
    assert [emit.body.template for emit in said if emit.kind == "coupon.issue"] == ["V1", "V2"]  # type: ignore[attr-defined]
    assert ann.does("sign_in") == []


def test_a_message_that_does_not_go_out_gives_the_slot_back_and_one_that_does_keeps_it() -> None:
    for word, again in (("message.suppressed", True), ("notify.refused", True), ("message.sent", False)):
        ann = User()
        ann.campaign("VIEW", **{**VIEWED, "steps": [REMIND]}, limits=[{"count": 1}])
        (_, asked, _) = ann.does("product_view", product_id="p1", view_duration=45)
        reference = asked.body.reference  # type: ignore[attr-defined]
        ann.hears(word, template="cart_remind_sms", channel="sms", reference=reference, reason="capped", code="x")
        assert bool(ann.does("product_view", product_id="p1", view_duration=45)) == again
        assert not ann.member.unsettled or again


@pytest.mark.parametrize(("word", "again"), [("message.suppressed", True), ("message.sent", False)])
def test_a_run_that_goes_on_after_its_message_did_not_go_out_gives_the_slot_back_at_its_end(
    word: str, again: bool
) -> None:
    ann = User()
    steps = [REMIND, {"type": "wait_for", "event": "favorite", "seconds": 60, "then": [COUPON]}]
    ann.campaign("VIEW", **{**VIEWED, "steps": steps}, limits=[{"count": 1}])
    (_, asked) = ann.does("product_view", product_id="p1", view_duration=45)
    ann.hears(word, template="cart_remind_sms", channel="sms", reference=asked.body.reference, reason="capped")  # type: ignore[attr-defined]
    assert kinds(ann.waits(60)) == ["campaign.exited"]
    assert bool(ann.does("product_view", product_id="p1", view_duration=45)) == again
    assert not ann.member.unsettled


def test_a_message_that_is_suppressed_leads_to_another_branch() -> None:
    ann = User()
    instead = {"then": [COUPON], "codes": ["no_consent"]}
    ann.campaign("VIEW", **{**VIEWED, "steps": [{**REMIND, "on_refused": [instead]}]})
    (_, asked) = ann.does("product_view", product_id="p1", view_duration=45)
    reference = asked.body.reference  # type: ignore[attr-defined]
    said = ann.hears("message.suppressed", channel="sms", reference=reference, reason="no_consent")
    assert kinds(said) == ["coupon.issue", "campaign.exited"]


def test_a_webhook_is_asked_for_by_name_and_how_it_ends_leads_to_a_branch() -> None:
    call = {"type": "webhook", "endpoint": "crm", "parameters": {"why": "view"}}
    for answer, kind in (("delivered", "coupon.issue"), ("failed", "notify.requested")):
        ann = User()
        instead = {"then": [REMIND, {"type": "stop"}], "codes": ["undelivered"]}
        ann.campaign("VIEW", **{**VIEWED, "steps": [{**call, "on_refused": [instead]}, COUPON]})
        (_, asked) = ann.does("product_view", product_id="p1", view_duration=45)
        body = asked.body
        assert isinstance(body, RequestWebhook) and asked.kind == "webhook.requested" and not asked.route
        assert (body.endpoint, body.run, body.step, body.parameters) == ("crm", 1, "steps[0]", {"why": "view"})
        assert body.reference.startswith("VIEW.1.") and body.campaign_id == "VIEW"
        assert ann.waits(24 * 3_600) == [], "it may take a day"
        assert ann.concerned(f"webhook.{answer}", campaign_id="VIEW")
        said = ann.hears(f"webhook.{answer}", reference=body.reference, campaign_id="VIEW", code="undelivered")
        assert kinds(said)[0] == kind


def test_a_webhook_without_branches_is_not_waited_for() -> None:
    ann = User()
    ann.campaign("VIEW", **{**VIEWED, "steps": [{"type": "webhook", "endpoint": "crm"}, COUPON]})
    said = ann.does("product_view", product_id="p1", view_duration=45)
    assert kinds(said)[1:3] == ["webhook.requested", "coupon.issue"]


def test_limits_of_all_messages_and_what_a_message_may_do_go_with_the_request() -> None:
    ann = User()
    step = {**REMIND, "channel": "email", "transactional": True, "valid_for_s": 60}
    limits = [{"scope": "channel:email", "window": {"days": 1}, "count": 3}, {"scope": "campaign", "count": 5}]
    ann.campaign("VIEW", **{**VIEWED, "steps": [step]}, limits=limits, priority=7)
    asked = ann.does("product_view", product_id="p1", view_duration=45)[1].body
    assert isinstance(asked, SendNotification)
    assert [(one.scope, one.count) for one in asked.limits] == [("channel:email", 3)]
    assert (asked.channel, asked.transactional, asked.valid_for_s, asked.priority) == ("email", True, 60, 7)
    assert (asked.campaign_id, asked.reference) == ("VIEW", "VIEW.1.steps[0]")


def test_what_nobody_listens_to_is_not_looked_at() -> None:
    ann = User()
    earned, issued = {"balance": 100, "points": 100}, {"template": "T", "valid_until": "2026-10-01T00:00:00Z"}
    for asks, points, coupons in (
        ({}, False, False),
        (VIEWED, False, False),
        ({**VIEWED, "when": {"type": "points", "op": ">=", "value": 1}}, True, False),
        ({**VIEWED, "when": {"type": "coupons", "op": ">=", "value": 1}}, False, True),
        ({**VIEWED, "trigger": {"type": "event", "event": "points.earned"}}, True, False),
        ({**VIEWED, "trigger": {"type": "before", "what": "coupon_end", "days": 1}}, False, True),
    ):
        ann = User()
        if asks:
            ann.campaign("C", **asks)
        assert ann.concerned("points.earned", **earned) == points, asks
        assert ann.concerned("coupon.issued", **issued) == coupons, asks
        assert ann.concerned("tier.upgraded", level="gold", before="")
        assert ann.concerned("coupon.refused", activity_id="C.1.steps[0]", code="sold_out") == bool(asks)


def test_what_was_not_followed_all_the_time_is_forgotten_and_not_believed() -> None:
    ann = User()
    rich = {**VIEWED, "when": {"type": "points", "op": ">=", "value": 100}}
    few = {**VIEWED, "when": {"type": "coupons", "op": ">=", "value": 1}}
    asks = [(id, ann.campaign(id, **campaign)) for id, campaign in (("RICH", rich), ("FEW", few))]
    ann.hears("points.earned", balance=500)
    ann.hears("coupon.issued", template="T")
    assert len(ann.does("product_view", product_id="p1", view_duration=45)) == 6
    for id, made in asks:
        ann.status(id, "archived", made)
    ann.campaign("BEFORE", trigger={"type": "before", "what": "coupon_end", "days": 1}, steps=[REMIND])
    ann.hears("coupon.issued", template="T", valid_until="2026-12-01T00:00:00Z")
    ann.campaign("RICH2", **rich)
    ann.campaign("FEW2", **few)
    assert ann.does("product_view", product_id="p1", view_duration=45) == []
    assert ann.last("RICH2") == ann.last("FEW2") == ("not_entered", "when")
    ann.hears("points.spent", balance=200)
    ann.hears("coupon.issued", template="T")
    assert len(ann.does("product_view", product_id="p1", view_duration=45)) == 6


def test_a_number_in_the_profile_that_no_state_can_hold_is_not_kept() -> None:
    ann = User()
    ann.has(card=10**30, debt=-(10**30), most=2**63 - 1)
    assert ann.member.knows.profile == {"most": 2**63 - 1}


def test_of_a_fact_that_is_not_kept_what_it_was_before_is_not_believed() -> None:
    ann = User()
    in_ulm = {"type": "profile", "fact": "city", "op": "=", "value": "Ulm"}
    ann.campaign("ULM", trigger={"type": "event", "event": "favorite"}, when=in_ulm, steps=[REMIND])
    ann.has(city="Ulm")
    ann.has(city="U" * 300)
    assert ann.does("favorite") == [] and ann.last("ULM") == ("not_entered", "when")


def test_a_fact_that_is_a_list_is_asked_for_what_it_has() -> None:
    ann = User()
    likes = {"type": "profile", "fact": "likes", "op": "has", "value": "tea"}
    ann.campaign("TEA", trigger={"type": "event", "event": "favorite"}, when=likes, steps=[REMIND])
    ann.has(likes=["coffee", "tea", 3])
    assert kinds(ann.does("favorite"))[0] == "campaign.entered"
    for others in (["coffee"], ["tea", ["tea"]], ["tea", {"tea": 1}], ["tea", 10**30], ["tea", "x" * 256], "tea"):
        ann.has(likes=["tea"])
        ann.has(likes=others)
        assert ann.does("favorite") == [], others


def test_a_campaign_whose_trigger_is_another_by_then_is_not_started_by_the_old_one() -> None:
    ann = User()
    ann.campaign("CART", **ABANDONED)
    ann.cart(29_900, "p1")
    ann.campaign("CART", **{**ABANDONED, "trigger": {"type": "event", "event": "favorite"}})
    assert ann.waits(3_600) == []


def test_who_is_waited_for_when_a_campaign_is_edited_is_held_to_the_new_version() -> None:
    ann = User()
    ann.campaign("CART", **ABANDONED)
    ann.campaign("GONE", **NEVER_BOUGHT)
    ann.does("add_to_cart", product_id="p1", price=299)
    ann.cart(29_900, "p1")
    ann.campaign("CART", **{**ABANDONED, "trigger": {**ABANDONED["trigger"], "min_value": 30_000}})
    ann.campaign("GONE", **{**NEVER_BOUGHT, "trigger": {**NEVER_BOUGHT["trigger"], "seconds": 7_200}})
    assert ann.waits(7_199) == []
    assert kinds(ann.waits(1)) == ["campaign.entered", "notify.requested", "campaign.exited"]
    assert ann.outcomes("CART") == []


def test_however_many_campaigns_one_event_starts_each_runs_to_its_end_in_its_turn() -> None:
    ann = User()
    many = [f"C{n:02d}" for n in range(60)]
    for id in many:
        ann.campaign(id, **{**VIEWED, "steps": [COUPON, {"type": "give_points", "points": 1}]})
    ann.does("product_view", product_id="p1", view_duration=45)
    entered = [emit.body.campaign_id for emit in ann.emits if emit.kind == "campaign.entered"]  # type: ignore[attr-defined]
    assert 20 < len(entered) < 60 and ann.last("C59") == ("not_entered", "too_many_runs")
    ann.waits(30)
    done = [emit.body.campaign_id for emit in ann.emits if emit.kind == "campaign.exited"]  # type: ignore[attr-defined]
    assert sorted(done) == entered and kinds(ann.emits).count("coupon.issue") == len(entered)
    assert kinds(ann.emits).count("points.accrue") == len(entered) and not ann.member.runs


def test_runs_that_are_due_at_one_moment_all_go_on() -> None:
    ann = User()
    many = [f"C{n:02d}" for n in range(60)]
    for id in many:
        ann.campaign(id, **{**VIEWED, "steps": [{"type": "wait", "until": "10:00"}, COUPON, REMIND]})
        ann.does("product_view", product_id="p1", view_duration=45)
    assert len(ann.member.runs) == 60
    assert kinds(ann.waits(86_400)).count("coupon.issue") == 60 and not ann.member.runs


@pytest.mark.parametrize("templates", [1, 2])
def test_who_got_one_of_several_coupons_keeps_his_slot_though_another_was_refused(templates: int) -> None:
    ann = User()
    for n in range(templates):
        ann.template(f"T{n}", ["pack"])
    pack = {"type": "issue_coupon", "tag": "pack", "on_refused": [{"then": []}]}
    once = {"count": 1, "window": {}}
    ann.campaign("PACK", trigger={"type": "event", "event": "favorite"}, steps=[pack], limits=[once])
    reference = ann.does("favorite")[1].body.activity_id  # type: ignore[attr-defined]
    ann.hears("coupon.refused", activity_id=reference, code="sold_out", template="T0")
    ann.does("favorite")
    assert ann.outcomes().count("entered") == (2 if templates == 1 else 1)


def test_a_limit_on_a_tag_counts_all_campaigns_that_bear_it_and_none_makes_another_forget() -> None:
    ann = User()
    for id, event, limits in (
        ("DAILY", "sign_in", [{"count": 3, "window": {"days": 1}, "scope": "tag:spring"}]),
        ("MINUTE", "search", [{"count": 1, "window": {"seconds": 60}, "scope": "tag:spring"}]),
        ("FREE", "share", []),
    ):
        ann.campaign(id, trigger={"type": "event", "event": event}, steps=[COUPON], tags=["spring"], limits=limits)
    ann.does("share")
    ann.waits(60)
    ann.does("sign_in")
    ann.waits(60)
    ann.does("search")
    ann.waits(60)
    ann.does("sign_in")
    assert ann.outcomes("DAILY")[-1] == "capped"
    ann.does("share")
    assert ann.outcomes("FREE").count("entered") == 2  # which limits nobody


def test_a_limit_on_a_tag_is_still_full_when_who_came_in_without_it_has_left_again() -> None:
    ann = User()
    once = [{"count": 1, "scope": "tag:spring"}]
    ann.campaign("ONCE", trigger={"type": "event", "event": "search"}, steps=[COUPON], tags=["spring"], limits=once)
    ann.campaign("FREE", trigger={"type": "event", "event": "share"}, steps=[REMIND], tags=["spring"])
    ann.does("search")
    for _ in range(3):
        asked = [emit.body for emit in ann.does("share") if emit.kind == "notify.requested"]
        ann.hears("message.suppressed", channel="sms", reference=asked[0].reference, reason="capped")  # type: ignore[attr-defined]
    ann.does("search")
    assert ann.outcomes("ONCE")[-1] == "capped"


NEVER_BOUGHT: dict[str, Any] = {
    "trigger": {
        "type": "no_action", "event": "add_to_cart", "seconds": 3_600, "none_of": [{"event": "purchase_complete"}]
    },
    "steps": [REMIND],
}  # fmt: skip


def test_who_buys_while_a_campaign_that_waits_for_him_is_paused_has_bought() -> None:
    ann = User()
    made = ann.campaign("CART", **NEVER_BOUGHT)
    ann.does("add_to_cart", product_id="p1", price=299)
    ann.status("CART", "paused", made)
    ann.does("purchase_complete", order_id="A-1")
    ann.status("CART", "active", made)
    assert ann.waits(7_200) == []


def test_a_cart_that_is_emptied_while_its_campaign_is_paused_is_not_waited_for_and_a_new_one_neither() -> None:
    ann = User()
    made = ann.campaign("CART", **ABANDONED)
    ann.cart(29_900, "p1")
    ann.status("CART", "paused", made)
    ann.cart(0)
    ann.cart(19_900, "p2")
    ann.status("CART", "active", made)
    assert ann.waits(7_200) == []


def test_a_cart_that_changes_while_its_campaign_is_paused_is_waited_for_anew() -> None:
    ann = User()
    made = ann.campaign("CART", **ABANDONED)
    ann.cart(29_900, "p1")
    ann.waits(1_800)
    ann.status("CART", "paused", made)
    ann.cart(19_900, "p2")
    ann.status("CART", "active", made)
    assert ann.waits(3_599) == []
    assert kinds(ann.waits(1)) == ["campaign.entered", "notify.requested"]


def test_a_condition_that_ceased_to_hold_while_its_campaign_was_paused_may_be_met_again() -> None:
    ann = User()
    gold = {"type": "tier", "op": "=", "value": "gold"}
    made = ann.campaign("GOLD", trigger={"type": "change"}, when=gold, steps=[REMIND])
    assert ann.hears("tier.upgraded", level="gold")
    ann.status("GOLD", "paused", made)
    ann.hears("tier.dropped", level="silver")
    assert ann.hears("tier.upgraded", level="gold") == [] and ann.hears("tier.dropped", level="silver") == []
    ann.status("GOLD", "active", made)
    assert kinds(ann.hears("tier.upgraded", level="gold"))[0] == "campaign.entered"


def test_no_two_actions_of_a_run_have_one_name_also_when_it_moves_to_another_version() -> None:
    ann = User()
    trigger = {"type": "event", "event": "sign_in"}
    steps: list[dict[str, Any]] = [COUPON, {"type": "wait", "seconds": 60}, COUPON]
    ann.campaign("C", trigger=trigger, steps=steps, under_way="move")
    ann.does("sign_in")
    ann.campaign("C", trigger=trigger, steps=[*steps, COUPON, COUPON], under_way="move")
    ann.waits(60)
    names = [line.reference for line in ann.lines if line.outcome == "acted"]
    assert len(names) == 4 == len(set(names))
