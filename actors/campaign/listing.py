"""A campaign as it is put and told: what it says, and whether it is a draft, active, paused or archived.

It is a programme (actors/programmes) under the name `campaign:ID`, which is its subject too: versions are counted and
compared there, and every segment's log says from where on which version counts. A change of status is a version like
any other.

Paused: nobody enters, and who is under way goes on. Archived: who is under way stops before the next action.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from actors.campaign import compiled
from actors.campaign.compiled import CompiledCampaign

SUBJECT = "campaign:"
CAMPAIGN_ID_BYTES_MAX = 64
COMPILED_MAX = 1_024
"""Versions of campaigns that are kept ready."""

Status = Literal["draft", "active", "paused", "archived"]
MAY_BECOME: Mapping[Status, tuple[Status, ...]] = {
    "draft": ("active", "archived"),
    "active": ("paused", "archived"),
    "paused": ("active", "archived"),
    "archived": (),
}
"""An archived campaign stays archived."""


class Listing(msgspec.Struct, frozen=True):
    """The body of a version."""

    status: Status
    campaign: msgspec.Raw


_listing = msgspec.json.Decoder(Listing).decode


def subject_of(campaign: str) -> str:
    return SUBJECT + campaign


def campaign_of(name: str) -> str:
    """The campaign's id, when `name` is that of one; else empty."""
    return name[len(SUBJECT) :] if name.startswith(SUBJECT) else ""


def listed(status: Status, campaign: bytes) -> str:
    """What is put for it, of its canonical JSON."""
    return msgspec.json.encode(Listing(status, msgspec.Raw(campaign))).decode()


def read(body: str) -> tuple[Status, str]:
    """(status, the campaign's JSON) of what was put."""
    found = _listing(body)
    return found.status, bytes(found.campaign).decode()


@lru_cache(COMPILED_MAX)
def ready(campaign: str) -> CompiledCampaign:
    """The campaign of its JSON, which was accepted once."""
    found = compiled.parse(campaign.encode())
    assert isinstance(found, CompiledCampaign), f"a campaign that was accepted is refused: {found}"
    return found
