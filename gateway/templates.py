"""Coupon templates over HTTP, below HTTP: what only they ask of a version, which there are, what became of them.

A template is a programme `template:ID` (actors/coupon/listing.py), put and switched as listed.py says. Before a version
is in the log, since everybody obeys it from then on, it must be known that what was without limit when coupons went out
stays so, and that a public code can be typed and is no other template's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import msgspec

from actors.commands import Refusal
from actors.coupon import listing
from actors.coupon.directory import TEMPLATES_MAX, full
from actors.coupon.directory import Listed as Line
from actors.coupon.forms import TEMPLATE_ID_BYTES_MAX
from actors.coupon.listing import FAMILY, compiled, limits, subject_of
from actors.coupon.pool import Pool
from actors.coupon.shelf import Shelf, Slice, Tally
from actors.coupon.spelling import IMPORTED, is_generated, normal
from actors.coupon.stock import CouponStockActor, Stock
from gateway.coupon_codes import DOMAIN, CouponCodes, directory
from gateway.listed import Listed, Shown, Words, by_id
from gateway.programmes import Programmes
from gateway.readers import ReaderPool
from supervision.entry import part_subject, segment_of
from supervision.store import Reader

_shelf = msgspec.msgpack.Decoder(Shelf).decode
_stock = msgspec.msgpack.Decoder(Stock).decode


class TemplateLine(msgspec.Struct, frozen=True):
    """A template in a list: its status, the number of its version, and by what else it is known."""

    id: str
    status: str
    number: int
    public_code: str | None
    activity_id: str | None


class TemplatesPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/coupon-templates`, by id."""

    data: list[TemplateLine]
    next_cursor: str | None
    has_more: bool


class Lent(msgspec.Struct, frozen=True):
    """What there is of a template's stock (pieces) or budget (minor units): of `total`, `free` is still with the
    template and `lent` is the segments', of which they have not used `unused` yet. `free` is less than 0 while more is
    lent than a lowered total allows.
    """

    total: int
    free: int
    lent: int
    unused: int


class Usage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/coupon-templates/{id}/usage`: how many coupons came to what so far. `discount` and `revenue`,
    in minor units of `currency`, are those of uses that were not rolled back, and `orders` their number.
    `transferred`: how often one was handed over, which is no issue.

    Null: there is no limit.
    """

    template: str
    status: str
    currency: str
    issued: int
    held: int
    released: int
    redeemed: int
    rolled_back: int
    expired: int
    orders: int
    discount: int
    revenue: int
    transferred: int
    stock: Lent | None
    budget: Lent | None


class Templates(Listed):
    """Any thread may call; blocks for as long as the store takes."""

    words: ClassVar[Words] = Words("template", "unknown_template", TEMPLATE_ID_BYTES_MAX, "draft", "closed", FAMILY)

    def __init__(self, programmes: Programmes, readers: ReaderPool, segments: int, codes: CouponCodes) -> None:
        super().__init__(programmes)
        self._readers = readers
        self._segments = segments
        self._codes = codes

    def put_problems(self, id: str, before: Shown | None, new: str) -> Iterator[Refusal]:
        yield from self._code_problems(id, compiled(listing.read(new)[1]).template.code.public)
        if before is None:
            with self._readers.one() as reader:
                if full(directory(reader, 0)):
                    yield Refusal("too_many", "id", f"no more than {TEMPLATES_MAX} templates, fewer with long names")
        elif before.status != "draft":
            yield from _limit_problems(before.active.body.decode(), new)

    def become_problems(self, id: str, before: Shown, status: str) -> Iterator[Refusal]:
        """Another may have got its public code meanwhile."""
        if status == "active":
            yield from self._code_problems(id, compiled(before.json.decode()).template.code.public)

    def page(self, limit: int, cursor: str | None) -> TemplatesPage:
        """Raises Problem for a cursor that is none."""
        with self._readers.one() as reader:
            known = directory(reader, 0).templates
        found = by_id(known, limit, cursor)
        return TemplatesPage([_line(id, known[id]) for id in found.ids], found.next_cursor, found.has_more)

    def usage(self, id: str) -> Usage:
        """The sum over all segments, each as of its own moment. Raises Problem `unknown_template`."""
        found = self.shown(id)
        template = compiled(found.json.decode()).template
        with self._readers.one() as reader:
            shelves = list(self._shelves(reader, id))
            subject = subject_of(id)
            data, _ = reader.snapshot(segment_of(subject, self._segments), CouponStockActor.name, subject)
        stock = _stock(data) if data is not None else Stock()
        sums = {name: sum(getattr(one.tally, name) for one in shelves) for name in Tally.__struct_fields__}
        return Usage(
            template=id,
            status=found.status,
            currency=template.currency,
            stock=_lent(stock.stock, [one.stock for one in shelves]),
            budget=_lent(stock.budget, [one.budget for one in shelves]),
            **sums,
        )

    def _shelves(self, reader: Reader, id: str) -> Iterator[Shelf]:
        for segment in range(self._segments):
            state, _ = reader.snapshot(segment, DOMAIN, part_subject(segment, subject_of(id)))
            if state is not None:
                yield _shelf(state)

    def _code_problems(self, id: str, code: str) -> Iterator[Refusal]:
        plain = normal(code) if code else ""
        if isinstance(plain, Refusal) or is_generated(plain):
            yield Refusal("characters", _PUBLIC, f"{_PUBLIC} must be 3 to 19 letters and digits, not counting dashes")
        elif plain and (imported := self._imported(plain)):
            yield Refusal("taken", _PUBLIC, f"{_PUBLIC} must be no imported code: {imported} has it")
        elif plain and (other := self._whose(plain)) not in ("", id):
            yield Refusal("taken", _PUBLIC, f"{_PUBLIC} must be no other template's that is not closed: {other} has it")

    def _imported(self, code: str) -> str:
        """The template of which the code was brought, if any."""
        with self._readers.one() as reader:
            return self._codes.imported(reader, code).template

    def _whose(self, code: str) -> str:
        """The template, if it is not closed, that has the public code in any segment: news of a version reaches one
        after the other.
        """
        with self._readers.one() as reader:
            for segment in range(self._segments):
                known = directory(reader, segment)
                holder = known.codes.get(code, "")
                if holder and known.templates[holder].status != "closed":
                    return holder
        return ""


_PUBLIC = "code.public"


def _limit_problems(before: str, new: str) -> Iterator[Refusal]:
    """What was without limit when the first coupons may have gone out is never counted, and the reverse."""
    was, will = limits(before), limits(new)
    for name in ("stock", "budget"):
        one, other = was[name], will[name]
        if (one is None) != (other is None):
            field: Literal["stock", "budget", "code.uses"] = name
            if name == "stock" and compiled(listing.read(before)[1]).template.stock is None and one is not None:
                field = "code.uses"
            what = "stay without limit" if one is None else "stay limited, however high"
            yield Refusal("limit_kept", field, f"{field} must {what}: the template was active")


def _lent(pool: Pool | None, slices: list[Slice | None]) -> Lent | None:
    if pool is None:
        return None
    return Lent(pool.total, pool.free, sum(pool.lent.values()), sum(one.left for one in slices if one is not None))


def _line(id: str, listed: Line) -> TemplateLine:
    public = listed.public_code if listed.public_code != IMPORTED else ""
    return TemplateLine(id, listed.status, listed.number, public or None, listed.activity_id or None)
