"""Any history of three users, told to the ledger through its doors: after every step the books hold.

A history is a string of bytes, each a decision (`Choices`): orders and refunds in pieces in any order, spends, holds,
gifts in a ring, adjustments, days that pass and programmes that change. What PointsWorld checks is checked after every
step: each state against its own invariants and against the lines of its records, the timer against the state, gifts
against each other. Here besides: what the world was told adds up to the books, and nothing is due before the timer.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.points import upkeep
from actors.points.actor import Active
from actors.points.programme import Programme, parse
from actors.points.state import Account
from actors.points.teller import Teller
from supervision.domain import Event, TimerDue
from supervision.entry import Entry
from supervision.outputs import Emit
from tests.points_world import DAY_MS, PointsWorld

USERS = ("1", "2", "3")
ORDERS = ("A", "B", "C", "D")
PRODUCTS = ("tea", "cup", "pot")
BODIES: tuple[dict[str, Any], ...] = (
    {"sign_in": {"points": 5, "streak": {"3": 9}}, "refund": {"policy": "allow_negative"}},
    {"expiry": {"kind": "days", "n": 2}, "reminder_days": 1, "lots_max": 2, "pending": {"until": "order_completed"}},
    {
        "expiry": {"kind": "sliding", "n": 3}, "reminder_days": 1, "refund": {"grace_days": 2},
        "caps": [{"id": "daily", "points": 250}, {"id": "hours", "points": 400, "per": "hours", "n": 30}],
        "tiers": {"levels": [{"id": "gold", "at": 300}], "window": "days", "n": 4, "notice_days": 1},
    },
    {
        "earn": {"rate": "2/3", "multipliers": [{"id": "tea", "factor": "3/2", "when": {"products": ["tea"]}}]},
        "pending": {"until": "days", "days": 1}, "refund": {"policy": "only_pending"}, "zone": "Asia/Shanghai",
        "wallets": {"promo": {"expiry": {"kind": "months", "n": 0}, "reasons": ["campaign"], "uses": ["game"]}},
        "expiry": {"kind": "months", "n": 1}, "alarms": {"jump_points": 300, "debt_points": 10},
        "tiers": {"levels": [{"id": "gold", "at": 9_000}], "by": "money", "window": "month", "grace_days": 2},
    },
)  # fmt: skip

SLOW_OR_LARGE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
QUICK = settings(max_examples=1_200, deadline=None, suppress_health_check=SLOW_OR_LARGE)
LONG = settings(max_examples=10_000, deadline=None, suppress_health_check=SLOW_OR_LARGE)
HISTORIES = st.binary(min_size=40, max_size=80)
LONGER = st.binary(min_size=150, max_size=400)


def programme(body: dict[str, Any]) -> Programme:
    parsed = parse(msgspec.json.encode(body))
    assert isinstance(parsed, Programme), parsed
    return parsed


PROGRAMMES = tuple(programme(body) for body in BODIES)


class Choices:
    """Bytes as decisions; when they are used up, nothing more happens."""

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)
        self.left = True

    def below(self, n: int) -> int:
        byte = next(self._bytes, None)
        self.left = byte is not None
        return (byte or 0) % n

    def of(self, some: tuple[str, ...]) -> str:
        return some[self.below(len(some))]


class History:
    """Somebody does something, again and again."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.world = PointsWorld(PROGRAMMES[choices.below(len(PROGRAMMES))])
        for user in USERS[:2]:
            self.world.ask("points_adjust", user, points=150, note="welcome")
        self.steps = (
            self.earn, self.earn, self.earn, self.refund, self.refund, self.redeem, self.reserve, self.confirm,
            self.cancel, self.gift, self.gift, self.adjust, self.change, self.sign_in, self.end_order, self.pass_time,
            self.switch,
        )  # fmt: skip

    def step(self) -> None:
        self.user = self.choices.of(USERS)
        self.steps[self.choices.below(len(self.steps))]()

    def ask(self, event_type: str, **fields: Any) -> None:
        self.world.ask(event_type, self.user, **fields)

    def points(self) -> int:
        return 1 + self.choices.below(90)

    def earn(self) -> None:
        """By the rules, for an order of a few things; or so many as somebody says."""
        how = self.choices.below(8)
        if how == 7:
            self.ask("points_accrue", points=self.points(), reason="campaign", pending={"days": 1})
            return
        order_id = self.choices.of(ORDERS)
        if how == 6:
            self.ask("points_accrue", points=self.points(), order_id=order_id)
            return
        items = [
            {"product_id": product, "quantity": 1 + self.choices.below(3), "unit_price": 150 * self.choices.below(90)}
            for product in PRODUCTS[: 1 + how % 3]
        ]
        self.ask("points_accrue", order={"order_id": order_id, "currency": "CNY", "items": items})

    def refund(self) -> None:
        order_id, how = self.choices.of(ORDERS), self.choices.below(4)
        if how == 0:
            self.ask("points_reverse", order_id=order_id)
        elif how == 1:
            self.ask("points_reverse", order_id=order_id, amount=1 + 100 * self.choices.below(200))
        else:
            item = {"product_id": self.choices.of(PRODUCTS), "quantity": 1 + self.choices.below(2)}
            self.ask("points_reverse", order_id=order_id, items=[item], refund_id=str(self.choices.below(3)))

    def redeem(self) -> None:
        order_id = (None, *ORDERS)[self.choices.below(5)]
        self.ask("points_redeem", points=self.points(), reason="game", order_id=order_id)

    def reserve(self) -> None:
        order_id, rid = (None, *ORDERS)[self.choices.below(5)], self.choices.of(("r", "s", "t"))
        ttl_s = (60, 100_000)[self.choices.below(2)]
        self.ask("points_reserve", points=self.points(), reservation_id=rid, ttl_s=ttl_s, order_id=order_id)

    def confirm(self) -> None:
        points = (None, self.points())[self.choices.below(2)]
        self.ask("points_confirm", reservation_id=self.held(), points=points)

    def cancel(self) -> None:
        self.ask("points_cancel", reservation_id=self.held())

    def held(self) -> str:
        """A reservation, one that holds something if there is any."""
        return self.choices.of(tuple(self.world.account(self.user).reservations) or ("r", "s"))

    def gift(self) -> None:
        """In a ring: what is given comes back in the end."""
        self.ask("points_gift", to=USERS[(USERS.index(self.user) + 1) % len(USERS)], points=self.points())

    def adjust(self) -> None:
        self.ask("points_adjust", points=self.points() * (1, -1)[self.choices.below(2)], note="so")

    def change(self) -> None:
        """The seed's form."""
        change = self.choices.of(("increase", "decrease", "expire"))
        order_id = (None, *ORDERS)[self.choices.below(5)]
        self.world.send(self.user, change, self.points(), order_id=order_id)

    def sign_in(self) -> None:
        self.ask("sign_in")

    def end_order(self) -> None:
        event_type = self.choices.of(("order_completed", "order_cancelled"))
        self.world.say({"event_type": event_type, "user_id": self.user, "order_id": self.choices.of(ORDERS)})

    def pass_time(self) -> None:
        self.world.advance(self.world.at + (60_000, DAY_MS // 2, DAY_MS, DAY_MS, 9 * DAY_MS)[self.choices.below(5)])

    def switch(self) -> None:
        number = self.choices.below(len(BODIES))
        body = msgspec.json.encode(BODIES[number]).decode()
        self.world.shared = Active(1, self.world.shared.number + 1, PROGRAMMES[number].version, body)

    def check(self) -> None:
        self.world.check()
        for subject, data in self.world.stored.items():
            account = msgspec.msgpack.decode(data, type=Account)
            self._check_told(subject, account)
            self._check_nothing_is_due(subject, account, data)

    def _check_told(self, subject: str, account: Account) -> None:
        """The effects add up to the books."""
        told: Counter[str] = Counter()
        for about, kind, body in self.world.effects:
            if about == subject and kind.startswith("points."):
                told[_term(kind, body)] += body.points
                told["returned"] += getattr(body, "returned", 0)
        books = [wallet.books for wallet in (account.main, *account.wallets.values())]
        assert told["issued"] == sum(book.issued for book in books)
        assert told["received"] == sum(book.received for book in books)
        assert told["sent"] == sum(book.sent for book in books)
        assert told["reversed"] == sum(book.reversed for book in books)
        assert told["taken"] - told["returned"] == sum(book.spent + book.withdrawn for book in books)

    def _check_nothing_is_due(self, subject: str, account: Account, data: bytes) -> None:
        """What the timer's moment says: until then there is nothing to settle, but for reminders that pause."""
        body = TimerDue("", 0, 0, 0)
        entry = Entry(0, 1, 1, self.world.at, 0, "timer.points", subject, b"")
        programme = self.world.actor.programme(self.world.shared)
        teller = Teller(account, Event(entry, body, self.world.at, subject, shared=self.world.shared), programme)
        if not upkeep.is_due(teller):
            upkeep.settle(teller)
            assert all(isinstance(output, Emit) and output.kind == "points.expiring" for output in teller.outputs)
            assert teller.outputs or msgspec.msgpack.encode(account) == data


def _term(kind: str, body: Any) -> str:
    match kind:
        case "points.earned":
            return "issued" if isinstance(body.from_user_id, msgspec.UnsetType) else "received"
        case "points.pending":
            return "issued"
        case "points.spent" | "points.confirmed":
            return "taken"
        case _:
            return {"points.gifted": "sent", "points.reversed": "reversed"}.get(kind, "")


def live(data: bytes) -> None:
    choices = Choices(data)
    history = History(choices)
    while choices.left:
        history.step()
        history.check()


@QUICK
@given(HISTORIES)
def test_whatever_three_users_do_the_books_hold_after_every_step(data: bytes) -> None:
    live(data)


@pytest.mark.long
@LONG
@given(LONGER)
def test_whatever_three_users_do_for_long_the_books_hold_after_every_step(data: bytes) -> None:
    live(data)


def come_and_go(data: bytes) -> None:
    """Somebody with a few lots buys, and brings everything back, in pieces and at last whatever is left."""
    choices = Choices(data)
    rules = {**BODIES[choices.below(2) * 3], "lots_max": 2_000}
    world = PointsWorld(programme(rules))
    for _ in range(choices.below(3)):
        world.ask("points_accrue", points=1 + choices.below(200))
        world.at += DAY_MS
    before = world.account()
    items = [
        {"product_id": product, "quantity": 1 + choices.below(4), "unit_price": 1 + 97 * choices.below(200)}
        for product in PRODUCTS[: 1 + choices.below(3)]
    ]
    answer = world.ask("points_accrue", order={"order_id": "A", "currency": "CNY", "items": items})
    assert answer.ok
    for _ in range(choices.below(6)):
        piece: dict[str, Any] = {"product_id": choices.of(PRODUCTS), "quantity": 1 + choices.below(2)}
        what: dict[str, Any] = {"items": [piece]} if choices.below(2) else {"amount": 1 + 89 * choices.below(200)}
        world.ask("points_reverse", order_id="A", **what)
        world.at += 60_000
    world.ask("points_reverse", order_id="A")
    after = world.account()
    assert (after.main.lots, after.main.pending, after.main.debt) == (before.main.lots, [], 0)
    assert after.main.books.reversed == answer.result["points"]
    assert not after.main.books.written_off
    assert not (after.tier and after.tier.sums)
    world.check()


@settings(parent=QUICK, max_examples=400)
@given(st.binary(min_size=10, max_size=40))
def test_to_buy_and_to_bring_everything_back_is_nothing(data: bytes) -> None:
    come_and_go(data)
