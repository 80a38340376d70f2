"""What the points and notification cores cost: microseconds of CPU per reaction, bytes per account.

    python -m bench.points [--reactions N=20000]

Only the pure part is measured: decode, keys, reaction, check and the encoding of the state. Accounts of 10 lots are
the common case, of 1,000 a hoarder's. Each number is the best of five rounds, since everything that disturbs only
adds.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec

from actors.notification.actor import NotificationActor
from actors.notification.directory import Directory
from actors.notification.recipient import Recipient
from actors.notification.templates import Templates
from actors.points import keys
from actors.points.actor import Active, PointsLedgerActor
from actors.points.door import POINTS_CHANGE
from actors.points.effects import PointsEarned
from actors.points.forms import PUBLIC
from actors.points.messages import PointsChange
from actors.points.order_book import Change, Earned, OrderBook
from actors.points.programme import from_settings
from actors.points.state import Account, Books, Lot, Wallet
from bench.report import Number, report
from supervision.domain import Event
from supervision.entry import Entry
from supervision.envelope import envelope
from supervision.outputs import Emit, Output, Record, Reply

ROUNDS = 5
COMMANDS_MAX = 40
"""To one account: so it stays near the size that is measured, and within what one user may hold at a time."""
AT = 1_758_378_600_000
DAY_MS = 86_400_000
RAW = (
    b'{"event_type":"points_change","user_id":"123456","change_type":"%s","points":1,"reason":"purchase_order",'
    b'"order_id":"ORDER_001","timestamp":"2025-09-20T14:30:00Z","metadata":{"order_amount":500.0}}'
)


def microseconds(work: Callable[[], object], times: int) -> float:
    """CPU per call, the best of ROUNDS."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, (time.process_time_ns() - begun) / times / 1000)
    return best


