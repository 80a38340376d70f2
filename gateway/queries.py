"""Questions about users, answered from committed state: the store's, never a cell's memory.

Every answer says as of which offset it is true, so that whoever wrote before can tell whether his write is in it, and
may ask to wait for that (`min_offset`). Waiting costs a cell one message and the journal nothing. Somebody whose
entry is parked is told so instead of waiting for what will not come.

The functions here block for as long as the store takes; the HTTP layer calls them on its few reading threads, the
simulator calls them directly.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.fields import rfc3339_ms
from actors.points import view
from actors.points.actor import PointsLedgerActor
from actors.points.programme import Programme
from actors.points.records import PublicLine
from actors.points.state import Account
from actors.points.view import Coming
from gateway import balances, origins
from gateway.balances import AsOf, Balance
from gateway.origins import OriginLot, Origins
from gateway.pages import decoded, encoded, page
from gateway.problems import Problem, invalid_parameter
from gateway.readers import ReaderPool
from supervision.clock import Clock
from supervision.entry import segment_of, segment_subject
from supervision.envelope import rfc3339
from supervision.messages import RecordRow
from supervision.store import Reader

LOTS_SHOWN_MAX = 100
NOT_YET_S = 5.0
"""How long a query waits for `min_offset`."""

LINES_AT_ONCE = 500
"""Read from the records in one transaction."""


class RecordsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/points/records`, newest first."""

    data: list[PublicLine]
    next_cursor: str | None
    has_more: bool


class LotsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/points/lots`, by wallet, soonest to expire first."""

    data: list[OriginLot]
    next_cursor: str | None
    has_more: bool
    as_of: AsOf


class ComingLine(msgspec.Struct, frozen=True):
    """What will happen at `at` by itself: `activation`, `expiry`, `release` of the reservation `name`, `tier_check` of
    the level `name`.
    """

    at: str
    what: str
    points: int
    wallet: str
    name: str


class Timeline(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/points/timeline`, soonest first, as long as nobody does anything."""

    data: list[ComingLine]
    next_cursor: str | None
    has_more: bool
    as_of: AsOf


class TierShown(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/tier`. `sum`: what counts in the present window, in points or minor units as `by`
    says; `missing` of it to the level `next`. The level is lost at `drops_at` unless more comes. `floor`: a level that
    was granted, until `floor_until`. Null where there is none.
    """

    user_id: str
    level: str | None
    by: str
    sum: int
    next: str | None
    missing: int
    drops_at: str | None
    floor: str | None
    floor_until: str | None
    as_of: AsOf


class Found(msgspec.Struct, frozen=True):
    """A user's account, one's own copy, by which programme it is reckoned, and as of when."""

    account: Account
    programme: Programme
    as_of: AsOf


