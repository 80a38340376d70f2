"""The envelope around what the engine says: which fields, and what they say of the sender's time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from supervision.domain import OCCURRED_AFTER_MS_MAX, OCCURRED_BEFORE_MS_MAX, Event
from supervision.entry import Entry
from supervision.envelope import envelope

AT = 1_790_000_000_000


class Body(msgspec.Struct, frozen=True):
    points: int = 7


def said(occurred_at: int, root: str = "shop|m-1") -> dict[str, Any]:
    entry = Entry(3, 9, 41, AT, 0, "points.change", "user:u", b"{}", root=root, occurred_at=occurred_at)
    return msgspec.json.decode(envelope("points.earned.x", Body(), "user:u", Event(entry, None, AT, "user:u")))


def test_an_effect_carries_what_every_effect_carries_around_its_own_fields() -> None:
    assert said(0) == {
        "event_type": "points_earned", "schema_version": 1, "user_id": "u", "points": 7,
        "at": "2026-09-21T14:13:20.000Z", "occurred_at": "2026-09-21T14:13:20.000Z", "cause": "3.9.41",
        "source_id": "m-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ahead", "flagged"),
    [
        (-OCCURRED_BEFORE_MS_MAX - 1, True), (-OCCURRED_BEFORE_MS_MAX, False), (0, False),
        (OCCURRED_AFTER_MS_MAX, False), (OCCURRED_AFTER_MS_MAX + 1, True),
    ],
)  # fmt: skip
def test_a_senders_time_is_passed_on_and_flagged_when_it_cannot_be_so(ahead: int, flagged: bool) -> None:
    body = said(AT + ahead)
    assert body["occurred_at"] != body["at"] or not ahead
    assert body.get("occurred_at_implausible", False) is flagged
    assert body["at"] == "2026-09-21T14:13:20.000Z"
