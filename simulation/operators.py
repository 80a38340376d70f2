"""The person on call: retries, discards and resumes what is parked, in the middle of everything.

Decisions go through the production code below the HTTP door. While faults last the choice is the seed's; once the
world heals, everything that is parked is retried and every domain resumed, until nothing is left.
"""

from __future__ import annotations

from random import Random

from gateway.operations import WHOLE_DOMAIN, Decided, Decisions, ParkedLine, ParkedQueries
from gateway.problems import Problem
from gateway.readers import ReaderPool
from gateway.wiring import Wiring
from simulation.violation import Violation
from supervision.store import Refused

DISCARD_SHARE = 0.35
DISCARD_AT_LAST_SHARE = 0.6
"""Once faults are over a retry always works, and has little left to show."""
LOOK_LINES = 200


class Operators:
    """Stands before one process; made anew with each."""

    def __init__(self, rng: Random, wiring: Wiring) -> None:
        engine = wiring.engine
        self._rng = rng
        self._ready = lambda: engine.journal.bound
        self._parked = ParkedQueries(ReaderPool(engine.store.reader), engine.store.segments, sorted(engine.domains))
        self._decisions = Decisions(self._parked, engine.journal, engine.store.segments)
        self._asked: set[tuple[str, int, str]] = set()

    def decide_one(self) -> None:
        """Something about one line of what is parked."""
        lines = self._look()
        if lines:
            self._decide(self._rng.choice(lines), self._rng.random() < DISCARD_SHARE)

    def see_to_everything(self) -> None:
        """Retry and resume all, discard some; again and again until it works."""
        self._asked.clear()
        for line in self._look():
            about = (line.domain, line.segment, line.subject)
            if about not in self._asked:
                self._asked.add(about)
                self._decide(line, self._rng.random() < DISCARD_AT_LAST_SHARE)

    def _look(self) -> list[ParkedLine]:
        if not self._ready():
            return []
        try:
            return self._parked.page(LOOK_LINES, None).data
        except Refused:
            return []

    def _decide(self, line: ParkedLine, discard: bool) -> None:
        try:
            if line.subject == WHOLE_DOMAIN:
                self._decisions.resume(line.domain, line.segment, self._answered)
            elif discard:
                self._decisions.discard(line.domain, line.subject, self._answered)
            else:
                self._decisions.retry(line.domain, line.subject, self._answered)
        except Refused:
            pass  # the store does not answer; the operator comes again

    def _answered(self, answer: Decided | Problem) -> None:
        """A decision that was looked up a moment ago may have been overtaken, and that is all that may be wrong."""
        if isinstance(answer, Problem) and answer.code not in ("not_parked", "segment_lost"):
            raise Violation(f"operators: a decision was answered with {answer.code}")
