"""The log of one subject, without a store and threads: what domains would make of entries, in a time that is made up.

For questions of the kind "what would happen if", asked of the same domains that run the engine. Entries that a reaction
emits are folded next, timers fire in their order when time passes. What takes more than one subject is left out: what
is emitted to others reaches nobody, and there are no companions, business keys and replies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from supervision.domain import Domain, Event, TimerDue
from supervision.entry import Entry, segment_subject
from supervision.envelope import envelope
from supervision.outputs import Arm, Cancel, Emit, Output

SEGMENT = 0
EPOCH = 1
ENTRIES_MAX = 20_000
"""Of one rehearsal; domains that never come to rest would else rehearse for ever."""


class TooLong(Exception):
    """The rehearsal has `entries_max` entries and would go on."""


class Reaction(msgspec.Struct, frozen=True):
    """What a domain made of an entry. `state`: as it left it, until it reacts again."""

    domain: str
    event: Event
    state: Any
    outputs: Sequence[Output]


class _Timer(msgspec.Struct, frozen=True):
    due: int
    gen: int
    body: bytes


class Rehearsal:
    """Of `subject` and its segment, from the moment `at` (ms since 1970 UTC) on. `watch` is told of each reaction."""

    def __init__(
        self, domains: Sequence[Domain[Any]], subject: str, at: int, watch: Callable[[Reaction], None]
    ) -> None:
        self._domains = domains
        self._watch = watch
        self._offset = 0
        self._states: dict[tuple[str, str], Any] = {}
        self._timers: dict[tuple[str, str, str], _Timer] = {}
        self._to_fold: deque[Entry] = deque()
        self.segment = segment_subject(SEGMENT)
        self.subject = subject
        self.at = at

    def tell(self, kind: str, body: bytes, subject: str = "") -> None:
        """An entry about the subject, or about `subject`, and all that follows at once. Raises TooLong."""
        self._append(kind, subject or self.subject, body)
        self._fold_all()

    def wait(self, until: int) -> None:
        """Time passes up to `until`; what is due meanwhile fires. Raises TooLong."""
        while self._timers:
            whose, timer = min(self._timers.items(), key=lambda each: (each[1].due, each[1].gen))
            if timer.due > until:
                break
            del self._timers[whose]
            self.at = max(self.at, timer.due)
            self._fire(*whose, timer)
        self.at = max(self.at, until)

    def _fire(self, domain: str, subject: str, key: str, timer: _Timer) -> None:
        due = TimerDue(key, timer.gen, timer.due, self.at - timer.due, body=timer.body)
        self._append(f"timer.{domain}", subject, b"")
        entry = self._to_fold.pop()
        (one,) = [each for each in self._domains if each.name == domain]
        self._react(one, entry, due)
        self._fold_all()

    def _append(self, kind: str, subject: str, body: bytes) -> None:
        if self._offset >= ENTRIES_MAX:
            raise TooLong(f"a rehearsal may have entries_max, {ENTRIES_MAX}, entries")
        self._offset += 1
        self._to_fold.append(Entry(SEGMENT, EPOCH, self._offset, self.at, 0, kind, subject, body))

    def _fold_all(self) -> None:
        while self._to_fold:
            entry = self._to_fold.popleft()
            for domain in self._domains:
                if entry.kind in domain.reacts_to:
                    self._react(domain, entry, _decoded(entry.body, domain.reacts_to[entry.kind]))

    def _react(self, domain: Domain[Any], entry: Entry, body: Any) -> None:
        about_segment = entry.subject == self.segment
        shared = None if about_segment or domain.shared_type is None else self._state(domain, self.segment)
        event = Event(entry, body, entry.at, entry.subject, shared=shared)
        if (asked := domain.page(event)) is not None:
            after, limit = asked
            page = [each for each in sorted((self.subject, self.segment)) if each > after]
            event = msgspec.structs.replace(event, page=page[:limit])
        state = self._state(domain, entry.subject)
        outputs = list(domain.react(state, event))
        self._watch(Reaction(domain.name, event, state, outputs))
        for emit in self._taken(domain.name, event, outputs):
            subject = emit.subject or entry.subject
            if subject in (self.subject, self.segment):
                self._append(emit.kind, subject, envelope(emit.kind, emit.body, subject, event))

    def _taken(self, domain: str, event: Event, outputs: Sequence[Output]) -> Iterator[Emit]:
        for output in outputs:
            match output:
                case Emit():
                    yield output
                case Arm(key=key, due=due, body=body):
                    self._timers[domain, event.subject, key] = _Timer(due, event.entry.offset, body)
                case Cancel(key=key):
                    self._timers.pop((domain, event.subject, key), None)
                case _:
                    pass

    def _state(self, domain: Domain[Any], subject: str) -> Any:
        if (domain.name, subject) not in self._states:
            about_segment = subject == self.segment and domain.shared_type is not None
            self._states[domain.name, subject] = domain.fresh_shared() if about_segment else domain.fresh(subject)
        return self._states[domain.name, subject]


def _decoded(body: bytes, kind: Any) -> Any:
    return msgspec.Raw(body) if kind is msgspec.Raw else msgspec.json.decode(body, type=kind)
