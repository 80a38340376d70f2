"""One user's points as the reference model keeps them: plain lists, nothing shared with the ledger.

A lot is [expires, epoch, offset, points, took] (SLIDES: ends by inactivity), what is pending [active from, expires,
epoch, offset, points, order]. The soonest to expire is found by sorting, a balance by adding up, what is due by
comparing. Of all the ledger's limits it knows one, that of lots: where they have become one, `took` is the earliest end
and the youngest origin among them.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from simulation.points_calendar import SLIDES

Lot = list[Any]
Said = tuple[Any, ...]


class Purse:
    """A wallet. `terms` are what has come and gone: issued, received, written_off, spent, expired, reversed, withdrawn,
    sent."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.pending: list[list[Any]] = []
        self.debt = 0
        self.reminded = 0
        """Up to which end of lots their owner has been reminded."""
        self.terms: Counter[str] = Counter()
        self.merged = False
        """Lots have become one, and no line says so yet."""

    @property
    def balance(self) -> int:
        return sum([lot[3] for lot in self.lots])

    def come(self, lot: Lot, lots_max: int) -> None:
        """Points that can be spent now, if no debt eats them."""
        pays = min(self.debt, lot[3])
        self.debt -= pays
        if lot[3] > pays:
            self._put([*lot[:3], lot[3] - pays, lot[4]], lots_max)

    def _put(self, lot: Lot, lots_max: int) -> None:
        if len(self.lots) >= lots_max and not any(there[:3] == lot[:3] for there in self.lots):
            self._merge()
        for there in self.lots:
            if there[:3] == lot[:3]:
                there[3] += lot[3]
                there[4] = _both(there[4], lot[4])
                return
        self.lots.append(lot)

    def _merge(self) -> None:
        """Those that end together become one, the oldest first; where none do, the two that end closest."""
        lots = sorted(self.lots, key=_order)
        groups = [[lot for lot in lots if lot[0] == end] for end in dict.fromkeys(lot[0] for lot in lots)]
        groups = sorted([group for group in groups if len(group) > 1], key=lambda group: group[0][1:3])
        pairs = sorted(pairwise(lots), key=lambda pair: pair[1][0] - pair[0][0])
        gone = groups[0] if groups else list(pairs[0])
        took = None
        for lot in gone:
            took = _both(took, lot[4] or (lot[0], lot[1], lot[2]))
        oldest = min(gone, key=lambda lot: lot[1:3])
        one = [max(lot[0] for lot in gone), *oldest[1:3], sum(lot[3] for lot in gone), took]
        self.lots = [lot for lot in lots if lot not in gone] + [one]
        self.merged = True

    def take(self, points: int) -> list[Lot]:
        """Up to `points`, soonest to expire first; what was taken from which lot."""
        return self._take(sorted(self.lots, key=_order), points)

    def take_of(self, points: int, origin: tuple[int, int], expires: int) -> list[Lot]:
        """Up to `points` of one origin, then of lots that may have taken it in."""
        lots = sorted(self.lots, key=_order)
        own = [lot for lot in lots if (lot[1], lot[2]) == origin]
        if sum(lot[3] for lot in own) < points:
            own += [lot for lot in lots if lot not in own and _took_in(lot, origin, expires)]
        return self._take(own, points)

    def _take(self, lots: list[Lot], points: int) -> list[Lot]:
        taken: list[Lot] = []
        for lot in lots:
            if part := min(points, lot[3]):
                taken.append([*lot[:3], part, lot[4]])
                lot[3] -= part
                points -= part
        self.lots = [lot for lot in self.lots if lot[3]]
        return taken

    def ends(self, slides: int) -> dict[int, int]:
        """How many points end when, if those that slide end at `slides`."""
        ends: dict[int, int] = {}
        for lot in self.lots:
            end = slides if lot[0] == SLIDES else lot[0]
            ends[end] = ends.get(end, 0) + lot[3]
        return ends

    def expire(self, at: int, slides: int) -> int:
        """Lots that have ended by `at` are gone; how many points that were."""
        gone = sum([lot[3] for lot in self.lots if (slides if lot[0] == SLIDES else lot[0]) <= at])
        if not gone:
            return 0
        self.lots = [lot for lot in self.lots if (slides if lot[0] == SLIDES else lot[0]) > at]
        self.terms["expired"] += gone
        return gone

    def all_terms(self) -> list[int]:
        """As states write them."""
        names = ("issued", "received", "written_off", "spent", "expired", "reversed", "withdrawn", "sent")
        return [self.terms.get(name, 0) for name in names]


