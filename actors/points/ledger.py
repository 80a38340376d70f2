"""The points ledger of one user: each wallet's dated lots, its pending points, its debt, and what became of the rest.

A balance is never stored apart from the lots that make it up, so it cannot disagree with them; what it costs is a sum
over a handful of lots. Nothing here reads a clock: whoever calls says what has become due by when, before anything else
is asked (activate, then expire_due). Refusing is an answer, not an error: the caller gets what is missing, the account
stays as it was.

Every function moves points from one place to another and writes that down in `Wallet.books`, so that the equation of
books.py holds after each:

    issued + received + written_off + debt = available + pending + reserved + spent + expired + reversed + withdrawn
                                             + sent

A debt is what refunds claimed beyond what there was. Points that come, from wherever, pay it first; hence no wallet has
both a debt and points to spend. Pending points pay when they become active, reserved ones when they are released.

How lots are ordered, bounded and merged stands in lots.py; points held for a check-out in reservations.py; refunds in
refunds.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from actors.points import lots as lots_
from actors.points.state import NEVER, SLIDES, Account, Lot, Pending, Wallet

PENDING_MAX = 1_000
"""Pending accruals of one wallet. Each is looked at whenever the wallet is settled."""

ExpiryOf = Callable[[int], int]
"""When points end that become active at the given moment (ms)."""


class Short(msgspec.Struct, frozen=True):
    """There are fewer points than asked for; nothing was taken."""

    missing: int


class TooMany(msgspec.Struct, frozen=True):
    """There are `limit` of these already; nothing was done."""

    limit: int


class Came(msgspec.Struct, frozen=True):
    """What became of points that came: `points` can be spent, `to_debt` paid for what was owed. `merged`: the lots, as
    they were, that became one to make room."""

    points: int
    to_debt: int
    merged: Sequence[Lot] = ()


class Activated(msgspec.Struct, frozen=True):
    """What was pending, when it ends now that it is active, and what became of it."""

    pending: Pending
    expires: int
    came: Came


def wallet(account: Account, name: str) -> Wallet:
    """The wallet of that name, made when it is new; MAIN is the account's own."""
    if not name:
        return account.main
    found = account.wallets.get(name)
    if found is None:
        found = account.wallets[name] = Wallet()
    return found


def available(wallet: Wallet) -> int:
    """What can be spent: the points of all lots. O(lots)."""
    return lots_.total(wallet.lots)


def available_at(wallet: Wallet, at: int, slides: int) -> int:
    """What could be spent at `at`: due lots do not count, even if nothing has taken them away yet. `slides`: the moment
    at which SLIDES lots end. O(lots).
    """
    return sum([lot.points for lot in wallet.lots if (lot.expires if lot.expires != SLIDES else slides) > at])


def pending(wallet: Wallet) -> int:
    """Points that will be available, or vanish. O(pending)."""
    return sum([waits.points for waits in wallet.pending])


def earn(wallet: Wallet, lot: Lot, lots_max: int) -> Came:
    """Issue `lot`. O(1) at the end of the lots."""
    wallet.books.issued += lot.points
    return come(wallet, lot, lots_max)


def pend(wallet: Wallet, waits: Pending) -> TooMany | None:
    """Issue points that cannot be spent yet. O(1)."""
    if len(wallet.pending) >= PENDING_MAX:
        return TooMany(PENDING_MAX)
    wallet.books.issued += waits.points
    wallet.pending.append(waits)
    return None


def activate(wallet: Wallet, at: int, expiry_of: ExpiryOf, lots_max: int) -> Sequence[Activated]:
    """Make active what was pending until `at` or before, in order of those times. What has expired meanwhile becomes
    active too, and goes by the next `expire_due`. O(1) when nothing is pending, else O(pending).
    """
    if not wallet.pending:
        return ()
    due = sorted([waits for waits in wallet.pending if 0 < waits.active_from <= at], key=_active_from)
    if not due:
        return ()
    wallet.pending = [waits for waits in wallet.pending if not 0 < waits.active_from <= at]
    return [_become_active(wallet, waits, waits.active_from, expiry_of, lots_max) for waits in due]


def confirm_order(
    wallet: Wallet, order_id: str, at: int, expiry_of: ExpiryOf, lots_max: int
) -> Sequence[Activated]:  # fmt: skip
    """Make active at `at` what waited for the completion of this order. O(pending)."""
    due = [waits for waits in wallet.pending if _waits_for(waits, order_id)]
    if not due:
        return ()
    wallet.pending = [waits for waits in wallet.pending if not _waits_for(waits, order_id)]
    return [_become_active(wallet, waits, at, expiry_of, lots_max) for waits in due]


def cancel_order(wallet: Wallet, order_id: str) -> Sequence[Pending]:
    """All that is pending under this order, for its completion or a time, vanishes. O(pending)."""
    gone = [waits for waits in wallet.pending if waits.order_id == order_id]
    if gone:
        wallet.pending = [waits for waits in wallet.pending if waits.order_id != order_id]
        wallet.books.reversed += sum(waits.points for waits in gone)
    return gone


