"""The host: one incarnation of a domain in one segment. It does everything about a fold that is not arithmetic.

It pulls entries from the tail, loads in one round trip what they need, reacts, and puts a stage to the journal
without waiting for it: a few may be under way, and the states in memory are ahead of the store by exactly those. That
is safe because the stages of one incarnation commit in order or not at all, and because an incarnation one of whose
stages is rejected ends.

A reaction that raises ends the incarnation too, since nobody can say what it had changed. The next one replays in
batches up to the entry that was the last one's death, then takes that one alone; after ATTEMPTS_MAX it sets it aside
(parking.py). At which entry it is, it tells the witness first, so that an entry that kills the process is found as
surely as one that raises. Beyond such an entry it goes only when what became of it is in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from supervision.attempts import Attempts, ReactionFailed
from supervision.counters import Counters
from supervision.domain import Domain, Event
from supervision.engine_events import DECISIONS, Decision
from supervision.entry import Entry
from supervision.fold import Fold, Poisoned
from supervision.forms import Forms
from supervision.messages import Begin, Begun, CatchUp, Committed, Rejected, Wake
from supervision.orders import Finish
from supervision.outcome import Outcome, SetAside
from supervision.parking import DomainPark, Parking
from supervision.runtime import Address, Runtime
from supervision.states import States
from supervision.store import Reader, Refused
from supervision.tail import Tail

log = structlog.get_logger("host")


class HostLimits(msgspec.Struct, frozen=True):
    """A host's limits, units in the names."""

    in_flight_max: int = 4
    batch_entries_max: int = 256
    quiet_entries_max: int = 1_000
    idle_progress_s: float = 1.0
    load_retry_s: float = 0.1
    states_bytes_max: int = 8 * 1024 * 1024
    retry_entries_max: int = 256
    """Parked entries that one decision takes; more go by continuation entries."""


class Progress(msgspec.Struct, frozen=True):
    """To itself: nothing has come for a while; stage the empty progress."""

    incarnation: int


class Again(msgspec.Struct, frozen=True):
    """To itself: a load failed; try again."""

    incarnation: int


class StageEnded(msgspec.Struct, frozen=True):
    """From the journal's thread: what became of a stage of `incarnation`, and what it set aside."""

    result: Committed | Rejected
    set_aside: Sequence[SetAside] = ()


class HasBegun(msgspec.Struct, frozen=True):
    """From the journal's thread: the Begin was committed; None when the segment is lost."""

    begun: Begun | None


class StageLost(Exception):
    """A stage was rejected: memory is ahead of a store that will never follow. The incarnation ends."""


class Place(msgspec.Struct, frozen=True):
    """Where a host stands: what all hosts of a process share, and its own segment. Built by the engine."""

    segment: int
    segments: int
    journal: Address
    tail: Tail
    runtime: Runtime
    counters: Counters
    open_reader: Callable[[], Reader]
    limits: HostLimits
    reply_to: Callable[[Event], int]
    """The id hash of the input that began the event's chain (the hash is the doors' business)."""
    checks: bool = False
    """Check every touched state before it is written (tests, simulation)."""


