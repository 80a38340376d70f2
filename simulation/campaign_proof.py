"""What each stage of the campaign domain writes beside its effects: the reason of every decision, and the timers.

A decision and its reason are one stage's, so there is none without the other whatever crashes. And no two actions of
one run have the same name: it is what their answers, and the coupons that they issue, are known by.
"""

from __future__ import annotations

from typing import Any

import msgspec

from simulation.campaign_book import Row
from simulation.campaign_fold import Why
from simulation.campaign_model import CampaignModel
from simulation.violation import Violation
from supervision.messages import Stage

NAMED = {"notify.requested": "reference", "coupon.issue": "activity_id"}


class CampaignProof:
    """Of a world."""

    def __init__(self, model: CampaignModel) -> None:
        self.model = model
        self._rows: dict[tuple[int, str], dict[str, Row]] = {}
        self._names: set[tuple[str, str]] = set()

    def stage(self, stage: Stage) -> None:
        """One that the shadow has compared."""
        where = f"{stage.domain}/{stage.segment} at {stage.prev}..{stage.upto}"
        mine, self.model.whys = self.model.whys, []
        said = [(row.subject, row.offset, _read(msgspec.json.decode(row.body))) for row in stage.records]
        if len(said) != len(mine) or not all(map(_alike, said, mine)):
            raise Violation(f"why: {where} wrote down {said[:3]}, the model has {mine[:3]}")
        self._timers(stage, where)
        for emission in stage.emits:
            if field := NAMED.get(emission.draft.kind):
                self._name(emission.draft.subject, msgspec.json.decode(emission.draft.body)[field])

    def _name(self, subject: str, name: str) -> None:
        if (subject, name) in self._names:
            raise Violation(f"campaigns: two actions for {subject} are both called {name}")
        self._names.add((subject, name))

    def _timers(self, stage: Stage, where: str) -> None:
        for op in stage.timer_ops:
            rows = self._rows.setdefault((stage.segment, op.subject), {})
            rows.pop(op.key, None)
            if op.row is not None:
                rows[op.key] = (op.row.due, op.row.gen)
        for subject in dict.fromkeys(op.subject for op in stage.timer_ops):
            rows, mine = self._rows[stage.segment, subject], self._rows_of(stage.segment, subject)
            if rows != mine:
                raise Violation(f"timers: {where}: {subject} has {rows}, the model {mine}")

    def _rows_of(self, segment: int, subject: str) -> dict[str, Row]:
        if subject.startswith("segment:"):
            return self.model.segments[segment].rows
        return self.model.books[subject].rows

    def at_rest(self) -> None:
        """All timers once more: one that was never armed has no stage."""
        for (segment, subject), rows in self._rows.items():
            if rows != (mine := self._rows_of(segment, subject)):
                raise Violation(f"timers: {subject} has {rows}, the model {mine}")
        for subject, book in self.model.books.items():
            if book.rows and not any(of == subject for _, of in self._rows):
                raise Violation(f"timers: {subject} has none, the model {book.rows}")


def _read(line: dict[str, Any]) -> Why:
    seen = line.get("conditions")
    conditions = None if seen is None else tuple((each["path"], each["saw"], each["met"]) for each in seen)
    named = {name: line.get(name) for name in Why.__struct_fields__}
    return msgspec.convert({**named, "conditions": conditions}, Why)


def _alike(said: tuple[str, int, Why], mine: tuple[str, int, Why]) -> bool:
    """The same; of limits that are full production names one, and when it has room again."""
    if said[2].outcome == "capped" and said[2].reason:
        scope = said[2].reason.split(" ")[0]
        reason = mine[2].reason if scope in (mine[2].reason or "").split() else "another"
        said = (said[0], said[1], msgspec.structs.replace(said[2], reason=reason))
    return said == mine
