"""The words of the notification domain: what it says, and how a message is asked for. What else it hears are other
domains' facts, in their own types.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Param = str | int

Channel = Literal["sms"]

RefusalCode = Literal["unknown_template", "missing_variable", "template_error", "text_too_long", "text_empty"]
SuppressionReason = Literal["bought"]


class BoughtSince(msgspec.Struct, frozen=True, gc=False):
    """A purchase behind this offset of the user's log, of one of these products; of anything where there are none."""

    changed_at: int
    products: tuple[str, ...] = ()


class Unless(msgspec.Struct, frozen=True, gc=False):
    """What makes a message pointless, looked at when it would go out."""

    bought: BoughtSince | None = None


class SendNotification(msgspec.Struct, frozen=True, gc=False):
    """`notify.requested`, inward: tell the user, unless there is no longer a reason to."""

    template: str
    channel: Channel
    params: dict[str, Param]
    unless: Unless = Unless()


class NotifySms(msgspec.Struct, frozen=True, gc=False):
    """`notify.sms`: send `text` to the user. `template`, `locale` and `params` are what it was made from."""

    template: str
    locale: str
    params: dict[str, Param]
    text: str

    schema_version: ClassVar[int] = 1


class NotifyRefused(msgspec.Struct, frozen=True, gc=False):
    """`notify.refused`: nothing was sent. `detail` says which variable or limit, in one English sentence."""

    template: str
    locale: str
    params: dict[str, Param]
    code: RefusalCode
    detail: str

    schema_version: ClassVar[int] = 1


class MessageSuppressed(msgspec.Struct, frozen=True, gc=False):
    """`message.suppressed`: what was asked for did not go out, and why."""

    template: str
    channel: Channel
    params: dict[str, Param]
    reason: SuppressionReason

    schema_version: ClassVar[int] = 1
