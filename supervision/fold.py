"""The fold of one batch of entries: load what they need in one round trip, react to each in order, collect the outcome.

Belongs to one incarnation of a host and shares its states. Whatever a reaction raises, of whatever class, becomes
`Poisoned` with the entry's offset; the host ends the incarnation then, because nobody can say what the reaction had
changed. Only an operator's retry is milder: it is made with nothing under way, so the one state it touches can be put
back.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from supervision.attempts import DIED
from supervision.counters import Counters
from supervision.domain import Domain, Event, TimerDue
from supervision.engine_events import RESUME, RETRY, Decided, Decision
from supervision.entry import Corrupt, Entry
from supervision.forms import Forms, copy_of
from supervision.messages import ParkedRow, TimerOp, TimerRow
from supervision.outcome import Outcome
from supervision.outputs import Emit, Output
from supervision.parking import Parking
from supervision.runtime import SparesBudget
from supervision.states import Held, States
from supervision.store import Loaded, Reader, Refused
from supervision.witness import Mark

REASON_CHARS_MAX = 400
DIGEST_BYTES = 16
"""By which a companion's bytes are known again."""

Reaction = Callable[[Any, Event], Iterable[Output]]


class Poisoned(Exception):
    """The reaction to the entry at `offset` raised, or what it left could not be encoded."""

    def __init__(self, offset: int, error: BaseException) -> None:
        where = list(traceback.walk_tb(error.__traceback__))
        last = f" at {where[-1][0].f_code.co_name}:{where[-1][1]}" if where else ""
        self.offset = offset
        self.reason = f"{type(error).__name__}: {error}{last}"[:REASON_CHARS_MAX]
        super().__init__(self.reason)


class Unreadable(SparesBudget):
    """The store refused in the middle of a batch, when states had changed already: the incarnation reloads. Nobody's
    fault.
    """


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    """Of a kind's bodies. It holds nothing of who asks, and an incarnation would make one for each of its kinds."""
    return msgspec.json.Decoder(type_)


class Surroundings(Protocol):
    """What a fold needs of its host's place."""

    @property
    def segment(self) -> int: ...
    @property
    def counters(self) -> Counters: ...
    @property
    def checks(self) -> bool: ...
    @property
    def reply_to(self) -> Callable[[Event], int]: ...


