"""The ledger beside its oracle: whatever happens to a user, in whatever order, both say the same and the books hold.

A history is a string of bytes, each a decision (`Choices`): that draws fast and shrinks to the shortest history that
still disagrees.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.points import books, ledger, order_book, refunds, reservations
from actors.points.order_book import Item, OrderBook
from actors.points.refunds import Claim, ItemRefund, Refused, Taken
from actors.points.state import SLIDES, Account, Lot, Pending
from tests.points_oracle import EarnedPart, Line, Oracle, Order, Part

WALLETS = ("", "gold")
POLICIES: tuple[refunds.Policy, ...] = ("only_pending", "within_balance", "allow_negative")
LIVES_MS = 10
"""How long points live whose expiry is worked out when they become active."""
SLIDES_MS = 25

SLOW_OR_LARGE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
QUICK = settings(max_examples=1_000, deadline=None, suppress_health_check=SLOW_OR_LARGE)
LONG = settings(max_examples=50_000, deadline=None, suppress_health_check=SLOW_OR_LARGE)
HISTORIES = st.binary(min_size=60, max_size=200)


class Choices:
    """Bytes as decisions; when they are used up, nothing more happens."""

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)
        self.left = True

    def below(self, n: int) -> int:
        byte = next(self._bytes, None)
        self.left = byte is not None
        return (byte or 0) % n

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)


class World:
    """One user's account and its oracle, under the same hands."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.lots_max = choices.between(2, 6)
        self.policies: dict[str, refunds.Policy] = {name: POLICIES[choices.below(3)] for name in WALLETS}
        self.grace = choices.below(2) * 20
        self.account = Account()
        self.oracle = Oracle(self.lots_max, SLIDES)
        self.orders: dict[str, OrderBook] = {}
        self.at = 100
        self.offset = 0
        self.active_at = 100

    @property
    def slides(self) -> int:
        return self.active_at + SLIDES_MS

    @property
    def origin(self) -> tuple[int, int]:
        return 1 + self.offset // 20, self.offset

    def step(self) -> None:
        does = (
            self.pass_time, self.earn, self.earn, self.earn_by_order, self.earn_by_order, self.spend,
            self.spend_on_order, self.spend_on_order, self.refund, self.refund, self.refund, self.hold, self.confirm,
            self.release, self.send, self.receive, self.withdraw, self.expire, self.complete, self.cancel,
        )  # fmt: skip
        self.offset += 1
        does[self.choices.below(len(does))]()
        self.compare()

    def compare(self) -> None:
        books.check(self.account)
        books.check_edges(self.account)
        for name in WALLETS:
            wallet = ledger.wallet(self.account, name)
            took = [lot.took and (lot.took[0], lot.took[1:]) for lot in wallet.lots]
            lots = [(*part, span) for part, span in zip(parts(wallet.lots), took, strict=True)]
            assert lots == self.oracle.lots(name)
            assert len(lots) <= self.lots_max
            waiting = [((p.epoch, p.offset), p.active_from, p.points) for p in wallet.pending]
            assert waiting == self.oracle.waiting(name)
            assert wallet.debt == self.oracle.owed.get(name, 0)
            assert msgspec.structs.asdict(wallet.books) == self.oracle.books(name)
        for rid, reservation in self.account.reservations.items():
            assert parts(reservation.parts) == self.oracle.held(rid)
        for book in self.orders.values():
            order_book.check(book)
            assert order_book.decode(order_book.encode(book)) == book

    # What happens.

    def pass_time(self) -> None:
        self.at += self.choices.between(1, 12)
        if self.choices.below(2):
            self.active_at = self.at
        for rid in reservations.due(self.account, self.at):
            self.end(rid, 0)
        for name in WALLETS:
            wallet = ledger.wallet(self.account, name)
            ledger.activate(wallet, self.at, lambda at: at + LIVES_MS, self.lots_max)
            self.oracle.activate(name, self.at, lambda at: at + LIVES_MS)
            due = ledger.expire_due(wallet, self.at, self.slides)
            assert sum(lot.points for lot in due) == self.oracle.expire_due(name, self.at, self.slides)
            soonest = ledger.next_expiry(wallet, self.slides)
            assert soonest == 0 or soonest > self.at
            assert ledger.available_at(wallet, soonest or self.at, self.slides) <= ledger.available(wallet)

    def earn(self) -> None:
        name, expires, points = self.wallet(), self.expiry(), self.choices.between(1, 12)
        self.credit(name, expires, points)

    def credit(self, name: str, expires: int, points: int) -> None:
        lot = Lot(expires, points, *self.origin)
        owed = ledger.wallet(self.account, name).debt
        came = ledger.earn(ledger.wallet(self.account, name), lot, self.lots_max)
        assert (came.points, came.to_debt) == (points - min(owed, points), min(owed, points))
        self.oracle.earn(name, expires, self.origin, points)

    def earn_by_order(self) -> None:
        name, points = self.order(), self.choices.between(0, 12)
        if name not in self.orders:
            self.describe(name, points)
        if not points:
            return
        wallet, expires, mode = self.wallet(), self.expiry(), self.choices.below(4)
        if mode < 2:
            self.credit(wallet, expires, points)
        else:
            active_from = self.at + self.choices.between(1, 9) if mode == 2 else 0
            expires = 0 if self.choices.below(2) else expires
            waits = Pending(active_from, expires, points, *self.origin, name)
            assert ledger.pend(ledger.wallet(self.account, wallet), waits) is None
            self.oracle.pend(wallet, expires, self.origin, points, active_from, name)
        order_book.earned(self.orders[name], wallet, Lot(expires, points, *self.origin))
        order = self.oracle.orders[name]
        order.earned.append(EarnedPart(wallet, expires, self.origin, points))
        order.points += points

    def describe(self, name: str, points: int) -> None:
        """Amounts, goods and what they earned: as many points as there are, and some for none of them."""
        amount = self.choices.below(3) * 7
        lines: dict[str, Line] = {}
        for item in "ab"[: self.choices.below(3)]:
            share = self.choices.between(0, points)
            points -= share
            lines[item] = Line(self.choices.below(10), self.choices.between(1, 3), share)
        book = self.orders[name] = OrderBook()
        items = [Item(item, line.amount, line.quantity, line.points) for item, line in lines.items()]
        order_book.describe(book, "CNY", amount, self.at, items)
        self.oracle.orders[name] = Order(amount, lines)

    def spend(self) -> None:
        name, points = self.wallet(), self.choices.between(1, 20)
        self.agree(ledger.spend(ledger.wallet(self.account, name), points), self.oracle.take(name, points, "spent"))

    def spend_on_order(self) -> None:
        order, name, points = self.order(), self.wallet(), self.choices.between(1, 15)
        taken = ledger.spend(ledger.wallet(self.account, name), points)
        points_ = self.oracle.take(name, points, "spent")
        self.agree(taken, points_)
        if order in self.orders and isinstance(taken, list) and isinstance(points_, list):
            order_book.spent(self.orders[order], name, taken)
            self.oracle.orders[order].spent += [[point, False] for point in points_]

    def refund(self) -> None:
        name = self.order()
        what = self.pieces()
        if name in self.orders:
            self.refund_of(name, what)

    def refund_of(self, name: str, what: list[ItemRefund] | int | None) -> None:
        book, order = self.orders[name], self.oracle.orders[name]
        claim = refunds.claim(book, what)
        plain = [(each.id, each.amount, each.quantity) for each in what] if isinstance(what, list) else what
        answer = self.oracle.claim(order, plain)
        if isinstance(claim, Refused):
            assert claim.code == answer
            return
        assert (claim.points, claim.amount, claim.back) == answer
        taken = refunds.take_back(self.account, book, claim, self.policies.__getitem__)
        assert {each.wallet: told(each) for each in taken} == self.oracle.take_back(order, claim.points, self.policies)
        assert sum(sum_of(each) for each in taken) == claim.points
        given = refunds.give_back(self.account, book, claim.back, self.at, self.at + self.grace, self.lots_max)
        self.oracle.give_back(order, claim.back, self.at, self.at + self.grace)
        returned = sum(lot.points for each in given for lot in [*each.parts, *each.expired])
        assert returned == claim.back

    def hold(self) -> None:
        name, points, until = self.wallet(), self.choices.between(1, 15), self.at + self.choices.between(1, 30)
        rid = str(self.offset)
        answer = reservations.hold(self.account, rid, name, points, until, "")
        taken = self.oracle.take(name, points, "reserved")
        if isinstance(taken, int):
            assert answer == ledger.Short(taken)
            return
        for point in taken:
            point.held_by = rid

    def confirm(self) -> None:
        points = self.choices.between(1, 15)
        if rid := self.some_rid():
            self.end(rid, min(points, len_of(self.oracle.held(rid))))

    def release(self) -> None:
        if rid := self.some_rid():
            self.end(rid, 0)

    def end(self, rid: str, points: int) -> None:
        ended = reservations.confirm(self.account, rid, points, self.lots_max)
        assert isinstance(ended, reservations.Ended)
        held = self.oracle.held(rid)
        self.oracle.end(rid, points)
        assert sum(lot.points for lot in ended.spent) == points
        assert sum(lot.points for lot in ended.released) == len_of(held) - points

    def send(self) -> None:
        name, points = self.wallet(), self.choices.between(1, 15)
        self.agree(ledger.send(ledger.wallet(self.account, name), points), self.oracle.take(name, points, "sent"))

    def receive(self) -> None:
        name = self.wallet()
        gift = [Lot(self.expiry(), self.choices.between(1, 5), 9, 9) for _ in range(self.choices.between(1, 3))]
        ledger.receive(ledger.wallet(self.account, name), gift, *self.origin, self.lots_max)
        self.oracle.receive(name, parts(gift), self.origin)

    def withdraw(self) -> None:
        name, points = self.wallet(), self.choices.between(1, 9)
        wallet = ledger.wallet(self.account, name)
        self.agree(ledger.withdraw(wallet, points), self.oracle.take(name, points, "withdrawn"))

    def expire(self) -> None:
        name, points = self.wallet(), self.choices.between(1, 9)
        gone = ledger.expire(ledger.wallet(self.account, name), points)
        assert parts(gone) == runs(self.oracle.expire(name, points))

    def complete(self) -> None:
        order = self.order()
        for name in WALLETS:
            wallet = ledger.wallet(self.account, name)
            ledger.confirm_order(wallet, order, self.at, lambda at: at + LIVES_MS, self.lots_max)
            self.oracle.confirm_order(name, order, self.at + LIVES_MS)

    def cancel(self) -> None:
        name = self.order()
        if name in self.orders:
            gone = refunds.cancel(self.account, self.orders[name], name)
            assert {each.wallet: sum_of(each) for each in gone} == self.oracle.cancel(name)

    # What is chosen.

    def wallet(self) -> str:
        return WALLETS[self.choices.below(4) // 3]

    def order(self) -> str:
        return "xyz"[self.choices.below(3)]

    def expiry(self) -> int:
        byte = self.choices.below(8)
        return SLIDES if byte == 7 else self.at + 5 * (1 + byte)

    def some_rid(self) -> str:
        rids = list(self.account.reservations)
        return rids[self.choices.below(len(rids))] if rids else ""

    def pieces(self) -> list[ItemRefund] | int | None:
        kind = self.choices.below(5)
        if kind == 0:
            return None
        if kind < 3:
            return self.choices.between(1, 9)
        return [self.piece() for _ in range(self.choices.between(1, 2))]

    def piece(self) -> ItemRefund:
        name, kind = "abc"[self.choices.below(8) * 3 // 10], self.choices.below(3)
        if kind == 0:
            return ItemRefund(name)
        if kind == 1:
            return ItemRefund(name, amount=self.choices.between(1, 6))
        return ItemRefund(name, quantity=self.choices.between(1, 2))

    def agree(self, taken: list[Lot] | ledger.Short, points: object) -> None:
        if isinstance(points, int):
            assert taken == ledger.Short(points)
        else:
            assert isinstance(taken, list)
            assert parts(taken) == runs(points)  # type: ignore[arg-type]


def parts(lots: list[Lot]) -> list[Part]:
    return [(lot.expires, (lot.epoch, lot.offset), lot.points) for lot in lots]


def runs(points: list) -> list[Part]:
    found: dict[tuple, int] = {}
    for point in points:
        found[point.key] = found.get(point.key, 0) + 1
    return [(*key, n) for key, n in found.items()]


def len_of(held: list[Part]) -> int:
    return sum(points for *_, points in held)


def sum_of(taken: Taken) -> int:
    there = sum(each.points for each in [*taken.pending, *taken.lots, *taken.balance])
    return there + taken.to_debt + taken.written_off


def told(taken: Taken) -> dict[str, object]:
    return {
        "pending": sum(waits.points for waits in taken.pending),
        "lots": parts(taken.lots),
        "balance": parts(taken.balance),
        "rest": taken.to_debt + taken.written_off,
    }


def live(data: bytes) -> World:
    world = World(choices := Choices(data))
    while choices.left:
        world.step()
    return world


@QUICK
@given(HISTORIES)
def test_whatever_happens_the_ledger_says_what_its_oracle_says_and_the_books_hold(data: bytes) -> None:
    live(data)


@pytest.mark.long
@LONG
@given(HISTORIES)
def test_whatever_happens_in_fifty_thousand_lives_the_books_hold(data: bytes) -> None:
    live(data)


@QUICK
@given(st.binary(max_size=100), st.binary(min_size=20, max_size=60))
def test_an_order_earned_and_refunded_in_any_pieces_is_as_if_it_had_never_been(past: bytes, cuts: bytes) -> None:
    nothing_remains(past, cuts)


@pytest.mark.long
@LONG
@given(st.binary(max_size=100), st.binary(min_size=20, max_size=60))
def test_fifty_thousand_orders_refunded_are_as_if_they_had_never_been(past: bytes, cuts: bytes) -> None:
    nothing_remains(past, cuts)


def nothing_remains(past: bytes, cuts: bytes) -> None:
    """Given any past, an order, and all of it refunded in pieces with nothing else between: as before."""
    world = live(past)
    world.policies = {"": "allow_negative", "gold": "allow_negative"}
    before = standing(world)
    choices = world.choices = Choices(cuts)
    world.order = lambda: "new"
    while choices.left and len(world.orders.get("new", OrderBook()).earned) < 3:
        world.offset += 1
        world.earn_by_order()
    while choices.left:
        world.refund()
        world.compare()
    world.refund_of("new", None) if "new" in world.orders else None
    assert standing(world) == before
    assert refunds.claim(world.orders.get("new", OrderBook()), None) == Refused("nothing_to_reverse")


def standing(world: World) -> list[tuple[int, int, int]]:
    wallets = [ledger.wallet(world.account, name) for name in WALLETS]
    return [(ledger.available(wallet), ledger.pending(wallet), wallet.debt) for wallet in wallets]


def test_a_claim_alone_changes_nothing() -> None:
    book = OrderBook(amount=10)
    order_book.earned(book, "", Lot(10, 7, 1, 1))
    before = order_book.encode(book)
    assert isinstance(refunds.claim(book, 3), Claim)
    assert order_book.encode(book) == before
