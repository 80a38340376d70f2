"""Which of somebody's coupons to use with an order, and what they take off: asked, and nothing written.

The domain's own functions are asked, with what is committed now: whether a coupon may be used (using.usable), what the
best deal is (stacking.best), whether there is budget and stock for it (shelf.room). So whoever redeems the applicable
coupons in the order in which they are named gets what is said here, unless something happens in between. Coupons that
were used with the order already count: the others get what those have left.

Stock of a public code that the segment does not hold may still be elsewhere; it counts as there until the template has
said that there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from actors import orders
from actors.commands import Refusal
from actors.coupon import finding, guard, inputs, keys, order_coupons, shelf, stacking, using
from actors.coupon.clerk import Clerk
from actors.coupon.codes import Located
from actors.coupon.discount import judge
from actors.coupon.effects import ItemDiscount
from actors.coupon.finding import Read, Spelled
from actors.coupon.forms import CODE_BYTES_MAX
from actors.coupon.guard import Guard
from actors.coupon.imported import refused as refused_by
from actors.coupon.listing import subject_of
from actors.coupon.order_coupons import OrderCoupons
from actors.coupon.reasons import Code, Reason
from actors.coupon.shelf import Shelf
from actors.coupon.stacking import Applied, Begun, Candidate, Choice
from actors.coupon.state import Coupon, Purse
from actors.coupon.taking import Discount
from actors.forms import Field, Form, plain, text_rule
from actors.orders import Order
from actors.points.messages import USER_ID_BYTES_MAX
from gateway import queries
from gateway.balances import AsOf
from gateway.commands import refused
from gateway.coupon_codes import DOMAIN, CouponCodes, directory, too_many_attempts
from gateway.readers import ReaderPool
from supervision.clock import Clock
from supervision.domain import Event
from supervision.entry import Entry, part_subject, segment_of
from supervision.store import Reader
from topology.wire import BadMessage, parse

CODES_MAX = 50
"""Of one question."""


class Question(msgspec.Struct, frozen=True, gc=False):
    user_id: str
    codes: list[str]
    order: msgspec.Raw


class Applicable(msgspec.Struct, frozen=True):
    """A coupon to be used, and what it takes off behind those before it. `discount` is all of it."""

    code: str
    template: str
    discount: int
    by_item: tuple[ItemDiscount, ...]
    shipping: int


class NotApplied(msgspec.Struct, frozen=True):
    """A code that is not to be used, with all reasons."""

    code: str
    reasons: tuple[Reason, ...]


class Validated(msgspec.Struct, frozen=True):
    """Answer of `POST /v1/coupons/validate`: the best deal. `applicable` in the order to redeem them in; the sums are
    theirs together, in minor units of `currency`.
    """

    user_id: str
    currency: str
    applicable: tuple[Applicable, ...]
    discount: int
    by_item: tuple[ItemDiscount, ...]
    shipping: int
    not_applied: tuple[NotApplied, ...]
    as_of: AsOf


RULES = {
    "user_id": text_rule(USER_ID_BYTES_MAX),
    "codes": f"a list of 1 to {CODES_MAX} codes, each {text_rule(CODE_BYTES_MAX)}",
    "order": "an object with currency, amount and items, and order_id if it has one",
}


def _codes_problem(codes: list[str]) -> str | None:
    if not 1 <= len(codes) <= CODES_MAX:
        return "out_of_range"
    return next((problem for problem in map(plain(CODE_BYTES_MAX), codes) if problem), None)


def _readable(question: Question) -> Refusal | None:
    order = orders.parse_cart(bytes(question.order))
    return order if isinstance(order, Refusal) else None


_FORM = Form(
    Question,
    {
        "user_id": Field(RULES["user_id"], plain(USER_ID_BYTES_MAX)),
        "codes": Field(RULES["codes"], _codes_problem),
        "order": Field(RULES["order"]),
    },
    _readable,
)
_purse = msgspec.msgpack.Decoder(Purse).decode
_shelf = msgspec.msgpack.Decoder(Shelf).decode


class Validation:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int, clock: Clock, codes: CouponCodes) -> None:
        self._readers = readers
        self._segments = segments
        self._clock = clock
        self._codes = codes

    def validate(self, body: bytes) -> Validated:
        """Raises Problem: what is no such question, and `too_many_attempts`."""
        question = parse(body)
        question = question if isinstance(question, BadMessage) else _FORM.read(body)
        if isinstance(question, Refusal):
            raise refused(question)
        order = orders.parse_cart(bytes(question.order))
        assert isinstance(order, Order), order  # it was read a moment ago
        with self._readers.one() as reader:
            checkout = self._checkout(reader, question, order, self._clock.now_ms())
        return checkout.validated()

    def _checkout(self, reader: Reader, question: Question, order: Order, now: int) -> _Checkout:
        subject = queries.subject_of(question.user_id)
        segment = segment_of(subject, self._segments)
        state, upto = reader.snapshot(segment, DOMAIN, subject)
        purse = _purse(state) if state is not None else Purse()
        if wait := guard.judge(purse.guard or Guard(), now):
            raise too_many_attempts(wait)
        public = directory(reader, segment)
        meant = {code: self._codes.meant(code, public) for code in dict.fromkeys(question.codes)}
        known = [each for each in meant.values() if isinstance(each, Located | Spelled)]
        asked = [finding.whose_key(each, question.user_id) for each in known]
        imported = {each: self._codes.imported(reader, each.code) for each in known if isinstance(each, Spelled)}
        book_key = keys.order(question.user_id, order.order_id)
        claimed = reader.load(segment, DOMAIN, [], [], [book_key, *asked]).keys
        templates = {
            code: imported[each].template if isinstance(each, Spelled) else _template(purse, each, segment, claimed)
            for code, each in meant.items()
        }
        for code, each in meant.items():
            why = refused_by(imported[each], question.user_id) if isinstance(each, Spelled) else None
            meant[code] = finding.declined(why) if why else each
        parts = {template: part_subject(segment, subject_of(template)) for template in templates.values() if template}
        states = reader.load(segment, DOMAIN, list(parts.values()), [], []).states
        shelves = {template: _shelf(states[part]) for template, part in parts.items() if part in states}
        entry = Entry(segment, 0, upto + 1, now, 0, inputs.USE, subject, b"")
        event = Event(entry, None, now, subject, claimed, shared=public)
        clerks = {
            code: Clerk(
                purse, shelves.get(templates[code]), templates[code], event, self._codes.code_keys, False,
                each.code if isinstance(each, Spelled) else "",
            )
            for code, each in meant.items()
        }  # fmt: skip
        book = order_coupons.decode(claimed.get(book_key)) if order.order_id else OrderCoupons()
        return _Checkout(question.user_id, order, book, meant, clerks, AsOf(segment, upto))


class _Wish(msgspec.Struct, frozen=True):
    """A coupon that may be used, as far as it alone is looked at."""

    candidate: Candidate
    coupon: Coupon
    clerk: Clerk


class _Checkout:
    """One order's question, with all that must be known to answer it."""

    def __init__(
        self, user_id: str, order: Order, book: OrderCoupons, meant: dict[str, Read | Refusal],
        clerks: dict[str, Clerk], as_of: AsOf,
    ) -> None:  # fmt: skip
        self._user_id = user_id
        self._order = order
        self._book = book
        self._meant = meant
        self._clerks = clerks
        self._as_of = as_of
        self._not: dict[str, tuple[Reason, ...]] = {}
        self._wishes: dict[str, _Wish] = {}

    def validated(self) -> Validated:
        for code, meant in self._meant.items():
            self._look(code, meant)
        choice = self._best()
        while short := [(one, reason) for one in choice.applied if (reason := self._short_of(one))]:
            for one, reason in short:
                self._not[one.code] = (reason,)
                del self._wishes[one.code]
            choice = self._best()
        left_out = {one.code: one.reasons for one in choice.left_out}
        together = choice.discount
        return Validated(
            self._user_id, self._order.currency, tuple(map(self._applicable, choice.applied)), together.total,
            self._by_item(together), together.shipping,
            tuple([NotApplied(code, reasons) for code, reasons in sorted({**self._not, **left_out}.items())]),
            self._as_of,
        )  # fmt: skip

    def _look(self, code: str, meant: Read | Refusal) -> None:
        """Whether the code is of a coupon that may be used here, and if not, why not."""
        clerk = self._clerks[code]
        if not isinstance(meant, Refusal) and finding.used(self._book, meant, clerk.segment):
            self._not[code] = (Reason(Code.ALREADY_REDEEMED, "order_id", None, self._order.order_id),)
            return
        coupon = using.usable(clerk, "redeem", self._order, meant)
        if isinstance(coupon, Refusal):
            self._not[code] = (Reason(Code(coupon.code)),)
            return
        offer, known_as = clerk.judged_by(coupon), clerk.code(coupon)
        at = using.judged_at(clerk, coupon)
        if isinstance(judge(coupon.terms, offer, self._order, at), Discount) and self._book.used:
            problem = using.not_combinable(coupon, offer, self._order, self._book)
            if problem is not None:
                self._not[known_as] = (problem,)
                return
        self._wishes[known_as] = _Wish(Candidate(known_as, coupon.template, offer, coupon.terms, at), coupon, clerk)

    def _best(self) -> Choice:
        items, shipping = order_coupons.left(self._book, self._order)
        at = next(iter(self._clerks.values())).at
        begun = Begun(tuple(items), shipping, len(self._book.used))
        return stacking.best([wish.candidate for wish in self._wishes.values()], self._order, at, begun)

    def _short_of(self, one: Applied) -> Reason | None:
        """What its template has not enough of for the coupon."""
        wish = self._wishes[one.code]
        need = using.needed(wish.clerk.purse, wish.coupon, one.discount.total)
        room, resource = shelf.room(wish.clerk.shelf, need, False)
        if room != "never":
            return None
        return Reason(Code.SOLD_OUT if resource == "stock" else Code.BUDGET_SPENT, resource)

    def _applicable(self, one: Applied) -> Applicable:
        template = self._wishes[one.code].coupon.template
        return Applicable(one.code, template, one.discount.total, self._by_item(one.discount), one.discount.shipping)

    def _by_item(self, discount: Discount) -> tuple[ItemDiscount, ...]:
        parts = zip(self._order.items, discount.by_item, strict=True)
        return tuple([ItemDiscount(item.product, off) for item, off in parts if off])


def _template(purse: Purse, meant: Read | Refusal, segment: int, claimed: dict[bytes, bytes]) -> str:
    whose = claimed.get(keys.serial(meant.serial)) if isinstance(meant, Located) else None
    return finding.template_of(purse, meant, segment, whose)


def refusals(answer: Validated) -> Sequence[Any]:
    """The codes of all reasons, for who counts wrong codes."""
    return [reason.code for one in answer.not_applied for reason in one.reasons]
