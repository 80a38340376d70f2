"""A campaign as a programme: how the body of a version is read at the door, and which version a segment holds."""

from __future__ import annotations

from functools import partial

import msgspec

from actors import normal_form
from actors.campaign import compiled
from actors.campaign.directory import Directory
from actors.campaign.listing import Listing, Status, campaign_of, listed
from actors.commands import NOT_JSON, Refusal
from actors.programmes.kind import Kind

DOMAIN = "campaign"

_listing = msgspec.json.Decoder(Listing).decode
_directory = msgspec.msgpack.Decoder(Directory).decode


class CampaignVersion(msgspec.Struct, frozen=True):
    """A campaign with a status. `canonical` is JSON, the same for the same, and `version` its hash."""

    status: Status
    canonical: bytes

    @property
    def version(self) -> str:
        return normal_form.version(self.canonical)


def campaign_kind(name: str) -> Kind:
    """Of the programme `campaign:ID`."""
    return Kind(DOMAIN, parse, partial(_number, campaign_of(name)))


def body(status: Status, campaign: bytes) -> bytes:
    """What `parse` reads, of a campaign's JSON."""
    return msgspec.json.encode(Listing(status, msgspec.Raw(campaign)))


def parse(data: bytes) -> CampaignVersion | Refusal:
    """What is put as a version, or the first thing that is wrong with the campaign. The seed's form becomes ours."""
    try:
        listing = _listing(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return NOT_JSON
    checked = compiled.check(bytes(listing.campaign))
    if checked.campaign is None:
        return checked.problems.errors[0]
    return CampaignVersion(listing.status, listed(listing.status, checked.campaign.canonical).encode())


def _number(campaign: str, state: bytes) -> int:
    """The number of the version that a segment whose shared state is `state` has heard of last."""
    found = _directory(state).campaigns.get(campaign)
    return found.number if found else 0