def account_of(lots: int) -> Account:
    """`lots` lots with many points each, spread over the days of a year."""
    found = [Lot(AT + (1 + i * 365 // lots) * DAY_MS, 10**9, 1_790_000_000, i + 1) for i in range(lots)]
    return Account(main=Wallet(found, books=Books(issued=lots * 10**9)))


class Reaction:
    """One message after another to one account: what a host asks of the domain for each."""

    def __init__(self, lots: int, change: bytes) -> None:
        self._actor = PointsLedgerActor(from_settings(lots_max=10_000))
        self._raw = RAW % change
        self._decode = msgspec.json.Decoder(PointsChange).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._blank = self._encode(account_of(lots))
        self._load = msgspec.msgpack.Decoder(Account).decode
        self._lots = lots
        self._entry = Entry(14, 1_790_000_000, 10**6, AT, 0, "points.change", "user:123456", self._raw)
        self._state = self._load(self._blank)

    def __call__(self) -> bytes:
        if len(self._state.main.lots) > self._lots + 50:  # stay near the size that is measured
            self._state = self._load(self._blank)
        event = Event(self._entry, self._decode(self._raw), AT, "user:123456", shared=Active())
        self._actor.keys(event)
        list(self._actor.react(self._state, event))
        self._actor.check(self._state)
        return self._encode(self._state)


class Hoard:
    """One command after another to an account of 1,000 lots; what it yields is encoded as for a stage. Every
    COMMANDS_MAX commands the account begins anew, which is not counted.
    """

    def __init__(self, event_type: str, **fields: Any) -> None:
        self._actor = PointsLedgerActor(from_settings(lots_max=10_000))
        self._spec = next(named.spec for named in PUBLIC if named.spec.event_type == event_type)
        self._raw = msgspec.json.encode({"event_type": event_type, "user_id": "123456", **fields})
        self._decode = msgspec.json.Decoder(self._actor.reacts_to[self._spec.kind]).decode
        self._pack = msgspec.msgpack.Encoder().encode
        self._json = msgspec.json.Encoder().encode

    def microseconds(self, times: int) -> float:
        """CPU per command, the best of ROUNDS."""
        rounds = [sum(self._some() for _ in range(times // COMMANDS_MAX)) for _ in range(ROUNDS)]
        return min(rounds) / (times // COMMANDS_MAX * COMMANDS_MAX) / 1000

    def _some(self) -> int:
        state = account_of(1_000)
        claimed = self._order(state)
        begun = time.process_time_ns()
        for i in range(COMMANDS_MAX):
            self._one(state, 10**6 + i, claimed)
        return time.process_time_ns() - begun

    def _order(self, state: Account) -> dict[bytes, bytes]:
        """The business keys of an order that earned the last lot: what a refund asks for."""
        earned = state.main.lots[-1]
        book = OrderBook(
            changes=[Change("increase", "purchase", 10**9, "14.1.1")], currency="CNY", amount=10**11, at=AT
        )
        book.earned = [Earned("", Lot(earned.expires, earned.points, earned.epoch, earned.offset))]
        return {keys.order("123456", "ORDER_001"): self._pack(book)}

    def _one(self, state: Account, offset: int, claimed: dict[bytes, bytes]) -> None:
        entry = Entry(14, 1_790_000_000, offset, AT, 0, self._spec.kind, "user:123456", self._raw, asked=True)
        event = Event(entry, self._decode(self._raw), AT, "user:123456", shared=Active())
        known = {key: claimed[key] for key in self._actor.keys(event) if key in claimed}
        for output in self._actor.react(state, msgspec.structs.replace(event, claimed=known)):
            self._encoded(output, event)
        self._actor.check(state)
        self._pack(state)

    def _encoded(self, output: Output, event: Event) -> None:
        match output:
            case Emit(kind=kind, body=body):
                envelope(kind, body, event.subject, event)
            case Record(body=body) | Reply(body=body):
                self._json(body)
            case _:
                pass


def hoards() -> dict[str, Hoard]:
    """Each command of a shop, at an account of 1,000 lots."""
    return {
        "accrue": Hoard("points_accrue", order={"order_id": "NEW", "currency": "CNY", "amount": 29_900}),
        "redeem": Hoard("points_redeem", points=1_000, reason="game"),
        "reverse": Hoard("points_reverse", order_id="ORDER_001", amount=100),
        "reserve": Hoard("points_reserve", points=1_000),
    }


def notification() -> Callable[[], object]:
    actor = NotificationActor(Templates())
    raw = b'{"event_type":"points_earned","points":100,"balance":250,"reason":"gift","order_id":"A","expires_at":"x"}'
    entry = Entry(14, 1, 1, AT, 1, "points.earned", "user:123456", raw)
    decode, state = msgspec.json.Decoder(PointsEarned).decode, Recipient()
    shared = Directory()
    return lambda: list(actor.react(state, Event(entry, decode(raw), AT, "user:123456", shared=shared)))


def door() -> Callable[[], object]:
    raw = RAW % b"increase"
    decoded = msgspec.json.decode(raw)
    return lambda: POINTS_CHANGE.decode(raw, decoded)


def bytes_per_account(lots: int) -> tuple[int, int]:
    """(in memory, in the store) of one account, from a hundred of them."""
    stored = msgspec.msgpack.encode(account_of(lots))
    tracemalloc.start()
    kept = [msgspec.msgpack.decode(stored, type=Account) for _ in range(100)]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used // len(kept), len(stored)


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU and memory of the points and notification cores")
    parser.add_argument("--reactions", type=int, default=20_000, help="per round at 10 lots; a tenth of it at 1,000")
    reactions: int = parser.parse_args().reactions
    numbers = [Number("door, one message", microseconds(door(), reactions), "us")]
    for lots, times in ((10, reactions), (1_000, reactions // 10)):
        for change in (b"increase", b"decrease"):
            spent = microseconds(Reaction(lots, change), times)
            numbers.append(Number(f"{change.decode()}, {lots:,} lots", spent, "us"))
    for name, hoard in hoards().items():
        spent = hoard.microseconds(reactions // 10)
        numbers.append(Number(f"points_{name}, 1,000 lots, with its outputs", spent, "us", "<= 200"))
    numbers.append(Number("notification, one text", microseconds(notification(), reactions), "us"))
    for lots in (1, 10, 1_000):
        memory, stored = bytes_per_account(lots)
        numbers.append(Number(f"account of {lots:,} lots in memory", memory, "bytes"))
        numbers.append(Number(f"account of {lots:,} lots in the store", stored, "bytes"))
    report("points", numbers, {"reactions": reactions, "rounds": ROUNDS})


if __name__ == "__main__":
    main()
