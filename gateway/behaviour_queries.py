"""What a user did, line by line, answered from committed records: all of it, or one type, or since a moment."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.behaviour.actor import BehaviourActor, Visits
from actors.behaviour.plausible import Session
from actors.behaviour.records import BehaviourLine
from actors.fields import rfc3339_ms
from gateway.balances import AsOf
from gateway.lines import Lines, Place
from gateway.problems import Problem, invalid_parameter
from gateway.queries import before_of, subject_of
from gateway.readers import ReaderPool
from supervision.entry import segment_of
from supervision.envelope import rfc3339
from supervision.store import Reader

_visits = msgspec.msgpack.Decoder(Visits).decode
_line = msgspec.json.Decoder(BehaviourLine).decode


class EventsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/events`, newest first. `has_more`: there are older lines, if perhaps none that
    was asked for.
    """

    data: list[BehaviourLine]
    next_cursor: str | None
    has_more: bool


class Seen(msgspec.Struct, frozen=True):
    """All that is held of what a user did."""

    session: Session
    lines: list[BehaviourLine]
    next_cursor: str | None
    as_of: AsOf


class BehaviourQueries:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int) -> None:
        self._readers = readers
        self._segments = segments

    def events(
        self, user_id: str, limit: int, cursor: str | None, type: str | None = None, since: str | None = None
    ) -> EventsPage:
        """`limit` lines at most before `cursor`, those of `type` alone, none that came before `since` (RFC 3339).
        Raises Problem `unknown_user` and `invalid_parameter`, and `Refused` when the store cannot be read.
        """
        before = None if cursor is None else before_of(cursor)
        first = "" if since is None else rfc3339(_moment(since))
        with self._readers.one() as reader:
            desk = _Desk(reader, subject_of(user_id), self._segments)
            if not desk.known:
                raise Problem("unknown_user", f"no user {user_id!a} has ever done anything that is still known")
            return desk.page(before, limit, type, first)

    def export(self, user_id: str, before: Place | None, limit: int) -> Seen | None:
        """Everything of the user: the session, and records before (offset, n); None when there is nothing."""
        with self._readers.one() as reader:
            desk = _Desk(reader, subject_of(user_id), self._segments)
            if not desk.known:
                return None
            page = desk.page(min(before or desk.end, desk.end), limit, None, "")
        return Seen(desk.session, page.data, page.next_cursor, desk.as_of)


class _Desk:
    """One user's papers, for the length of one question."""

    def __init__(self, reader: Reader, subject: str, segments: int) -> None:
        segment = segment_of(subject, segments)
        state, upto = reader.snapshot(segment, BehaviourActor.name, subject)
        self._lines = Lines(reader, segment, BehaviourActor.name, subject, _line)
        self.known = state is not None
        self.session = _visits(state).session if state is not None else Session()
        self.as_of = AsOf(segment, upto)
        self.end = (upto + 1, 0)
        """Lines from here on are younger than the state."""

    def page(self, before: Place | None, limit: int, type: str | None, first: str) -> EventsPage:
        wanted: Callable[[BehaviourLine], bool] | None = None if type is None else lambda line: line.type == type
        found = self._lines.page(before, limit, wanted, lambda line: line.at < first)
        return EventsPage(found.data, found.next_cursor, found.has_more)


def _moment(text: str) -> int:
    at = rfc3339_ms(text)
    if at is None or at < 0:
        raise invalid_parameter("from", "from must be an RFC 3339 time since 1970, with its offset from UTC")
    return at
