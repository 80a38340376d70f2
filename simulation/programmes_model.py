"""The reference model of programmes: the last version that was put by who knew the one before it."""

from __future__ import annotations

from typing import Any

import msgspec

from simulation.model import Said
from supervision.entry import Entry
from supervision.messages import Emission
from topology.wire import id_hash


class ProgrammesModel:
    """Of a store of `segments` segments. `answers` are by the id hash of the put: (number, version, changed, code)."""

    domain = "programmes"
    kinds = frozenset({"programme.put", "programme.spread"})
    parks_subject = True
    timer_key = ""

    def __init__(self, segments: int) -> None:
        self._segments = segments
        self._number, self._version = 0, ""
        self.answers: dict[int, tuple[Any, ...]] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        body, said = msgspec.json.decode(entry.body), list[Said]()
        changed, code = False, ""
        if body["version"] != self._version:
            if body.get("if_match", "") == self._version:
                self._number, self._version, changed = self._number + 1, body["version"], True
                segments = [f"segment:{segment:02d}" for segment in range(self._segments)]
                said = [("programme.activated", segment, self._number, self._version) for segment in segments]
            else:
                code = "precondition_failed"
        if entry.asked:
            self.answers[id_hash(entry.root, entry.subject)] = (self._number, self._version, changed, code)
        return said

    def discarded(self, entry: Entry) -> None:
        """It was never put."""

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the shelf holds the model's version."""
        stored, mine = msgspec.msgpack.decode(data)[1:3], [self._number, self._version]
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if draft.kind != "programme.activated":
            return None
        body = msgspec.json.decode(draft.body)
        return (draft.kind, draft.subject, body["number"], body["version"])

    def at_rest(self) -> str:
        return ""