class DomainHost:
    """A Behaviour. `attempts` outlives it. With `park_reason` it sets the whole domain aside instead of folding on."""

    def __init__(
        self, domain: Domain[Any], place: Place, me: Address, attempts: Attempts, park_reason: str | None = None
    ) -> None:
        attempts.incarnation += 1
        self._domain = domain
        self._place = place
        self._limits = place.limits
        self._me = me
        self._attempts = attempts
        self._park_reason = park_reason
        self._incarnation = attempts.incarnation
        self._kinds = frozenset(domain.reacts_to) | {f"timer.{domain.name}"} | DECISIONS
        self._forms = Forms(domain, place.segment)
        self._states = States(place.limits.states_bytes_max, self._forms.shared_subject)
        if attempts.reader is not None:
            attempts.reader.close()
        self._reader = attempts.reader = place.open_reader()
        self._parking = Parking(domain, place.segment, attempts, place.counters)
        self._fold = Fold(
            domain,
            place,
            self._forms,
            self._states,
            self._reader,
            self._parking,
            attempts.mark,
            place.limits.retry_entries_max,
        )
        self._checkpoint = self._staged = self._cursor = -1
        self._in_flight = 0
        self._progress_asked = False
        self._catch_up = 0
        self._pause = False
        self._begun_with: Begun | None = None

    def started(self) -> None:
        place, attempts, me = self._place, self._attempts, self._me
        if attempts.subscription is not None:
            place.tail.unsubscribe(attempts.subscription)
        attempts.subscription = place.tail.subscribe(me, self._kinds)
        place.journal.tell(
            Begin(place.segment, self._domain.name, self._incarnation, lambda begun: me.tell(HasBegun(begun)))
        )

    def stopping(self) -> None:
        self._reader.close()

    def receive(self, message: Any) -> Any:
        match message:
            case Wake():
                self._clear()
                self._work()
            case StageEnded(result=result, set_aside=set_aside):
                if set_aside and isinstance(result, Committed):
                    self._parking.note(set_aside)  # also of an incarnation that has crashed since
                if result.incarnation == self._incarnation:
                    self._ended(result)
            case HasBegun(begun=begun):
                if begun is not None and begun.incarnation == self._incarnation:
                    self._begun(begun)
            case Progress(incarnation=incarnation) | Again(incarnation=incarnation):
                if incarnation == self._incarnation:
                    self._pause = False
                    self._later(isinstance(message, Progress))
            case CatchUp(offset=offset):
                self._catch_up = max(self._catch_up, offset)
                self._work()
            case _:
                raise TypeError(f"a host does not know {type(message).__name__}")

    def memories(self) -> list[tuple[int, str, str, Any]]:
        """(segment, domain, subject, state) of every state in memory that the store has: for checkers, at rest."""
        return [(self._place.segment, self._domain.name, subject, state) for subject, state in self._states.stored()]

    def _clear(self) -> None:
        if self._attempts.subscription is not None:
            self._attempts.subscription.clear()

    def _begun(self, begun: Begun) -> None:
        try:
            self._parking.load(self._reader)
        except Refused as refused:
            self._begun_with = begun
            self._wait_for_store(refused)
            return
        self._begun_with = None
        self._checkpoint = self._staged = self._cursor = begun.checkpoint
        self._attempts.passed(begun.checkpoint)
        if self._park_reason is not None and self._parking.domain is None:
            self._park_domain(self._park_reason)
        self._clear()
        self._work()

    def _ended(self, result: Committed | Rejected) -> None:
        if isinstance(result, Rejected):
            raise StageLost(result.reason)
        self._in_flight -= 1
        if result.upto > self._checkpoint:
            self._checkpoint = result.upto
            self._attempts.passed(result.upto)
        self._states.committed(result.upto)
        if self._place.checks:
            self._states.check()
        self._work()

    def _later(self, idle: bool) -> None:
        if self._begun_with is not None:
            self._begun(self._begun_with)
        elif idle:
            self._progress_asked = False
            if self._cursor > self._staged:
                self._put(self._outcome(self._cursor), [])
        self._work()

    def _work(self) -> None:
        """Pull and react while there is something to read and not too much under way."""
        if self._cursor < 0 or self._pause:
            return
        self._clear()
        if self._parking.exhausted and self._parking.domain is None:
            self._park_domain("too many entries were set aside within an hour")
        try:
            if self._parking.domain is not None:
                self._await_resume(self._parking.domain)
                return
            while self._in_flight < self._limits.in_flight_max and not self._in_doubt():
                if not self._batch():
                    break
        except Refused as refused:
            self._wait_for_store(refused)
        self._see_to_progress()

    def _wait_for_store(self, refused: Refused) -> None:
        """Store trouble is nobody's fault: wait, keep everything, count nothing against anybody."""
        log.warning("a load was refused", domain=self._domain.name, segment=self._place.segment, reason=str(refused))
        self._place.counters.count("loads_refused", domain=self._domain.name)
        self._pause = True
        self._place.runtime.send_after(self._limits.load_retry_s, self._me, Again(self._incarnation))

    def _see_to_progress(self) -> None:
        """Progress without outputs is staged after a while, or at once when a query waits for it."""
        if self._cursor <= self._staged:
            return
        if (
            self._staged < self._catch_up <= self._cursor
            or self._cursor - self._staged >= self._limits.quiet_entries_max
        ):
            self._put(self._outcome(self._cursor), [])
        elif not self._progress_asked:
            self._progress_asked = True
            self._place.runtime.send_after(self._limits.idle_progress_s, self._me, Progress(self._incarnation))

    def _in_doubt(self) -> bool:
        """An entry that raised or killed is behind the cursor and not in the store. Were there another killer soon
        after it, each would take the other's place with the witness, and both would kill for ever.
        """
        poison = self._attempts.poison(self._checkpoint)
        return poison is not None and poison <= self._cursor

    def _span(self) -> int:
        """How many entries to look at: up to a known poison, then that one alone."""
        if self._cursor < self._attempts.one_by_one:
            return 1
        poison = self._attempts.poison(self._cursor)
        if poison is None:
            return self._limits.batch_entries_max
        return min(self._limits.batch_entries_max, poison - self._cursor - 1) or 1

    def _batch(self) -> bool:
        """Read and fold once; False when there is nothing to do now."""
        entries, upto = self._place.tail.read(self._cursor, self._span(), self._kinds, self._reader)
        if upto == self._cursor:
            return False
        if len(entries) > (most := self._domain.entries_at_once):
            upto, entries = entries[most].offset - 1, entries[:most]
        decision = next((i for i, entry in enumerate(entries) if entry.kind in DECISIONS), None)
        if decision is not None:
            return self._up_to_decision(entries, decision)
        self._react(entries, upto)
        return True

    def _up_to_decision(self, entries: Sequence[Entry], i: int) -> bool:
        """An operator's decision is taken alone, with nothing under way: it reads parked rows that must be in the
        store.
        """
        if i > 0:
            self._react(entries[:i], entries[i].offset - 1)
            return True
        entry = entries[0]
        decision = msgspec.json.decode(entry.body, type=Decision)
        if decision.domain != self._domain.name:
            self._cursor = entry.offset
            return True
        if self._in_flight:
            return False
        outcome = self._outcome(entry.offset)
        try:
            self._fold.decide(entry, decision, outcome)
            states = self._fold.encoded(outcome)
        finally:
            self._attempts.mark.clear()
        self._cursor = entry.offset
        self._put(outcome, states)
        return True

    def _react(self, entries: Sequence[Entry], upto: int) -> None:
        if not entries:  # as often as not: what was read is other domains'
            self._cursor = upto
            return
        outcome = self._outcome(upto)
        first, mark = entries[0].offset, self._attempts.mark
        span = entries[-1].offset - first + 1
        try:
            mark.at(first, span)
            self._fold.run(entries, outcome)
            mark.at(first, span)
            states = self._fold.encoded(outcome)
        except Poisoned as poisoned:
            self._attempts.failed(poisoned.offset, poisoned.reason)
            self._place.counters.count("reactions_failed", domain=self._domain.name)
            raise ReactionFailed(poisoned.offset, poisoned.reason) from None
        finally:
            mark.clear()
        self._cursor = upto
        if not outcome.empty():
            self._put(outcome, states)

    def _outcome(self, upto: int) -> Outcome:
        return Outcome(self._place.segment, self._place.segments, self._domain.name, upto, self._states)

    def _put(self, outcome: Outcome, states: list[tuple[str, bytes]]) -> None:
        """Stage what was collected, with the checkpoint that says so."""
        stage = outcome.stage(self._incarnation, self._staged, states, self._ending(outcome.set_aside))
        self._staged = outcome.upto
        self._in_flight += 1
        self._place.journal.tell(stage)

    def _ending(self, set_aside: Sequence[SetAside]) -> Callable[[Committed | Rejected], None]:
        """What the journal's thread calls when the stage has ended."""
        me = self._me
        return lambda result: me.tell(StageEnded(result, set_aside))

    def _park_domain(self, reason: str) -> None:
        """Set the whole domain of this segment aside: a row, an entry, and then only a resume is listened for."""
        outcome = self._outcome(self._staged)
        self._parking.park_domain(self._place.tail.head, reason, self._place.runtime.clock.now_ms(), outcome)
        self._cursor = self._staged
        self._put(outcome, [])

    def _await_resume(self, park: DomainPark) -> None:
        """Look for an operator's resume beyond the place of parking; the checkpoint stays where it is."""
        while True:
            entries, upto = self._place.tail.read(park.scanned, self._limits.batch_entries_max, DECISIONS, self._reader)
            if upto == park.scanned:
                return
            resume = next((entry for entry in entries if self._parking.is_resume(entry)), None)
            if resume is None:
                park.scanned = upto
                continue
            if self._in_flight:
                return  # it is read again when that has ended
            outcome = self._outcome(self._staged)
            self._parking.resume(resume, outcome)
            self._put(outcome, [])
            if self._park_reason is not None:
                self._me.tell(Finish())  # a stand-in: the real one takes over, with a new restart budget
            return
