"""A template as a programme: how the body of a version is read at the door, and which version a segment holds."""

from __future__ import annotations

from functools import partial

import msgspec

from actors import normal_form
from actors.commands import NOT_JSON, Refusal
from actors.coupon import offer
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.directory import Directory
from actors.coupon.listing import Listing, Status, template_of
from actors.coupon.offer import Offer
from actors.programmes.kind import Kind

_listing = msgspec.json.Decoder(Listing).decode
_directory = msgspec.msgpack.Decoder(Directory).decode


class TemplateVersion(msgspec.Struct, frozen=True):
    """A template with a status. `canonical` is JSON, the same for the same, and `version` its hash."""

    status: Status
    canonical: bytes

    @property
    def version(self) -> str:
        return normal_form.version(self.canonical)


def template_kind(name: str) -> Kind:
    """Of the programme `template:ID`."""
    return Kind(CouponIssuerActor.name, parse, partial(_number, template_of(name)))


def body(status: Status, template: bytes) -> bytes:
    """What `parse` reads, of a template's JSON."""
    return msgspec.json.encode(Listing(status, msgspec.Raw(template)))


def parse(data: bytes) -> TemplateVersion | Refusal:
    """What is put as a version, or the first thing that is wrong with the template."""
    try:
        listing = _listing(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return NOT_JSON
    made = offer.parse(bytes(listing.template))
    return TemplateVersion(listing.status, body(listing.status, made.canonical)) if isinstance(made, Offer) else made


def _number(template: str, state: bytes) -> int:
    """The number of the version that a segment whose shared state is `state` has heard of last."""
    listed = _directory(state).templates.get(template)
    return listed.number if listed else 0
