"""Absence timers: "nothing happened since" may be said only when all that happened until then has been heard.

The engine knows the queue from its bridge's looks at it; here it is known from the broker. Whatever was put there
before the timer was due and is not in the log when it fires has not been heard, unless the firing says that it was
held, and then it was held as long as it may be. The watermark that the timers wait for says the same of a moment, so it
is judged by the same, also where no timer waits. Judged by the broker's clock, so only in worlds whose wall clock is
never set back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from simulation.broker import Message
from simulation.violation import Violation
from supervision.domain import TimerDue
from supervision.entry import Origin
from supervision.store import Batch


class Absence:
    """`queued` yields what the broker still answers for, `heard(message)` whether it is in the log or never will be."""

    def __init__(
        self, hold_s: int, queued: Callable[[], Iterable[Message]], heard: Callable[[Message], bool], clock_is_set: bool
    ) -> None:
        self._hold_ms = hold_s * 1000
        self._queued = queued
        self._heard = heard
        self._clock_is_set = clock_is_set

    def committed(self, batch: Batch) -> None:
        """A batch is durable, and not yet in the other checkers' books: what comes with a firing comes too late."""
        if not batch.fired:
            return
        waiting = {(row.segment, row.subject, row.key, row.gen) for row in batch.fired if row.absence}
        if not waiting:
            return
        for page in batch.pages:
            for entry in page.entries:
                if entry.origin == Origin.TIMER:
                    due = msgspec.json.decode(entry.body, type=TimerDue)
                    if (entry.segment, entry.subject, due.key, due.gen) in waiting:
                        self._judge(entry.place, due)

    def _judge(self, place: str, due: TimerDue) -> None:
        if due.held:
            if due.late_by_ms < self._hold_ms:
                raise Violation(f"absence: {place} was held {due.late_by_ms} ms only, not {self._hold_ms}")
        else:
            self._all_heard(due.due, f"{place} fired")

    def claimed(self, at: int) -> None:
        """The bridge tells the journal that whatever came until `at` is in the log."""
        self._all_heard(at, "the watermark moved")

    def _all_heard(self, until_ms: int, why: str) -> None:
        for message in () if self._clock_is_set else self._queued():
            if message.put_ms < until_ms and not self._heard(message):
                early = until_ms - message.put_ms
                raise Violation(f"absence: {why}, message {message.n} of {early} ms before is unheard")
