"""A template of messages as it is put and told: what it says, and whether it is a draft, active or archived.

It is a programme of a family (actors/programmes/listing.py) under the name `notification-template:ID`. Of an archived
one, as of a draft, nothing is sent; it may be activated again, since what is sent of facts has the same names for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from actors.notification import message_template
from actors.notification.message_template import Ready
from actors.programmes.listing import Family

TEMPLATE_ID_BYTES_MAX = 64
READY_KEPT = 1_024
"""Versions of templates that are kept ready."""

Status = Literal["draft", "active", "archived"]
MAY_BECOME: Mapping[Status, tuple[Status, ...]] = {
    "draft": ("active", "archived"),
    "active": ("archived",),
    "archived": ("active",),
}
FAMILY = Family[Status]("notification-template:", "template", MAY_BECOME)


@lru_cache(READY_KEPT)
def ready(template: str) -> Ready:
    """The template of its JSON, which was accepted once."""
    found = message_template.parse(template.encode())
    assert isinstance(found, Ready), f"a template that was accepted is refused: {found}"
    return found
