"""The reference model of the watch: a counter of refusals by segment and ten minutes, and whom the ledger parked."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from simulation.model import Said
from supervision.entry import Entry
from supervision.messages import Emission

TEN_MINUTES_MS = 600_000
MONEY = "points"


class WatchModel:
    """`limit` refusals in a segment are no alarm yet."""

    domain = "watch"
    kinds = frozenset({"points.refused", "watch.refusal", "engine.parked"})
    parks_subject = False
    timer_key = ""

    def __init__(self, limit: int, marks: Counter[str]) -> None:
        self._limit = limit
        self._marks = marks
        self._counts: dict[str, Counter[int]] = {}
        """Segment's subject -> window -> refusals."""

    def fold(self, entry: Entry, at: int) -> list[Said]:
        body = msgspec.json.decode(entry.body)
        here = f"segment:{entry.segment:02d}"
        counts = self._counts.setdefault(here, Counter())
        if entry.kind == "points.refused":
            return [("watch.refusal", here, at)] if counts[at // TEN_MINUTES_MS] <= self._limit else []
        if entry.kind == "engine.parked":
            if body["domain"] != MONEY:
                return []
            self._marks["money_alarm"] += 1
            return [("engine.alarm", entry.subject, "money_parked", body["subject"], body["offset"])]
        window = body["refused_at"] // TEN_MINUTES_MS
        if window < max(counts, default=0):
            return []
        counts[window] += 1
        if counts[window] != self._limit + 1:
            return []
        self._marks["refusals_alarm"] += 1
        return [("engine.alarm", here, "refusals_rate", self._limit + 1, self._limit)]

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """It is not counted."""
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        counts = self._counts.get(subject, Counter())
        window = max(counts, default=0)
        count = counts[window] if counts[window] <= self._limit else -1
        stored, mine = msgspec.msgpack.decode(data)[1:], [window, count]
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        kind, subject = emission.draft.kind, emission.draft.subject
        if kind not in ("watch.refusal", "engine.alarm"):
            return None
        body: dict[str, Any] = msgspec.json.decode(emission.draft.body)
        if kind == "watch.refusal":
            return (kind, subject, body["refused_at"])
        told = ("subject", "offset") if body["alarm"] == "money_parked" else ("value", "limit")
        return (kind, subject, body["alarm"], *(body[name] for name in told))

    def at_rest(self) -> str:
        return ""
