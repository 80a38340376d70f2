"""A template as it is put and told: what it says, and whether it is a draft, active, paused or closed.

It is a programme (actors/programmes) under the name `template:ID`, which is its subject too: versions are counted and
compared there, and every segment's log says from where on which version counts. A change of status is a version like
any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from actors.coupon import offer
from actors.coupon.directory import Listed
from actors.coupon.offer import Offer
from actors.coupon.shelf import Resource
from actors.coupon.spelling import IMPORTED, normal
from actors.coupon.template import PerUserLimits, Template

SUBJECT = "template:"
COMPILED_MAX = 1_024
"""Versions of templates that are kept ready."""

Status = Literal["draft", "active", "paused", "closed"]
MAY_BECOME: Mapping[Status, tuple[Status, ...]] = {
    "draft": ("active", "closed"),
    "active": ("paused", "closed"),
    "paused": ("active", "closed"),
    "closed": (),
}
"""A closed template stays closed."""


class Listing(msgspec.Struct, frozen=True):
    """The body of a version."""

    status: Status
    template: msgspec.Raw


_listing = msgspec.json.Decoder(Listing).decode


def subject_of(template: str) -> str:
    return SUBJECT + template


def template_of(name: str) -> str:
    """The template's id, when `name` is that of one; else empty."""
    return name[len(SUBJECT) :] if name.startswith(SUBJECT) else ""


def listed(status: Status, template: Template) -> str:
    """What is put for it."""
    return msgspec.json.encode(Listing(status, msgspec.Raw(msgspec.json.encode(template)))).decode()


def read(body: str) -> tuple[Status, str]:
    """(status, the template's JSON) of what was put."""
    found = _listing(body)
    return found.status, bytes(found.template).decode()


def listed_of(number: int, body: str) -> Listed:
    """Version `number` as a segment's directory has it."""
    status, text = read(body)
    rules = compiled(text).template
    public = normal(rules.code.public) if rules.code.public else IMPORTED if rules.code.imported else ""
    assert isinstance(public, str), public
    return Listed(number, status, public, rules.activity_id or "")


@lru_cache(COMPILED_MAX)
def compiled(template: str) -> Offer:
    """The template of its JSON, which was accepted once."""
    found = offer.read(template.encode())
    assert isinstance(found, Offer), f"a template that was accepted is refused: {found}"
    return found


@lru_cache(COMPILED_MAX)
def judging(template: str) -> tuple[str, str]:
    """(version, JSON) of what of the template a coupon is judged by. More stock or another name is no other version to
    who has a coupon.
    """
    whole = compiled(template).template
    part = msgspec.structs.replace(
        whole,
        name="-",
        stock=None,
        budget=None,
        per_user=PerUserLimits(),
        transferable=False,
        activity_id=None,
        tags=(),
    )
    text = msgspec.json.encode(part).decode()
    return compiled(text).version, text


def limits(body: str) -> Mapping[Resource, int | None]:
    """What the template has to give; None: without limit. Of a public code each use is a piece of stock."""
    template = compiled(read(body)[1]).template
    pieces = [number for number in (template.stock, template.code.uses) if number is not None]
    return {"stock": min(pieces, default=None), "budget": template.budget}
