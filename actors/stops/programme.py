"""What is stopped as a programme: who obeys it, and which version a segment of theirs has heard of."""

from __future__ import annotations

import msgspec

from actors.campaign import directory as campaigns
from actors.campaign.actor import CampaignActor
from actors.notification import directory as messages
from actors.notification.actor import NotificationActor
from actors.programmes.kind import Kind
from actors.stops.stops import parse

_campaigns = msgspec.msgpack.Decoder(campaigns.Directory).decode
_messages = msgspec.msgpack.Decoder(messages.Directory).decode


def _of_campaigns(state: bytes) -> int:
    return _campaigns(state).stops.number


def _of_messages(state: bytes) -> int:
    return _messages(state).stops.number


STOPS = Kind(CampaignActor.name, parse, _of_campaigns, {NotificationActor.name: _of_messages})
