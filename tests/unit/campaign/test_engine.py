"""Campaigns in a whole engine on real files: from what users do to what the world hears, over kills."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.campaign.listing import FAMILY as CAMPAIGNS
from actors.campaign.listing import subject_of
from actors.campaign.programme import campaign_kind
from actors.commands import Refusal
from actors.coupon.listing import FAMILY as TEMPLATES
from actors.coupon.programme import template_kind
from actors.programmes.messages import PUT, PutProgramme
from supervision.entry import Draft, Origin, encode_draft, segment_of
from supervision.messages import Append, Item
from tests.points_engine import SEGMENTS, PointsEngine
from tests.unit.campaign.test_actor import CART_ABANDON_001

WAITS_S, LATER_S = 60, 30
ABANDONED = CART_ABANDON_001 | {
    "conditions": CART_ABANDON_001["conditions"] | {"no_action_duration": WAITS_S},
    "actions": [CART_ABANDON_001["actions"][0], CART_ABANDON_001["actions"][1] | {"delay": LATER_S}],
}
"""The seed's, in less time."""
OFF: dict[str, Any] = {"name": "10 off", "kind": {"type": "fixed", "amount": 1_000}, "valid": {"days": 30}}


def put(engine: PointsEngine, name: str, version: Any, replaces: str = "") -> str:
    """Any programme, as its door would, in the place of a version; -> its own."""
    assert not isinstance(version, Refusal), version
    body = PutProgramme(name, version.version, version.canonical.decode(), replaces, "ann")
    draft = Draft(PUT, name, msgspec.json.encode(body), origin=Origin.OPERATOR)
    item = Item(segment_of(name, SEGMENTS), draft, encode_draft(draft))
    engine.engine.journal.tell(Append([item], lambda _: None, 1))
    return version.version


def put_campaign(engine: PointsEngine, id: str, campaign: dict[str, Any]) -> None:
    body = CAMPAIGNS.body("active", msgspec.json.encode(campaign))
    put(engine, subject_of(id), campaign_kind(subject_of(id)).parse(body))


def shop(folder: Path, campaign: dict[str, Any], id: str) -> PointsEngine:
    """An engine with the template `cart_save_10` and one campaign."""
    engine = PointsEngine(folder)
    coupon = TEMPLATES.subject_of("cart_save_10")
    put(engine, coupon, template_kind(coupon).parse(TEMPLATES.body("active", msgspec.json.encode(OFF))))
    put_campaign(engine, id, campaign)
    engine.settle()
    return engine


def again(engine: PointsEngine) -> PointsEngine:
    engine.kill()
    return PointsEngine(engine.folder, clock=engine.clock)


def told(engine: PointsEngine, *kinds: str) -> list[tuple[str, str]]:
    """(kind, user) of what was said, in each user's order."""
    return [(kind, body["user_id"]) for kind in kinds for _, body in engine.said(kind)]


@pytest.mark.parametrize("kill_at", range(12))
def test_the_seeds_cart_reminder_comes_once_and_its_coupon_only_if_still_not_bought_whatever_is_killed(
    tmp_path: Path, kill_at: int
) -> None:
    engine = shop(tmp_path, ABANDONED, "CART_ABANDON_001")
    for user in ("leaves", "buys", "buys late"):
        engine.say("user_behavior", user, behavior_type="add_to_cart", product_id="p1", quantity=1, price=299)
    engine.settle(WAITS_S / 2)
    engine.say("user_behavior", "buys", behavior_type="purchase_complete", order_id="A-1", order_value=299)
    engine.settle(WAITS_S / 2 - 1)
    for _ in range(20):
        engine.step(kill_at)
        if engine.said("campaign.entered"):
            break
        engine.settle(0.5)
    engine = again(engine)
    engine.settle(5)
    sms = [body for _, body in engine.said("notify.sms") if body["template"] == "cart_remind_sms"]
    assert sorted(body["user_id"] for body in sms) == ["buys late", "leaves"]
    engine.say("user_behavior", "buys late", behavior_type="purchase_complete", order_id="A-2", order_value=299)
    engine.settle(LATER_S - 10)
    engine.step(kill_at * 3)
    engine = again(engine)
    engine.settle(20)
    assert told(engine, "coupon.issued", "coupon.refused") == [("coupon.issued", "leaves")]
    exits = {body["user_id"]: body["reason"] for _, body in engine.said("campaign.exited")}
    assert exits == {"leaves": "finished", "buys late": "exit"}
    engine.settle(3 * WAITS_S)
    assert len(engine.said("campaign.entered")) == 2
    engine.close()


def test_at_its_minute_everybody_who_is_known_is_told_once_over_kills_in_the_midst(tmp_path: Path) -> None:
    trigger = {"type": "schedule", "cron": "* * * * *"}
    steps = [{"type": "emit", "effect": "flash"}]
    engine = shop(tmp_path, {"name": "flash", "trigger": trigger, "steps": steps, "zone": "UTC"}, "FLASH")
    users = [f"u{n:03d}" for n in range(60)]
    for user in users:
        engine.say("user_behavior", user, behavior_type="sign_in")
    engine.settle()
    minute = 60 - engine.clock.now_ms() // 1_000 % 60
    engine.settle(minute - 1)
    for steps_to_kill in (40, 150, 200):
        engine.step(steps_to_kill)
        engine = again(engine)
    engine.settle(30)
    heard = sorted(body["user_id"] for _, body in engine.said("campaign.effect"))
    assert heard == users
    engine.close()


def test_words_that_no_campaign_listens_to_leave_no_state_and_the_first_that_one_does_is_heard(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path)
    for n in range(3):
        engine.say("points_change", f"u{n}", change_type="increase", points=5, reason="x", order_id="A")
    engine.settle()

    def known() -> list[str]:
        with closing(engine.store.reader()) as reader:
            return [
                subject
                for segment in range(SEGMENTS)
                for subject in reader.subjects_after(segment, "campaign", "user:", 100)
            ]

    assert known() == []
    steps = [{"type": "emit", "effect": "thanks"}]
    earned = {"name": "n", "trigger": {"type": "event", "event": "points.earned"}, "steps": steps}
    put_campaign(engine, "EARNED", earned)
    engine.settle(0.01)
    for n in range(3):
        engine.say("points_change", f"u{n}", change_type="increase", points=5, reason="x", order_id="B")
    engine.settle()
    heard = [body["user_id"] for _, body in engine.said("campaign.effect")]
    assert sorted(heard) == ["u0", "u1", "u2"] and sorted(known()) == ["user:u0", "user:u1", "user:u2"]
    engine.close()
