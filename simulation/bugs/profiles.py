"""Bugs of the facts about users: who was last."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from actors.profile.actor import ProfileActor
from simulation.bugs.bug import Bug, Method, Swap
from supervision.domain import Event


def _what_happened_last(react: Method) -> Method:
    def wrong(self: Any, state: Any, event: Event) -> Iterable[Any]:
        news = {
            name: value
            for name, value in event.body.profile_changes.items()
            if name not in state.facts or state.facts[name].at <= event.occurred_at
        }
        body = msgspec.structs.replace(event.body, profile_changes=news)
        return react(self, state, msgspec.structs.replace(event, body=body))

    return wrong


BUGS = (
    Bug(
        "older_by_its_senders_clock",
        "An update says when it was made; one that comes late must not put an old value over a newer one.",
        (Swap(ProfileActor, "react", _what_happened_last),),
    ),
)
