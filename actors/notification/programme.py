"""A template of messages as a programme: how a version is read at the door, and which version a segment holds."""

from __future__ import annotations

import msgspec

from actors.commands import Refusal
from actors.notification import message_template
from actors.notification.directory import Directory
from actors.notification.listing import FAMILY

DOMAIN = "notification"

_directory = msgspec.msgpack.Decoder(Directory).decode


def canonical(template: bytes) -> bytes | Refusal:
    """The template in its normal form, or the first thing that is wrong with it."""
    made = message_template.parse(template)
    return made if isinstance(made, Refusal) else made.canonical


notification_template_kind = FAMILY.kind_of(DOMAIN, canonical, lambda state: _directory(state).templates)