def spend(wallet: Wallet, points: int) -> list[Lot] | Short:
    """Take `points` from the lots that expire first, or nothing; what was taken from which lot. O(lots)."""
    parts = take(wallet, points)
    if not isinstance(parts, Short):
        wallet.books.spent += points
    return parts


def withdraw(wallet: Wallet, points: int) -> list[Lot] | Short:
    """As `spend`, but an operator takes them."""
    parts = take(wallet, points)
    if not isinstance(parts, Short):
        wallet.books.withdrawn += points
    return parts


def send(wallet: Wallet, points: int) -> list[Lot] | Short:
    """As `spend`, but they go to another user, whose `receive` gets the parts."""
    parts = take(wallet, points)
    if not isinstance(parts, Short):
        wallet.books.sent += points
    return parts


def receive(wallet: Wallet, parts: Sequence[Lot], epoch: int, offset: int, lots_max: int) -> Came:
    """What another user sent, with the expiry it had there. Its origin is the entry that brought it. What has expired
    on the way goes by the next `expire_due`.
    """
    wallet.books.received += lots_.total(parts)
    return come_all(wallet, [Lot(part.expires, part.points, epoch, offset) for part in parts], lots_max)


def expire(wallet: Wallet, points: int) -> list[Lot]:
    """Take `points`, or what there is, from the lots that expire first; what was taken from which lot."""
    return _expired(wallet, lots_.take(wallet.lots, points))


def expire_due(wallet: Wallet, at: int, slides: int) -> Sequence[Lot]:
    """Take away all lots that end at `at` or before; SLIDES lots end at `slides`. O(1) when there are none."""
    lots = wallet.lots
    if not lots or (lots[0].expires > at and (slides > at or lots[-1].expires != SLIDES)):
        return ()
    due = lots_.take_due(lots, at)
    if slides <= at and (sliding := lots_.of_expiry(lots, SLIDES)):
        del lots[-len(sliding) :]
        due += sliding
    return _expired(wallet, due)


def next_expiry(wallet: Wallet, slides: int) -> int:
    """When the first lots end; 0 when none will. O(1)."""
    lots = wallet.lots
    if not lots:
        return 0
    dated = lots[0].expires
    sliding = slides if lots[-1].expires == SLIDES else NEVER
    soonest = min(dated, sliding)
    return soonest if soonest < NEVER else 0


def next_activation(wallet: Wallet) -> int:
    """When the first pending points become active by time; 0 when none do. O(pending)."""
    return min([waits.active_from for waits in wallet.pending if waits.active_from], default=0)


def next_to_remind(wallet: Wallet, slides: int) -> int:
    """When the lots end that end next and whose owner has not been reminded; 0 when there are none. O(log lots)."""
    lots, reminded = wallet.lots, wallet.reminded
    if not lots:
        return 0
    dated = lots_.after_expiry(lots, reminded)
    sliding = slides if lots[-1].expires == SLIDES and slides > reminded else NEVER
    soonest = min(dated.expires if dated else NEVER, sliding)
    return soonest if soonest < NEVER else 0


def expiring_at(wallet: Wallet, expires: int, slides: int) -> int:
    """The points that end at this very moment. O(log lots) and those lots."""
    points = lots_.total(lots_.of_expiry(wallet.lots, expires))
    return points + (lots_.total(lots_.of_expiry(wallet.lots, SLIDES)) if expires == slides else 0)


def take(wallet: Wallet, points: int) -> list[Lot] | Short:
    """Points out of the lots, soonest first, or nothing; the books are the caller's. O(lots touched)."""
    missing = lots_.missing(wallet.lots, points)
    return Short(missing) if missing else lots_.take(wallet.lots, points)


def come(wallet: Wallet, lot: Lot, lots_max: int) -> Came:
    """Points into the lots, after the debt is paid; the books are the caller's. `lot` becomes the wallet's own."""
    if not wallet.debt:
        return Came(lot.points, 0, lots_.add(wallet.lots, lot, lots_max))
    to_debt = min(wallet.debt, lot.points)
    wallet.debt -= to_debt
    if rest := lot.points - to_debt:
        return Came(rest, to_debt, lots_.add(wallet.lots, lots_.part_of(lot, rest), lots_max))
    return Came(0, to_debt)


def come_all(wallet: Wallet, parts: Sequence[Lot], lots_max: int) -> Came:
    """As `come`, for several; `parts` stay the caller's."""
    came = [come(wallet, lots_.part_of(part, part.points), lots_max) for part in parts]
    return Came(
        sum(each.points for each in came),
        sum(each.to_debt for each in came),
        [lot for each in came for lot in each.merged],
    )


def _become_active(wallet: Wallet, waits: Pending, at: int, expiry_of: ExpiryOf, lots_max: int) -> Activated:
    expires = waits.expires or expiry_of(at)
    return Activated(waits, expires, come(wallet, Lot(expires, waits.points, waits.epoch, waits.offset), lots_max))


def _expired(wallet: Wallet, parts: list[Lot]) -> list[Lot]:
    wallet.books.expired += lots_.total(parts)
    return parts


def _waits_for(waits: Pending, order_id: str) -> bool:
    return not waits.active_from and waits.order_id == order_id


def _active_from(waits: Pending) -> int:
    return waits.active_from
