"""Questions about a user's coupons and about one code, answered from committed state.

What a user can spend is in his purse; what he has spent or let expire is in his records, and his list has both. A
record does not say the code: it follows from its key's id, serial and template (actors/coupon/codes.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from actors.coupon import issuing, using
from actors.coupon.clerk import spelled
from actors.coupon.codes import UNKNOWN, Located, dressed
from actors.coupon.finding import Spelled
from actors.coupon.keys import Whose
from actors.coupon.listing import compiled, subject_of
from actors.coupon.records import LifeLine
from actors.coupon.shelf import Shelf
from actors.coupon.spelling import SUBJECT
from actors.coupon.state import Coupon, Purse
from actors.coupon.template import CodeRules
from gateway import queries
from gateway.balances import AsOf
from gateway.coupon_codes import DOMAIN, CouponCodes, directory, refused
from gateway.pages import encoded, page
from gateway.problems import Problem
from gateway.queries import LINES_AT_ONCE
from gateway.readers import ReaderPool
from supervision.clock import Clock
from supervision.entry import part_subject, segment_of
from supervision.envelope import rfc3339
from supervision.store import Reader

State = Literal["issued", "held", "redeemed", "expired", "being_transferred", "transferred"]

OVER: Mapping[str, State] = {"redeemed": "redeemed", "expired": "expired", "transferred": "transferred"}
"""What a coupon is by the last line of its life; any other is of one that is its owner's still."""

_purse = msgspec.msgpack.Decoder(Purse).decode
_shelf = msgspec.msgpack.Decoder(Shelf).decode
_line = msgspec.json.Decoder(LifeLine).decode


class UserCoupon(msgspec.Struct, frozen=True):
    """`order_id`: what it is held for until `held_until`, or was used with. Null where there is none."""

    code: str
    template: str
    state: State
    source: str
    valid_from: str
    valid_until: str
    order_id: str | None = None
    held_until: str | None = None


class CouponsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/coupons`, in the order of issue, newest first."""

    data: list[UserCoupon]
    next_cursor: str | None
    has_more: bool
    as_of: AsOf


class LifeEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of a coupon. `entry`: its place in the log."""

    at: str
    change: str
    entry: str
    order_id: str | None = None
    discount: int | None = None
    reason: str | None = None
    valid_until: str | None = None


class CouponLife(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/coupons/{code}`: whose it is, what it is now and what became of it, oldest first. A public
    code is nobody's: `state` is its template's then. Nor is an imported one as long as nobody holds it or has used it:
    `state` is `imported`.
    """

    code: str
    template: str
    user_id: str | None
    state: str
    source: str | None
    valid_from: str | None
    valid_until: str | None
    life: list[LifeEvent]
    as_of: AsOf


class Held(msgspec.Struct, frozen=True):
    """All that is held of a user's coupons."""

    purse: Purse
    coupons: list[UserCoupon]
    lines: list[LifeLine]
    next_cursor: str | None
    as_of: AsOf


