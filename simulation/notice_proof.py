"""What each stage of the notification domain writes beside its effects: of every decision on a message, and of every
report of one, a line in the same stage; and of every request one end, whatever crashes. Read off what became durable,
without the model.
"""

from __future__ import annotations

from typing import Any

import msgspec

from simulation.notices_drawn import STATUSES
from simulation.violation import Violation
from supervision.entry import Draft
from supervision.messages import Stage

WORDS = {
    "message.sent": "sent", "message.held": "held", "message.suppressed": "suppressed", "notify.refused": "refused",
}  # fmt: skip
"""How a line calls an effect."""
CALLED = {**WORDS, **{f"message.{status}": status for status in STATUSES}}
ENDS = frozenset(WORDS.values()) - {"held"}
Told = tuple[str, str, str, str, str]
"""(subject, word, reference, template, why)."""


class NoticeProof:
    """Of a world."""

    def __init__(self) -> None:
        self._ended: set[tuple[str, str]] = set()

    def stage(self, stage: Stage) -> None:
        """One that became durable."""
        said = [
            _told(draft.subject, CALLED[draft.kind], msgspec.json.decode(draft.body))
            for draft in (emission.draft for emission in stage.emits)
            if draft.kind in CALLED and not _unasked(draft)
        ]
        written = [_line(row.subject, msgspec.json.decode(row.body)) for row in stage.records]
        where = f"{stage.domain}/{stage.segment} at {stage.prev}..{stage.upto}"
        if said != written:
            raise Violation(f"messages: {where} said {said[:3]} and wrote down {written[:3]}")
        for subject, word, reference, _, _ in said:
            if reference and word in ENDS:
                self._end(subject, reference, where)

    def _end(self, subject: str, reference: str, where: str) -> None:
        if (subject, reference) in self._ended:
            raise Violation(f"messages: {where} ended {reference} of {subject} again")
        self._ended.add((subject, reference))


def _unasked(draft: Draft) -> bool:
    """A text of a fact that has none, where nothing is configured: nobody decided anything."""
    if draft.kind != "notify.refused":
        return False
    body = msgspec.json.decode(draft.body)
    return not body.get("reference") and not body.get("category")


def _told(subject: str, word: str, body: dict[str, Any]) -> Told:
    why = body.get("reason", body.get("code", ""))
    return subject, word, body.get("reference", ""), body.get("template", ""), why


def _line(subject: str, line: dict[str, Any]) -> Told:
    return _told(subject, line["message"], line)
