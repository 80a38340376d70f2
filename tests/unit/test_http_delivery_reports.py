"""Delivery reports over HTTP with everything behind it: a text goes out, bounces, and the user's lines say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from supervision.entry import Entry, segment_of
from tests.cells import settle
from tests.http_world import SEGMENTS, HttpWorld, http_world


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("http")) as world:
        yield world


def log(shop: HttpWorld, user: str, kind: str) -> list[Entry]:
    with closing(shop.store.reader()) as reader:
        entries = reader.read_log(segment_of(f"user:{user}", SEGMENTS), 0, 1 << 40, 10_000)
    return [entry for entry in entries if entry.kind == kind and entry.subject == f"user:{user}"]


def until(shop: HttpWorld, user: str, kind: str, count: int) -> list[Entry]:
    settle(shop.runtime, lambda: len(log(shop, user, kind)) >= count)
    return log(shop, user, kind)


def hand_in(shop: HttpWorld, **message: Any) -> dict[str, Any]:
    return shop.post("/v1/events", message).json()


def notification(shop: HttpWorld, user: str) -> dict[str, Any]:
    sections = shop.get(f"/v1/users/{user}/export").json()["sections"]
    return next(one for one in sections if one["domain"] == "notification")


def test_a_bounce_is_told_written_down_and_suppresses_what_comes_next(shop: HttpWorld) -> None:
    earned = {"event_type": "points_change", "user_id": "7", "change_type": "increase", "points": 5, "reason": "gift"}
    hand_in(shop, **earned)
    [text] = until(shop, "7", "notify.sms", 1)
    report = {"event_type": "delivery_report", "user_id": "7", "channel": "sms", "message_id": text.place}
    assert hand_in(shop, **report, status="bounced", reason="no such number")["rejected"] == []
    until(shop, "7", "message.bounced", 1)
    hand_in(shop, **earned)
    until(shop, "7", "message.suppressed", 1)
    held = notification(shop, "7")
    lines = [(line["message"], line.get("reason"), line.get("message_id")) for line in held["records"]]
    assert lines == [("suppressed", "bounced", None), ("bounced", "no such number", text.place)]
    assert held["reach"]["sms"]["works"] is False


def test_what_is_no_report_is_rejected_with_its_field(shop: HttpWorld) -> None:
    [bad] = hand_in(shop, event_type="delivery_report", user_id="7", channel="sms", status="read")["rejected"]
    assert (bad["code"], bad["field"]) == ("unknown_value", "status")
    [bad] = hand_in(shop, event_type="delivery_report", user_id="7", channel="sms", status="opened")["rejected"]
    assert (bad["code"], bad["field"]) == ("missing", "message_id")