def _order(lot: Lot) -> Lot:
    return lot[:3]


def _both(one: Any, other: Any) -> Any:
    """What two lots have taken in, together."""
    if one is None or other is None:
        return one or other
    return (min(one[0], other[0]), *max(one[1:], other[1:]))


def _took_in(lot: Lot, origin: tuple[int, int], expires: int) -> bool:
    if lot[4] is None or not (lot[1], lot[2]) < origin <= lot[4][1:]:
        return False
    return not expires or lot[4][0] <= expires <= lot[0]


class Hold:
    """A reservation."""

    def __init__(self, wallet: str, until: int, order_id: str, parts: list[Lot]) -> None:
        self.wallet, self.until, self.order_id, self.parts = wallet, until, order_id, parts


class Counted:
    """What has come under a cap and counts together: `uses` are (when, points). `kind` says how its window was when
    something came last, `first` which day it began with."""

    def __init__(self) -> None:
        self.kind = ""
        self.first = 0
        self.uses: list[tuple[int, int]] = []


class Order:
    """What is known of one order. `claims` is the history of its refunds: (points, amount, back, pieces), a piece being
    (item, amount, quantity, points)."""

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str], tuple[Any, ...]] = {}
        """(type, reason) -> what was said: (points, referrer, the referrer's points)."""
        self.told: tuple[Any, ...] | None = None
        """(amount, items as they were told), of an order that was described."""
        self.amount = 0
        self.at = 0
        self.items: dict[str, tuple[int, int, int]] = {}
        """id -> (amount, quantity, points)."""
        self.earned: list[list[Any]] = []
        """[wallet, (epoch, offset), points, claimed, expires]"""
        self.spent: list[list[Any]] = []
        """[wallet, lot, how many have come back]"""
        self.claims: list[tuple[int, int, int, list[tuple[str, int, int, int]]]] = []
        self.completed = self.cancelled = False

    @property
    def known(self) -> bool:
        return bool(self.changes or self.earned or self.spent)


class Book:
    """One user."""

    def __init__(self) -> None:
        self.purses: dict[str, Purse] = {"": Purse()}
        self.holds: dict[str, Hold] = {}
        self.ended: dict[str, str] = {}
        """Every reservation there ever was -> how it ended, or "held"."""
        self.orders: dict[str, Order] = {}
        self.waiting: list[dict[str, Any]] = []
        """Refunds without an order: {order_id, until, place, body}."""
        self.referred = False
        self.referrals = self.orders_earned = self.lines = 0
        self.zone = self.days_of = ""
        """Its owner's own, and the programme's that counted last."""
        self.signed: tuple[int, int] = (0, 0)
        """(day, days in a row)"""
        self.given: list[tuple[int, int]] = []
        """Gifts: (day, points)."""
        self.capped: dict[str, Counted] = {}
        """By cap."""
        self.sums: dict[int, int] = {}
        """First day of a window -> what came in it for the tier, net of refunds: points or money, as `by` says."""
        self.by = ""
        self.active_at = 0
        """When its owner was last here."""
        self.level = self.floor = ""
        """Reached, and granted."""
        self.floor_until = 0
        self.since = self.drops = 0
        """When the level was reached, and when it is lost unless more comes."""
        self.warned = 0
        self.armed: tuple[int, int] | None = None
        """(due, gen) of the timer's row."""
        self.believes = 0
        """What the account thinks its timer is set to: a discarded firing leaves it believing."""
        self.armed_by = ""
        """The rules by which that was worked out."""

    @property
    def balance(self) -> int:
        """Of the main wallet."""
        return self.purses[""].balance

    def looked_at(self) -> Book:
        """Its wallets and reservations as a copy, over which time may pass."""
        book = Book()
        book.holds, book.active_at = dict(self.holds), self.active_at
        for name, purse in self.purses.items():
            copied = book.purses[name] = Purse()
            copied.lots, copied.pending = [list(lot) for lot in purse.lots], list(purse.pending)
            copied.debt = purse.debt
        return book

    def purse(self, wallet: str) -> Purse:
        purse = self.purses.get(wallet)
        if purse is None:
            purse = self.purses[wallet] = Purse()
        return purse

    def order(self, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            order = self.orders[order_id] = Order()
        return order
