"""A call: the entry that asked for it, and how far we are with it. As a value, it is the row that the sender keeps.

What is posted is made of the entry alone, so it is the same in every attempt and every life of the process:
`webhook-id` names the entry's place, by which a receiver knows a call that it has heard before. Only timestamp and
signature are of the attempt, since a receiver refuses old ones.

    {"type": "campaign.webhook", "timestamp": "2026-09-21T14:13:20.123Z",
     "data": {"user_id": "123456", "campaign_id": "SPRING", "campaign_version": "…", "run": 1, "step": "steps[0]",
              "parameters": {"reason": "cart"}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook

from actors.webhook.messages import DELIVERED, FAILED, Asked, WebhookDelivered, WebhookFailed
from supervision.domain import Event
from supervision.entry import Draft, Entry, Origin, encode_draft
from supervision.envelope import envelope, rfc3339
from supervision.messages import Emission
from topology.outflow import CONTENT_TYPE
from topology.webhooks.endpoint import Endpoint
from topology.webhooks.ports import Letter
from topology.webhooks.verdict import Delivered, Failed

FORMAT = 1
TYPE = "campaign.webhook"

_asked = msgspec.json.Decoder(Asked).decode
_json = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode


class Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One that is not ended. `due`: when it is attempted next, ms since 1970 UTC."""

    format: int
    entry: Entry
    due: int
    attempts: int = 0

    @property
    def asked(self) -> Asked:
        return _asked(self.entry.body)

    @property
    def message_id(self) -> str:
        """Its webhook-id. No full stop is in it: what is signed has one behind the id."""
        return f"msg_{self.entry.place.replace('.', '_')}"


def call_of(entry: Entry, now: int) -> Call:
    """What a `webhook.requested` asks for, due at once: the log's time is ahead of a wall clock that was set back."""
    return Call(FORMAT, entry, min(entry.at, now))


def pack(call: Call) -> bytes:
    """As the store keeps it."""
    return _pack(call)


_unpack = msgspec.msgpack.Decoder(Call).decode


def unpack(data: bytes) -> Call:
    return _unpack(data)


def letter(call: Call, endpoint: Endpoint, now: int) -> Letter:
    """What an attempt at `now` posts."""
    asked = call.asked
    data = {
        "user_id": asked.user_id, "campaign_id": asked.campaign_id, "campaign_version": asked.campaign_version,
        "run": asked.run, "step": asked.step, "parameters": asked.parameters,
    }  # fmt: skip
    body = _json({"type": TYPE, "timestamp": rfc3339(call.entry.at), "data": data})
    return Letter(asked.endpoint, _headers(call.message_id, endpoint, now // 1_000, body), body)


def _headers(id: str, endpoint: Endpoint, second: int, body: bytes) -> Mapping[str, str]:
    moment, text = datetime.fromtimestamp(second, UTC), body.decode()
    signatures = [Webhook(secret).sign(id, moment, text) for secret in endpoint.secrets]
    return {
        "content-type": CONTENT_TYPE,
        "user-agent": "ganglion",
        "webhook-id": id,
        "webhook-timestamp": str(second),
        "webhook-signature": " ".join(signatures),
    }


def answer(call: Call, ended: Delivered | Failed, now: int) -> Emission:
    """The entry that says how the call ended, to the user's domains and to the world.

    It is no deeper than the request, so that steps which hear of each other may be as many.
    """
    asked, entry = call.asked, call.entry
    asker = {
        "reference": asked.reference, "campaign_id": asked.campaign_id, "campaign_version": asked.campaign_version,
    }  # fmt: skip
    said = (asked.endpoint, call.message_id, call.attempts)
    if isinstance(ended, Delivered):
        kind, body = DELIVERED, WebhookDelivered(*said, ended.status, **asker)
    else:
        kind, body = FAILED, WebhookFailed(*said, ended.code, ended.detail, **asker)
    draft = Draft(
        kind, entry.subject, envelope(kind, body, entry.subject, Event(entry, None, now, entry.subject)),
        root=entry.root, cause=entry.place, depth=entry.depth, origin=Origin.DOMAIN, route=kind,
        occurred_at=entry.occurred_at or entry.at,
    )  # fmt: skip
    return Emission(draft, encode_draft(draft), entry.segment)
