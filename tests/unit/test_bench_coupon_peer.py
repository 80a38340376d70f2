"""What is counted of the seed's coupons, and that the scheme is the seed's: its mistakes are what is measured."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any

import msgspec

from bench.coupon_peer import BATCH_USERS, LATER, SHORT, Books, Peer, books, messages, numbers
from bench.peers.with_setnx import COUPONS, STOCK, TEMPLATE, Batch, Coupon, Issuer, lock_of


class FakeRedis:
    """As much of it as the scheme uses. It dies after `commands_max` of them."""

    def __init__(self, stock: int, commands_max: int = 1 << 30) -> None:
        self.values: dict[str, Any] = {STOCK: stock, COUPONS: []}
        self.commands_max = commands_max
        self._commands = count(1)

    def _counts(self) -> None:
        if next(self._commands) > self.commands_max:
            raise ConnectionError

    def set(self, key: str, value: str, nx: bool, ex: int) -> bool:
        self._counts()
        assert nx and ex == 300
        free = key not in self.values
        self.values.setdefault(key, value)
        return free

    def get(self, key: str) -> bytes:
        self._counts()
        return b"%d" % self.values[key]

    def decr(self, key: str) -> None:
        self._counts()
        self.values[key] -= 1

    def rpush(self, key: str, value: bytes) -> None:
        self._counts()
        self.values[key].append(value)

    def delete(self, key: str) -> None:
        self._counts()
        del self.values[key]

    def owners(self) -> list[str]:
        return [msgspec.json.decode(coupon, type=Coupon).user_id for coupon in self.values[COUPONS]]


def batch(*users: str) -> Batch:
    return Batch("batch_coupon_issue", TEMPLATE, list(users), len(users), 1)


def test_the_books_tell_second_coupons_from_those_beyond_the_stock_and_those_that_were_lost() -> None:
    assert books(["a", "b", "a", "a"], users=5, stock=3, left=-1, locked=2) == Books(5, 3, 4, 2, 1, 3, 0, 2)
    assert books(["a", "b"], users=3, stock=3, left=0, locked=0) == Books(3, 3, 2, 0, 0, 1, 1, 0)


def test_every_user_is_in_a_batch_and_one_in_twenty_batches_comes_again_later() -> None:
    sent = [msgspec.json.decode(each.body, type=Batch) for each in messages(100_000, 0.05)]
    came = Counter(one.user_batch[0] for one in sent)
    assert len(sent) == 105 and sorted(came.values()) == [1] * 95 + [2] * 5
    assert all(one.batch_size == len(one.user_batch) == BATCH_USERS and one.total_batches == 100 for one in sent)
    assert len({user for one in sent for user in one.user_batch}) == 100_000
    for first, times in came.items():
        places = [place for place, one in enumerate(sent) if one.user_batch[0] == first]
        assert times == 1 or places[1] - places[0] >= LATER
    assert [len(msgspec.json.decode(each.body, type=Batch).user_batch) for each in messages(1_500, 0)] == [1_000, 500]


def test_the_scheme_gives_two_to_who_is_sent_twice_and_nothing_to_whom_a_dead_worker_has_locked_out() -> None:
    redis, told = FakeRedis(stock=10), list[Coupon]()
    issuer = Issuer(redis, told.append)
    issuer.work_off(batch("a", "b"))
    issuer.work_off(batch("a", "b"))
    assert redis.owners() == ["a", "b", "a", "b"] == [coupon.user_id for coupon in told]
    dying = FakeRedis(stock=10, commands_max=2)
    try:
        Issuer(dying, told.append).work_off(batch("c", "d"))
    except ConnectionError:
        dying.commands_max = 1 << 30
    Issuer(dying, told.append).work_off(batch("c", "d"))
    assert dying.owners() == ["d"] and lock_of("c") in dying.values


def test_the_scheme_gives_no_more_than_the_stock_as_long_as_it_is_alone() -> None:
    redis = FakeRedis(stock=2)
    Issuer(redis, lambda _: None).work_off(batch("a", "b", "c"))
    assert redis.owners() == ["a", "b"] and redis.values[STOCK] == 0


def test_each_run_is_said_in_its_own_words() -> None:
    def peer(over: int = 0, again: int = 0) -> Peer:
        return Peer(100, 0, 50.0, 2_000.0, 500.0, Books(1_000, 990, 990 + over, again, over, SHORT + again, 0, 0))

    said = {number.name: number.value for number in numbers(peer(), peer(), peer(again=7), [peer(), peer(2), peer(1)])}
    assert said["sales, coupons of who had one already"] == 7
    assert said["sales, users who got none, where 10 should"] == 17
    assert said["3 rushes, those that gave more than the stock"] == 2
    assert said["3 rushes, coupons beyond the stock"] == 3
