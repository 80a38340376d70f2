"""What providers report of messages: at the door, once, of messages that can be the user's, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.commands import Command, Refusal
from actors.notification.door import DELIVERY_REPORT, REFERENCE_BYTES_MAX, REPORTED
from actors.notification.messages import STATUSES, DeliveryReport
from actors.notification.policy import Policy
from actors.notification.reports import may_be_ours
from actors.registry import COMMANDS
from supervision.entry import Entry
from supervision.envelope import rfc3339
from tests.points_engine import START_MS, PointsEngine

SAID = {"event_type": "delivery_report", "user_id": "1", "channel": "sms", "status": "bounced", "message_id": "0.1.1"}


def decode(**changes: Any) -> Command | Refusal:
    message = {name: value for name, value in {**SAID, **changes}.items() if value is not None}
    return DELIVERY_REPORT.spec.decode(msgspec.json.encode(message), message)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[PointsEngine]:
    made = PointsEngine(tmp_path)
    yield made
    made.close()


def earn(engine: PointsEngine, user: str) -> None:
    now = rfc3339(engine.clock.now_ms())
    engine.say("points_change", user, change_type="increase", points=5, reason="gift", timestamp=now)
    engine.settle()


def sent(engine: PointsEngine, user: str) -> list[str]:
    """The ids of the texts that went out to him."""
    return [entry.place for entry, body in engine.said("notify.sms") if body["user_id"] == user]


def report(engine: PointsEngine, user: str, status: str, message_id: str | None, **more: Any) -> None:
    named = {"message_id": message_id} if message_id else {}
    engine.say("delivery_report", user, channel="sms", status=status, **named, **more)
    engine.settle()


def bodies(engine: PointsEngine, kind: str) -> list[dict[str, Any]]:
    return [body for _, body in engine.said(kind)]


def test_a_report_becomes_an_entry_about_its_user() -> None:
    assert COMMANDS["delivery_report"] is DELIVERY_REPORT.spec
    assert decode() == Command(REPORTED, "user:1")
    said = decode(message_id=None, reference="r1", reason="550", timestamp="1970-01-01T00:00:01Z", unknown=1)
    assert said == Command(REPORTED, "user:1", occurred_at=1_000)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"channel": "fax"}, "unknown_value", "channel"),
        ({"status": "read"}, "unknown_value", "status"),
        ({"status": None}, "missing", "status"),
        ({"message_id": None}, "missing", "message_id"),
        ({"message_id": 7}, "wrong_type", "message_id"),
        ({"message_id": ""}, "empty", "message_id"),
        ({"message_id": "x" * 65}, "too_long", "message_id"),
        ({"reference": "x" * (REFERENCE_BYTES_MAX + 1)}, "too_long", "reference"),
        ({"reason": "x" * 257}, "too_long", "reason"),
        ({"timestamp": "yesterday"}, "not_rfc3339", "timestamp"),
        ({"user_id": ""}, "empty", "user_id"),
    ],
)
def test_what_is_no_report_is_refused_with_its_field(changes: dict[str, Any], code: str, field: str) -> None:
    refused = decode(**changes)
    assert isinstance(refused, Refusal) and (refused.code, refused.field) == (code, field)
    assert refused.message.startswith(f"{field} must be ")


@pytest.mark.parametrize(
    ("message_id", "ours"),
    [
        ("3.20.6", True), ("3.20.7", False), ("3.20.8", False), ("3.21.1", False), ("3.19.99", True), ("2.20.1", False),
        ("SM123", False), ("3.20", False), ("3.20.٦", False), ("3.20." + "9" * 30, False),
    ],
)  # fmt: skip
def test_a_message_can_be_the_users_when_its_place_is_of_his_segment_and_before_the_report(
    message_id: str, ours: bool
) -> None:
    entry = Entry(3, 20, 7, START_MS, 0, REPORTED, "user:1", b"")
    asked = DeliveryReport("delivery_report", "1", "sms", "delivered", message_id)
    assert may_be_ours(asked, entry) is ours


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_is_told_and_written_down_once(engine: PointsEngine, status: str) -> None:
    earn(engine, "1")
    [message_id] = sent(engine, "1")
    for _ in range(2):
        report(engine, "1", status, message_id, reason="so it is")
    [said] = bodies(engine, f"message.{status}")
    assert (said["user_id"], said["message_id"], said["channel"]) == ("1", message_id, "sms")
    assert said["reason"] == "so it is" and bodies(engine, "report.refused") == []


def test_the_same_is_once_over_a_kill_too_and_another_status_message_or_user_is_another(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path)
    earn(engine, "1")
    earn(engine, "1")
    one, two = sent(engine, "1")
    report(engine, "1", "delivered", one)
    engine.kill()
    engine = PointsEngine(tmp_path, clock=engine.clock)
    for message_id, status in ((one, "delivered"), (two, "delivered"), (one, "opened")):
        report(engine, "1", status, message_id)
    report(engine, "1", "opened", None, reference=one)
    assert [said["message_id"] for said in bodies(engine, "message.delivered")] == [one, two]
    assert [said.get("reference") for said in bodies(engine, "message.opened")] == [None, one]
    engine.close()


def test_a_report_of_a_message_that_cannot_be_the_users_changes_nothing_and_is_counted(engine: PointsEngine) -> None:
    report(engine, "1", "bounced", "SM900150983cd24fb0d6963f7d28e17f72")
    [refused] = bodies(engine, "report.refused")
    assert (refused["code"], refused["status"]) == ("unknown_message", "bounced")
    assert engine.tally.counted("refusals", kind="report.refused") == 1
    earn(engine, "1")
    assert len(sent(engine, "1")) == 1 and bodies(engine, "message.bounced") == []
    assert bodies(engine, "engine.parked") == []


def test_a_channel_that_bounces_is_used_no_more_until_it_works(engine: PointsEngine) -> None:
    earn(engine, "1")
    [first] = sent(engine, "1")
    report(engine, "1", "bounced", first)
    earn(engine, "1")
    assert sent(engine, "1") == [first]
    assert [said["reason"] for said in bodies(engine, "message.suppressed")] == ["bounced"]
    report(engine, "1", "delivered", first)
    earn(engine, "1")
    assert len(sent(engine, "1")) == 2


def test_a_bounce_that_is_older_than_a_delivery_changes_nothing(engine: PointsEngine) -> None:
    earn(engine, "1")
    [first] = sent(engine, "1")
    report(engine, "1", "opened", first, timestamp=rfc3339(START_MS + 2_000))
    report(engine, "1", "bounced", first, timestamp=rfc3339(START_MS + 1_000))
    earn(engine, "1")
    assert len(sent(engine, "1")) == 2


def test_who_agrees_anew_after_a_bounce_hears_from_us(engine: PointsEngine) -> None:
    earn(engine, "1")
    report(engine, "1", "bounced", sent(engine, "1")[0])
    engine.say("consent_changed", "1", channel="sms", consent="granted")
    earn(engine, "1")
    assert len(sent(engine, "1")) == 2


def test_what_failed_once_may_work_another_time(engine: PointsEngine) -> None:
    earn(engine, "1")
    report(engine, "1", "failed", sent(engine, "1")[0])
    earn(engine, "1")
    assert len(sent(engine, "1")) == 2


@pytest.mark.parametrize("status", ["unsubscribed", "complained"])
def test_who_wants_no_more_hears_no_more_whatever_message_he_said_it_of(engine: PointsEngine, status: str) -> None:
    report(engine, "1", status, "SM900150983cd24fb0d6963f7d28e17f72")
    earn(engine, "1")
    assert sent(engine, "1") == []
    assert [said["reason"] for said in bodies(engine, "message.suppressed")] == ["no_consent"]
    engine.say("consent_changed", "1", channel="sms", consent="granted")
    earn(engine, "1")
    assert len(sent(engine, "1")) == 1


def test_what_waits_is_dropped_when_its_channel_bounces(tmp_path: Path) -> None:
    hour = int(rfc3339(START_MS)[11:13])
    engine = PointsEngine(tmp_path, policy=Policy(quiet=(hour, (hour + 2) % 24)))
    earn(engine, "1")
    assert len(bodies(engine, "message.held")) == 1
    report(engine, "1", "bounced", None, reference="of an earlier one")
    assert [said["reason"] for said in bodies(engine, "message.suppressed")] == ["bounced"]
    engine.close()
