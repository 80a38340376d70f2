"""A campaign as it is put and told: what it says, and whether it is a draft, active, paused or archived.

It is a programme of a family (actors/programmes/listing.py) under the name `campaign:ID`.

Paused: nobody enters, and who is under way goes on. Archived: who is under way stops before the next action.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from actors.campaign import compiled
from actors.campaign.compiled import CompiledCampaign
from actors.programmes.listing import Family

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
FAMILY = Family[Status]("campaign:", "campaign", MAY_BECOME)

subject_of, read = FAMILY.subject_of, FAMILY.read
campaign_of = FAMILY.id_of
"""The campaign's id, when a programme's name is that of one; else empty."""


def listed(status: Status, campaign: bytes) -> str:
    """What is put for it, of its canonical JSON."""
    return FAMILY.body(status, campaign).decode()


@lru_cache(COMPILED_MAX)
def ready(campaign: str) -> CompiledCampaign:
    """The campaign of its JSON, which was accepted once."""
    found = compiled.parse(campaign.encode())
    assert isinstance(found, CompiledCampaign), f"a campaign that was accepted is refused: {found}"
    return found
