"""A campaign as a programme: how the body of a version is read at the door, and which version a segment holds."""

from __future__ import annotations

import msgspec

from actors.campaign import compiled
from actors.campaign.directory import Directory
from actors.campaign.listing import FAMILY
from actors.commands import Refusal

DOMAIN = "campaign"

_directory = msgspec.msgpack.Decoder(Directory).decode


def canonical(campaign: bytes) -> bytes | Refusal:
    """The campaign in its normal form, or the first thing that is wrong with it. The seed's form becomes ours."""
    checked = compiled.check(campaign)
    return checked.problems.errors[0] if checked.campaign is None else checked.campaign.canonical


campaign_kind = FAMILY.kind_of(DOMAIN, canonical, lambda state: _directory(state).campaigns)
