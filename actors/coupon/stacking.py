"""Several coupons on one order: which of them, in what order, and why not the others.

The choice is the best deal for the customer: of all sets that may be combined, the one that takes off most. Of several
that take off the same it is the one of fewest coupons, so that none is used up for nothing, then the one whose coupons
end soonest, then by code. The same cart and the same coupons so give the same choice, in whatever order they are named.

What may be combined: of one group one coupon (a template without a group is a group of its own), an exclusive one only
alone, at most COUPONS_PER_ORDER_MAX in all.

How they are computed: one after the other, each on what the ones before left to pay, so that no item ever costs less
than nothing. The order is that of `priority`, highest first; of equal ones by kind as SEQUENCE says (single pieces
first, then percentages, then amounts, which is the better deal, and the shipping last), then by template and code.
Whether a coupon may be used, and how much it gives, is judged by the order as it came (taking.py), so a coupon gives at
most what it would alone.

On that rests the search: branch and bound over the coupons in their order of computing. A branch is left when what it
has, with the most that the coupons to come would give alone, cannot be better than the best so far. At worst it looks
at every set of 1 to COUPONS_PER_ORDER_MAX of CANDIDATES_MAX coupons, 246 of them, each for the cost of one discount.
Of more coupons than CANDIDATES_MAX only those that would give most alone take part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from actors.coupon.discount import judge, places_of
from actors.coupon.narrowing import Terms
from actors.coupon.offer import Offer
from actors.coupon.reasons import LABELS_SHOWN_MAX, Code, Reason
from actors.coupon.taking import Discount, take
from actors.coupon.template import Fixed, FreeShipping, FullReduction, Gift, NthItem, Percent
from actors.orders import Order

COUPONS_PER_ORDER_MAX = 6
CANDIDATES_MAX = 8
"""Applicable coupons among which the best are searched for."""

SEQUENCE: tuple[type, ...] = (Gift, NthItem, Percent, FullReduction, Fixed, FreeShipping)
"""Kinds of equal priority in the order they are computed in."""


class Candidate(msgspec.Struct, frozen=True):
    """A coupon that somebody would use. `template`: the template's id; `at`: by which time it is judged, 0: as all."""

    code: str
    template: str
    offer: Offer
    terms: Terms
    at: int = 0

    @property
    def group(self) -> tuple[str, str]:
        group = self.offer.template.stacking.group
        return ("template", self.template) if group is None else ("group", group)

    @property
    def exclusive(self) -> bool:
        return self.offer.template.stacking.exclusive


class Applied(msgspec.Struct, frozen=True):
    """What the coupon takes off, computed after those before it."""

    code: str
    discount: Discount


class LeftOut(msgspec.Struct, frozen=True):
    code: str
    reasons: tuple[Reason, ...]


class Choice(msgspec.Struct, frozen=True):
    """`applied` in the order of computing; `discount` is all of theirs together; `left_out` by code."""

    applied: tuple[Applied, ...]
    discount: Discount
    left_out: tuple[LeftOut, ...]


class _Alone(msgspec.Struct, frozen=True):
    """An applicable coupon: the items it is for, and what it takes off alone."""

    candidate: Candidate
    places: tuple[int, ...]
    total: int

    @property
    def turn(self) -> tuple[int, int, str, str]:
        """Its place in the order of computing."""
        one, template = self.candidate, self.candidate.offer.template
        return -template.stacking.priority, SEQUENCE.index(type(template.kind)), one.template, one.code

    @property
    def preference(self) -> tuple[int, str]:
        """Lower: rather used than another that does the same."""
        return self.candidate.terms.valid_until, self.candidate.code


class Begun(msgspec.Struct, frozen=True):
    """An order of which `used` coupons have taken their part already: what is left to pay of each item, and of the
    shipping. Whoever asks has seen to it that the candidates may be combined with those.
    """

    items: tuple[int, ...]
    shipping: int
    used: int = 0


def best(candidates: Sequence[Candidate], order: Order, at: int, begun: Begun | None = None) -> Choice:
    """The best deal for the customer at the moment `at` (ms), and why the other coupons are not in it."""
    begun = begun or Begun(tuple(item.amount for item in order.items), order.shipping)
    reasons: dict[str, tuple[Reason, ...]] = {}
    applicable: list[_Alone] = []
    for one in {one.code: one for one in candidates}.values():
        judged = judge(one.terms, one.offer, order, one.at or at)
        if isinstance(judged, Discount):
            applicable.append(_Alone(one, places_of(one.terms, one.offer, order), judged.total))
        else:
            reasons[one.code] = judged
    applicable.sort(key=lambda alone: (-alone.total, alone.preference))
    searched = sorted(applicable[:CANDIDATES_MAX], key=lambda alone: alone.turn)
    chosen = _Search(searched, order, begun).run()
    for alone in applicable:
        if alone not in chosen:
            reasons[alone.candidate.code] = (
                _why_not(alone.candidate, [other.candidate for other in chosen], begun.used),
            )
    applied = tuple(_computed(chosen, order, begun))
    left_out = tuple(LeftOut(code, reasons[code]) for code in sorted(reasons))
    return Choice(applied, _together([one.discount for one in applied], order), left_out)


