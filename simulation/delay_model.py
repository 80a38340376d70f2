"""The reference model of messages that are to be published later: each waits, goes out or is taken back, is remembered
for a week, and is forgotten.

It keeps all that was asked as bytes, so the same message again is the one with the same bytes. What then arrives on
`marketing.delayed` is compared by delay_proof.py with what its sender had sent.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from simulation.model import Said
from supervision.entry import Entry
from supervision.messages import Emission

DAY_MS = 86_400_000
DAYS_MAX = 366
REMEMBERED_MS = 7 * DAY_MS
"""After it went out or was taken back; stated in docs/semantics.md."""
PENDING, PUBLISHED, CANCELLED = "pending", "published", "cancelled"


class Kept(msgspec.Struct):
    """What is known of a message: all that was asked, when it is due, and the one timer, (due, gen)."""

    status: str
    asked: bytes
    due: int
    timer: tuple[int, int] | None


class DelayModel:
    """Messages by subject; who is forgotten is not there."""

    domain = "delay"
    kinds = frozenset({"delay.later", "delay.cancel", "timer.delay"})
    parks_subject = True
    timer_key = "next"

    def __init__(self, marks: Counter[str]) -> None:
        self._marks = marks
        self.kept: dict[str, Kept] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        body = msgspec.json.decode(entry.body)
        match entry.kind:
            case "delay.later":
                return self._later(entry, body, at)
            case "delay.cancel":
                return self._cancel(entry, at)
            case _:
                return self._fired(entry, body, at)

    def _later(self, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        known, delay = self.kept.get(entry.subject), body.get("delay_ms")
        due = at + delay if delay is not None else max(at, body["deliver_at"])
        if known is not None:
            return [] if known.asked == entry.body else self._refused(entry.subject, "id_reused")
        if due > at + DAYS_MAX * DAY_MS:
            return self._refused(entry.subject, "too_far")
        self.kept[entry.subject] = Kept(PENDING, entry.body, due, (due, entry.offset))
        return []

    def _cancel(self, entry: Entry, at: int) -> list[Said]:
        known = self.kept.get(entry.subject)
        if known is None:
            return self._refused(entry.subject, "unknown_message")
        if known.status == PUBLISHED:
            return self._refused(entry.subject, "already_published")
        if known.status == CANCELLED:
            return []
        self._marks["delayed_cancelled"] += 1
        self._over(known, CANCELLED, entry, at)
        return [("delay.cancelled", entry.subject)]

    def _fired(self, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        known = self._whose(entry, body)
        if known is None:
            return []
        if known.status != PENDING:
            self._marks["delayed_forgotten"] += 1
            del self.kept[entry.subject]
            return []
        self._marks["delayed_published"] += 1
        self._over(known, PUBLISHED, entry, at)
        return [("delay.due", entry.subject, msgspec.json.decode(known.asked)["message"], known.due)]

    def _whose(self, entry: Entry, body: dict[str, Any]) -> Kept | None:
        """Of whom a firing is, if it is not stale."""
        known = self.kept.get(entry.subject)
        return known if known is not None and known.timer and known.timer[1] == body["gen"] else None

    def _over(self, known: Kept, status: str, entry: Entry, at: int) -> None:
        known.status, known.timer = status, (at + REMEMBERED_MS, entry.offset)

    def _refused(self, subject: str, code: str) -> list[Said]:
        self._marks["delayed_refused"] += 1
        return [("delay.refused", subject, code)]

    # What the shadow asks.

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """What was asked has not come. Of a firing: the message does not go out, or is forgotten all the same."""
        if entry.kind != "timer.delay":
            return []
        known = self._whose(entry, msgspec.json.decode(entry.body))
        if known is not None and known.status == PENDING:
            self._over(known, CANCELLED, entry, at)
        elif known is not None:
            del self.kept[entry.subject]
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        known = self.kept.get(subject)
        return known.timer if known is not None else None

    def state_fits(self, subject: str, data: bytes) -> str:
        """While it is pending its bytes are kept, and no longer."""
        _, status, _, due, message = msgspec.msgpack.decode(data)
        known = self.kept.get(subject)
        mine = ("", 0, False) if known is None else (known.status, known.due, known.status == PENDING)
        stored = (status, due, message is not None)
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        kind, subject = emission.draft.kind, emission.draft.subject
        if not kind.startswith("delay."):
            return None
        body = msgspec.json.decode(emission.draft.body)
        match kind:
            case "delay.due":
                return (kind, subject, body["message"], body["due"])
            case "delay.refused":
                return (kind, subject, body["code"])
            case _:
                return (kind, subject)

    def at_rest(self) -> str:
        """Empty when nothing that is due waits for ever."""
        return next((f"{subject} waits for nothing" for subject, known in self.kept.items() if not known.timer), "")
