"""The actor of the programmes domain: which version of a named programme is active, and since when in each segment.

A programme is one subject and lives in one segment; those who obey it live in all. So a change is decided here, where
the log puts all changes in one order, and then told to every segment as an entry about the segment. What a segment's
log holds before that entry is judged by the version before, what it holds behind it by this one, in a replay too.

Versions are named by their content and counted by `number`. A change is taken only from who knows what it replaces;
putting what is active anyway changes nothing, so that a lost answer can be asked for again. What a body means is
nobody's business here: it was read at the door.

A programme whose name is a subject (`template:T1`) lives there, and that subject hears of each change too.

More segments than a reaction may have outputs are told by continuation entries. A continuation of a version that is
active no more tells nothing, since the newer one is under way to the same segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.programmes.messages import (
    ACTIVATED,
    CHANGED,
    NAME,
    PUT,
    SPREAD,
    ProgrammeActivated,
    ProgrammeChanged,
    ProgrammeTold,
    PutAnswer,
    PutProgramme,
    SpreadProgramme,
    subject_of,
)
from supervision.domain import Domain, Event
from supervision.entry import segment_subject
from supervision.outcome import OUTPUTS_MAX
from supervision.outputs import Emit, Output, Record, Reply

SEGMENTS_AT_ONCE = OUTPUTS_MAX - 10
"""Told by one reaction."""


class Shelf(msgspec.Struct, array_like=True):
    """The active version of one programme; `number` 0: there is none. Earlier ones are in its records."""

    format: int = 1
    number: int = 0
    version: str = ""
    body: str = ""


class ProgrammesActor(Domain[Shelf]):
    """For a store of `segments` segments."""

    name: ClassVar[str] = NAME
    reacts_to: ClassVar[Mapping[str, Any]] = {PUT: PutProgramme, SPREAD: SpreadProgramme}
    state_type = Shelf
    format = 1
    parks = "subject"

    def __init__(self, segments: int, segments_at_once: int = SEGMENTS_AT_ONCE) -> None:
        self._segments = segments
        self._at_once = segments_at_once

    def fresh(self, subject: str) -> Shelf:
        return Shelf()

    def check(self, state: Shelf) -> None:
        assert (state.number > 0) == bool(state.version) == bool(state.body), state.number

    def react(self, state: Shelf, event: Event) -> Iterator[Output]:
        body = event.body
        if isinstance(body, PutProgramme):
            yield from self._put(state, body, event.at)
        elif body.number == state.number:
            yield from self._spread(state, body)

    def discarded(self, state: Shelf, event: Event) -> Iterator[Output]:
        """A put that is forgotten was never done; but one that was done is told to all, or putting it again, which
        changes nothing, could never reach the segments that have not heard of it.
        """
        if isinstance(event.body, SpreadProgramme):
            yield from self.react(state, event)

    def _put(self, shelf: Shelf, put: PutProgramme, at: int) -> Iterator[Output]:
        if put.version == shelf.version:
            yield Reply(PutAnswer(shelf.number, shelf.version))
            return
        if put.if_match != shelf.version:
            yield Reply(PutAnswer(shelf.number, shelf.version, code="precondition_failed"))
            return
        old = shelf.version
        shelf.number, shelf.version, shelf.body = shelf.number + 1, put.version, put.body
        yield Record(ProgrammeChanged(put.by, shelf.number, old, put.version, at, put.body))
        if subject_of(put.name) == put.name:
            yield Emit(CHANGED, ProgrammeTold(put.name, shelf.number, shelf.version, shelf.body), same_depth=True)
        yield from self._spread(shelf, SpreadProgramme(put.name, shelf.number, 0, 0))
        yield Reply(PutAnswer(shelf.number, shelf.version, changed=True))

    def _spread(self, shelf: Shelf, spread: SpreadProgramme) -> Iterator[Output]:
        """Tell the next segments; all as deep as the first, however many continuations lie between."""
        end = min(spread.first + self._at_once, self._segments)
        told = ProgrammeActivated(spread.name, shelf.number, shelf.version, shelf.body)
        for segment in range(spread.first, end):
            yield Emit(ACTIVATED, told, subject=segment_subject(segment))
        if end < self._segments:
            rest = SpreadProgramme(spread.name, shelf.number, end, spread.index + 1)
            yield Emit(SPREAD, rest, same_depth=True)
