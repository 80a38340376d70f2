"""The one list of what this engine does: its domains, and the messages other programs may send it.

A new marketing function is a new package beside this file and a line here. The doors read COMMANDS, the engine reads
`domains(...)`, and neither knows what a point is. A domain's line also says where it begins in a log that is older than
itself: at the head, or by folding what is there with its outputs muted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from actors.commands import CommandSpec
from actors.notification.actor import NotificationActor
from actors.notification.templates import Templates
from actors.points.actor import PointsLedgerActor
from actors.points.door import POINTS_CHANGE
from actors.points.programme import Programme
from supervision.domain import Domain

COMMANDS: Mapping[str, CommandSpec] = {spec.event_type: spec for spec in (POINTS_CHANGE,)}
"""By `event_type`."""


class Registered(msgspec.Struct, frozen=True):
    """A domain and where it begins when the log was there before it."""

    domain: Domain[Any]
    begins: Literal["history", "head"]


def domains(programme: Programme, templates: Templates | None = None) -> tuple[Registered, ...]:
    """Every domain of the engine; raises ValueError when `programme` or the templates make no sense."""
    return (
        Registered(PointsLedgerActor(programme), begins="history"),
        Registered(NotificationActor(templates or Templates()), begins="head"),
    )
