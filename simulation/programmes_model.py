"""The reference model of programmes: a number, a version and a body by name, and what each segment was last told.

It says which puts change something, what they are answered, and which segments hear of it in which order; told in small
steps, so that continuations meet newer versions.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.programmes.messages import PutAnswer, subject_of
from simulation.model import Said
from supervision.entry import Entry
from supervision.messages import Emission
from topology.wire import id_hash

SEGMENTS_AT_ONCE = 1


class ProgrammesModel:
    """Of all names. `answers` are by the id hash of the put."""

    domain = "programmes"
    kinds = frozenset({"programme.put", "programme.spread"})
    parks_subject = True
    timer_key = ""

    def __init__(self, segments: int) -> None:
        self._segments = segments
        self._active: dict[str, tuple[int, str, str]] = {}
        self._told: dict[tuple[str, int], int] = {}
        """(subject, segment) -> number of the last version that was sent there."""
        self.answers: dict[int, PutAnswer] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        subject, body = entry.subject, msgspec.json.decode(entry.body)
        number, version, _ = self._active.get(subject, (0, "", ""))
        if entry.kind == "programme.spread":
            return self._tell(subject, body["first"]) if body["number"] == number else []
        changed = body["version"] != version and body["if_match"] == version
        code = "" if changed or body["version"] == version else "precondition_failed"
        if changed:
            number, version = number + 1, body["version"]
            self._active[subject] = (number, version, body["body"])
        self.answers[id_hash(entry.root, subject)] = PutAnswer(number, version, changed, code)
        if not changed:
            return []
        itself: list[Said] = [("programme.changed", subject, number, version)] if body["name"] == subject else []
        return itself + self._tell(subject, 0)

    def _tell(self, subject: str, first: int) -> list[Said]:
        number, version, _ = self._active[subject]
        said: list[Said] = []
        for segment in range(first, min(first + SEGMENTS_AT_ONCE, self._segments)):
            self._told[subject, segment] = number
            said.append(("programme.activated", f"segment:{segment:02d}", number, version))
        if first + SEGMENTS_AT_ONCE < self._segments:
            said.append(("programme.spread", subject, number, first + SEGMENTS_AT_ONCE))
        return said

    def told_of(self, name: str) -> dict[int, int]:
        """Segment -> number of the last version of `name` that was sent there."""
        return {segment: number for (subject, segment), number in self._told.items() if subject == subject_of(name)}

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """A put that never was; but who was to be told of one that was is told."""
        return self.fold(entry, at) if entry.kind == "programme.spread" else []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        stored, mine = msgspec.msgpack.decode(data)[1:], list(self._active.get(subject, ()))
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if not draft.kind.startswith("programme."):
            return None
        body: dict[str, Any] = msgspec.json.decode(draft.body)
        return (draft.kind, draft.subject, body["number"], body["first" if "first" in body else "version"])

    def at_rest(self) -> str:
        return ""