def _computed(chosen: Sequence[_Alone], order: Order, begun: Begun) -> Iterator[Applied]:
    left, shipping = list(begun.items), begun.shipping
    for one in chosen:
        discount = take(one.candidate.offer, order, one.places, left, shipping)
        left, shipping = _less(left, discount), shipping - discount.shipping
        yield Applied(one.candidate.code, discount)


def _less(left: Sequence[int], discount: Discount) -> list[int]:
    return [amount - off for amount, off in zip(left, discount.by_item, strict=True)]


def _together(discounts: Sequence[Discount], order: Order) -> Discount:
    by_item = tuple(sum(discount.by_item[index] for discount in discounts) for index in range(len(order.items)))
    return Discount(by_item, sum(discount.shipping for discount in discounts))


def _combine(one: Candidate, other: Candidate) -> bool:
    return not (one.exclusive or other.exclusive) and one.group != other.group


def _why_not(one: Candidate, chosen: Sequence[Candidate], used: int) -> Reason:
    """Why an applicable coupon is not among the `chosen`."""
    against = [other.code for other in chosen if not _combine(one, other)]
    if against:
        path = "stacking.exclusive" if one.exclusive or chosen[0].exclusive else "stacking.group"
        return Reason(Code.NOT_COMBINABLE, path, None, tuple(against[:LABELS_SHOWN_MAX]))
    if used + len(chosen) == COUPONS_PER_ORDER_MAX:
        return Reason(Code.TOO_MANY_COUPONS, "codes", COUPONS_PER_ORDER_MAX)
    return Reason(Code.NO_GAIN, "codes", None, tuple(other.code for other in chosen))


_Rank = tuple[int, int, tuple[tuple[int, str], ...]]
"""(minus the discount, how many coupons, their preferences): the lowest is the best."""


class _Search:
    """One search over applicable coupons in their order of computing; used once."""

    def __init__(self, alone: Sequence[_Alone], order: Order, begun: Begun) -> None:
        self._alone = alone
        self._begun = begun
        self._most = COUPONS_PER_ORDER_MAX - begun.used
        self._order = order
        self._all = sum(begun.items) + begun.shipping
        self._bounds = [_bounds(alone[index:]) for index in range(len(alone))]
        self._best: _Rank = (0, 0, ())
        self._chosen: tuple[_Alone, ...] = ()

    def run(self) -> tuple[_Alone, ...]:
        self._extend((), 0, 0, list(self._begun.items), self._begun.shipping)
        return self._chosen

    def _extend(self, chosen: tuple[_Alone, ...], total: int, start: int, left: list[int], shipping: int) -> None:
        """Look at `chosen`, which takes off `total`, and at all sets that go on with coupons from `start` on."""
        self._note(chosen, total)
        if len(chosen) == self._most:
            return
        for index in range(start, len(self._alone)):
            one = self._alone[index]
            if not all(_combine(one.candidate, other.candidate) for other in chosen):
                continue
            if chosen and not self._may_be_better(index, len(chosen), total):
                return
            discount = take(one.candidate.offer, self._order, one.places, left, shipping)
            self._extend(
                (*chosen, one), total + discount.total, index + 1, _less(left, discount), shipping - discount.shipping
            )

    def _note(self, chosen: tuple[_Alone, ...], total: int) -> None:
        rank = (-total, len(chosen), tuple(sorted(one.preference for one in chosen)))
        if rank < self._best:
            self._best, self._chosen = rank, chosen

    def _may_be_better(self, index: int, count: int, total: int) -> bool:
        """Whether `count` coupons that take off `total` may beat the best with others from `index` on."""
        bounds = self._bounds[index]
        most = min(total + bounds[min(self._most - count, len(bounds) - 1)], self._all)
        return (-most, count + 1) <= self._best[:2]


def _bounds(alone: Sequence[_Alone]) -> list[int]:
    """The most that 0, 1, 2, … of these can take off beside others, each of another group."""
    by_group: dict[tuple[str, str], int] = {}
    for one in alone:
        if one.candidate.exclusive:
            continue
        group = one.candidate.group
        by_group[group] = max(by_group.get(group, 0), one.total)
    sums = [0]
    for total in sorted(by_group.values(), reverse=True):
        sums.append(sums[-1] + total)
    return sums
