"""The points ledger once more, by brute force: every single point is an object in one list, with its expiry, its origin
and its fate, and every balance is a count.

It shares no code with actors/points and none of its shortcuts: no lots, only points that say which lot they are in; no
counters, only fates; no running sums of refunds, only the history of what was asked. It is slow and meant to be plainly
right. Its answers are plain lists and numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, pairwise
from math import floor

Origin = tuple[int, int]
Key = tuple[int, Origin]
"""Which lot: its expiry and its origin."""
Part = tuple[int, Origin, int]
"""(expires, origin, points)"""
MERGED_AT_ONCE = 256


@dataclass(eq=False)
class Point:
    wallet: str
    expires: int
    origin: Origin
    fate: str = "new"
    span: tuple[int, Origin] | None = None
    """Of a merged lot: the earliest expiry and the youngest origin in it."""
    active_from: int = 0
    waits_for: str = ""
    held_by: str = ""

    @property
    def key(self) -> Key:
        return self.expires, self.origin


@dataclass
class EarnedPart:
    wallet: str
    expires: int
    origin: Origin
    unclaimed: int


@dataclass
class Line:
    amount: int
    quantity: int
    points: int


@dataclass
class Refund:
    """What one refund was: by items {id: (amount, quantity, points)} or not, its amount and points."""

    items: dict[str, tuple[int, int, int]]
    amount: int
    points: int
    back: int


@dataclass
class Order:
    amount: int = 0
    lines: dict[str, Line] = field(default_factory=dict)
    earned: list[EarnedPart] = field(default_factory=list)
    points: int = 0
    spent: list[list[object]] = field(default_factory=list)
    """[point, whether it came back]"""
    history: list[Refund] = field(default_factory=list)


class Oracle:
    def __init__(self, lots_max: int, slides: int) -> None:
        self.lots_max = lots_max
        self.sliding = slides
        self.points: list[Point] = []
        self.owed: dict[str, int] = {}
        self.settled: dict[str, int] = {}
        """Owed once, paid since."""
        self.waived: dict[str, int] = {}
        self.gifts: dict[str, int] = {}
        self.orders: dict[str, Order] = {}

    # What there is.

    def of(self, wallet: str, fate: str) -> list[Point]:
        return [p for p in self.points if p.wallet == wallet and p.fate == fate]

    def soonest(self, wallet: str) -> list[Point]:
        return sorted(self.of(wallet, "available"), key=lambda p: p.key)

    def lots(self, wallet: str) -> list[tuple[int, Origin, int, object]]:
        groups = groupby(self.soonest(wallet), key=lambda p: (p.expires, p.origin, p.span))
        return [(expires, origin, len(list(points)), span) for (expires, origin, span), points in groups]

    def waiting(self, wallet: str) -> list[tuple[Origin, int, int]]:
        groups = groupby(self.of(wallet, "pending"), key=lambda p: (p.origin, p.active_from))
        return [(origin, active_from, len(list(points))) for (origin, active_from), points in groups]

    def held(self, rid: str) -> list[Part]:
        return parts(self.holding(rid))

    def holding(self, rid: str) -> list[Point]:
        return sorted((p for p in self.points if p.fate == "reserved" and p.held_by == rid), key=lambda p: p.key)

    def books(self, wallet: str) -> dict[str, int]:
        mine = [p for p in self.points if p.wallet == wallet]
        fates = {
            fate: sum(p.fate == fate for p in mine) for fate in ("spent", "expired", "reversed", "withdrawn", "sent")
        }
        owed, waived = self.owed.get(wallet, 0), self.waived.get(wallet, 0)
        fates["reversed"] += owed + waived + self.settled.get(wallet, 0)
        received = self.gifts.get(wallet, 0)
        return {**fates, "issued": len(mine) - received, "received": received, "written_off": waived}

    # What happens.

    def earn(self, wallet: str, expires: int, origin: Origin, points: int) -> None:
        for _ in range(points):
            self.points.append(point := Point(wallet, expires, origin))
            self.arrive(point)

    def pend(
        self, wallet: str, expires: int, origin: Origin, points: int, active_from: int, order: str
    ) -> None:  # fmt: skip
        for _ in range(points):
            self.points.append(Point(wallet, expires, origin, "pending", None, active_from, order))

    def receive(self, wallet: str, gift: list[Part], origin: Origin) -> None:
        for expires, _, points in gift:
            self.earn(wallet, expires, origin, points)
            self.gifts[wallet] = self.gifts.get(wallet, 0) + points

    def activate(self, wallet: str, at: int, expiry_of: Callable[[int], int]) -> None:
        due = [p for p in self.of(wallet, "pending") if p.active_from and p.active_from <= at]
        for point in sorted(due, key=lambda p: p.active_from):
            point.expires = point.expires or expiry_of(point.active_from)
            self.arrive(point)

    def confirm_order(self, wallet: str, order: str, expires: int) -> None:
        for point in self.of(wallet, "pending"):
            if not point.active_from and point.waits_for == order:
                point.expires = point.expires or expires
                self.arrive(point)

    def cancel(self, order: str) -> dict[str, int]:
        gone: dict[str, int] = {}
        for part in self.orders[order].earned:
            for point in self.of(part.wallet, "pending"):
                if point.waits_for == order and point.origin == part.origin and part.unclaimed:
                    point.fate = "reversed"
                    part.unclaimed -= 1
                    gone[part.wallet] = gone.get(part.wallet, 0) + 1
        return gone

    def take(self, wallet: str, points: int, fate: str) -> list[Point] | int:
        """The points, soonest first, or how many are missing."""
        there = self.soonest(wallet)
        if points > len(there):
            return points - len(there)
        for point in there[:points]:
            point.fate = fate
        return there[:points]

    def expire(self, wallet: str, points: int) -> list[Point]:
        gone = self.soonest(wallet)[:points]
        for point in gone:
            point.fate = "expired"
        return gone

    def expire_due(self, wallet: str, at: int, slides: int) -> int:
        due = [p for p in self.soonest(wallet) if (slides if p.expires == self.sliding else p.expires) <= at]
        for point in due:
            point.fate = "expired"
        return len(due)

    def end(self, rid: str, points: int) -> None:
        mine = self.holding(rid)
        for point in mine[:points]:
            point.fate = "spent"
        for point in mine[points:]:
            self.arrive(point)

    def arrive(self, point: Point) -> None:
        if self.owed.get(point.wallet, 0):
            self.owed[point.wallet] -= 1
            self.settled[point.wallet] = self.settled.get(point.wallet, 0) + 1
            point.fate = "paid"
            return
        there = self.soonest(point.wallet)
        keys = sorted({p.key for p in there})
        if point.key not in keys and len(keys) >= self.lots_max:
            self.merge(there, keys)
        point.fate = "available"
        same = [p for p in there if p.key == point.key] + [point]
        spans = [p.span for p in same if p.span]
        for each in same:
            each.span = wider(spans) if spans else None

    def merge(self, there: list[Point], keys: list[Key]) -> None:
        shared = [key for key in keys if sum(other[0] == key[0] for other in keys) > 1]
        if shared:
            oldest = min(shared, key=lambda key: key[1])
            ones = [key for key in keys if key[0] == oldest[0]][:MERGED_AT_ONCE]
        else:
            ones = list(min(pairwise(keys), key=lambda pair: pair[1][0] - pair[0][0]))
        inside = [p for p in there if p.key in ones]
        span = wider([p.span or p.key for p in inside])
        origin = min(key[1] for key in ones)
        for point in inside:
            point.expires, point.origin, point.span = ones[-1][0], origin, span

    # Refunds.

    def total(self, order: Order) -> int:
        return order.amount or sum(line.amount for line in order.lines.values())

    def worth(self, order: Order, amount: int) -> int:
        together = sum(line.amount for line in order.lines.values())
        return floor(amount * min(Fraction(1), Fraction(self.total(order), together))) if together else 0

    def claim(self, order: Order, what: object) -> tuple[int, int, int] | str:
        """(points, amount, back), which is written into the history, or why not."""
        claimed = order.points - sum(part.unclaimed for part in order.earned)
        left = order.points - claimed
        money = self.total(order) - sum(past.amount for past in order.history)
        back_left = len(order.spent) - sum(past.back for past in order.history)
        if not left and not money and not back_left:
            return "nothing_to_reverse"
        items: dict[str, tuple[int, int, int]] = {}
        amount, points = money, left
        if isinstance(what, int):
            if not self.total(order):
                return "amount_unknown"
            if what > money:
                return "exceeds_order" if money else "nothing_to_reverse"
            amount, points = what, self.of_amount(order, what, claimed)
        elif what is not None:
            answer = self.of_items(order, what, left)  # type: ignore[arg-type]
            if isinstance(answer, str):
                return answer
            items = answer
            before = sum(a for past in order.history for a, _, _ in past.items.values())
            amount = self.worth(order, before + sum(a for a, _, _ in items.values())) - self.worth(order, before)
            if amount > money:
                return "exceeds_order"
            points = sum(p for _, _, p in items.values())
        share = Fraction(self.total(order) - money + amount, self.total(order)) if self.total(order) else Fraction(0)
        whole = what is None or (self.all_returned(order, items) if not self.total(order) else amount == money)
        back = max(0, floor(len(order.spent) * share) - (len(order.spent) - back_left))
        if whole:
            points, back = left, back_left
        order.history.append(Refund(items, amount, points, back))
        return points, amount, back

    def of_amount(self, order: Order, amount: int, claimed: int) -> int:
        by_items = [piece for past in order.history for piece in past.items.values()]
        worth = self.worth(order, sum(a for a, _, _ in by_items))
        points = sum(p for _, _, p in by_items)
        so_far = sum(past.amount for past in order.history) - worth
        rest = Fraction((order.points - points) * (so_far + amount), self.total(order) - worth)
        return max(0, min(floor(rest) - (claimed - points), order.points - claimed))

    def of_items(
        self, order: Order, asked: list[tuple[str, int | None, int | None]], left: int
    ) -> dict[str, tuple[int, int, int]] | str:
        items: dict[str, tuple[int, int, int]] = {}
        for name, amount_said, quantity_said in asked:
            if name not in order.lines:
                return "unknown_item"
            line = order.lines[name]
            past = [each.items[name] for each in order.history if name in each.items]
            past += [items[name]] if name in items else []
            money = line.amount - sum(a for a, _, _ in past)
            things = line.quantity - sum(q for _, q, _ in past)
            if not money and not things:
                return "nothing_to_reverse"
            amount, quantity = money, things
            if quantity_said is not None:
                quantity = quantity_said
                if quantity < things:
                    returned = line.quantity - things
                    amount = floor(Fraction(line.amount * (returned + quantity), line.quantity))
                    amount -= floor(Fraction(line.amount * returned, line.quantity))
            elif amount_said is not None:
                amount, quantity = amount_said, 0
            if quantity > things or amount > money:
                return "exceeds_order"
            shares = [Fraction(0)]
            shares += [Fraction(line.amount - money + amount, line.amount)] if line.amount else []
            shares += [Fraction(line.quantity - things + quantity, line.quantity)] if line.quantity else []
            points = max(floor(line.points * share) for share in shares) - sum(p for _, _, p in past)
            points = max(0, min(points, left))
            left -= points
            before = items.get(name, (0, 0, 0))
            items[name] = (before[0] + amount, before[1] + quantity, before[2] + points)
        return items

    def all_returned(self, order: Order, now: dict[str, tuple[int, int, int]]) -> bool:
        pieces = [past.items for past in order.history] + [now]
        return all(
            sum(piece[name][1] for piece in pieces if name in piece) == line.quantity
            for name, line in order.lines.items()
        )

    def take_back(self, order: Order, points: int, policies: Mapping[str, str]) -> dict[str, dict[str, object]]:
        taken: dict[str, dict[str, object]] = {}
        missing: dict[str, int] = {}
        for part in order.earned:
            waiting = [p for p in self.of(part.wallet, "pending") if p.origin == part.origin]
            for point in waiting[: min(points, part.unclaimed)]:
                point.fate = "reversed"
                part.unclaimed -= 1
                points -= 1
                note(taken, part.wallet)["pending"] += 1  # type: ignore[operator]
        for part in order.earned:
            share = min(points, part.unclaimed)
            found = self.very_points(part)[:share]
            for point in found:
                point.fate = "reversed"
            part.unclaimed -= share
            points -= share
            missing[part.wallet] = missing.get(part.wallet, 0) + share - len(found)
            if share:
                note(taken, part.wallet)["lots"] += parts(found)  # type: ignore[operator]
        for wallet, lacking in missing.items():
            others = self.soonest(wallet)[:lacking] if policies[wallet] != "only_pending" else []
            for point in others:
                point.fate = "reversed"
            rest = lacking - len(others)
            book = self.owed if policies[wallet] == "allow_negative" else self.waived
            book[wallet] = book.get(wallet, 0) + rest
            if lacking:
                note(taken, wallet).update(balance=parts(others), rest=rest)
        return taken

    def very_points(self, part: EarnedPart) -> list[Point]:
        there = self.soonest(part.wallet)
        own = [p for p in there if p.origin == part.origin]
        merged = [
            p
            for p in there
            if p.span
            and p.origin < part.origin <= p.span[1]
            and (not part.expires or p.span[0] <= part.expires <= p.expires)
        ]
        return own + merged

    def give_back(self, order: Order, points: int, at: int, grace_until: int) -> None:
        mine = [entry for entry in order.spent if not entry[1]][:points]
        names = list(dict.fromkeys(entry[0].wallet for entry in mine))  # type: ignore[attr-defined]
        for entry in sorted(mine, key=lambda entry: names.index(entry[0].wallet)):  # type: ignore[attr-defined]
            entry[1] = True
            point = entry[0]
            assert isinstance(point, Point)
            if point.expires <= at:
                point.expires = max(grace_until, point.expires)
            if point.expires <= at:
                point.fate = "expired"
            else:
                self.arrive(point)


def parts(points: list[Point]) -> list[Part]:
    return [(expires, origin, len(list(group))) for (expires, origin), group in groupby(points, key=lambda p: p.key)]


def wider(spans: list[tuple[int, Origin]]) -> tuple[int, Origin]:
    return min(span[0] for span in spans), max(span[1] for span in spans)


def note(taken: dict[str, dict[str, object]], wallet: str) -> dict[str, object]:
    return taken.setdefault(wallet, {"pending": 0, "lots": [], "balance": [], "rest": 0})
