"""What is set aside for an operator: entries, subjects, or the whole domain of a segment.

Domains with money park the subject: its later entries wait with the ill one, in order, because an account that
skipped a purchase would be wrong for ever. Other domains skip the entry. Each later entry of a parked subject is
copied to the parked rows by the stage that passes it, so that trimming the log cannot lose it. All of it commits with
the checkpoint; what is here in memory is a copy, thrown away with the incarnation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from supervision.attempts import PARKS_PER_HOUR_MAX, Attempts
from supervision.counters import Counters
from supervision.domain import Domain, Event
from supervision.engine_events import PARKED, RESUME, Decided, Decision, Parked
from supervision.entry import Entry
from supervision.messages import ParkedRow
from supervision.outcome import Outcome, SetAside
from supervision.outputs import Emit
from supervision.store import Reader

log = structlog.get_logger("parking")

WHOLE_DOMAIN = "*"


class DomainPark(msgspec.Struct):
    """The domain of this segment stands still since `offset`; resumes are looked for beyond `scanned`."""

    offset: int
    scanned: int


class Parking:
    """Of one host. `exhausted`: too many were set aside, so the host should park the domain."""

    def __init__(self, domain: Domain[Any], segment: int, attempts: Attempts, counters: Counters) -> None:
        self._domain = domain
        self._segment = segment
        self._attempts = attempts
        self._counters = counters
        self._subjects: set[str] = set()
        self.domain: DomainPark | None = None
        self.exhausted = False

    def load(self, reader: Reader) -> None:
        """Read what is parked; called once the incarnation has begun."""
        subjects = set(reader.parked_subjects(self._segment, self._domain.name))
        if WHOLE_DOMAIN in subjects:
            row = reader.parked(self._segment, self._domain.name, WHOLE_DOMAIN, -1, 1)[0]
            self.domain = DomainPark(row.offset, row.offset)
        if self._domain.parks == "subject":
            self._subjects = subjects - {WHOLE_DOMAIN}
        if not self._attempts.recalled:
            ats = reader.parked_at(self._segment, self._domain.name, PARKS_PER_HOUR_MAX) if subjects else ()
            self._attempts.recall(ats)

    def holds(self, subject: str) -> bool:
        """Later entries of this subject wait with the one that is parked."""
        return subject in self._subjects

    def hopeless(self, offset: int) -> str | None:
        """Why the entry is to be set aside without another attempt."""
        return self._attempts.hopeless(offset)

    def deadly_row(self, offset: int) -> int | None:
        """Which row, from 1, the retry at `offset` is not to try."""
        return self._attempts.deadly_row(offset)

    def set_aside(self, entry: Entry, reason: str, outcome: Outcome) -> None:
        """Park `entry` (and its subject, where there is money) and say so in the log."""
        times = self._attempts.times(entry.offset)
        outcome.parked.append(self._row(entry, reason, times))
        if self._domain.parks == "subject":
            self._subjects.add(entry.subject)
        parked = Parked(self._domain.name, self._segment, entry.subject, entry.offset, reason, times)
        event = Event(entry, None, entry.at, entry.subject)
        outcome.emit(event, Emit(PARKED, parked, route=PARKED, same_depth=True))
        outcome.set_aside.append(SetAside(entry.place, entry.at, reason.partition(":")[0], times))

    def note(self, set_aside: Sequence[SetAside]) -> None:
        """These are parked, durably: count and log them. Not before: a batch may be made anew, and a stage lost."""
        for one in set_aside:
            log.error("entry parked", domain=self._domain.name, place=one.place, error=one.error, attempts=one.attempts)
            self._counters.count("parked", domain=self._domain.name)
            self.exhausted = not self._attempts.parked(one.at)

    def copy(self, entry: Entry, outcome: Outcome) -> None:
        """`entry` waits behind the one that is parked."""
        outcome.parked.append(self._row(entry, "waits behind a parked entry", 0))

    def _row(self, entry: Entry, reason: str, attempts: int) -> ParkedRow:
        return ParkedRow(
            self._segment, self._domain.name, entry.subject, entry.offset, reason, attempts, entry.at,
            msgspec.msgpack.encode(entry),
        )  # fmt: skip

    def released(self, subject: str) -> None:
        """Nothing of it is parked any more."""
        self._subjects.discard(subject)

    def park_domain(self, head: int, reason: str, now_ms: int, outcome: Outcome) -> None:
        """Set everything from the checkpoint on aside, until an operator resumes."""
        self.domain = DomainPark(head, head)
        self.exhausted = False
        name = self._domain.name
        outcome.parked.append(ParkedRow(self._segment, name, WHOLE_DOMAIN, head, reason, 0, now_ms))
        outcome.announce(PARKED, Parked(name, self._segment, WHOLE_DOMAIN, head, reason, 0), now_ms)
        self._counters.count("domains_parked", domain=name)
        log.error("domain parked", domain=name, segment=self._segment, reason=reason)

    def is_resume(self, entry: Entry) -> bool:
        """An operator's resume of this domain."""
        return entry.kind == RESUME and msgspec.json.decode(entry.body, type=Decision).domain == self._domain.name

    def resume(self, entry: Entry, outcome: Outcome) -> None:
        """Fold on from the checkpoint, with new chances for every entry; `entry` is the operator's word."""
        assert self.domain is not None
        outcome.unparked.append((WHOLE_DOMAIN, self.domain.offset))
        decided = Decided("resume", self._domain.name, self._segment, WHOLE_DOMAIN, 0, False)
        event = Event(entry, None, entry.at, entry.subject)
        outcome.emit(event, Emit("engine.decided", decided, route="engine.decided", same_depth=True))
        self.domain = None
        self._attempts.resumed()
        log.info("domain resumed", domain=self._domain.name, segment=self._segment)
