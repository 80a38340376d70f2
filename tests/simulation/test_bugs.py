"""Planted bugs: each is found by a checker, at the seed known to show it; the long hunt searches all of them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.bugs import BUGS, planted
from simulation.bugs.hunt import WORLDS_MAX, Found, hunt, load, table
from simulation.campaign import run_one
from simulation.world import World, quiet_logs

KNOWN = load(Path(__file__).parents[2] / "simulation" / "bugs" / "found.toml")


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    quiet_logs()


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_in_the_world_that_is_known_to_show_it(bug: str) -> None:
    assert run_one(KNOWN[bug].seed, bug).violation, f"{bug} is not found at seed {KNOWN[bug].seed}; hunt it anew"


@pytest.mark.long
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_hunted_down_within_the_limit_and_where_the_table_says(bug: str) -> None:
    found = hunt(bug)
    assert found.violation, f"{bug} was not found in {WORLDS_MAX} worlds"
    assert (found.seed, found.checker) == (KNOWN[bug].seed, KNOWN[bug].checker)


def test_a_bug_is_gone_with_its_world() -> None:
    before = World(0).run().digest
    for bug in BUGS.values():
        with planted(bug):
            assert all(vars(swap.owner)[swap.name].__module__.startswith("simulation.bugs") for swap in bug.swaps)
        assert not any(vars(swap.owner)[swap.name].__module__.startswith("simulation.bugs") for swap in bug.swaps)
    assert World(0).run().digest == before


def test_a_bug_is_gone_even_when_its_world_raises() -> None:
    bug = BUGS["checkpoint_not_compared"]
    right = [vars(swap.owner)[swap.name] for swap in bug.swaps]
    with pytest.raises(ZeroDivisionError), planted(bug):
        raise ZeroDivisionError
    assert [vars(swap.owner)[swap.name] for swap in bug.swaps] == right


def test_there_are_at_least_25_bugs_each_with_a_thought_of_its_own() -> None:
    assert len(BUGS) >= 25
    assert len({bug.thought for bug in BUGS.values()}) == len(BUGS)
    assert all(bug.thought.endswith(("?", ".")) for bug in BUGS.values())


def test_the_table_says_worlds_checker_and_thought_and_what_was_not_found() -> None:
    shown = table(
        [
            Found("ack_before_commit", 3, "invariant 5: x: y", 4),
            Found("hold_outlives_its_use", 1_000, "model: x", 17),
            Found("time_goes_back", -1, "", 200),
        ]
    )
    first, second, third = shown.splitlines()[1:]
    assert first.split()[:5] == ["ack_before_commit", "anything", "4", "invariant", "5"]
    assert second.split()[:4] == ["hold_outlives_its_use", "coupons", "17", "model"]
    assert table([], markdown=True).splitlines()[1] == "| --- | --- | --- | --- | --- |"
    assert "not found" in third and BUGS["time_goes_back"].thought in third
