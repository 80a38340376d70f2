"""A template as a programme: how the body of a version is read at the door, and which version a segment holds."""

from __future__ import annotations

import msgspec

from actors.commands import Refusal
from actors.coupon import offer
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.directory import Directory
from actors.coupon.listing import FAMILY
from actors.coupon.offer import Offer

_directory = msgspec.msgpack.Decoder(Directory).decode


def canonical(template: bytes) -> bytes | Refusal:
    """The template in its normal form, or the first thing that is wrong with it."""
    made = offer.parse(template)
    return made.canonical if isinstance(made, Offer) else made


template_kind = FAMILY.kind_of(CouponIssuerActor.name, canonical, lambda state: _directory(state).templates)
