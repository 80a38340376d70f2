"""The checker of idempotent commands objects to what a caller must never see."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.commands import Call, EntryAt, Handed, Placed, message
from gateway.problems import Problem
from simulation.callers import Callers, Wanted
from simulation.coupon_shoppers import CouponShoppers
from simulation.draw import draw_of
from simulation.violation import Violation

PATH = "/v1/users/1/points/redemptions"
CALL = Call(
    "points_redeem", {"user_id": "1"}, b'{"points":5,"reason":"tea"}', "k1", "till", "POST", "/v1/users/1/points"
)
PARKED_AT = 2
OTHER = Call("points_redeem", {"user_id": "1"}, b'{"points":6,"reason":"tea"}', "k2", "till", "POST", PATH)


def reply(balance: int) -> bytes:
    return b'{"ok":true,"code":"","detail":"","result":{"points":5,"balance":%d}}' % balance


def at(offset: int, repeat: bool = False) -> Placed:
    return Placed(EntryAt(0, offset), repeat)


@pytest.fixture
def callers() -> Callers:
    log = [SimpleNamespace(body=message(call)) for call in (CALL, OTHER)]
    shadow = SimpleNamespace(waits=lambda segment, domain, subject, upto: upto >= PARKED_AT, domains=set[Any]())
    world: Any = SimpleNamespace(
        checker=SimpleNamespace(logs={0: log}, forgotten=set[int]()), at=lambda *_: None, process=1, shadow=shadow
    )
    made = Callers(
        Random(0), draw_of(0), world, CouponShoppers(Random(0), 1, (), (), 0.0, Random(0)), lambda body: body
    )
    made.answered(Wanted(OTHER, 2, 0), at(2), reply(9), 1)
    return made


def test_the_first_answer_may_come_again_and_again(callers: Callers) -> None:
    wanted = Wanted(CALL, 1, 0)
    callers.answered(wanted, at(1), reply(7), 1)
    callers.answered(wanted, at(1, repeat=True), reply(7), 2)
    callers.answered(wanted, at(1, repeat=True), reply(7), 2)
    assert callers.marks["command_replayed"] == 2


@pytest.mark.parametrize(
    ("then", "balance", "says"),
    [
        (at(1, repeat=True), 8, "was answered"),
        (at(1), 7, "was answered"),
        (at(2, repeat=True), 7, "was answered"),
    ],
    ids=["another answer", "as if for the first time", "another place"],
)
def test_another_answer_under_a_key_is_found(callers: Callers, then: Placed, balance: int, says: str) -> None:
    wanted = Wanted(CALL, 1, 0)
    callers.answered(wanted, at(1), reply(7), 1)
    with pytest.raises(Violation, match=says):
        callers.answered(wanted, then, reply(balance), 2)


@pytest.mark.parametrize("offset", [2, 3])
def test_a_place_that_holds_something_else_is_found(callers: Callers, offset: int) -> None:
    with pytest.raises(Violation, match="is said to stand at"):
        callers.answered(Wanted(CALL, 1, 0), at(offset), reply(7), 1)


def test_an_answer_that_is_not_the_models_is_found(callers: Callers) -> None:
    known: Callable[..., None] = callers.compare
    known({0: (True, "", 5, 9)})
    with pytest.raises(Violation, match="the model says"):
        known({0: (True, "", 5, 8)})


def told(callers: Callers, wanted: Wanted, offset: int, problem: Problem | None) -> None:
    callers.told_parked(wanted, Handed(0, 0, "user:1", "points", lambda: None), offset, problem)


def test_who_was_told_parked_and_is_answered_later_is_counted(callers: Callers) -> None:
    wanted = Wanted(CALL, 1, 0)
    told(callers, wanted, PARKED_AT, Problem("parked", "it is"))
    callers.answered(wanted, at(1), reply(7), 1)
    assert (callers.marks["command_parked"], callers.marks["command_parked_answered"]) == (1, 1)


def test_who_is_told_parked_when_nothing_is_or_waits_when_it_is_has_found_something(callers: Callers) -> None:
    told(callers, Wanted(CALL, 1, 0), PARKED_AT - 1, None)
    with pytest.raises(Violation, match="is told it is; held: False"):
        told(callers, Wanted(CALL, 1, 0), PARKED_AT - 1, Problem("parked", "it is"))
    with pytest.raises(Violation, match="is told nothing; held: True"):
        told(callers, Wanted(CALL, 1, 0), PARKED_AT, None)
