"""What the delay domain is told, and what it says.

A message of somebody else's is bytes to us: its body is never looked into, and its headers stay in the form that AMQP
gives them, since JSON knows neither bytes nor moments. In the log both stand as base64.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

LATER = "delay.later"
CANCEL = "delay.cancel"
DUE = "delay.due"
"""Inward, and published all the same, on an exchange of its own: it takes no number of the effects'."""
CANCELLED = "delay.cancelled"
REFUSED = "delay.refused"
SUBJECT = "delay:"

Code = Literal["id_reused", "too_far", "already_published", "unknown_message"]


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """As it came, but for what a broker would act upon. `headers`: an AMQP field table. `timestamp` in s."""

    message_id: str
    key: str
    headers: bytes
    body: bytes
    content_type: str | None = None
    content_encoding: str | None = None
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    timestamp: int | None = None
    type: str | None = None
    app_id: str | None = None


class PublishLater(msgspec.Struct, frozen=True, gc=False):
    """Publish it at `deliver_at` (ms since 1970 UTC), or `delay_ms` after it stands in the log: one of the two."""

    message: Message
    deliver_at: int | None = None
    delay_ms: int | None = None


class CancelDelayed(msgspec.Struct, frozen=True, gc=False):
    """Do not publish it after all."""

    message_id: str


class DelayedDue(msgspec.Struct, frozen=True, gc=False):
    """`delay.due`: to be published now. `due`: when it should have been, ms since 1970 UTC."""

    message: Message
    due: int


class DelayCancelled(msgspec.Struct, frozen=True, gc=False):
    """`delay.cancelled`: it will not be published."""

    message_id: str

    schema_version: ClassVar[int] = 1


class DelayRefused(msgspec.Struct, frozen=True, gc=False):
    """`delay.refused`: what was asked of this message was not done."""

    message_id: str
    code: Code
    detail: str

    schema_version: ClassVar[int] = 1
