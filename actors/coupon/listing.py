"""A template as it is put and told: what it says, and whether it is a draft, active, paused or closed.

It is a programme of a family (actors/programmes/listing.py) under the name `template:ID`.
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
from actors.programmes.listing import Family

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
FAMILY = Family[Status]("template:", "template", MAY_BECOME)

subject_of, read = FAMILY.subject_of, FAMILY.read
template_of = FAMILY.id_of
"""The template's id, when a programme's name is that of one; else empty."""


def listed(status: Status, template: Template) -> str:
    """What is put for it."""
    return FAMILY.body(status, msgspec.json.encode(template)).decode()


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
