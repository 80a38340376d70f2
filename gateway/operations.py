"""What the person on call may look at and decide: what is parked, and what shall become of it.

A decision is an entry in the log like everything else, so that a replay decides the same. The door only checks that
there is something to decide about, appends, and answers with the entry's place; what came of it the engine says by an
entry of its own. Decisions are taken also while input is not: they are few, and often what opens the door again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence

import msgspec

from gateway.problems import Problem, invalid_parameter
from gateway.readers import ReaderPool
from supervision.engine_events import DISCARD, RESUME, RETRY, Decision
from supervision.entry import Draft, Origin, encode_draft, segment_of, segment_subject
from supervision.envelope import rfc3339
from supervision.messages import Append, Appended, AppendResult, Item, ParkedRow
from supervision.runtime import Address
from supervision.store import Reader

WHOLE_DOMAIN = "*"
PAGE_DEFAULT = 50
PAGE_MAX = 500


class ParkedLine(msgspec.Struct, frozen=True):
    """An entry set aside; `subject` is `*` when the whole domain of the segment stands still."""

    domain: str
    segment: int
    subject: str
    offset: int
    reason: str
    attempts: int
    at: str


class ParkedPage(msgspec.Struct, frozen=True):
    """In order of segment, domain, subject, offset."""

    data: list[ParkedLine]
    next_cursor: str | None
    has_more: bool


class Decided(msgspec.Struct, frozen=True):
    """A decision is durable at this place of the log."""

    place: str
    segment: int
    epoch: int
    offset: int


Position = tuple[int, str, str, int]
"""(segment, domain, subject, offset) of the last line shown."""

_START: Position = (0, "", "", 0)


class ParkedQueries:
    """Lists what is parked in all segments. Blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int, domains: Sequence[str]) -> None:
        self._readers = readers
        self._segments = segments
        self._domains = sorted(domains)

    def page(self, limit: int, cursor: str | None) -> ParkedPage:
        """At most `limit` lines after `cursor`; O(segments x domains + rows). Raises Problem or `Refused`."""
        after = _START if cursor is None else _after(cursor)
        rows: list[ParkedRow] = []
        with self._readers.one() as reader:
            for row in self._rows(reader, after, limit + 1):
                rows.append(row)
                if len(rows) > limit:
                    break
        has_more = len(rows) > limit
        return ParkedPage(
            [_line(row) for row in rows[:limit]], _cursor(rows[limit - 1]) if has_more else None, has_more
        )

    def _rows(self, reader: Reader, after: Position, limit: int) -> Iterator[ParkedRow]:
        """All rows after the position, `limit` of one subject at most."""
        for segment in range(after[0], self._segments):
            for domain in self._domains:
                if (segment, domain) < after[:2]:
                    continue
                for subject in sorted(reader.parked_subjects(segment, domain)):
                    key = (segment, domain, subject)
                    if key < after[:3]:
                        continue
                    yield from reader.parked(segment, domain, subject, after[3] if key == after[:3] else -1, limit)

    def anything(self, segment: int, domain: str, subject: str) -> bool:
        with self._readers.one() as reader:
            return bool(reader.parked(segment, domain, subject, -1, 1))


class Decisions:
    """Appends decisions. Any thread may call; `answer` is called once, perhaps in the journal's thread."""

    def __init__(self, parked: ParkedQueries, journal: Address, segments: int) -> None:
        self._parked = parked
        self._journal = journal
        self._segments = segments

    def retry(self, domain: str, subject: str, answer: Callable[[Decided | Problem], None]) -> None:
        """Fold the subject's parked entries again, in order. Reads the store: blocks as long as that takes."""
        self._about_subject(RETRY, domain, subject, answer)

    def discard(self, domain: str, subject: str, answer: Callable[[Decided | Problem], None]) -> None:
        """Forget the subject's parked entries and their timers, for good."""
        self._about_subject(DISCARD, domain, subject, answer)

    def resume(self, domain: str, segment: int, answer: Callable[[Decided | Problem], None]) -> None:
        """Let the whole domain of `segment` go on."""
        if not 0 <= segment < self._segments:
            answer(invalid_parameter("segment", f"segment must be 0 to {self._segments - 1}"))
        elif not self._parked.anything(segment, domain, WHOLE_DOMAIN):
            answer(Problem("not_parked", f"the domain {domain!a} of segment {segment} is not parked"))
        else:
            self._append(RESUME, segment_subject(segment), Decision(domain), answer)

    def _about_subject(self, kind: str, domain: str, subject: str, answer: Callable[[Decided | Problem], None]) -> None:
        if subject == WHOLE_DOMAIN:
            answer(Problem("not_parked", "`*` stands for a whole domain: resume it with …/{domain}/resume?segment="))
            return
        try:
            segment = segment_of(subject, self._segments)
        except ValueError:
            segment = -1  # `segment:` without a number is nobody's subject
        if segment < 0 or not self._parked.anything(segment, domain, subject):
            answer(Problem("not_parked", f"nothing of {subject!a} is parked in the domain {domain!a}"))
            return
        self._append(kind, subject, Decision(domain, subject), answer)

    def _append(self, kind: str, subject: str, decision: Decision, answer: Callable[[Decided | Problem], None]) -> None:
        draft = Draft(kind, subject, msgspec.json.encode(decision), origin=Origin.OPERATOR)
        encoded = encode_draft(draft)
        item = Item(segment_of(subject, self._segments), draft, encoded)
        self._journal.tell(Append((item,), lambda results: answer(_decided(results)), len(encoded)))


def _decided(results: Sequence[AppendResult] | None) -> Decided | Problem:
    if results is None:
        return Problem("segment_lost", "this process no longer owns the segment; nothing was decided")
    (at,) = results
    assert isinstance(at, Appended), at
    return Decided(f"{at.segment}.{at.epoch}.{at.offset}", at.segment, at.epoch, at.offset)


def _line(row: ParkedRow) -> ParkedLine:
    return ParkedLine(row.domain, row.segment, row.subject, row.offset, row.reason, row.attempts, rfc3339(row.at))


def _cursor(row: ParkedRow) -> str:
    position = (row.segment, row.domain, row.subject, row.offset)
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(position)).decode().rstrip("=")


def _after(cursor: str) -> Position:
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = msgspec.msgpack.decode(data, type=Position)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise invalid_parameter("cursor", "cursor must be a next_cursor of this list") from error
    if not (0 <= position[0] < 2**31 and 0 <= position[3] < 2**63):
        raise invalid_parameter("cursor", "cursor must be a next_cursor of this list")
    return position
