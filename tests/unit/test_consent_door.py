"""What the door takes of `consent_changed`, and what it says to the rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.commands import Command, Refusal
from actors.notification.door import CATEGORY_BYTES_MAX, CONSENT, CONSENT_CHANGED
from actors.registry import COMMANDS

SAID = {"event_type": "consent_changed", "user_id": "1", "channel": "sms", "consent": "withdrawn"}


def decode(**changes: Any) -> Command | Refusal:
    message = {**SAID, **changes}
    return CONSENT_CHANGED.spec.decode(msgspec.json.encode(message), message)


def test_a_fact_about_consent_becomes_an_entry_about_its_user() -> None:
    assert COMMANDS["consent_changed"] is CONSENT_CHANGED.spec
    assert decode() == Command(CONSENT, "user:1")
    assert decode(category="x" * CATEGORY_BYTES_MAX, timestamp="1970-01-01T00:00:01Z") == Command(
        CONSENT, "user:1", occurred_at=1_000
    )


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"channel": "fax"}, "unknown_value", "channel"),
        ({"consent": "yes"}, "unknown_value", "consent"),
        ({"category": ""}, "empty", "category"),
        ({"category": "x" * (CATEGORY_BYTES_MAX + 1)}, "too_long", "category"),
        ({"timestamp": "yesterday"}, "not_rfc3339", "timestamp"),
        ({"user_id": ""}, "empty", "user_id"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(changes: dict[str, Any], code: str, field: str) -> None:
    refused = decode(**changes)
    assert isinstance(refused, Refusal) and (refused.code, refused.field) == (code, field)
    assert refused.message.startswith(f"{field} must be ")
