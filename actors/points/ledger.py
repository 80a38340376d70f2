"""The points ledger of one user: dated lots, spent soonest-to-expire first.

A balance is never stored apart from the lots that make it up, so it cannot disagree with them; what it costs is a sum
over a handful of lots. Nothing here reads a clock: whoever calls says what has expired by when, before anything else
is asked. Refusing is an answer, not an error: the caller gets what is missing, the account stays as it was.

An account is bounded: at `lots_max` lots that expire together become one, oldest origins first, and the caller writes
down what they were. Should no two expire together (a programme whose zone or validity changed may come there), the two
neighbours that expire closest to each other become one with the later expiry: the owner never loses by our
housekeeping, and an increase is never refused for it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

import msgspec

FORMAT = 1
MERGE_LOTS_MAX = 256
"""Lots that become one in one go: few enough for one line in the records, many enough to be rare."""
EDGE_LOTS = 16
"""What a reaction changes lies at the ends of the list: it takes from the front and adds at the back."""


class Lot(msgspec.Struct, array_like=True, gc=False):
    """Points that expire together and have one origin, the entry (epoch, offset) that made them. `expires` is the
    moment (ms since 1970 UTC) from which they can no longer be spent.
    """

    expires: int
    points: int
    epoch: int
    offset: int


class Account(msgspec.Struct, array_like=True, gc=False):
    """One user's points, as the store holds them. `lots` are in order of (expires, epoch, offset) and none is empty.

    `expiry_armed` and `reminder_armed` are what the two timers are set to (ms since 1970 UTC, 0 = not); lots up to the
    expiry `reminded` have had their reminder.
    """

    format: int = FORMAT
    lots: list[Lot] = []
    expiry_armed: int = 0
    reminder_armed: int = 0
    reminded: int = 0


class Short(msgspec.Struct, frozen=True):
    """There are fewer points than asked for; nothing was taken."""

    missing: int


def available(account: Account) -> int:
    """The points of all lots. O(lots)."""
    return sum([lot.points for lot in account.lots])


def available_at(account: Account, at: int) -> int:
    """What could be spent at `at`: due lots do not count, even if nothing has taken them away yet. O(lots)."""
    return sum([lot.points for lot in account.lots if lot.expires > at])


def earn(account: Account, lot: Lot, lots_max: int) -> Sequence[Lot]:
    """Add `lot`; the lots that were merged to make room for it, mostly none, with the points they had. O(1), O(lots)
    then.
    """
    merged = _make_room(account.lots) if len(account.lots) >= lots_max else ()
    if not account.lots or _order(account.lots[-1]) <= _order(lot):
        account.lots.append(lot)
    else:
        insort(account.lots, lot, key=_order)
    return merged


def spend(account: Account, points: int) -> Sequence[Lot] | Short:
    """Take `points` from the lots that expire first, or nothing; what was taken from which lot. O(lots)."""
    missing = points - available(account)
    return Short(missing) if missing > 0 else _take(account.lots, points)


def expire(account: Account, points: int) -> Sequence[Lot]:
    """Take `points`, or what there is, from the lots that expire first; what was taken from which lot."""
    return _take(account.lots, points)


def expire_due(account: Account, at: int) -> Sequence[Lot]:
    """Take away all lots that expire at `at` or before. O(1) when there are none."""
    lots = account.lots
    if not lots or lots[0].expires > at:
        return ()
    n = bisect_right(lots, at, key=_expires)
    due = lots[:n]
    del lots[:n]
    return due


def next_to_remind(account: Account) -> int:
    """The expiry (ms) of the lots that expire next and whose owner has not been reminded; 0 when there are none."""
    lots, reminded = account.lots, account.reminded
    if not lots:
        return 0
    if lots[0].expires > reminded:
        return lots[0].expires
    i = bisect_right(lots, reminded, key=_expires)
    return lots[i].expires if i < len(lots) else 0


def expiring_at(account: Account, expires: int) -> int:
    """The points that expire at this very moment. O(lots)."""
    return sum([lot.points for lot in account.lots if lot.expires == expires])


def check(account: Account) -> None:
    """Raise AssertionError unless the lots are in order, none is empty, and times are times. O(lots)."""
    _check_header(account)
    _check_lots(account.lots)


def check_edges(account: Account) -> None:
    """The part of `check` that is cheap however many lots there are: the lots that a reaction can have changed."""
    _check_header(account)
    if len(account.lots) <= 2 * EDGE_LOTS:
        _check_lots(account.lots)
    else:
        _check_lots(account.lots[:EDGE_LOTS])
        _check_lots(account.lots[-EDGE_LOTS:])


def _check_header(account: Account) -> None:
    assert account.format == FORMAT, account.format
    assert account.expiry_armed >= 0 and account.reminder_armed >= 0 and account.reminded >= 0, "a time before 1970"


def _check_lots(lots: Sequence[Lot]) -> None:
    expires = epoch = offset = 0
    for lot in lots:
        assert lot.points > 0, f"an empty lot from {lot.epoch}.{lot.offset}"
        if lot.expires <= expires:
            assert (expires, epoch, offset) <= _order(lot), f"lots out of order at {lot.epoch}.{lot.offset}"
        expires, epoch, offset = lot.expires, lot.epoch, lot.offset


def _take(lots: list[Lot], points: int) -> Sequence[Lot]:
    taken: list[Lot] = []
    gone = 0
    for lot in lots:
        part = min(lot.points, points)
        taken.append(Lot(lot.expires, part, lot.epoch, lot.offset))
        points -= part
        if part == lot.points:
            gone += 1
        else:
            lot.points -= part
        if not points:
            break
    del lots[:gone]
    return taken


def _make_room(lots: list[Lot]) -> Sequence[Lot]:
    begin, end = _equals(lots) or _neighbours(lots)
    merged = lots[begin:end]
    oldest = min(merged, key=_origin)
    # The last of them has the latest expiry: nobody's points end sooner for having been merged. No other lot has that
    # expiry and an older origin, so the order holds.
    lots[begin:end] = [Lot(merged[-1].expires, sum(lot.points for lot in merged), oldest.epoch, oldest.offset)]
    return merged


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
