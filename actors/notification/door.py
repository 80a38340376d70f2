"""The doors for `consent_changed`, a user has agreed to hear us or no longer does, and `delivery_report`, what became
of a message.

An id is known for a day, as that of a profile's update: a resend later than that says the same of the same time, and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.behaviour.door import FRONT_DOOR
from actors.commands import Command, CommandSpec, Refusal, must_be
from actors.forms import EVENT_TYPE, TIMESTAMP, Field, Form, Named, command, maybe_text, text
from actors.notification.messages import CHANNELS, STATUSES, ConsentChange, DeliveryReport
from actors.points.messages import USER_ID_BYTES_MAX

CONSENT = "user.consent"
CATEGORY_BYTES_MAX = 64
REPORTED = "message.reported"
MESSAGE_ID_BYTES_MAX = 64
"""An effect's is a place, three numbers."""
REFERENCE_BYTES_MAX = 256
REASON_BYTES_MAX = 256

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


def _names_a_message(report: DeliveryReport) -> Refusal | None:
    if report.message_id is None and report.reference is None:
        return must_be("missing", "message_id", "there, or else the reference")
    return None


REPORT_FORM = Form(
    DeliveryReport,
    {
        "event_type": EVENT_TYPE,
        "user_id": text(USER_ID_BYTES_MAX),
        "channel": Field(f"one of {', '.join(CHANNELS)}"),
        "status": Field(f"one of {', '.join(STATUSES)}"),
        "message_id": maybe_text(MESSAGE_ID_BYTES_MAX),
        "reference": maybe_text(REFERENCE_BYTES_MAX),
        "reason": maybe_text(REASON_BYTES_MAX),
        "timestamp": TIMESTAMP,
    },
    _names_a_message,
)


def _named(event_type: str, kind: str, key: str, form: Form[Any]) -> Named:
    """A fact about a user, whose id need not be known long."""

    def decode(raw: bytes, _: Mapping[str, Any]) -> Command | Refusal:
        message = form.read(raw)
        if isinstance(message, Refusal):
            return message
        return command(kind, f"user:{message.user_id}", message.timestamp)

    return Named(CommandSpec(event_type, kind, FRONT_DOOR, (key,), decode), form)


CONSENT_CHANGED = _named("consent_changed", CONSENT, "behavior.consent.changed", FORM)
DELIVERY_REPORT = _named("delivery_report", REPORTED, "behavior.delivery.report", REPORT_FORM)