class Fold:
    """Reacts for `domain`; see the module's essay."""

    def __init__(
        self,
        domain: Domain[Any],
        place: Surroundings,
        forms: Forms,
        states: States,
        reader: Reader,
        parking: Parking,
        mark: Mark,
        retry_entries_max: int,
    ) -> None:
        self._domain = domain
        self._place = place
        self._forms = forms
        self._states = states
        self._reader = reader
        self._parking = parking
        self._mark = mark
        self._retry_entries_max = retry_entries_max
        self._timer_kind = f"timer.{domain.name}"
        self._selective = type(domain).concerns is not Domain[Any].concerns
        types = {**domain.reacts_to, self._timer_kind: TimerDue}
        self._decoders = {kind: _decoder(type_) for kind, type_ in types.items()}

    def run(self, entries: Sequence[Entry], outcome: Outcome) -> None:
        """React to `entries` in order. Raises Poisoned; Refused when the load failed and nothing has happened."""
        events = [None if self._set_apart(entry) else self._event(entry, entry.at) for entry in entries]
        asked = [self._keys(event) if event else () for event in events]
        wanted = [event for event in events if event and (not self._selective or self._seems_to_concern(event))]
        loaded = self._load(wanted, [key for keys in asked for key in keys])
        for entry, event, keys in zip(entries, events, asked, strict=True):
            self._take(entry, event, keys, loaded, outcome)

    def _set_apart(self, entry: Entry) -> bool:
        return self._parking.holds(entry.subject) or self._parking.hopeless(entry.offset) is not None

    def _take(self, entry: Entry, event: Event | None, keys: Sequence[bytes], loaded: Loaded, outcome: Outcome) -> None:
        """One entry: copied, set aside, or reacted to. A subject parked by an earlier entry of this batch holds this
        one too.
        """
        if self._parking.holds(entry.subject):
            self._parking.copy(entry, outcome)
        elif event is None:
            self._parking.set_aside(entry, self._parking.hopeless(entry.offset) or "", outcome)
        else:
            self._mark.at(entry.offset)
            self._react(event, keys, loaded, outcome)

    def _event(self, entry: Entry, at: int) -> Event:
        try:
            return Event(entry, self._decoders[entry.kind].decode(entry.body), at, entry.subject)
        except Exception as error:
            raise Poisoned(entry.offset, error) from None

    def _keys(self, event: Event) -> Sequence[bytes]:
        try:
            return self._domain.keys(event)
        except Exception as error:
            raise Poisoned(event.entry.offset, error) from None

    def _load(self, events: Sequence[Event], keys: Sequence[bytes]) -> Loaded:
        """One round trip for the batch; states go into memory at once."""
        subjects = self._states.missing(self._forms.wanted([event.subject for event in events]))
        timers = [(event.subject, event.body.key) for event in events if event.entry.kind == self._timer_kind]
        wanted = [key for key in dict.fromkeys(keys) if self._states.claimed(key) is None]
        if not (subjects or timers or wanted):
            return Loaded({}, {}, {})
        with self._mark.reading():
            loaded = self._reader.load(self._place.segment, self._domain.name, subjects, timers, wanted)
        for subject in subjects:
            try:
                self._revive(subject, loaded)
            except Exception as error:  # one subject's trouble, and so its first entry's; else everybody's
                ill = next((event for event in events if event.subject == subject), None)
                if ill is None:
                    raise
                raise Poisoned(ill.entry.offset, error) from None
        return loaded

    def _revive(self, subject: str, loaded: Loaded) -> None:
        """Put the loaded state into memory; raises when its bytes are not those that were written, or mean nothing."""
        form = self._forms.of(subject)
        assert form is not None, subject
        data = loaded.states.get(subject)
        if data is not None:
            self._states.put(subject, form.thaw(data), len(data), stored=True)
        elif subject in loaded.damaged:
            raise Corrupt(loaded.damaged[subject])
        else:
            self._states.put(subject, form.fresh(subject), 0, stored=False)

    def _react(
        self,
        event: Event,
        keys: Sequence[bytes],
        loaded: Loaded,
        outcome: Outcome,
        before: dict[str, bytes] | None = None,
        reaction: Reaction | None = None,
    ) -> None:
        """`before`, where there is one, gets what each state was that the reaction may change. `reaction`: the
        domain's, if not `react`.
        """
        entry = event.entry
        if entry.kind == self._timer_kind and not self._still_armed(event, loaded, outcome):
            self._place.counters.count("timers_stale", domain=self._domain.name)
            return
        try:
            event = self._informed(event, keys, loaded, outcome)
        except Refused as refused:
            raise Unreadable(str(refused)) from None
        if self._selective and event.shared is not None and not self._concerns(event, event.shared):
            return
        held = self._held(event)
        state = held.state if held else None
        try:
            beside, event = self._accompanied(state, event)
            changes = [subject for subject in (event.subject if held else "", beside) if subject]
            if before is not None:
                before.update({subject: copy_of(self._states.held(subject).state) for subject in changes})
            event = self._told_more(state, event)
            outputs = self._outputs(reaction or self._domain.react, state, event)
            outcome.react(event, outputs, self._place.reply_to)
        except Unreadable:
            raise
        except BaseException as error:
            raise Poisoned(entry.offset, error) from None
        outcome.touched.update(dict.fromkeys(changes, entry.offset))
        if event.claimed and not outputs:
            self._place.counters.count("business_duplicates", domain=self._domain.name)

    def _seems_to_concern(self, event: Event) -> bool:
        """As far as is known before the batch: an entry of it may change what is shared."""
        subject = self._forms.shared_subject
        held = self._states.get(subject) if subject and event.subject != subject else None
        return held is None or self._concerns(event, held.state)

    def _concerns(self, event: Event, shared: Any) -> bool:
        try:
            return self._domain.concerns(event, shared)
        except Exception as error:
            raise Poisoned(event.entry.offset, error) from None

    def _held(self, event: Event) -> Held | None:
        """The state of the event's subject; loaded now where it did not seem to be needed."""
        held = self._states.get(event.subject)
        if held is not None or self._forms.of(event.subject) is None:
            return held
        loaded = self._more([event.subject], ())
        try:
            self._revive(event.subject, loaded)
        except Exception as error:
            raise Poisoned(event.entry.offset, error) from None
        return self._states.held(event.subject)

    def _accompanied(self, state: Any, event: Event) -> tuple[str, Event]:
        """(companion, the event with its state); with an empty one, the event as it is."""
        beside = self._domain.companion(state, event)
        if not beside:
            return "", event
        if self._states.missing([beside]):
            self._revive(beside, self._more([beside], ()))
        return beside, msgspec.structs.replace(event, companion=self._states.held(beside).state)

    def _told_more(self, state: Any, event: Event) -> Event:
        """The event with the business keys too that only its subject's state knows of."""
        later = () if state is None else self._domain.later_keys(state, event)
        if not later:
            return event
        wanted = [key for key in later if self._states.claimed(key) is None]
        found = self._more((), wanted).keys if wanted else {}
        return msgspec.structs.replace(event, claimed={**event.claimed, **self._values(later, found)})

    def _values(self, keys: Sequence[bytes], found: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """The newest value of each key that has one, `found` being what the store has."""
        values: dict[bytes, bytes] = {}
        for key in keys:
            value = self._states.claimed(key)
            value = found.get(key) if value is None else value
            if value is not None:
                values[key] = value
        return values

    def _more(self, subjects: Sequence[str], keys: Sequence[bytes]) -> Loaded:
        """A load in the midst of a batch."""
        try:
            with self._mark.reading():
                return self._reader.load(self._place.segment, self._domain.name, subjects, (), keys)
        except Refused as refused:
            raise Unreadable(str(refused)) from None

    def _outputs(self, reaction: Reaction, state: Any, event: Event) -> list[Output]:
        """The reaction itself. What the segment shares may only be read by it, which is made sure of where states are
        checked.
        """
        watched = self._place.checks and event.shared is not None
        before = copy_of(event.shared) if watched else b""
        outputs = list(reaction(state, event))
        assert not watched or copy_of(event.shared) == before, "a reaction changed what its segment shares"
        return outputs

    def _still_armed(self, event: Event, loaded: Loaded, outcome: Outcome) -> bool:
        """A firing whose `gen` is not in the row is nothing. One that is ends its row with this stage, unless armed
        anew.
        """
        key: str = event.body.key
        here, row = self._states.timer(event.subject, key)
        row = row if here else loaded.timers.get((event.subject, key))
        if row is None or row.gen != event.body.gen:
            return False
        outcome.timer(TimerOp(event.subject, key, None))
        return True

    def _informed(self, event: Event, keys: Sequence[bytes], loaded: Loaded, outcome: Outcome) -> Event:
        """The event with the answers to what its domain asked for."""
        page = self._domain.page(event)
        shared = self._shared(event)
        if not keys and page is None and shared is None:
            return event
        shown = self._page(*page, outcome) if page else ()
        return msgspec.structs.replace(event, claimed=self._values(keys, loaded.keys), page=shown, shared=shared)

    def _shared(self, event: Event) -> Any:
        """What the segment shares, as all entries before this one have left it."""
        subject = self._forms.shared_subject
        if not subject or event.subject == subject:
            return None
        return self._states.held(subject).state

    def _page(self, after: str, limit: int, outcome: Outcome) -> Sequence[str]:
        """The next subjects with a state, in byte order, those in memory that the store does not have yet included."""
        shared = self._forms.shared_subject
        with self._mark.reading():
            stored = self._reader.subjects_after(self._place.segment, self._domain.name, after, limit + bool(shared))
        fresh = [s for s in outcome.touched if not self._blank(s, self._states.get(s))]
        ahead = {s for s in [*self._states.ahead(), *fresh] if s.encode() > after.encode()}
        return sorted(ahead.union(stored) - {shared}, key=str.encode)[:limit]

    def _blank(self, subject: str, held: Held | None) -> bool:
        if held is not None and held.stored:
            return False
        form = self._forms.of(subject)
        return held is None or form is None or held.state == form.fresh(subject)

    def encoded(self, outcome: Outcome) -> list[tuple[str, bytes]]:
        """The touched states' bytes; a state that was and is still blank is not written. Nor is a companion that is as
        it was last written: it goes with every entry, is large where a user's state is small, and seldom changes.
        """
        states: list[tuple[str, bytes]] = []
        for subject, offset in outcome.touched.items():
            held = self._states.held(subject)
            if self._blank(subject, held):
                continue
            data = self._freeze(subject, held, offset)
            if self._forms.is_companion(subject):
                digest = blake2b(data, digest_size=DIGEST_BYTES).digest()
                if digest == held.written:
                    continue
                held.written = digest
            self._states.staged(subject, len(data), outcome.upto)
            states.append((subject, data))
        return states

    def _freeze(self, subject: str, held: Held, offset: int) -> bytes:
        form = self._forms.of(subject)
        assert form is not None, subject
        try:
            return form.freeze(held.state, self._place.checks)
        except Exception as error:
            raise Poisoned(offset, error) from None

    def decide(self, entry: Entry, decision: Decision, outcome: Outcome) -> None:
        """Carry out an operator's decision about a parked subject. Nothing of this host may be under way."""
        if entry.kind == RESUME:
            return
        limit = self._retry_entries_max
        waiting = self._reader.parked(self._place.segment, self._domain.name, decision.subject, -1, limit + 1)
        rows = waiting[:limit]
        done = self._retry(rows, entry, outcome) if entry.kind == RETRY else self._discard(rows, entry.at, outcome)
        left = done < len(waiting)
        if not left:
            self._parking.released(decision.subject)
        event = Event(entry, decision, entry.at, entry.subject)
        if left and not outcome.parked:
            more = Decision(decision.domain, decision.subject, decision.index + 1)
            outcome.emit(event, Emit(entry.kind, more, same_depth=True))
        word = "retry" if entry.kind == RETRY else "discard"
        decided = Decided(word, self._domain.name, self._place.segment, decision.subject, done, left)
        outcome.emit(event, Emit("engine.decided", decided, route="engine.decided", same_depth=True))

    def _retry(self, rows: Sequence[ParkedRow], retry: Entry, outcome: Outcome) -> int:
        """Fold parked entries in order with the retry's time, until one fails anew. -> how many went well.

        One that has killed the process each time it was tried fails untried. When the store refuses on the way, what
        went well so far is staged, and a continuation takes up the rest.
        """
        deadly = self._parking.deadly_row(retry.offset)
        for i, row in enumerate(rows):
            if i + 1 == deadly:
                self._failed_anew(row, DIED, outcome)
                return i
            self._mark.retrying(retry.offset, i + 1)
            trial = Outcome.like(outcome)
            try:
                self._try_again(row, retry.at, trial, outcome)
            except Refused:
                if i == 0:
                    raise
                return i
            except Poisoned as poisoned:
                self._failed_anew(row, poisoned.reason, outcome)
                return i
            outcome.absorb(trial)
            outcome.unparked.append((row.subject, row.offset))
        return len(rows)

    def _failed_anew(self, row: ParkedRow, reason: str, outcome: Outcome) -> None:
        """It stays parked, for this reason."""
        outcome.parked.append(msgspec.structs.replace(row, attempts=row.attempts + 1, reason=reason))

    def _try_again(
        self, row: ParkedRow, at: int, trial: Outcome, outcome: Outcome, reaction: Reaction | None = None
    ) -> None:
        """React to one parked entry; when that raises, the state is as it was before."""
        entry = msgspec.msgpack.decode(row.entry, type=Entry)
        event = self._event(entry, at)
        keys = self._keys(event) if reaction is None else ()
        loaded = self._load([event], keys)
        before: dict[str, bytes] = {}
        try:
            self._react(event, keys, loaded, trial, before, reaction)
            for subject in trial.touched:
                self._freeze(subject, self._states.held(subject), entry.offset)
        except Poisoned:
            self._put_back(before, outcome)
            raise

    def _put_back(self, before: Mapping[str, bytes], outcome: Outcome) -> None:
        for subject, data in before.items():
            form = self._forms.of(subject)
            assert form is not None, subject
            self._states.held(subject).state = form.thaw(data)
        self._states.only_ahead({**outcome.keys, **outcome.rewritten}, outcome.timer_ops, outcome.upto)

    def _discard(self, rows: Sequence[ParkedRow], at: int, outcome: Outcome) -> int:
        """Forget parked entries, and the timers whose firings are among them. -> how many; the store may refuse."""
        for i, row in enumerate(rows):
            entry = msgspec.msgpack.decode(row.entry, type=Entry)
            try:
                if not self._made_good(row, at, outcome) and entry.kind == self._timer_kind:
                    self._end_timer(row.subject, msgspec.json.decode(entry.body, type=TimerDue), outcome)
            except Refused:
                if i == 0:
                    raise
                return i
            outcome.unparked.append((row.subject, row.offset))
        return len(rows)

    def _end_timer(self, subject: str, due: TimerDue, outcome: Outcome) -> None:
        found = self._reader.load(self._place.segment, self._domain.name, (), ((subject, due.key),), ())
        stored: TimerRow | None = found.timers.get((subject, due.key))
        if stored is not None and stored.gen == due.gen:
            outcome.timer(TimerOp(subject, due.key, None))

    def _made_good(self, row: ParkedRow, at: int, outcome: Outcome) -> bool:
        """Whether the domain does anything about entries that are forgotten, and has done it. What is too ill for that
        is forgotten all the same.
        """
        if type(self._domain).discarded is Domain[Any].discarded:
            return False
        trial = Outcome.like(outcome)
        try:
            self._try_again(row, at, trial, outcome, self._domain.discarded)
        except Poisoned:
            self._place.counters.count("reactions_failed", domain=self._domain.name)
            return False
        outcome.absorb(trial)
        return True