class CouponQueries:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int, clock: Clock, codes: CouponCodes) -> None:
        self._readers = readers
        self._segments = segments
        self._clock = clock
        self._codes = codes

    def coupons(self, user_id: str, state: State | None, limit: int, cursor: str | None) -> CouponsPage:
        """Raises Problem `unknown_user`, and for a cursor that is none."""
        with self._readers.one() as reader:
            desk = self._desk(reader, user_id)
            rows = dict(desk.present(self._clock.now_ms()))
            if state is None or state in OVER:
                rows.update(desk.past())
        if not rows and not desk.known:
            raise _unknown(user_id)
        wanted = [(serial, one) for serial, one in rows.items() if state in (None, one.state)]
        shown = page(wanted, _place, tuple[int], limit, cursor)
        has_more = len(shown) > limit
        last = encoded(_place(shown[limit - 1])) if has_more else None
        return CouponsPage([one for _, one in shown[:limit]], last, has_more, desk.as_of)

    def life(self, code: str) -> CouponLife:
        """Raises Problem `unknown_code` and `bad_check_character`."""
        with self._readers.one() as reader:
            meant = self._codes.read(reader, code, 0)
            if isinstance(meant, str):
                return _public(reader, meant)
            if isinstance(meant, Spelled):
                return self._imported(reader, meant.code)
            whose = self._codes.whose(reader, meant)
            return self._desk(reader, whose.user_id).life(code, meant, self._clock.now_ms())

    def _imported(self, reader: Reader, code: str) -> CouponLife:
        """Of an imported code: what is in the hands of who has it."""
        known = self._codes.imported(reader, code)
        subject = SUBJECT + code
        as_of = AsOf(segment_of(subject, self._segments), known.at)
        life = self._desk(reader, known.user).life_of_imported(code, self._clock.now_ms()) if known.user else None
        return life or CouponLife(code, known.template, None, "imported", None, None, None, [], as_of)

    def export(self, user_id: str, before: tuple[int, int] | None, limit: int) -> Held | None:
        """Everything of the user: the purse, and records before (offset, n); None when there is nothing."""
        with self._readers.one() as reader:
            desk = self._desk(reader, user_id)
            if not desk.known:
                return None
            rows = reader.records(desk.segment, DOMAIN, desk.subject, min(before or _END, desk.end), limit + 1)
            coupons = [one for _, one in desk.present(self._clock.now_ms())]
        cursor = encoded((rows[limit - 1].offset, rows[limit - 1].n)) if len(rows) > limit else None
        return Held(desk.purse, coupons, [_line(row.body) for row in rows[:limit]], cursor, desk.as_of)

    def _desk(self, reader: Reader, user_id: str) -> _Desk:
        subject = queries.subject_of(user_id)
        return _Desk(reader, subject, segment_of(subject, self._segments), self._codes)


