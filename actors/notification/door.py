"""The door for `consent_changed`: a user has agreed to hear us, or no longer does.

An id is known for a day, as that of a profile's update: a resend later than that says the same of the same time, and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.behaviour.door import FRONT_DOOR
from actors.commands import Command, CommandSpec, Refusal
from actors.forms import EVENT_TYPE, TIMESTAMP, Field, Form, Named, command, maybe_text, text
from actors.notification.messages import CHANNELS, ConsentChange
from actors.points.messages import USER_ID_BYTES_MAX

CONSENT = "user.consent"
CATEGORY_BYTES_MAX = 64

FORM = Form(
    ConsentChange,
    {
        "event_type": EVENT_TYPE,
        "user_id": text(USER_ID_BYTES_MAX),
        "channel": Field(f"one of {', '.join(CHANNELS)}"),
        "consent": Field("granted or withdrawn"),
        "category": maybe_text(CATEGORY_BYTES_MAX),
        "timestamp": TIMESTAMP,
    },
)


def _decode(raw: bytes, _: Mapping[str, Any]) -> Command | Refusal:
    message = FORM.read(raw)
    if isinstance(message, Refusal):
        return message
    return command(CONSENT, f"user:{message.user_id}", message.timestamp)


CONSENT_CHANGED = Named(
    CommandSpec("consent_changed", CONSENT, FRONT_DOOR, ("behavior.consent.changed",), _decode), FORM
)
