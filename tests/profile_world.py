"""A world for the profile domain: what the host does around a reaction, in memory and in a glance.

Messages come in through the real door as JSON, states go through their encoding after every reaction and are checked.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.commands import Command, Refusal
from actors.profile.actor import ProfileActor
from actors.profile.door import PROFILE_UPDATE
from actors.profile.facts import Profile
from actors.profile.messages import UPDATE, ProfileUpdate
from supervision.domain import Event
from supervision.entry import Entry, Origin
from supervision.outputs import Emit

EPOCH = 1_790_000_000
START_MS = 1_758_378_600_000
"""2025-09-20T14:30:00Z, the time of the seed's example."""


def message(changes: Any, user: Any = "123456", **fields: Any) -> dict[str, Any]:
    """A `user_profile_update` as a sender makes it."""
    return {"event_type": "user_profile_update", "user_id": user, "profile_changes": changes} | fields


def knock(decoded: dict[str, Any]) -> Command | Refusal:
    """What the door says to a message."""
    return PROFILE_UPDATE.decode(msgspec.json.encode(decoded), decoded)


class ProfileWorld:
    """One user."""

    def __init__(self) -> None:
        self.actor = ProfileActor()
        self.offset = 0
        self.at = START_MS
        self.stored = msgspec.msgpack.encode(Profile())

    @property
    def profile(self) -> Profile:
        return msgspec.msgpack.decode(self.stored, type=Profile)

    @property
    def values(self) -> dict[str, Any]:
        return {name: msgspec.json.decode(fact.value) for name, fact in self.profile.facts.items()}

    def send(self, changes: dict[str, Any], **fields: Any) -> list[tuple[str, Any]]:
        """Through the door and the actor; (kind, body) of what was said, all of it outward under its own kind."""
        return self.send_raw(msgspec.json.encode(message(changes, **fields)))

    def send_raw(self, raw: bytes) -> list[tuple[str, Any]]:
        command = PROFILE_UPDATE.decode(raw, msgspec.json.decode(raw))
        assert isinstance(command, Command), command
        self.offset += 1
        self.at += 1_000
        entry = Entry(0, EPOCH, self.offset, self.at, 0, UPDATE, command.subject, raw, origin=Origin.OUTSIDE)
        body = msgspec.json.decode(raw, type=ProfileUpdate)
        state = self.profile
        outputs = list(self.actor.react(state, Event(entry, body, self.at, command.subject)))
        self.actor.check(state)
        self.stored = msgspec.msgpack.encode(state)
        for output in outputs:
            assert isinstance(output, Emit), output
            assert output.route == output.kind
            assert output.subject is None
        return [(output.kind, output.body) for output in outputs if isinstance(output, Emit)]