class PointsQueries:
    """What is known of one user's points. `points` knows by which programme a segment reckons."""

    def __init__(self, readers: ReaderPool, segments: int, clock: Clock, points: PointsLedgerActor) -> None:
        self._readers = readers
        self._segments = segments
        self._clock = clock
        self._points = points
        self.domain = points.name

    def segment(self, user_id: str) -> int:
        return segment_of(subject_of(user_id), self._segments)

    def balance(self, user_id: str, lots_max: int = LOTS_SHOWN_MAX, at: str | None = None) -> Balance:
        """As of now, or of `at` (RFC 3339). Raises Problem `unknown_user`, `invalid_parameter`, `too_far_back`, or
        `Refused` when the store cannot be read.
        """
        now = self._clock.now_ms()
        moment = now if at is None else _moment(at)
        found = self._found(user_id)
        if moment >= now:
            return balances.of_account(user_id, found.account, found.programme, moment, found.as_of, lots_max)
        before = found.as_of.offset + 1, 0  # lines younger than the account would not add up to it
        with self._readers.one() as reader:
            totals = balances.taken_back(found.account, self._rows(reader, user_id, before), moment)
        return balances.of_past(user_id, totals, moment, found.as_of)

    def lots(self, user_id: str, limit: int, cursor: str | None) -> LotsPage:
        """All wallets', each with where it came from. Raises as `balance` does, and for a cursor that is none."""
        found = self._found(user_id)
        at = self._clock.now_ms()
        rows = origins.placed(view.seen(found.account, found.programme, at))
        shown = page(rows, origins.key, origins.Key, limit, cursor)
        with self._readers.one() as reader:
            known = Origins(reader, found.as_of.segment, self.domain, subject_of(user_id))
            data = [known.lot(row) for row in shown[:limit]]
        has_more = len(shown) > limit
        return LotsPage(data, encoded(origins.key(shown[limit - 1])) if has_more else None, has_more, found.as_of)

    def timeline(self, user_id: str, limit: int, cursor: str | None) -> Timeline:
        """Raises as `lots` does."""
        found = self._found(user_id)
        at = self._clock.now_ms()
        view.bring_forward(found.account, found.programme, at)
        shown = page(view.coming(found.account, found.programme, at), _coming_key, _ComingKey, limit, cursor)
        data = [ComingLine(rfc3339(one.at), one.what, one.points, one.wallet, one.name) for one in shown[:limit]]
        has_more = len(shown) > limit
        return Timeline(data, encoded(_coming_key(shown[limit - 1])) if has_more else None, has_more, found.as_of)

    def tier(self, user_id: str) -> TierShown:
        """Raises as `balance` does."""
        found = self._found(user_id)
        tier = view.tier(found.account, found.programme, self._clock.now_ms())
        return TierShown(
            user_id, tier.level or None, found.programme.rules.tiers.by, tier.sum, tier.next or None, tier.missing,
            balances.shown(tier.drop_at), tier.floor or None, balances.shown(tier.floor_until), found.as_of,
        )  # fmt: skip

    def found(self, user_id: str) -> tuple[Found, bool]:
        """The account, a new one where there is none, and whether the user is known. Whose points came and went within
        one stage has lines and no state: nothing is left, not nobody. Raises `Refused`.
        """
        segment, subject = self.segment(user_id), subject_of(user_id)
        with self._readers.one() as reader:
            state, upto = reader.snapshot(segment, self.domain, subject)
            programme = self._programme(reader, segment)
            known = state is not None or bool(reader.records(segment, self.domain, subject, None, 1))
        account = view.account_of(state) if state is not None else Account()
        return Found(account, programme, AsOf(segment, upto)), known

    def _found(self, user_id: str) -> Found:
        found, known = self.found(user_id)
        if not known:
            raise _unknown(user_id)
        return found

    def _rows(self, reader: Reader, user_id: str, before: tuple[int, int]) -> Iterator[RecordRow]:
        """All lines before (offset, n), newest first."""
        segment, subject = self.segment(user_id), subject_of(user_id)
        while rows := reader.records(segment, self.domain, subject, before, LINES_AT_ONCE):
            yield from rows
            before = rows[-1].offset, rows[-1].n

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
        return RecordsPage(
            [view.line(row.body) for row in shown],
            encoded((shown[-1].offset, shown[-1].n)) if has_more else None,
            has_more,
        )

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


def before_of(cursor: str, parameter: str = "cursor", field: str = "next_cursor") -> tuple[int, int]:
    """The (offset, n) that a cursor of records stands for; raises Problem naming `parameter`."""
    return decoded(cursor, tuple[int, int], parameter, field)


_ComingKey = tuple[int, str, str, str]


def _coming_key(one: Coming) -> _ComingKey:
    return one.at, one.what, one.wallet, one.name


def _moment(text: str) -> int:
    at = rfc3339_ms(text)
    if at is None or at < 0:
        raise invalid_parameter("as_of", "as_of must be an RFC 3339 time since 1970, with its offset from UTC")
    return at
