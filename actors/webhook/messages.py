"""The words of webhooks. Whoever asks for a call gets one answer that ends it, `webhook.delivered` or
`webhook.failed`, which says again by whom it was asked for.

An endpoint is a name from the engine's own configuration, never an address: a rule can call no one that an operator of
the engine has not listed, and no rule, record or answer holds an address or a secret.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

REQUESTED = "webhook.requested"
DELIVERED = "webhook.delivered"
FAILED = "webhook.failed"

CALLED_MS = 24 * 3_600_000
"""For so long after it was asked for a call is tried again."""

EndpointName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)")]

FailureCode = Literal["gone", "undelivered", "unknown_endpoint", "too_many_pending"]


class Asker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who asked for a call. `reference` is his own name for it."""

    reference: str = ""
    campaign_id: str = ""
    campaign_version: str = ""


class RequestWebhook(Asker, frozen=True, omit_defaults=True, gc=False):
    """`webhook.requested`, inward: call the endpoint about the user, with these parameters."""

    endpoint: str
    run: int
    step: str
    parameters: dict[str, str | int]


class Asked(RequestWebhook, frozen=True, gc=False):
    """The same as its entry has it: of whom it is."""

    user_id: str = ""


class WebhookDelivered(Asker, frozen=True, omit_defaults=True, gc=False):
    """`webhook.delivered`: the endpoint has answered with `status`, 200 to 299. `message_id`: the call's webhook-id."""

    endpoint: str
    message_id: str
    attempts: int
    status: int

    schema_version: ClassVar[int] = 1


class WebhookFailed(Asker, frozen=True, omit_defaults=True, gc=False):
    """`webhook.failed`: it is not called any more. `detail`: what the last attempt came to."""

    endpoint: str
    message_id: str
    attempts: int
    code: FailureCode
    detail: str

    schema_version: ClassVar[int] = 1
