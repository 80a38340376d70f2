"""The supervisor's decisions, as values: given reports, then actions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervision.backoff import BackOff
from supervision.orders import Crashed
from supervision.plan import (
    Action,
    CameToRest,
    ChildPlan,
    Escalate,
    Note,
    Plan,
    Rest,
    StandIn,
    Start,
    Strategy,
    Wait,
)  # fmt: skip

STEADY = BackOff(first_s=0.1, most_s=1.0, jitter=0.0)


def plan_of(*children: ChildPlan | str, strategy: Strategy = "one_for_one", intensity: int = 3) -> Plan:
    plans = [ChildPlan(child) if isinstance(child, str) else child for child in children]
    return Plan(plans, strategy, intensity, 10.0, STEADY, Random(1), itertools.count(1))


def standing(*children: ChildPlan | str, strategy: Strategy = "one_for_one", intensity: int = 3) -> Plan:
    """All children started."""
    plan = plan_of(*children, strategy=strategy, intensity=intensity)
    actions = plan.begin(afresh=True)
    while actions:
        (start,) = actions
        assert isinstance(start, Start)
        actions = plan.started(start.child, parked=False)
    return plan


def crash(child: str, spares: bool = False) -> Crashed:
    return Crashed(child, 1, "RuntimeError", "boom", spares_budget=spares)


def kinds(actions: list[Action]) -> list[Any]:
    return [type(action) for action in actions]


def the_wait(actions: list[Action]) -> Wait:
    return next(action for action in actions if isinstance(action, Wait))


def test_children_start_in_order_each_after_the_one_before_stands() -> None:
    plan = plan_of("a", "b")
    assert plan.begin(afresh=True) == [Start("a")]
    assert plan.started("a", parked=False) == [Start("b")]
    assert plan.started("b", parked=False) == []


def test_under_one_for_one_a_failed_start_does_not_hold_up_the_next_child() -> None:
    plan = plan_of("a", "b")
    plan.begin(afresh=True)
    assert kinds(plan.crashed(crash("a"), 0.0)) == [Wait, Start]


def test_under_one_for_one_a_restart_does_not_wait_for_a_sibling_that_is_slow_to_start() -> None:
    plan = plan_of("a", "slow", "c")
    plan.begin(afresh=True)
    assert plan.started("a", parked=False) == [Start("slow")]
    wait = the_wait(plan.crashed(crash("a"), 0.0))
    assert plan.due("a", wait.gen) == [Start("a")]
    assert plan.started("a", parked=False) == []
    assert plan.started("slow", parked=False) == [Start("c")]


def test_under_rest_for_one_a_failed_start_holds_up_those_after_it() -> None:
    plan = plan_of("a", "b", strategy="rest_for_one")
    plan.begin(afresh=True)
    actions = plan.crashed(crash("a"), 0.0)
    assert kinds(actions) == [Wait]
    assert plan.due("a", the_wait(actions).gen) == [Start("a")]
    assert plan.started("a", parked=False) == [Start("b")]


def test_a_crash_is_restarted_after_a_growing_wait_until_the_budget_is_used_up() -> None:
    plan = standing("a")
    waits = list[float]()
    for _ in range(3):
        wait = the_wait(plan.crashed(crash("a"), 0.0))
        waits.append(wait.delay_s)
        assert plan.due("a", wait.gen) == [Start("a")]
        plan.started("a", parked=False)
    assert waits == [0.1, 0.2, 0.4]
    (end,) = plan.crashed(crash("a"), 0.0)
    assert end == Escalate("a used up its restarts: RuntimeError: boom")


def test_failed_starts_count_like_crashes() -> None:
    plan = plan_of("a", intensity=2)
    plan.begin(afresh=True)
    for _ in range(2):
        plan.due("a", the_wait(plan.crashed(crash("a"), 0.0)).gen)
    assert kinds(plan.crashed(crash("a"), 0.0)) == [Escalate]


def test_a_child_that_behaved_for_a_period_begins_again_at_the_first_wait() -> None:
    plan = standing("a")
    for now_s in (0.0, 1.0, 50.0):
        wait = the_wait(plan.crashed(crash("a"), now_s))
        plan.due("a", wait.gen)
        plan.started("a", parked=False)
    assert wait.delay_s == 0.1


def test_a_crash_that_spares_the_budget_is_restarted_at_once_however_often() -> None:
    plan = standing("a", intensity=0)
    for _ in range(50):
        actions = plan.crashed(crash("a", spares=True), 0.0)
        assert actions == [Note("restarted_at_once", "a", "RuntimeError"), Start("a")]
        plan.started("a", parked=False)


def test_siblings_do_not_share_a_budget() -> None:
    plan = standing("flapping", "healthy", intensity=2)
    for child in ("flapping", "flapping", "healthy", "healthy"):
        wait = the_wait(plan.crashed(crash(child), 0.0))
        plan.due(child, wait.gen)
        assert plan.started(child, parked=False) == []


def test_a_child_with_a_stand_in_is_parked_instead_of_escalating() -> None:
    plan = standing(ChildPlan("a", can_park=True), "b", intensity=0)
    actions = plan.crashed(crash("a"), 0.0)
    assert actions == [Note("parked", "a", "RuntimeError: boom"), StandIn("a", "RuntimeError: boom")]
    assert plan.started("a", parked=True) == []
    assert plan.state("a") == "parked"


def test_a_parked_child_comes_back_with_a_new_budget() -> None:
    plan = standing(ChildPlan("a", can_park=True), intensity=1)
    plan.due("a", the_wait(plan.crashed(crash("a"), 0.0)).gen)
    plan.crashed(crash("a"), 0.0)
    plan.started("a", parked=True)
    assert plan.finished("a", parked=True, now_s=0.0) == [Note("unparked", "a"), Start("a")]
    plan.started("a", parked=False)
    assert kinds(plan.crashed(crash("a"), 0.0)) == [Wait]


def test_a_stand_in_that_crashes_too_is_tried_again_and_then_escalated() -> None:
    plan = standing(ChildPlan("a", can_park=True), intensity=1)
    plan.due("a", the_wait(plan.crashed(crash("a"), 0.0)).gen)
    plan.crashed(crash("a"), 0.0)
    wait = the_wait(plan.crashed(crash("a", spares=True), 0.0))
    assert plan.due("a", wait.gen) == [StandIn("a", "RuntimeError: boom")]
    assert kinds(plan.crashed(crash("a"), 0.0)) == [Escalate]


def test_rest_for_one_halts_those_after_the_crashed_one_last_first_and_starts_them_again_in_order() -> None:
    plan = standing("a", "b", "c", "d", strategy="rest_for_one")
    wait, rest = plan.crashed(crash("b"), 0.0)
    assert isinstance(wait, Wait)
    assert isinstance(rest, Rest)
    assert rest.child == "d"
    assert [action.child for action in plan.halted("d") if isinstance(action, Rest)] == ["c"]
    assert plan.halted("c") == []
    assert plan.due("b", wait.gen) == [Start("b")]
    assert plan.started("b", parked=False) == [Start("c")]
    assert plan.started("c", parked=False) == [Start("d")]


def test_a_wait_that_is_over_early_still_lets_the_later_ones_come_to_rest_first() -> None:
    plan = standing("a", "b", strategy="rest_for_one")
    wait = the_wait(plan.crashed(crash("a"), 0.0))
    assert plan.due("a", wait.gen) == []
    assert plan.halted("b") == [Start("a")]


def test_an_escalation_halts_all_children_last_first_and_then_dies() -> None:
    plan = standing("a", "b", "c", intensity=0)
    assert [rest.child for rest in plan.crashed(crash("b"), 0.0) if isinstance(rest, Rest)] == ["c"]
    assert [rest.child for rest in plan.halted("c") if isinstance(rest, Rest)] == ["a"]
    assert kinds(plan.halted("a")) == [Escalate]


def test_a_stop_overtakes_a_back_off() -> None:
    plan = standing("a")
    wait = the_wait(plan.crashed(crash("a"), 0.0))
    assert kinds(plan.wind_down(final=True)) == [Rest]
    assert plan.due("a", wait.gen) == []
    assert plan.stopped("a") == [CameToRest(final=True)]


def test_a_stop_takes_the_children_down_in_reverse_order() -> None:
    plan, order = standing("a", "b", "c"), list[str]()
    actions = plan.wind_down(final=True)
    while isinstance(actions[0], Rest):
        order.append(actions[0].child)
        actions = plan.stopped(order[-1])
    assert order == ["c", "b", "a"]
    assert actions == [CameToRest(final=True)]


def test_a_child_that_does_not_stop_in_time_is_left_behind_by_a_final_stop() -> None:
    plan = standing("a", "b")
    (rest,) = plan.wind_down(final=True)
    assert isinstance(rest, Rest)
    actions = plan.overdue("b", rest.gen)
    assert kinds(actions) == [Note, Rest]
    assert plan.stopped("a") == [CameToRest(final=True)]


def test_a_child_that_does_not_come_to_rest_for_a_restart_makes_its_supervisor_escalate() -> None:
    plan = standing("a", "b", strategy="rest_for_one")
    actions = plan.crashed(crash("a"), 0.0)
    rest = next(action for action in actions if isinstance(action, Rest))
    assert kinds(plan.overdue("b", rest.gen)) == [Note, Escalate]


def test_a_shutdown_time_that_is_up_after_the_child_came_to_rest_is_nothing() -> None:
    plan = standing("a", "b")
    (rest,) = plan.wind_down(final=True)
    assert isinstance(rest, Rest)
    plan.stopped("b")
    assert plan.overdue("b", rest.gen) == []
    assert plan.state("b") == "stopped"


def test_an_alarm_of_an_earlier_incarnation_means_nothing_to_the_next() -> None:
    numbers = itertools.count(1)
    first = Plan([ChildPlan("a")], "one_for_one", 3, 10.0, STEADY, Random(1), numbers)
    first.begin(afresh=True)
    stale = the_wait(first.crashed(crash("a"), 0.0))
    second = Plan([ChildPlan("a")], "one_for_one", 3, 10.0, STEADY, Random(1), numbers)
    second.begin(afresh=False)
    second.halted("a")
    fresh = the_wait(second.crashed(crash("a"), 0.0))
    assert second.due("a", stale.gen) == []
    assert second.due("a", fresh.gen) == [Start("a")]


def test_a_new_incarnation_halts_what_its_forerunner_left_running() -> None:
    plan = plan_of("a", "b", "gone")
    (rest,) = plan.begin(afresh=False, gone={"gone"})
    assert isinstance(rest, Rest)
    assert (rest.child, rest.final) == ("b", False)
    assert [action.child for action in plan.halted("b") if isinstance(action, Rest)] == ["a"]
    assert plan.halted("a") == [Start("a")]
    assert plan.started("a", parked=False) == [Start("b")]
    assert plan.started("b", parked=False) == []


@pytest.mark.parametrize(("restart", "comes_back"), [("permanent", True), ("transient", False), ("temporary", False)])
def test_a_child_that_ends_by_itself(restart: Literal["permanent", "transient", "temporary"], comes_back: bool) -> None:
    plan = standing(ChildPlan("a", restart))
    assert kinds(plan.finished("a", parked=False, now_s=0.0)) == [Wait if comes_back else Rest]


@pytest.mark.parametrize(("restart", "comes_back"), [("permanent", True), ("transient", True), ("temporary", False)])
def test_a_child_that_crashes(restart: Literal["permanent", "transient", "temporary"], comes_back: bool) -> None:
    plan = standing(ChildPlan("a", restart))
    assert kinds(plan.crashed(crash("a"), 0.0)) == [Wait if comes_back else Rest]


def test_a_crash_while_a_child_is_being_halted_changes_nothing() -> None:
    plan = standing("a", "b", strategy="rest_for_one")
    wait = the_wait(plan.crashed(crash("a"), 0.0))
    assert plan.crashed(crash("b"), 0.0) == []
    assert plan.halted("b") == []
    assert plan.due("a", wait.gen) == [Start("a")]


class Model:
    """The world's side of a plan: children that answer orders as cells do, in any order that cells could."""

    def __init__(self, strategy: Strategy, children: int, intensity: int) -> None:
        self.plan = plan_of(
            *(ChildPlan(f"c{i}", can_park=i == 1) for i in range(children)), strategy=strategy, intensity=intensity
        )
        self.alive: dict[str, bool] = {}
        """Child -> whether what is alive is the stand-in."""
        self.todo: list[Callable[[], list[Action]]] = []
        self.final: bool | None = None
        self.ended: Action | None = None
        self.now_s = 0.0
        self.take(self.plan.begin(afresh=True))

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            assert self.ended is None, f"{action} after {self.ended}"
            self.one(action)
        self.plan.check()

    def one(self, action: Action) -> None:
        plan = self.plan
        match action:
            case Start(child=child) | StandIn(child=child):
                assert child not in self.alive, f"two incarnations of {child}"
                self.alive[child] = parked = isinstance(action, StandIn)
                self.todo.append(lambda: plan.started(child, parked))
            case Rest(child=child, final=final):
                self.todo.append(lambda: self.rested(child, final))
            case Wait(child=child, gen=gen):
                assert child not in self.alive
                self.todo.append(lambda: plan.due(child, gen))
            case Escalate() | CameToRest():
                assert not self.alive, f"{action} while {self.alive} are at work"
                self.ended = action
            case Note():
                pass

    def rested(self, child: str, final: bool) -> list[Action]:
        self.alive.pop(child, None)
        return self.plan.stopped(child) if final else self.plan.halted(child)

    def step(self, rng: Random, crashing: bool) -> None:
        self.now_s += rng.random()
        if crashing and self.alive and rng.random() < 0.5:
            child = rng.choice(sorted(self.alive))
            started = self.plan.state(child) not in ("starting", "parking")
            if started or not self.todo:
                self.alive.pop(child)
                self.take(self.plan.crashed(crash(child, rng.random() < 0.2), self.now_s))
                return
        if self.todo:
            self.take(self.todo.pop(rng.randrange(len(self.todo)))())


