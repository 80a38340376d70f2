"""The door for `user_behavior`: a message that can be read becomes the entry `behaviour.seen` about its user.

The seed's flat examples say no `event_type`; a message that has a `behavior_type` and none is one of these, at every
door. An id is known for a day, not for a week: nothing here is worth money by itself, and who counts orders knows an
order by its own id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actors.behaviour.behaviour import read
from actors.behaviour.messages import EVENT_TYPE, SEEN
from actors.commands import Command, CommandSpec, Refusal
from actors.forms import command

FRONT_DOOR = "marketing.behavior.events"
MARK = "behavior_type"
"""The field that no other message has."""


def user_behavior(currency: str) -> CommandSpec:
    """The spec where amounts without a currency are in `currency`."""

    def decode(raw: bytes, decoded: Mapping[str, Any]) -> Command | Refusal:
        behaviour = read(raw, currency)
        if isinstance(behaviour, Refusal):
            return behaviour
        return command(SEEN, f"user:{decoded['user_id']}", decoded.get("timestamp"))

    return CommandSpec(EVENT_TYPE, SEEN, FRONT_DOOR, ("behavior.#",), decode, MARK)
