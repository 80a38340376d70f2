"""The pool: nothing is lent twice or lost, and nobody hears "dry" while somebody sits on what he does not use."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.coupon import pool as escrow
from actors.coupon.pool import Grant, Pool, Recall

SEGMENTS = 4


class Market:
    """Segments that use what they hold, with messages that take their time: one queue for each pair and direction."""

    def __init__(self, total: int, rng: Random) -> None:
        self.pool = escrow.begin(total)
        self.rng = rng
        self.slices = [0] * SEGMENTS
        self.used = [0] * SEGMENTS
        self.waiting = [0] * SEGMENTS
        self.refused = [0] * SEGMENTS
        self.asked = [False] * SEGMENTS
        self.dry = [False] * SEGMENTS
        self.up: list[deque[tuple[str, int]]] = [deque() for _ in range(SEGMENTS)]
        self.down: list[deque[Grant | Recall]] = [deque() for _ in range(SEGMENTS)]

    def buy(self, segment: int) -> None:
        if self.slices[segment] and not self.waiting[segment]:
            self._use(segment)
        elif self.dry[segment]:
            self.refused[segment] += 1
        else:
            self.waiting[segment] += 1
            self._ask(segment)

    def _use(self, segment: int) -> None:
        self.slices[segment] -= 1
        self.used[segment] += 1

    def _ask(self, segment: int) -> None:
        if not self.asked[segment]:
            self.asked[segment] = True
            self.up[segment].append(("ask", self.waiting[segment]))

    def step(self) -> bool:
        """Deliver one message, if there is one."""
        ways = [(queue, s) for queues in (self.up, self.down) for s, queue in enumerate(queues) if queue]
        if not ways:
            return False
        queue, segment = self.rng.choice(ways)
        word = queue.popleft()
        match word:
            case ("ask", need):
                self._send(escrow.ask(self.pool, segment, need, SEGMENTS))
            case (kind, amount):
                self._send(escrow.give_back(self.pool, segment, amount, kind == "recalled"))
            case Grant():
                self._granted(segment, word)
            case Recall():
                unused = max(0, self.slices[segment] - self.waiting[segment])
                self.slices[segment] -= unused
                self.up[segment].append(("recalled", unused))
        self.check()
        return True

    def _send(self, words: object) -> None:
        for word in list(words):  # type: ignore[call-overload]
            self.down[word.segment].append(word)

    def _granted(self, segment: int, grant: Grant) -> None:
        self.slices[segment] += grant.amount
        self.dry[segment] = grant.dry
        self.asked[segment] = False
        while self.waiting[segment] and self.slices[segment]:
            self.waiting[segment] -= 1
            self._use(segment)
        if self.waiting[segment] and grant.dry:
            self.refused[segment] += self.waiting[segment]
            self.waiting[segment] = 0
        elif self.waiting[segment]:
            self._ask(segment)

    def return_unused(self, segment: int) -> None:
        """As an idle segment does when things are scarce."""
        if self.slices[segment] and not self.waiting[segment]:
            self.up[segment].append(("back", self.slices[segment]))
            self.slices[segment] = 0

    def check(self) -> None:
        escrow.check(self.pool)
        for segment in range(SEGMENTS):
            coming = sum(word.amount for word in self.down[segment] if isinstance(word, Grant))
            going = sum(amount for kind, amount in self.up[segment] if kind != "ask")
            held = self.slices[segment] + self.used[segment] + coming + going
            assert held == self.pool.lent.get(segment, 0), (segment, held, self.pool)

    def settle(self) -> None:
        for _ in range(100_000):
            if not self.step():
                return
        raise AssertionError("it never comes to rest")


@given(st.integers(0, 300), st.integers(0, 2**32), st.integers(1, 400), st.sampled_from([0.1, 0.5, 0.9]))
def test_every_piece_goes_out_and_not_one_more(total: int, seed: int, buyers: int, eager: float) -> None:
    rng = Random(seed)
    market = Market(total, rng)
    for _ in range(buyers):
        market.buy(rng.randrange(SEGMENTS))
        while rng.random() > eager and market.step():
            pass
    market.settle()
    assert sum(market.used) == min(total, buyers) and sum(market.waiting) == 0
    assert sum(market.refused) == buyers - sum(market.used)


@given(st.integers(0, 100), st.integers(0, 2**32), st.lists(st.integers(0, 150), max_size=6))
def test_a_total_that_changes_is_kept_and_what_was_used_stays_used(total: int, seed: int, totals: list[int]) -> None:
    rng = Random(seed)
    market = Market(total, rng)
    for new in totals:
        for _ in range(rng.randrange(60)):
            market.buy(rng.randrange(SEGMENTS))
            if rng.random() < 0.5:
                market.step()
            if rng.random() < 0.1:
                market.return_unused(rng.randrange(SEGMENTS))
        market._send(escrow.resize(market.pool, new))
        market.check()
    market.settle()
    final = totals[-1] if totals else total
    used = sum(market.used)
    assert market.pool.free >= min(0, final - used), "what is not used has come back"
    while sum(market.used) < final:
        before = sum(market.used)
        market.buy(rng.randrange(SEGMENTS))
        market.settle()
        assert sum(market.used) == before + 1, "who comes while there is something gets it, wherever he comes"
    market.buy(0)
    market.settle()
    assert sum(market.used) == max(final, used)


def test_a_grant_is_a_share_while_there_is_plenty_and_the_bare_need_at_the_end() -> None:
    pool = escrow.begin(1_000)
    assert list(escrow.ask(pool, 0, 1, SEGMENTS)) == [Grant(0, 125)]
    assert list(escrow.ask(pool, 1, 870, SEGMENTS)) == [Grant(1, 870)]
    assert list(escrow.ask(pool, 2, 1, SEGMENTS)) == [Grant(2, 1)]
    assert pool.free == 4


def test_dry_is_said_only_when_all_slices_have_been_asked_for() -> None:
    pool = escrow.begin(10)
    list(escrow.ask(pool, 0, 8, SEGMENTS))
    list(escrow.ask(pool, 1, 2, SEGMENTS))
    assert list(escrow.ask(pool, 2, 3, SEGMENTS)) == [Recall(0), Recall(1)]
    assert list(escrow.give_back(pool, 0, 0, recalled=True)) == []
    assert list(escrow.give_back(pool, 1, 2, recalled=True)) == [Grant(2, 2, dry=True, scarce=True)]
    assert list(escrow.ask(pool, 3, 1, SEGMENTS)) == [Recall(2)]
    assert list(escrow.give_back(pool, 2, 0, recalled=True)) == [Grant(3, 0, dry=True, scarce=True)]


def test_who_was_told_that_nothing_is_left_hears_when_something_is() -> None:
    pool = escrow.begin(1)
    list(escrow.ask(pool, 0, 1, SEGMENTS))
    list(escrow.ask(pool, 1, 1, SEGMENTS))
    assert list(escrow.give_back(pool, 0, 0, recalled=True)) == [Grant(1, 0, dry=True, scarce=True)]
    assert list(escrow.resize(pool, 3)) == [Grant(1, 0)] and pool.free == 2


def test_more_than_was_lent_cannot_come_back() -> None:
    pool = escrow.begin(5)
    list(escrow.ask(pool, 0, 2, SEGMENTS))
    with pytest.raises(AssertionError):
        list(escrow.give_back(pool, 0, 3, recalled=False))
    assert pool == Pool(5, 3, {0: 2})
