"""Points held for a check-out: out of the lots, so nobody else can spend them and no date takes them away.

A hold ends by its confirmation, by its release, or when its time is up (a release too). What is confirmed is spent, in
the order in which it was held, soonest to expire first; what is not goes back to the lots it came from, with the
expiry it had. What would have expired meanwhile goes by the next `expire_due`. A debt that arose meanwhile is paid
first.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.points import ledger
from actors.points import lots as lots_
from actors.points.ledger import Came, Short, TooMany
from actors.points.state import Account, Lot, Reservation

RESERVATIONS_MAX = 100
"""Held at one time by one user."""


class InUse(msgspec.Struct, frozen=True):
    """There is a reservation of this name; nothing was held."""


class Unknown(msgspec.Struct, frozen=True):
    """There is no reservation of this name, or no longer."""


class Exceeds(msgspec.Struct, frozen=True):
    """More than is held; nothing was done."""

    held: int


class Ended(msgspec.Struct, frozen=True):
    """A reservation that is no more: what was `spent` of it, what was `released`, and what became of that."""

    reservation: Reservation
    spent: Sequence[Lot]
    released: Sequence[Lot]
    came: Came


def held(account: Account, name: str) -> int:
    """The points of this wallet that are held. O(parts)."""
    return sum([lots_.total(each.parts) for each in account.reservations.values() if each.wallet == name])


def hold(
    account: Account, rid: str, wallet: str, points: int, until: int, order_id: str
) -> Reservation | Short | TooMany | InUse:
    """Hold `points` of the wallet until `until`, under the name `rid`. O(lots)."""
    if rid in account.reservations:
        return InUse()
    if len(account.reservations) >= RESERVATIONS_MAX:
        return TooMany(RESERVATIONS_MAX)
    parts = ledger.take(ledger.wallet(account, wallet), points)
    if isinstance(parts, Short):
        return parts
    account.reservations[rid] = reservation = Reservation(wallet, until, order_id, parts)
    return reservation


def confirm(account: Account, rid: str, points: int | None, lots_max: int) -> Ended | Exceeds | Unknown:
    """Spend `points` of what is held (None: all) and release the rest."""
    reservation = account.reservations.get(rid)
    if reservation is None:
        return Unknown()
    total = lots_.total(reservation.parts)
    if points is None:
        points = total
    elif points > total:
        return Exceeds(total)
    return _end(account, rid, points, lots_max)


def release(account: Account, rid: str, lots_max: int) -> Ended | Unknown:
    """Everything held goes back."""
    return _end(account, rid, 0, lots_max) if rid in account.reservations else Unknown()


def next_due(account: Account) -> int:
    """When the first reservation's time is up; 0 when there is none. O(reservations)."""
    return min([each.until for each in account.reservations.values()], default=0)


def due(account: Account, at: int) -> Sequence[str]:
    """The names of those whose time is up at `at`, in order of their times. O(reservations)."""
    if not account.reservations:
        return ()
    found = [(each.until, rid) for rid, each in account.reservations.items() if each.until <= at]
    return [rid for _, rid in sorted(found)]


def _end(account: Account, rid: str, points: int, lots_max: int) -> Ended:
    reservation = account.reservations.pop(rid)
    wallet = ledger.wallet(account, reservation.wallet)
    rest = [lots_.part_of(part, part.points) for part in reservation.parts]
    spent = lots_.take(rest, points)
    wallet.books.spent += points
    return Ended(reservation, spent, rest, ledger.come_all(wallet, rest, lots_max))
