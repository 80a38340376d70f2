"""The reference model of the history of what users did: each behaviour stands in it once, as it was told.

It folds what the shadow tells it was folded, as all models do. The lines of each stage are compared when it commits;
and customers look at the whole of it, page by page (customers.py).
"""

from __future__ import annotations

from typing import Any

import msgspec

from simulation.model import Said
from simulation.violation import Violation
from supervision.entry import Entry
from supervision.envelope import rfc3339
from supervision.messages import Emission, Stage

Line = tuple[str, str, str, str, str]
"""(place of its entry, what was done, session, order, query)."""


class BrowsingModel:
    """Lines by subject and offset: what was set aside and told later has its place in the history all the same."""

    domain = "behaviour"
    kinds = frozenset({"behaviour.seen"})
    parks_subject = False
    timer_key = ""

    def __init__(self) -> None:
        self.lines: dict[str, dict[int, Line]] = {}
        self._new: list[tuple[str, str, Line]] = []
        """(subject, when, line) of the stage that commits."""

    def fold(self, entry: Entry, at: int) -> list[Said]:
        told = msgspec.json.decode(entry.body)
        words = [told.get(name) or "" for name in ("behavior_type", "session_id", "order_id", "query")]
        line = (entry.place, words[0], words[1], words[2], words[3])
        self.lines.setdefault(entry.subject, {})[entry.offset] = line
        self._new.append((entry.subject, rfc3339(at), line))
        return []

    def stage(self, stage: Stage) -> None:
        """The shadow has told of it: its lines are these."""
        mine, self._new = self._new, []
        said = [(row.subject, *_read(msgspec.json.decode(row.body))) for row in stage.records]
        if said != mine:
            raise Violation(f"history: {stage.domain}/{stage.segment} wrote {said[:3]}, the model has {mine[:3]}")

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """It was not done, as far as anybody will know."""
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        """What is kept of a session is a matter of flags, which are a doubt and no promise."""
        return ""

    def heard(self, emission: Emission) -> Said | None:
        """It says nothing, so whatever the domain itself says is too much."""
        kind = emission.draft.kind
        return None if kind.startswith("engine.") else (kind, emission.draft.subject)

    def at_rest(self) -> str:
        return ""


def _read(line: dict[str, Any]) -> tuple[str, Line]:
    """(when, line) of what was written."""
    words = [line.get(name, "") for name in ("entry", "type", "session_id", "order_id", "query")]
    return line["at"], (words[0], words[1], words[2], words[3], words[4])
