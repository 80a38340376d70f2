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

import msgspec

from actors.notification.actor import NotificationActor
from actors.notification.templates import Templates
from actors.points.actor import PointsLedgerActor
from actors.points.door import POINTS_CHANGE
from actors.points.messages import PointsChange, PointsEarned
from actors.points.programme import from_settings
from actors.points.state import Account, Books, Lot, Wallet
from bench.report import Number, report
from supervision.domain import Event
from supervision.entry import Entry

ROUNDS = 5
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
        event = Event(self._entry, self._decode(self._raw), AT, "user:123456")
        self._actor.keys(event)
        list(self._actor.react(self._state, event))
        self._actor.check(self._state)
        return self._encode(self._state)


def notification() -> Callable[[], object]:
    actor = NotificationActor(Templates())
    raw = b'{"event_type":"points_earned","points":100,"balance":250,"reason":"gift","order_id":"A","expires_at":"x"}'
    entry = Entry(14, 1, 1, AT, 1, "points.earned", "user:123456", raw)
    decode = msgspec.json.Decoder(PointsEarned).decode
    return lambda: list(actor.react(None, Event(entry, decode(raw), AT, "user:123456")))


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
    numbers.append(Number("notification, one text", microseconds(notification(), reactions), "us"))
    for lots in (1, 10, 1_000):
        memory, stored = bytes_per_account(lots)
        numbers.append(Number(f"account of {lots:,} lots in memory", memory, "bytes"))
        numbers.append(Number(f"account of {lots:,} lots in the store", stored, "bytes"))
    report("points", numbers, {"reactions": reactions, "rounds": ROUNDS})


if __name__ == "__main__":
    main()
