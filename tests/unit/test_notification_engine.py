"""Messages in a whole engine: held over a kill, consent at the door, and said by the version that is active."""

from __future__ import annotations

from pathlib import Path

import msgspec

from actors.notification.listing import FAMILY, Status
from actors.notification.policy import Policy
from actors.notification.programme import notification_template_kind
from supervision.envelope import rfc3339
from tests.points_engine import START_MS, PointsEngine
from tests.unit.campaign.test_engine import put, put_campaign
from tests.zones import HOUR

HOUR_S = 3_600
STARTS = int(rfc3339(START_MS)[11:13])
QUIET = Policy(quiet=(STARTS, (STARTS + 2) % 24))
"""Until some time between one and two hours after the engine's start."""


def earn(engine: PointsEngine, user: str) -> None:
    engine.say(
        "points_change", user, change_type="increase", points=5, reason="gift", timestamp=rfc3339(engine.clock.now_ms())
    )
    engine.settle()


def texts(engine: PointsEngine) -> list[str]:
    return [body["user_id"] for _, body in engine.said("notify.sms")]


def test_a_held_text_is_sent_once_when_its_hour_comes_over_a_kill(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, policy=QUIET)
    earn(engine, "1")
    [(_, held)] = engine.said("message.held")
    assert texts(engine) == [] and held["reason"] == "quiet_hours"
    engine.kill()
    engine = PointsEngine(tmp_path, clock=engine.clock, policy=QUIET)
    engine.pass_time(HOUR_S / 2)
    assert texts(engine) == []
    engine.pass_time(2 * HOUR_S)
    assert texts(engine) == ["1"]
    [(sent, _)] = engine.said("notify.sms")
    assert rfc3339(sent.at // HOUR * HOUR) == held["until"]
    engine.kill()
    engine = PointsEngine(tmp_path, clock=engine.clock, policy=QUIET)
    engine.pass_time(2 * HOUR_S)
    assert texts(engine) == ["1"] and len(engine.said("message.sent")) == 1
    engine.close()


def test_consent_is_heard_at_the_door_and_ends_what_waits(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, policy=QUIET)
    earn(engine, "1")
    earn(engine, "2")
    engine.say("consent_changed", "1", channel="sms", consent="withdrawn", category="points")
    engine.pass_time(3 * HOUR_S)
    assert texts(engine) == ["2"]
    assert [body["reason"] for _, body in engine.said("message.suppressed")] == ["no_consent"]
    engine.close()


def template(engine: PointsEngine, status: Status, text: str, replaces: str = "") -> str:
    """Put it, and everybody has heard of it; -> its version."""
    name = FAMILY.subject_of("hello")
    said = {"default_locale": "en", "texts": {"zh-Hans": {"text": text}, "en": {"text": f"({text})"}}}
    body = FAMILY.body(status, msgspec.json.encode(said))
    version = put(engine, name, notification_template_kind(name).parse(body), replaces)
    engine.settle()
    return version


def greets(engine: PointsEngine, user: str) -> tuple[str, str]:
    """(text, version of the template) of what a campaign says to who signs in for the first time."""
    engine.say("user_behavior", user, behavior_type="sign_in")
    engine.settle()
    said = [body for _, body in engine.said("notify.push") if body["user_id"] == user]
    return (said[0]["text"], said[0]["template_version"]) if said else ("", "")


def test_a_campaigns_message_is_said_by_the_version_that_is_active_then_over_a_kill(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path)
    step = {"type": "send_notification", "channel": "push", "template": "hello"}
    put_campaign(engine, "C1", {"name": "n", "trigger": {"type": "event", "event": "sign_in"}, "steps": [step]})
    draft = template(engine, "draft", "one")
    assert greets(engine, "ann") == ("", "")
    [(_, refused)] = engine.said("notify.refused")
    assert refused["code"] == "unknown_template" and refused["campaign_id"] == "C1"
    first = template(engine, "active", "one", draft)
    assert greets(engine, "bob") == ("one", first)
    second = template(engine, "active", "two", first)
    engine.kill()
    engine = PointsEngine(tmp_path, clock=engine.clock)
    assert greets(engine, "cid") == ("two", second) != ("one", first)
    engine.say("user_profile_update", "dan", profile_changes={"locale": "en-GB"})
    engine.settle()
    assert greets(engine, "dan") == ("(two)", second)
    template(engine, "archived", "two", second)
    assert greets(engine, "eve") == ("", "")
    engine.close()


def test_a_held_message_is_said_by_the_version_that_is_active_when_it_goes(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, policy=QUIET)
    earn(engine, "1")
    name = FAMILY.subject_of("points_earned")
    said = {"default_locale": "en", "variables": ["points"], "texts": {"en": {"text": "{{ points }} are new"}}}
    body = FAMILY.body("active", msgspec.json.encode(said))
    version = put(engine, name, notification_template_kind(name).parse(body))
    engine.pass_time(3 * HOUR_S)
    [(_, sent)] = engine.said("notify.sms")
    assert (sent["text"], sent["locale"], sent["template_version"]) == ("5 are new", "en", version)
    engine.close()
