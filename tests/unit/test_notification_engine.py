"""Messages in a whole engine: held over a kill, and consent at the door."""

from __future__ import annotations

from pathlib import Path

from actors.notification.policy import Policy
from supervision.envelope import rfc3339
from tests.points_engine import START_MS, PointsEngine
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
    engine.settle(HOUR_S / 2)
    assert texts(engine) == []
    engine.settle(2 * HOUR_S)
    assert texts(engine) == ["1"]
    [(sent, _)] = engine.said("notify.sms")
    assert rfc3339(sent.at // HOUR * HOUR) == held["until"]
    engine.kill()
    engine = PointsEngine(tmp_path, clock=engine.clock, policy=QUIET)
    engine.settle(2 * HOUR_S)
    assert texts(engine) == ["1"] and len(engine.said("message.sent")) == 1
    engine.close()


def test_consent_is_heard_at_the_door_and_ends_what_waits(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path, policy=QUIET)
    earn(engine, "1")
    earn(engine, "2")
    engine.say("consent_changed", "1", channel="sms", consent="withdrawn", category="points")
    engine.settle(3 * HOUR_S)
    assert texts(engine) == ["2"]
    assert [body["reason"] for _, body in engine.said("message.suppressed")] == ["no_consent"]
    engine.close()
