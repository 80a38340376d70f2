"""The smaller reference models: what notification must say of each fact, and what is known of a user.

A model folds what the shadow (shadow.py) tells it was folded, and says which effects must come of each entry. It shares
no code with its domain. Those of points (points_model.py) and of programmes (programmes_model.py) stand apart.
"""

from __future__ import annotations

from typing import Any

import msgspec

from supervision.entry import Entry
from supervision.messages import Emission

Said = tuple[Any, ...]
"""(kind, subject, what else the model knows of it)."""


class NotificationModel:
    """One text for each fact about points, and of each user his zone, the last that was said."""

    domain = "notification"
    kinds = frozenset(
        {"points.earned", "points.spent", "points.expired", "points.expiring", "user.profile", "programme.activated"}
    )
    parks_subject = False
    timer_key = ""

    def __init__(self) -> None:
        self.zones: dict[str, str] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        if entry.kind == "user.profile":
            changes = msgspec.json.decode(entry.body)["profile_changes"]
            self.zones[entry.subject] = changes.get("zone", self.zones.get(entry.subject)) or ""
            return []
        if entry.kind == "programme.activated":
            return []
        return [("notify.sms", entry.subject, msgspec.json.decode(entry.body)["points"])]

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """Nothing hangs on it."""
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Nobody buys, agrees, prefers or waits here, or puts a template, so the zone is all that there is."""
        mine: list[Any] = [4, [0, {}, []], [{}], [{}], [[]], self.zones.get(subject, ""), None, 0, "", {}]
        if subject.startswith("segment:"):
            mine = [1, {}]
        stored = msgspec.msgpack.decode(data)
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if not draft.kind.startswith("notify."):
            return None
        return (draft.kind, draft.subject, msgspec.json.decode(draft.body)["params"]["points"])

    def at_rest(self) -> str:
        return ""


class ProfileModel:
    """Who was last to say what, in the order of the log."""

    domain = "profile"
    kinds = frozenset({"user.profile"})
    parks_subject = True
    timer_key = ""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, tuple[str, str]]] = {}
        """Subject -> fact -> (place of its last change, value as JSON)."""

    def fold(self, entry: Entry, at: int) -> list[Said]:
        facts = self.facts.setdefault(entry.subject, {})
        changed: set[str] = set()
        for name, value in msgspec.json.decode(entry.body)["profile_changes"].items():
            said = msgspec.json.encode(value, order="sorted").decode()
            if said == facts.get(name, ("", "null"))[1]:
                continue
            changed.add(name)
            facts[name] = (entry.place, said)
            if value is None:
                del facts[name]
        return [("profile.updated", entry.subject, sorted(changed))] if changed else []

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """It was never so."""
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the stored profile has the model's facts, each changed last where the model has it."""
        facts = msgspec.msgpack.decode(data)[1]
        stored = {name: (f"{epoch}.{offset}", value) for name, (value, epoch, offset, _) in facts.items()}
        mine = {name: (place.partition(".")[2], said) for name, (place, said) in self.facts.get(subject, {}).items()}
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if not draft.kind.startswith("profile."):
            return None
        return (draft.kind, draft.subject, sorted(msgspec.json.decode(draft.body)["changed"]))

    def at_rest(self) -> str:
        return ""
