"""Dated lots in order: added at their place, taken soonest-to-expire first, merged when there are too many.

The order is (expires, epoch, offset) and no two lots share all three: points that come back to where they were (a
released reservation, a refunded redemption) join what is left of their lot. SLIDES lies behind every date, so sliding
points are spent last: each visit of their owner puts their end off.

A list is bounded. At `lots_max` lots that expire together become one, oldest origins first, and the caller writes down
what they were. Should no two expire together (a programme whose zone or validity changed may come there), the two
neighbours that expire closest to each other become one with the later expiry: the owner never loses by our
housekeeping, and an increase is never refused for it.

A merged lot keeps its oldest origin and remembers a span: the earliest expiry and the youngest origin it took in. A
refund that no longer finds the lot of its order takes from the merged lot in whose span it lies. The span may also
cover an order whose points were spent before the merge; that is the price of a state that does not grow with history,
and only an account beyond `lots_max` pays it. What is within a merged lot is one: none of its points is more its own
than another.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from actors.points.state import NEVER, SLIDES, Lot

MERGE_LOTS_MAX = 256
"""Lots that become one in one go: few enough for one line in the records, many enough to be rare."""


def total(lots: Iterable[Lot]) -> int:
    """The points of all. O(lots)."""
    return sum([lot.points for lot in lots])


def missing(lots: Iterable[Lot], points: int) -> int:
    """How many there are too few for `points`. O(lots touched)."""
    for lot in lots:
        points -= lot.points
        if points <= 0:
            return 0
    return points


def add(lots: list[Lot], lot: Lot, lots_max: int) -> Sequence[Lot]:
    """Put `lot` at its place, or its points to the lot that is the same; the lots that were merged to make room for
    it, mostly none, with the points they had. `lots_max` is at least 2. O(1) at the end, O(lots) when there is no room.
    """
    i = _place(lots, lot)
    if i == len(lots) < lots_max:
        lots.append(lot)
        return ()
    merged: Sequence[Lot] = ()
    if len(lots) >= lots_max and not _stands(lots, i, lot):
        merged = _make_room(lots)
        i = _place(lots, lot)
    if _stands(lots, i, lot):
        lots[i].points += lot.points
        lots[i].took = _union(lots[i].took, lot.took)
    else:
        lots.insert(i, lot)
    return merged


def take(lots: list[Lot], points: int) -> list[Lot]:
    """Take `points`, or what there is, from the lots that expire first; what was taken from which lot."""
    gone = 0
    for lot in lots:
        if lot.points > points:
            break
        points -= lot.points
        gone += 1
    taken = lots[:gone]
    del lots[:gone]
    if points and lots:
        taken.append(part_of(lots[0], points))
        lots[0].points -= points
    return taken


def take_of(lots: list[Lot], earned: Lot, points: int) -> list[Lot]:
    """Take `points`, or what there is, from the very lots of `earned`, then from merged ones that took it in; soonest
    first. O(lots).
    """
    epoch, offset = earned.epoch, earned.offset
    found = [lot for lot in lots if lot.offset == offset and lot.epoch == epoch]
    if missing(found, points):
        found += [lot for lot in lots if lot.took and _took_in(lot, lot.took, earned)]
    taken: list[Lot] = []
    for lot in found:
        if part := min(lot.points, points):
            taken.append(part_of(lot, part))
            lot.points -= part
            points -= part
    if any(not lot.points for lot in found):
        lots[:] = [lot for lot in lots if lot.points]
    return taken


def take_due(lots: list[Lot], at: int) -> list[Lot]:
    """Take away all lots that expire at `at` or before. O(1) when there are none."""
    if not lots or lots[0].expires > at:
        return []
    n = bisect_right(lots, at, key=_expires)
    due = lots[:n]
    del lots[:n]
    return due


def of_expiry(lots: list[Lot], expires: int) -> list[Lot]:
    """Those that expire at this very moment. O(log lots) and those."""
    begin = bisect_left(lots, expires, key=_expires)
    return lots[begin : bisect_right(lots, expires, lo=begin, key=_expires)]


def after_expiry(lots: list[Lot], expires: int) -> Lot | None:
    """The first lot that expires later than `expires`. O(log lots)."""
    if lots and lots[0].expires > expires:
        return lots[0]
    i = bisect_right(lots, expires, key=_expires)
    return lots[i] if i < len(lots) else None


def ends(lot: Lot, slides: int) -> int:
    """When it ends, where SLIDES lots end at `slides`; 0 = never."""
    end = slides if lot.expires == SLIDES else lot.expires
    return end if end < NEVER else 0


def part_of(lot: Lot, points: int) -> Lot:
    """`points` of `lot`, as a lot of their own."""
    return Lot(lot.expires, points, lot.epoch, lot.offset, lot.took)


def check(lots: Sequence[Lot]) -> None:
    """Raise AssertionError unless the lots are in order, no two are the same, and none is empty. O(lots)."""
    before = (0, 0, 0)
    for lot in lots:
        order = lot.expires, lot.epoch, lot.offset
        assert lot.points > 0, f"an empty lot from {lot.epoch}.{lot.offset}"
        assert before < order, f"lots out of order at {lot.epoch}.{lot.offset}"
        before = order


def _place(lots: list[Lot], lot: Lot) -> int:
    if not lots or lots[-1].expires < lot.expires or _order(lots[-1]) < _order(lot):
        return len(lots)
    return bisect_left(lots, _order(lot), key=_order)


def _stands(lots: list[Lot], i: int, lot: Lot) -> bool:
    return i < len(lots) and _order(lots[i]) == _order(lot)


def _took_in(lot: Lot, took: tuple[int, int, int], earned: Lot) -> bool:
    """Whether `earned` lies in the span of the merged `lot`. What was earned as pending may not know its expiry."""
    if not (lot.epoch, lot.offset) < (earned.epoch, earned.offset) <= took[1:]:
        return False
    return not earned.expires or took[0] <= earned.expires <= lot.expires


def _make_room(lots: list[Lot]) -> Sequence[Lot]:
    begin, end = _equals(lots) or _neighbours(lots)
    merged = lots[begin:end]
    oldest = min(merged, key=_origin)
    # The last of them has the latest expiry: nobody's points end sooner for having been merged. No other lot has that
    # expiry and an older origin, so the order holds.
    lots[begin:end] = [Lot(merged[-1].expires, total(merged), oldest.epoch, oldest.offset, _span(merged))]
    return merged


def _span(merged: Sequence[Lot]) -> tuple[int, int, int]:
    spans = [lot.took or (lot.expires, lot.epoch, lot.offset) for lot in merged]
    return (min(span[0] for span in spans), *max(span[1:] for span in spans))


def _union(one: tuple[int, int, int] | None, other: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    if one is None or other is None:
        return one or other
    return (min(one[0], other[0]), *max(one[1:], other[1:]))


def _equals(lots: list[Lot]) -> tuple[int, int] | None:
    """The slice of lots of equal expiry that holds the oldest origin among all such; None when all expiries differ."""
    shared = [i for i, (lot, following) in enumerate(pairwise(lots)) if lot.expires == following.expires]
    if not shared:
        return None
    begin = min(shared, key=lambda i: _origin(lots[i]))
    end = bisect_right(lots, lots[begin].expires, lo=begin, key=_expires)
    return begin, min(end, begin + MERGE_LOTS_MAX)


def _neighbours(lots: list[Lot]) -> tuple[int, int]:
    begin = min(range(len(lots) - 1), key=lambda i: lots[i + 1].expires - lots[i].expires)
    return begin, begin + 2


def _expires(lot: Lot) -> int:
    return lot.expires


def _origin(lot: Lot) -> tuple[int, int]:
    return lot.epoch, lot.offset


def _order(lot: Lot) -> tuple[int, int, int]:
    return lot.expires, lot.epoch, lot.offset
