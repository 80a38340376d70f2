"""What is stopped as a programme: who obeys it, and which version a segment of theirs has heard of."""

from __future__ import annotations

import msgspec

from actors.campaign.actor import CampaignActor
from actors.campaign.directory import Directory
from actors.notification.actor import NotificationActor
from actors.notification.stopped import Segment
from actors.programmes.kind import Kind
from actors.stops.stops import parse

_directory = msgspec.msgpack.Decoder(Directory).decode
_segment = msgspec.msgpack.Decoder(Segment).decode


def _of_campaigns(state: bytes) -> int:
    return _directory(state).stops.number


def _of_messages(state: bytes) -> int:
    return _segment(state).stops.number


STOPS = Kind(CampaignActor.name, parse, _of_campaigns, {NotificationActor.name: _of_messages})
