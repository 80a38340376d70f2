"""The restart budget."""

from __future__ import annotations

import pytest

from supervision.budget import RESTART_INTENSITY_MAX, RestartBudget


def test_the_budget_allows_its_intensity_within_the_period_and_no_more() -> None:
    budget = RestartBudget(3, 10.0)
    assert [budget.spend(t) for t in (0.0, 1.0, 2.0, 3.0)] == [True, True, True, False]
    assert budget.spent == 3


def test_restarts_older_than_the_period_are_forgotten() -> None:
    budget = RestartBudget(2, 10.0)
    assert budget.spend(0.0)
    assert budget.spend(5.0)
    assert not budget.spend(9.999)
    assert budget.spend(10.0)
    assert not budget.spend(14.0)


def test_an_intensity_of_zero_allows_none() -> None:
    assert not RestartBudget(0, 10.0).spend(0.0)


def test_a_cleared_budget_begins_anew() -> None:
    budget = RestartBudget(1, 10.0)
    budget.spend(0.0)
    budget.clear()
    assert budget.spend(0.1)


@pytest.mark.parametrize(("intensity", "period_s"), [(-1, 1.0), (RESTART_INTENSITY_MAX + 1, 1.0), (1, 0.0)])
def test_a_budget_that_makes_no_sense_is_refused(intensity: int, period_s: float) -> None:
    with pytest.raises(AssertionError):
        RestartBudget(intensity, period_s)
