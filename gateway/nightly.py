"""The nightly audit: once a day the engine proves its own books, slowly, beside everything else.

Why no timer of the points domain: a timer is armed by an entry and fires into a reaction, and a reaction can neither
read a store nor take minutes. It could only ask somebody to begin, and that somebody would have to remember over a
crash that he was asked, while all there is to remember is a time of day. So this looks at the clock, and what is
durable is what came of it: `points.audited` about each segment, of which the domain makes a record and, when something
is off, an `engine.alarm`. An audit that a stop cuts short is made the next night.

A step reads and proves for some five milliseconds and rests for ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any

import msgspec
import structlog

from actors.calendar import calendar
from actors.points.auditor import Audit, Pace
from actors.points.messages import AUDITED, BooksAudited
from supervision.counters import Counters
from supervision.entry import Corrupt, Draft, Origin, encode_draft, segment_of, segment_subject
from supervision.messages import Append, Item
from supervision.runtime import Address, Runtime
from supervision.store import Reader, Refused

SLOWLY = Pace(lines=1_000, users=200, users_max=50_000)
REST_S = 0.05
"""Between two steps."""
LOOK_S = 20.0
"""Between two looks at the clock."""
TOLD_MAX = 10
"""Findings of all segments that the entry of one names."""

log = structlog.get_logger("auditor")

NextAfter = Callable[[int], int]
"""When the next audit is due after a moment; ms since 1970 UTC."""


def daily(clock: str, zone: str) -> NextAfter:
    """At `clock` (HH:MM) of every day in `zone`. Raises ValueError for what is neither."""
    days, at = calendar(zone), time.fromisoformat(clock)

    def following(now_ms: int) -> int:
        today: date = days.local(now_ms).date()
        return next(due for n in range(3) if (due := days.at(today + timedelta(days=n), at)) > now_ms)

    return following


class Look(msgspec.Struct, frozen=True):
    """To itself: is it time? Or, while an audit goes on: the next step."""


class Auditor:
    """A Behaviour. `make_reader` opens one for each audit."""

    def __init__(
        self,
        me: Address,
        make_reader: Callable[[], Reader],
        segments: int,
        journal: Address,
        runtime: Runtime,
        counters: Counters,
        next_after: NextAfter,
    ) -> None:
        self._me = me
        self._make_reader = make_reader
        self._segments = segments
        self._journal = journal
        self._runtime = runtime
        self._counters = counters
        self._next_after = next_after
        self._due = next_after(runtime.clock.now_ms())
        self._reader: Reader | None = None
        self._audit: Audit | None = None
        self._steps: Iterator[object] = iter(())

    def started(self) -> None:
        self._runtime.send_after(LOOK_S, self._me, Look())

    def stopping(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store; also called for an incarnation that crashed."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._audit = None

    def receive(self, message: Any) -> Any:
        assert isinstance(message, Look)
        try:
            self._go_on()
        except (Refused, Corrupt) as error:
            log.error("the books could not be audited", error=type(error).__name__)
            self._counters.count("audits_failed")
            self.close()
        self._runtime.send_after(LOOK_S if self._audit is None else REST_S, self._me, Look())

    def _go_on(self) -> None:
        now = self._runtime.clock.now_ms()
        if self._audit is None:
            if now < self._due:
                return
            self._due = self._next_after(now)
            self._reader = self._make_reader()
            self._audit = Audit(self._reader, self._segments, SLOWLY)
            self._steps = iter(self._audit.steps())
        if next(self._steps, None) is None:
            self._tell(self._audit)
            self.close()

    def _tell(self, audit: Audit) -> None:
        """What came of it: numbers, a line in the log, and an entry about each segment."""
        self._counters.gauge("audit_last_s", self._runtime.clock.now_ms() / 1000)
        self._counters.gauge("audit_records", audit.records)
        self._counters.gauge("audit_users", audit.users)
        self._counters.gauge("audit_findings", audit.found)
        if audit.found:
            log.error("the books are off", findings=audit.found)
        told = tuple(finding.told() for finding in audit.findings[:TOLD_MAX])
        items: list[Item] = []
        for segment, came in audit.segments.items():
            body = BooksAudited(came.records, came.users, came.findings, told if came.findings else ())
            subject = segment_subject(segment)
            draft = Draft(AUDITED, subject, msgspec.json.encode(body), origin=Origin.OPERATOR)
            items.append(Item(segment_of(subject, self._segments), draft, encode_draft(draft)))
        self._journal.tell(Append(items, lambda _: None, sum(len(item.encoded) for item in items)))