@given(
    seed=st.integers(0, 2**32), strategy=st.sampled_from(["one_for_one", "rest_for_one"]), children=st.integers(1, 5),
    intensity=st.integers(0, 4), crashes=st.integers(0, 60),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_happens_no_two_incarnations_are_at_work_and_a_stop_comes_to_rest(
    seed: int, strategy: Strategy, children: int, intensity: int, crashes: int
) -> None:
    rng, model = Random(seed), Model(strategy, children, intensity)
    for _ in range(crashes):
        if model.ended is None:
            model.step(rng, crashing=True)
    if model.ended is None:
        model.take(model.plan.wind_down(final=True))
    for _ in range(1_000):
        if model.ended is None:
            model.step(rng, crashing=False)
    assert model.ended is not None


@given(
    seed=st.integers(0, 2**32), strategy=st.sampled_from(["one_for_one", "rest_for_one"]), children=st.integers(1, 5)
)
@settings(max_examples=200, deadline=None)
def test_once_the_crashes_end_everybody_stands(seed: int, strategy: Strategy, children: int) -> None:
    rng, model = Random(seed), Model(strategy, children, intensity=100)
    for _ in range(40):
        model.step(rng, crashing=True)
    while model.todo:
        model.step(rng, crashing=False)
    assert model.ended is None
    assert sorted(model.alive) == [f"c{i}" for i in range(children)]
