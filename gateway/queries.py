"""Questions about users, answered from committed state: the store's, never a cell's memory.

Every answer says as of which offset it is true, so that whoever wrote before can tell whether his write is in it, and
may ask to wait for that (`min_offset`). Waiting costs a cell one message and the journal nothing. Somebody whose
entry is parked is told so instead of waiting for what will not come.

The functions here block for as long as the store takes; the HTTP layer calls them on its few reading threads, the
simulator calls them directly.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from actors.points import view
from actors.points.actor import PointsLedgerActor
from actors.points.messages import PublicLine
from actors.points.programme import MAIN_NAME, Programme
from gateway.problems import Problem, invalid_parameter
from gateway.readers import ReaderPool
from supervision.clock import Clock
from supervision.entry import segment_of, segment_subject
from supervision.envelope import rfc3339
from supervision.messages import RecordRow
from supervision.store import Reader

LOTS_SHOWN_MAX = 100
PAGE_DEFAULT = 50
PAGE_MAX = 500
NOT_YET_S = 5.0
"""How long a query waits for `min_offset`."""

_public_line = msgspec.json.Decoder(PublicLine).decode


class Lot(msgspec.Struct, frozen=True):
    points: int
    expires_at: str | None
    """None: never, or not by date."""


class AsOf(msgspec.Struct, frozen=True):
    """The answer holds everything of `segment` up to `offset` and nothing after it."""

    segment: int
    offset: int


class Balance(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/points`. `lots` are the 100 that expire first."""

    user_id: str
    available: int
    lots: list[Lot]
    as_of: AsOf


class RecordsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/points/records`, newest first."""

    data: list[PublicLine]
    next_cursor: str | None
    has_more: bool


class PointsQueries:
    """Balance and history of one user. `points` knows by which programme a segment reckons."""

    def __init__(self, readers: ReaderPool, segments: int, clock: Clock, points: PointsLedgerActor) -> None:
        self._readers = readers
        self._segments = segments
        self._clock = clock
        self._points = points
        self.domain = points.name

    def segment(self, user_id: str) -> int:
        return segment_of(subject_of(user_id), self._segments)

    def balance(self, user_id: str, lots_max: int = LOTS_SHOWN_MAX) -> Balance:
        """Raises Problem `unknown_user`, or `Refused` when the store cannot be read."""
        segment, subject = self.segment(user_id), subject_of(user_id)
        with self._readers.one() as reader:
            state, upto = reader.snapshot(segment, self.domain, subject)
            programme = self._programme(reader, segment)
            # Whose points came and went within one stage has lines and no state: nothing is left, not nobody.
            known = state is not None or bool(reader.records(segment, self.domain, subject, None, 1))
        if not known:
            raise _unknown(user_id)
        if state is None:
            return Balance(user_id, 0, [], AsOf(segment, upto))
        main = view.seen(view.account_of(state), programme, self._clock.now_ms())[MAIN_NAME]
        first = [Lot(lot.points, rfc3339(lot.expires) if lot.expires else None) for lot in main.lots[:lots_max]]
        return Balance(user_id, main.available, first, AsOf(segment, upto))

    def _programme(self, reader: Reader, segment: int) -> Programme:
        return self._points.programme_stored(reader.snapshot(segment, self.domain, segment_subject(segment))[0])

    def records(self, user_id: str, limit: int, cursor: str | None) -> RecordsPage:
        """`limit` lines at most before `cursor`; raises as `balance` does, and for a cursor that we did not make."""
        return self.page(user_id, limit, None if cursor is None else before_of(cursor))

    def page(self, user_id: str, limit: int, before: tuple[int, int] | None) -> RecordsPage:
        """`limit` lines at most before (offset, n)."""
        segment, subject = self.segment(user_id), subject_of(user_id)
        with self._readers.one() as reader:
            rows = reader.records(segment, self.domain, subject, before, limit + 1)
            known = bool(rows) or reader.snapshot(segment, self.domain, subject)[0] is not None
        if not known:
            raise _unknown(user_id)
        has_more = len(rows) > limit
        shown = rows[:limit]
        return RecordsPage([_line(row) for row in shown], _cursor(shown[-1]) if has_more else None, has_more)

    def parked(self, user_id: str, min_offset: int, folded: bool) -> Problem | None:
        """Why `min_offset` will not show: the user or, when it is not `folded`, the whole domain is parked."""
        segment, subject = self.segment(user_id), subject_of(user_id)
        with self._readers.one() as reader:
            offset = _first_parked(reader, segment, self.domain, subject)
            if offset is not None and offset <= min_offset:
                return Problem("parked", f"the user's entries from offset {offset} of segment {segment} on are parked")
            if not folded and _first_parked(reader, segment, self.domain, "*") is not None:
                return Problem("parked", f"the domain {self.domain} of segment {segment} is parked")
        return None

    def uncounted(self, user_id: str) -> Problem:
        """What to say of a user of whom nothing is counted; it mentions what is parked, so that nobody looks for a
        lost message.
        """
        segment, subject = self.segment(user_id), subject_of(user_id)
        with self._readers.one() as reader:
            offset = _first_parked(reader, segment, self.domain, subject)
            stands = _first_parked(reader, segment, self.domain, "*") is not None
        if offset is not None:
            why = f"his entries from offset {offset} of segment {segment} on are parked, see /v1/parked"
        elif stands:
            why = f"the domain {self.domain} of segment {segment} is parked, see /v1/parked"
        else:
            return _unknown(user_id)
        return Problem("unknown_user", f"nothing of user {user_id!a} is counted; {why}")


def not_yet(segment: int, min_offset: int) -> Problem:
    return Problem("not_yet", f"offset {min_offset} of segment {segment} was not folded within {NOT_YET_S:g} s")


def subject_of(user_id: str) -> str:
    return f"user:{user_id}"


def _first_parked(reader: Reader, segment: int, domain: str, subject: str) -> int | None:
    rows = reader.parked(segment, domain, subject, -1, 1)
    return rows[0].offset if rows else None


def _unknown(user_id: str) -> Problem:
    return Problem("unknown_user", f"no user {user_id!a} has ever had points")


def _line(row: RecordRow) -> PublicLine:
    """The record's fields that the contract names; what else the domain wrote is its own matter."""
    return _public_line(row.body)


def _cursor(row: RecordRow) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((row.offset, row.n))).decode().rstrip("=")


def before_of(cursor: str, parameter: str = "cursor", field: str = "next_cursor") -> tuple[int, int]:
    """What `cursor` stands for; raises Problem naming `parameter` when it is no `field` of ours."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        offset, n = msgspec.msgpack.decode(data, type=tuple[int, int])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise _no_cursor(parameter, field) from error
    if not (0 <= offset < 2**63 and 0 <= n < 2**63):
        raise _no_cursor(parameter, field)
    return offset, n


def _no_cursor(parameter: str, field: str) -> Problem:
    return invalid_parameter(parameter, f"{parameter} must be a {field} of this list")
