"""The teller: works on one account for one event, and writes down whatever moves.

A change of the account, the line in its records and the effect for others always come together, so that no balance is
announced which the records do not explain. The line's `moves` are not what the code meant to change but what did
change: the books before and after are compared, which costs a few microseconds and makes every line a proof.

What the account does not hold, an order's book or what became of a reservation, was loaded by its business key; the
teller reads it there and writes it back once.

Reactions (accruals.py, redemptions.py, reversals.py, ...) are functions over a teller. Refusals are outputs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from actors.alarms import raised
from actors.commands import declined, done
from actors.points import keys, ledger, moves, order_book
from actors.points.effects import Alarm, PointsRefused, RefusalCode
from actors.points.inputs import AccruePointsWithin, GrantTierWithin
from actors.points.messages import ANSWERED, RequestAnswered
from actors.points.order_book import OrderBook
from actors.points.programme import MAIN_NAME, Programme
from actors.points.records import ItemLine, LedgerLine, LotPart
from actors.points.results import Result
from actors.points.state import MAIN, Account, Lot, Wallet
from actors.routes import effect_route
from supervision.domain import Event
from supervision.envelope import rfc3339
from supervision.outputs import Claim, Emit, Output, Record, Reply


class Teller:
    """For one reaction. `outputs` is what it yields."""

    __slots__ = ("_books", "_order", "account", "at", "event", "outputs", "place", "programme")

    def __init__(self, account: Account, event: Event, programme: Programme) -> None:
        self.account = account
        self.event = event
        self.programme = programme
        self.at = event.at
        self.outputs: list[Output] = []
        self.place = event.entry.place
        self._books: dict[str, moves.Totals] = {}
        self._order: tuple[bytes, OrderBook] | None = None

    @property
    def user_id(self) -> str:
        return self.event.subject[5:]

    # Looking.

    def wallet(self, name: str = MAIN) -> Wallet:
        """The wallet, and from now on what moves in it. Called before anything does."""
        if name not in self._books:
            self._books[name] = moves.totals(self.account, name)
        return ledger.wallet(self.account, name)

    def balance(self, name: str = MAIN) -> int:
        """As it was last told, or looked at."""
        if (books := self._books.get(name)) is not None:
            return books.available
        wallet = self.account.wallets.get(name) if name else self.account.main
        return ledger.available(wallet) if wallet else 0

    def lot(self, expires: int, points: int) -> Lot:
        """A lot whose origin is the event."""
        entry = self.event.entry
        return Lot(expires, points, entry.epoch, entry.offset)

    def order(self, order_id: str) -> OrderBook:
        """The book of the one order that the event is about, new when nothing is known of it."""
        if self._order is None:
            key = keys.order(self.user_id, order_id)
            value = self.event.claimed.get(key)
            self._order = key, order_book.decode(value) if value else OrderBook()
        return self._order[1]

    def keep_order(self) -> None:
        """Write the order's book, changed as it is."""
        assert self._order is not None
        key, book = self._order
        self.outputs.append(Claim(key, order_book.encode(book), replaces=key in self.event.claimed))

    # Telling.

    def line(
        self, change: str, points: int, reason: str, order_id: str | None = None, lots: Sequence[Lot] = (),
        name: str = MAIN, *, reservation_id: str = "", programme: str = "", items: tuple[ItemLine, ...] = (),
        note: str = "", other_user_id: str = "",
    ) -> int:  # fmt: skip
        """Write down what moved in the wallet `name` since it was last told (of a merge nothing); -> its balance."""
        after = moves.totals(self.account, name)
        before = after if change == "merge" else self._books[name]
        if change != "merge":
            self._books[name] = after
        segment = self.event.entry.segment
        parts = tuple([LotPart(f"{segment}.{lot.epoch}.{lot.offset}", lot.points, lot.expires) for lot in lots])
        line = LedgerLine(
            self.event.entry.offset, rfc3339(self.at), change, points, after.available, reason, order_id,
            self.place, parts, moves.moved(before, after), name or UNSET, reservation_id or UNSET,
            programme or UNSET, items or UNSET, note or UNSET, other_user_id or UNSET,
        )  # fmt: skip
        self.outputs.append(Record(line))
        return after.available

    def say(self, kind: str, effect: msgspec.Struct, reason: str = "") -> None:
        """To the world; the routing key ends with the reason where there is one."""
        self.outputs.append(Emit(kind, effect, route=effect_route(kind, reason) if reason else kind))

    def send(self, kind: str, body: msgspec.Struct, user_id: str) -> None:
        """To our own domains, about another user."""
        self.outputs.append(Emit(kind, body, subject=f"user:{user_id}"))

    def alarm(self, alarm: Alarm) -> None:
        self.outputs.append(raised(alarm))

    def answer(self, result: type[Result], points: int, name: str = MAIN, **more: Any) -> None:
        """To whoever asked: it is done. `more`: the fields that this kind of result has besides."""
        if self.event.entry.asked:
            made = result(points=points, balance=self.balance(name), wallet=name or MAIN_NAME, **more)
            self.outputs.append(Reply(done(made)))
        self._tell_within("")

    def decline(self, code: RefusalCode, detail: str, points: int, name: str = MAIN, **numbers: Any) -> None:
        """To whoever asked alone: nothing was changed, and `numbers` say why."""
        if self.event.entry.asked:
            numbers = {"points": points, "balance": self.balance(name), **numbers}
            self.outputs.append(Reply(declined(code, detail, numbers)))
        self._tell_within(code)

    def _tell_within(self, code: str) -> None:
        """Another domain that asked, by a name of its own, hears what came of it too."""
        body = self.event.body
        if isinstance(body, AccruePointsWithin | GrantTierWithin) and body.campaign_action:
            self.outputs.append(Emit(ANSWERED, RequestAnswered(body.campaign_action, code)))

    def refuse(
        self, change: str, code: RefusalCode, detail: str, points: int = 0, reason: str = "",
        order_id: str | None = None, name: str = MAIN, **numbers: Any,
    ) -> None:  # fmt: skip
        """Nothing was changed: said to the world too."""
        self.say_refused(change, code, detail, points, reason, order_id, name)
        self.decline(code, detail, points, name, **numbers)

    def say_refused(
        self, change: str, code: RefusalCode, detail: str, points: int = 0, reason: str = "",
        order_id: str | None = None, name: str = MAIN,
    ) -> None:  # fmt: skip
        """To the world alone, of something that another entry asked for: who asks now is answered for himself."""
        balance = self.balance(name)
        effect = PointsRefused(points, balance, reason or change, order_id, change, code, detail, name or UNSET)
        self.say("points.refused", effect, effect.reason)
