"""The words of the notification domain: what it says, and how a message is asked for. What else it hears are other
domains' facts, in their own types.

Whoever asks gets one answer that ends it, `message.sent`, `message.suppressed` or `notify.refused`, and before that a
`message.held` where the message has to wait. Each says again by whom it was asked for (`Asker`).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from actors.notification import held, send_time
from actors.windows.window_spec import WindowSpec

Param = str | int

Channel = Literal["sms", "email", "push", "in_app", "webhook"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)

USER_ZONE = "user"
"""In the place of a window's zone: that of whoever gets the message."""
EVERYTHING = "all"
KEPT_MAX = 50
"""Last messages of a scope that limits of a request can count."""

Status = Literal["delivered", "failed", "bounced", "opened", "clicked", "unsubscribed", "complained"]
STATUSES: tuple[Status, ...] = get_args(Status)

RefusalCode = Literal[
    "unknown_template", "no_text", "missing_variable", "template_error", "text_too_long", "text_empty"
]  # fmt: skip
SuppressionReason = held.Reason


class BoughtSince(msgspec.Struct, frozen=True, gc=False):
    """A purchase behind this offset of the user's log, of one of these products; of anything where there are none."""

    changed_at: int
    products: tuple[str, ...] = ()


class Unless(msgspec.Struct, frozen=True, gc=False):
    """What makes a message pointless, looked at when it would go out."""

    bought: BoughtSince | None = None


class MessageLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No more than `count` within `window` of all messages, or of those on one channel. See slots.py."""

    scope: Annotated[str, Meta(pattern=r"^(all|channel:(sms|email|push|in_app|webhook))$(?!\n)")]
    window: WindowSpec
    count: Annotated[int, Meta(ge=1, le=KEPT_MAX)]


class Asker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who asked for a message. `reference` is his own name for the request, and nobody else's matter."""

    category: str = ""
    reference: str = ""
    campaign_id: str = ""
    campaign_version: str = ""


def said_again(asker: Asker) -> dict[str, Any]:
    """Its fields, for what is said to or of him."""
    return {name: getattr(asker, name) for name in Asker.__struct_fields__}


class SendNotification(Asker, frozen=True, omit_defaults=True, gc=False):
    """`notify.requested`, inward: tell the user, unless there is no longer a reason to.

    `limits` are the asker's own, beside those that are configured. `valid_for_s`: how long it may wait, None: as long
    as is configured. The higher `priority` goes first of those that wait. `transactional` passes quiet hours and the
    user's preferred one. `locale`: the language of the text, empty: the user's own.
    """

    template: str
    channel: Channel
    params: dict[str, Param]
    unless: Unless = Unless()
    limits: tuple[MessageLimit, ...] = ()
    valid_for_s: int | None = None
    priority: int = 0
    transactional: bool = False
    locale: str = ""


class Notify(Asker, frozen=True, omit_defaults=True, gc=False):
    """`notify.<channel>`: send `text` to the user. `template`, `locale` and `params` are what it was made from.
    `segments`: SMS that it takes; left out where it is one. `title`: of a push message, or an email's subject.
    `template_version`: left out where the template came with the engine.
    """

    template: str
    locale: str
    params: dict[str, Param]
    text: str
    segments: int = 1
    title: str = ""
    template_version: str = ""

    schema_version: ClassVar[int] = 1


class NotifyRefused(Asker, frozen=True, omit_defaults=True, gc=False):
    """`notify.refused`: nothing was sent. `detail` says which variable or limit, in one English sentence."""

    template: str
    locale: str
    params: dict[str, Param]
    code: RefusalCode
    detail: str

    schema_version: ClassVar[int] = 1


class MessageSent(Asker, frozen=True, omit_defaults=True, gc=False):
    """`message.sent`: what was asked for, or was held, has been handed to `notify.<channel>`."""

    template: str
    channel: Channel

    schema_version: ClassVar[int] = 1


class MessageHeld(Asker, frozen=True, omit_defaults=True, gc=False):
    """`message.held`: it waits, as things are now until `until`, first of all because of `reason`."""

    template: str
    channel: Channel
    reason: send_time.Because
    until: str

    schema_version: ClassVar[int] = 1


class MessageSuppressed(Asker, frozen=True, omit_defaults=True, gc=False):
    """`message.suppressed`: what was asked for did not go out, and why."""

    template: str
    channel: Channel
    params: dict[str, Param]
    reason: SuppressionReason

    schema_version: ClassVar[int] = 1


class ConsentChange(msgspec.Struct, frozen=True, gc=False):
    """A user has agreed to hear messages on a channel, or of one category on it, or no longer does. `timestamp`: when
    he said so; of two the later holds.
    """

    event_type: str
    user_id: str
    channel: Channel
    consent: Literal["granted", "withdrawn"]
    category: str | None = None
    timestamp: str | None = None


class ConsentRefused(msgspec.Struct, frozen=True, gc=False):
    """`consent.refused`: this permission was not taken. A withdrawal always is."""

    channel: Channel
    category: str
    code: Literal["too_many_categories"]
    detail: str

    schema_version: ClassVar[int] = 1


class DeliveryReport(msgspec.Struct, frozen=True, gc=False):
    """What became of a message, from who delivers. It is named by the `message_id` of its `notify.<channel>`, or by the
    `reference` that this carried. `bounced`: its address is none, and the channel is used no more until it works or the
    user agrees to it anew; what may work another time is `failed`. `unsubscribed` and `complained` withdraw the consent
    to the channel.
    """

    event_type: str
    user_id: str
    channel: Channel
    status: Status
    message_id: str | None = None
    reference: str | None = None
    reason: str | None = None
    timestamp: str | None = None


class MessageReported(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`message.<status>`: who delivers reported so of a message, for the first time. `reason` is in their words."""

    channel: Channel
    message_id: str = ""
    reference: str = ""
    reason: str = ""

    schema_version: ClassVar[int] = 1


class ReportRefused(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`report.refused`: a report of a message that cannot be the user's. Nothing follows from it."""

    channel: Channel
    status: Status
    message_id: str
    code: Literal["unknown_message"]
    detail: str

    schema_version: ClassVar[int] = 1
