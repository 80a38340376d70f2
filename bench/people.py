"""Stores full of people, made without living through their history.

The users are written through the store's own commit, in large batches, without the engine's log: what each of them
has is what a domain made of one message, the encoded state and its timers; every segment has its domains' checkpoints.
`People` have bought at a random day of the last year, `Carts` have something in the cart. Some may be given a timer
that is due at a moment of our choosing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Protocol

import msgspec

from actors.campaign.actor import CampaignActor
from actors.campaign.state import Member
from actors.cart.actor import IDLE, IDLE_S, CartWatcherActor
from actors.cart.cart import Cart, Line
from actors.points.actor import PointsLedgerActor
from actors.points.messages import PointsChange
from actors.points.programme import from_settings
from actors.points.state import Account, Books, Lot, Wallet
from actors.points.upkeep import TIMER
from actors.registry import domains
from supervision.clock import SystemClock
from supervision.domain import Event, formats
from supervision.entry import Entry, segment_of
from supervision.messages import Stage, TimerOp, TimerRow
from supervision.outputs import Arm
from supervision.store import Batch
from supervision.store_sqlite import open_sqlite

SEGMENTS = 16
USERS_PER_BATCH = 20_000
DAY_MS = 24 * 3600 * 1000
SPREAD_DAYS = 350
"""Purchases lie this far back at most, so that nobody's points or reminder are due."""

Due = Callable[[int], int]
"""User's number -> when (ms since 1970 UTC) the timer is due, 0 = some other day."""


def as_the_programme_says(_user: int) -> int:
    return 0


Make = Callable[[int, int], "Crowd"]
"""(epoch, now in ms) -> the users of a store that begins so."""


class Crowd(Protocol):
    """Who a store is filled with."""

    name: str
    """Of the domain that they are in."""

    def one(self, number: int, segment: int, subject: str) -> tuple[bytes, list[TimerOp]]:
        """What the domain holds of user `number`: the encoded state and the timers."""
        ...


class People:
    """Who has bought once, and whose points expire: accounts with their two timers."""

    name = "points"

    def __init__(self, epoch: int, now_ms: int, seed: int, due: Due) -> None:
        self._due = due
        self._epoch = epoch
        self._now_ms = now_ms
        self._rng = Random(seed)
        self._actor = PointsLedgerActor(from_settings())
        self._encode = msgspec.msgpack.Encoder().encode

    def one(self, number: int, segment: int, subject: str) -> tuple[bytes, list[TimerOp]]:
        due = self._due(number)
        return self._expiring(segment, subject, due) if due else self._purchase(segment, subject)

    def _purchase(self, segment: int, subject: str) -> tuple[bytes, list[TimerOp]]:
        """What the domain makes of one purchase by `subject`."""
        at = self._now_ms - self._rng.randrange(SPREAD_DAYS * DAY_MS)
        body = PointsChange("points_change", subject[5:], "increase", self._rng.randrange(1, 500), "purchase_order")
        entry = Entry(segment, self._epoch, 1, at, 0, "points.change", subject, b"")
        account = self._actor.fresh(subject)
        outputs = list(self._actor.react(account, Event(entry, body, at, subject, shared=self._actor.fresh_shared())))
        ops = [
            TimerOp(subject, arm.key, TimerRow(segment, "points", subject, arm.key, 1, arm.due, arm.body))
            for arm in outputs
            if isinstance(arm, Arm)
        ]
        return self._encode(account), ops

    def _expiring(self, segment: int, subject: str, due: int) -> tuple[bytes, list[TimerOp]]:
        """What the domain holds of points whose reminder was long ago."""
        wallet = Wallet([Lot(due, 100, self._epoch, 1)], reminded=due, books=Books(issued=100))
        account = Account(main=wallet, armed=due)
        return self._encode(account), [TimerOp(subject, TIMER, TimerRow(segment, "points", subject, TIMER, 1, due))]


class Carts:
    """Who has put one thing into the cart; `due` is when the cart has been idle for long enough, on every day one."""

    name = CartWatcherActor.name

    def __init__(self, now_ms: int, seed: int, due: Due) -> None:
        self._due = due
        self._now_ms = now_ms
        self._rng = Random(seed)
        self._encode = msgspec.msgpack.Encoder().encode

    def one(self, number: int, segment: int, subject: str) -> tuple[bytes, list[TimerOp]]:
        due = self._due(number) or self._now_ms + DAY_MS + self._rng.randrange(SPREAD_DAYS * DAY_MS)
        cart = Cart(no=1, lines=[Line("p1", "", 1, 9_950)], currency="CNY", idle_since=due - IDLE_S * 1000, changed=1)
        row = TimerRow(segment, self.name, subject, IDLE, 1, due, absence=True)
        return self._encode(cart), [TimerOp(subject, IDLE, row)]


class Members:
    """Who the domain of campaigns has heard of, and nothing more."""

    name = CampaignActor.name

    def __init__(self, now_ms: int) -> None:
        self._member = msgspec.msgpack.encode(Member(since=now_ms))

    def one(self, number: int, segment: int, subject: str) -> tuple[bytes, list[TimerOp]]:
        return self._member, []


def stages(crowd: Crowd, first: int, last: int) -> list[Stage]:
    """One stage per segment for the users `first` to `last` (excluded)."""
    states: dict[int, list[tuple[str, bytes]]] = {}
    timers: dict[int, list[TimerOp]] = {}
    for number in range(first, last):
        subject = f"user:{number}"
        segment = segment_of(subject, SEGMENTS)
        state, ops = crowd.one(number, segment, subject)
        states.setdefault(segment, []).append((subject, state))
        timers.setdefault(segment, []).extend(ops)
    return [
        Stage(segment, crowd.name, 1, 0, 0, states=states[segment], timer_ops=timers[segment])
        for segment in sorted(states)
    ]


def _batches(crowd: Crowd, users: int, epoch: int, commit_no: int) -> Iterator[Batch]:
    for first in range(0, users, USERS_PER_BATCH):
        commit_no += 1
        yield Batch(commit_no, epoch, stages=stages(crowd, first, min(users, first + USERS_PER_BATCH)))


def buyers(due: Due = as_the_programme_says) -> Make:
    return lambda epoch, now_ms: People(epoch, now_ms, 1, due)


def with_carts(due: Due) -> Make:
    return lambda _epoch, now_ms: Carts(now_ms, 1, due)


def members() -> Make:
    return lambda _epoch, now_ms: Members(now_ms)


def fill(folder: Path, users: int, make: Make) -> int:
    """Make a store of `users`, numbered from 0; -> its bytes."""
    clock = SystemClock()
    store = open_sqlite(folder, SEGMENTS, formats(domains(from_settings(), SEGMENTS)), "bench", clock)
    now_ms = clock.now_ms()
    recovery = store.recover(now_ms)
    for batch in _batches(make(recovery.epoch, now_ms), users, recovery.epoch, recovery.commit_no):
        store.commit(batch)
        store.idle(now_ms)
    size = store.size_bytes()
    store.close(clean=True)
    return size
