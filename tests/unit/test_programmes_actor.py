"""Versions of a programme: who may replace what, and how all segments come to know."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.programmes.actor import SEGMENTS_AT_ONCE, ProgrammesActor, Shelf
from actors.programmes.messages import (
    ProgrammeActivated,
    ProgrammeChanged,
    PutAnswer,
    PutProgramme,
    SpreadProgramme,
    subject_of,
)
from supervision.domain import Event
from supervision.entry import Entry
from supervision.outcome import OUTPUTS_MAX
from supervision.outputs import Emit, Output, Record, Reply

AT = 1_790_000_000_000


class Desk:
    """One programme and its actor; what is emitted to itself comes back, as the log would bring it."""

    def __init__(self, segments: int = 3, at_once: int = SEGMENTS_AT_ONCE) -> None:
        self.actor = ProgrammesActor(segments, at_once)
        self.shelf = Shelf()
        self.discards = False
        self.batches: list[list[Output]] = []

    def react(self, body: Any) -> list[Output]:
        entry = Entry(0, 1, len(self.batches) + 1, AT, 0, "k", subject_of("points"), b"")
        react = self.actor.discarded if self.discards else self.actor.react
        outputs = list(react(self.shelf, Event(entry, body, AT, entry.subject)))
        self.actor.check(self.shelf)
        self.batches.append(outputs)
        return outputs

    def put(self, version: str, if_match: str = "", body: str = "{}") -> PutAnswer:
        outputs = self.react(PutProgramme("points", version, body, if_match, "ann"))
        (answer,) = [output.body for output in outputs if isinstance(output, Reply)]
        assert isinstance(answer, PutAnswer)
        return answer

    def waiting(self) -> list[SpreadProgramme]:
        """Continuations of the last reaction."""
        return [o.body for o in self.batches[-1] if isinstance(o, Emit) and isinstance(o.body, SpreadProgramme)]

    def told(self) -> list[tuple[str, int, str]]:
        """(segment's subject, number, version) of all activations so far, in order."""
        emits = [o for batch in self.batches for o in batch if isinstance(o, Emit)]
        return [
            (o.subject or "", o.body.number, o.body.version) for o in emits if isinstance(o.body, ProgrammeActivated)
        ]


def test_the_first_version_is_told_to_every_segment_and_answered_with_its_number() -> None:
    desk = Desk()
    assert desk.put("aaaa") == PutAnswer(1, "aaaa", changed=True)
    assert desk.told() == [(f"segment:{segment:02d}", 1, "aaaa") for segment in range(3)]


def test_a_version_is_replaced_only_by_who_knows_it() -> None:
    desk = Desk()
    desk.put("aaaa")
    for stale in ("", "bbbb"):
        assert desk.put("cccc", stale) == PutAnswer(1, "aaaa", code="precondition_failed")
    assert desk.put("cccc", "aaaa") == PutAnswer(2, "cccc", changed=True)
    assert len(desk.told()) == 6


def test_putting_what_is_active_changes_nothing_whatever_the_sender_knew() -> None:
    desk = Desk()
    desk.put("aaaa")
    for known in ("", "aaaa", "zzzz"):
        assert desk.put("aaaa", known) == PutAnswer(1, "aaaa")
        assert len(desk.batches[-1]) == 1, "an answer and nothing else"


def test_an_earlier_version_may_come_back_under_a_new_number() -> None:
    desk = Desk()
    desk.put("aaaa")
    desk.put("bbbb", "aaaa")
    assert desk.put("aaaa", "bbbb") == PutAnswer(3, "aaaa", changed=True)


def test_each_change_leaves_a_line_that_says_who_and_from_what_to_what() -> None:
    desk = Desk()
    desk.put("aaaa", body='{"a":1}')
    desk.put("bbbb", "aaaa", body='{"a":2}')
    lines = [output.body for batch in desk.batches for output in batch if isinstance(output, Record)]
    assert lines == [
        ProgrammeChanged("ann", 1, "", "aaaa", AT, '{"a":1}'),
        ProgrammeChanged("ann", 2, "aaaa", "bbbb", AT, '{"a":2}'),
    ]


@pytest.mark.parametrize("segments", [1, 4, 5, 11])
def test_more_segments_than_one_reaction_may_tell_are_told_by_continuations(segments: int) -> None:
    desk = Desk(segments, at_once=4)
    desk.put("aaaa")
    indexes: list[int] = []
    while rest := desk.waiting():
        indexes.append(rest[0].index)
        desk.react(rest[0])
    assert desk.told() == [(f"segment:{segment:02d}", 1, "aaaa") for segment in range(segments)]
    assert indexes == list(range(1, -(-segments // 4)))
    emits = [output for batch in desk.batches for output in batch if isinstance(output, Emit)]
    assert all(emit.same_depth == isinstance(emit.body, SpreadProgramme) for emit in emits)


def test_a_continuation_of_a_version_that_was_replaced_tells_nothing() -> None:
    desk = Desk(6, at_once=4)
    desk.put("aaaa")
    (old,) = desk.waiting()
    desk.put("bbbb", "aaaa")
    (new,) = desk.waiting()
    assert desk.react(old) == []
    desk.react(new)
    assert [number for subject, number, _ in desk.told() if subject == "segment:05"] == [2]


def test_a_continuation_that_is_discarded_is_carried_out_and_a_put_is_not() -> None:
    desk = Desk(6, at_once=4)
    desk.put("aaaa")
    (rest,) = desk.waiting()
    desk.discards = True
    assert desk.react(PutProgramme("points", "bbbb", "{}", "aaaa", "ann")) == []
    desk.react(rest)
    assert [subject for subject, _, _ in desk.told()] == [f"segment:{n:02d}" for n in range(6)]


def test_the_largest_reaction_is_within_the_limit_of_outputs() -> None:
    desk = Desk(segments=4_096)
    desk.put("aaaa")
    assert len(desk.batches[0]) <= OUTPUTS_MAX


def test_the_state_is_read_back_as_it_was() -> None:
    desk = Desk()
    desk.put("aaaa", body="x")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(desk.shelf), type=Shelf) == desk.shelf