class _Desk:
    """One user's papers, for the length of one question."""

    def __init__(self, reader: Reader, subject: str, segment: int, codes: CouponCodes) -> None:
        state, upto = reader.snapshot(segment, DOMAIN, subject)
        self._reader = reader
        self._codes = codes
        self._shelves: dict[str, Shelf] = {}
        self.subject = subject
        self.segment = segment
        self.purse = _purse(state) if state is not None else Purse()
        self.known = state is not None
        self.as_of = AsOf(segment, upto)
        self.end = (upto + 1, 0)
        """Lines from here on are younger than the purse."""

    def present(self, now_ms: int) -> Iterator[tuple[int, UserCoupon]]:
        """The coupons in the purse, by serial."""
        for coupon in self.purse.coupons.values():
            yield coupon.serial, self._of_purse(coupon, now_ms)

    def past(self) -> Mapping[int, UserCoupon]:
        """Those that were used up or have expired, by serial. O(lines)."""
        lives: dict[int, list[LifeLine]] = {}
        for line in self._lines():
            if line.serial not in self.purse.coupons:
                lives.setdefault(line.serial, []).append(line)
        over = {serial: lines for serial, lines in lives.items() if lines[0].change in OVER}
        return {serial: self._of_lines(lines) for serial, lines in over.items()}

    def life(self, code: str, meant: Located, now_ms: int) -> CouponLife:
        """Raises Problem `unknown_code`. O(lines of the user since the coupon was issued)."""
        lines = [line for line in self._lines(issuing.issued_at(meant.serial)) if line.serial == meant.serial]
        coupon = self.purse.coupons.get(meant.serial)
        key = coupon.key if coupon is not None else next((line.key for line in lines if line.key is not UNSET), None)
        if not lines or key != meant.key_id:
            raise refused(UNKNOWN)
        now = self._of_purse(coupon, now_ms) if coupon is not None else self._of_lines(lines)
        return self._shown(dressed(code), now, lines)

    def life_of_imported(self, code: str, now_ms: int) -> CouponLife | None:
        """Of what the user has by an imported code; None when that is over, or has not come yet."""
        coupon = next((one for one in self.purse.coupons.values() if one.imported == code), None)
        if coupon is not None:
            lines = [one for one in self._lines(issuing.issued_at(coupon.serial)) if one.serial == coupon.serial]
            return self._shown(code, self._of_purse(coupon, now_ms), lines)
        whose = self._codes.use_of_imported(self._reader, self.segment, self.subject[5:], code)
        if whose is None or not whose.end:
            return None
        lines: list[LifeLine] = []
        for line in self._lines():
            if lines and line.offset < issuing.issued_at(lines[0].serial):
                break
            wanted = lines[0].serial == line.serial if lines else _is_use(line, whose)
            lines += [line] if wanted else []
        return self._shown(code, self._of_lines(lines), lines) if lines else None

    def _shown(self, code: str, now: UserCoupon, lines: Sequence[LifeLine]) -> CouponLife:
        """`lines`: newest first."""
        events = [_event(line) for line in reversed(lines)]
        return CouponLife(
            code, now.template, self.subject[5:], now.state, now.source, now.valid_from, now.valid_until, events,
            self.as_of,
        )  # fmt: skip

    def _of_purse(self, coupon: Coupon, now_ms: int) -> UserCoupon:
        held, terms = coupon.hold, coupon.terms
        state = self._state(coupon, now_ms)
        rules = self._rules(coupon.template, coupon.version)
        code = coupon.imported or self._code(coupon.serial, None if coupon.public else coupon.key, rules)
        source = using.CODE_SOURCE if coupon.public else coupon.source
        return UserCoupon(
            code, coupon.template, state, source, rfc3339(terms.valid_from), rfc3339(terms.valid_until),
            held.order_id if held else None, rfc3339(held.until) if held else None,
        )  # fmt: skip

    def _state(self, coupon: Coupon, now_ms: int) -> State:
        if coupon.hold:
            return "held"
        if coupon.serial in self.purse.leaving:
            return "being_transferred"
        return "expired" if coupon.terms.valid_until <= now_ms else "issued"

    def _of_lines(self, lines: Sequence[LifeLine]) -> UserCoupon:
        """A coupon that is over, of its lines, newest first."""
        last, first = lines[0], lines[-1]
        state = OVER.get(last.change, "expired")
        ends = next((line.valid_until for line in lines if line.valid_until is not UNSET), "")
        key = None if first.key is UNSET else first.key
        rules = self._rules(first.template, first.version or "")
        kind, _, imported = (first.source or "").partition(":") if key is None else (first.source or "", "", "")
        return UserCoupon(
            imported or self._code(first.serial, key, rules), first.template, state, kind, first.valid_from or "", ends,
            last.order_id or None,
        )  # fmt: skip

    def _code(self, serial: int, key_id: int | None, rules: CodeRules) -> str:
        if key_id is None:
            return rules.public
        return spelled(self._codes.code_keys, key_id, rules.prefix, self.segment, serial)

    def _rules(self, template: str, version: str) -> CodeRules:
        """Of the codes of the template's version, or of the newest where that is not kept."""
        shelf = self._shelves.get(template)
        if shelf is None:
            state, _ = self._reader.snapshot(self.segment, DOMAIN, part_subject(self.segment, subject_of(template)))
            assert state is not None, f"coupons of {template} and no shelf"
            shelf = self._shelves[template] = _shelf(state)
        return compiled(shelf.bodies.get(version) or shelf.bodies[shelf.version]).template.code

    def _lines(self, first: int = 0) -> Iterator[LifeLine]:
        """The lines of the user from offset `first` up to `as_of`, newest first."""
        before = self.end
        while before[0] >= first:
            rows = self._reader.records(self.segment, DOMAIN, self.subject, before, LINES_AT_ONCE)
            if not rows:
                return
            yield from (_line(row.body) for row in rows if row.offset >= first)
            before = rows[-1].offset, rows[-1].n


def _is_use(line: LifeLine, whose: Whose) -> bool:
    """Whether the line is of the use of an imported code that is written down there."""
    told = (line.change, line.order_id, line.template, line.key)
    return told == ("redeemed", whose.by, whose.template, UNSET)


_END = (2**63 - 1, 0)


def _public(reader: Reader, template: str) -> CouponLife:
    listed = directory(reader, 0).templates[template]
    _, upto = reader.snapshot(0, DOMAIN, part_subject(0, subject_of(template)))
    return CouponLife(listed.public_code, template, None, listed.status, None, None, None, [], AsOf(0, upto))


def _event(line: LifeLine) -> LifeEvent:
    return LifeEvent(
        line.at, line.change, line.entry, line.order_id or None, None if line.discount is UNSET else line.discount,
        line.reason or None, line.valid_until or None,
    )  # fmt: skip


def _place(row: tuple[int, UserCoupon]) -> tuple[int]:
    """Newest first."""
    return (2**62 - row[0],)


def _unknown(user_id: str) -> Problem:
    return Problem("unknown_user", f"no user {user_id!a} has ever had coupons")
