"""A thousand seeded worlds: the whole engine, every invariant at each step, every rare branch at least once; and what
the command line says of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulation import campaign
from simulation.campaign import Totals, report, run_many
from simulation.draw import INPUTS_MIN, draw_of, overridden, seeds_with
from simulation.marks import BY_WHERE
from simulation.world import Outcome, quiet_logs

ROOT = Path(__file__).parents[2]
WORLDS = 1_000
LONG_WORLDS = 5_000
DOMAINS = ("ledger", "jobs", "hands", "cart_idle_s", "moments", "notices", "delayed")
"""Which are so rare in a thousand worlds that there are more with each; between them they have all that marks need."""
DOMAIN_WORLDS = 100
LONG_DOMAIN_WORLDS = 500


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    quiet_logs()


@pytest.fixture(scope="module")
def thousand() -> Totals:
    return report(run_many(range(WORLDS), 2), lambda: None)


def with_each(worlds: int, first: int) -> Totals:
    """So many worlds with each domain at least, none twice though one has several."""
    seeds = {seed for name in DOMAINS for seed in seeds_with(name, first, worlds)}
    return report(run_many(sorted(seeds), os.cpu_count() or 1), lambda: None, chosen=True)


def said(failed: list[Outcome]) -> list[str]:
    return [f"{campaign.command(outcome.seed)}: {outcome.violation[:300]}" for outcome in failed]


def test_a_thousand_worlds_keep_every_invariant_and_agree_with_the_models(thousand: Totals) -> None:
    assert said(thousand.failed) == []
    assert thousand.worlds == WORLDS


def test_a_thousand_worlds_reach_every_rare_branch(thousand: Totals) -> None:
    assert thousand.missing() == []


def test_a_hundred_worlds_with_each_domain_reach_every_rare_branch_of_it() -> None:
    totals = with_each(DOMAIN_WORLDS, WORLDS)
    assert said(totals.failed) == []
    assert min(totals.worlds_with[where] for where in BY_WHERE) >= campaign.WHERE_IT_CAN.once_worlds
    assert totals.missing() == []


def test_worlds_are_as_large_and_as_bad_as_they_should_be(thousand: Totals) -> None:
    sums = dict(re.findall(r"^([a-z ]+): ([\d,]+)$", "\n".join(thousand.lines(1.0)), re.MULTILINE))
    numbers = {name: int(text.replace(",", "")) for name, text in sums.items()}
    assert numbers["inputs"] >= INPUTS_MIN * WORLDS
    assert numbers["crashes"] >= 2 * WORLDS and numbers["store faults"] >= 2 * WORLDS
    assert numbers["broker faults"] >= WORLDS


@pytest.mark.long
def test_five_thousand_more_worlds_keep_every_invariant_and_no_branch_is_rarer_than_one_in_a_hundred() -> None:
    totals = report(run_many(range(WORLDS, WORLDS + LONG_WORLDS), os.cpu_count() or 1), lambda: None)
    assert said(totals.failed) == []
    assert totals.missing() == []


@pytest.mark.long
def test_five_hundred_worlds_with_each_domain_and_no_branch_of_it_is_rarer_than_one_in_twenty() -> None:
    totals = with_each(LONG_DOMAIN_WORLDS, WORLDS + LONG_WORLDS)
    assert said(totals.failed) == []
    assert min(totals.worlds_with[where] for where in BY_WHERE) >= campaign.WHERE_IT_CAN.share_worlds
    assert totals.missing() == []


def simulate(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "run.py", "simulate", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)


def test_a_seed_gives_the_same_digest_whatever_the_hash_seed() -> None:
    first, second = (simulate("--seed", "5", hash_seed=hash_seed) for hash_seed in ("1", "2"))
    assert first.returncode == 0 and first.stdout == second.stdout
    lines = first.stdout.splitlines()
    assert len(lines) < 10
    assert [line for line in lines if re.fullmatch(r"digest: [0-9a-f]{64}", line)] == [lines[-1]]


def test_the_steps_of_a_world_can_be_read_and_do_not_change_its_digest() -> None:
    plain, traced = simulate("--seed", "5"), simulate("--seed", "5", "--trace")
    assert plain.stdout.splitlines()[-1] == traced.stdout.splitlines()[-1]
    assert len(traced.stdout.splitlines()) > 100 and "journal" in traced.stdout
    assert not re.search(r"0x[0-9a-f]{6}", traced.stdout), "an address of memory is in the trace"


def test_many_worlds_are_summed_up_and_the_number_of_processes_changes_nothing_but_the_rate() -> None:
    one, two = (simulate("--seeds", "12", "--from", "7", "--jobs", jobs) for jobs in ("1", "2"))
    assert one.returncode == two.returncode == 0
    lines = [line for line in one.stdout.splitlines() if not line.startswith("worlds/s")]
    assert lines == [line for line in two.stdout.splitlines() if not line.startswith("worlds/s")]
    for name in ("worlds", "inputs", "crashes", "store faults", "broker faults"):
        assert any(re.fullmatch(rf"{name}: [\d,]+", line) for line in lines), name
    assert re.fullmatch(r"digest of digests: [0-9a-f]{64}", lines[-1])


def test_a_world_that_fails_says_why_its_last_steps_and_the_command_that_shows_it_again() -> None:
    failed = simulate("--seeds", "20", "--jobs", "1", "--bug", "ack_before_commit")
    assert failed.returncode == 1
    lines = failed.stdout.splitlines()
    assert any(line.startswith("seed: ") for line in lines) and "last steps:" in lines
    again = next(line for line in lines if line.startswith("again: "))
    repeated = simulate(*again.removeprefix("again: python run.py simulate ").split())
    assert repeated.returncode == 1
    kind = next(line for line in lines if line.startswith("violation: ")).split(":")[1]
    assert f"violation:{kind}" in repeated.stdout


def test_a_dimension_that_no_world_has_is_named() -> None:
    with pytest.raises(ValueError, match="no world has a colour"):
        overridden(draw_of(0), ["colour=7"])


def ended(seed: int, *marks: str) -> Outcome:
    return Outcome(seed, "0" * 64, 1, 100, 1, "", {}, marks=dict.fromkeys(marks, 1))


def test_a_mark_that_is_missing_in_a_thousand_worlds_is_named() -> None:
    worlds = range(campaign.ANYWHERE.once_worlds)
    totals = report((ended(seed, "suspected") if seed else ended(seed) for seed in worlds), lambda: None)
    assert "suspected" not in " ".join(totals.missing())
    assert "fsync_failed: 0 of 1,000 worlds" in totals.missing()


def test_a_mark_of_a_domain_is_asked_of_the_worlds_that_have_it() -> None:
    debtors, others = list(seeds_with("ledger", 0, 500)), list(seeds_with("delayed", 0, 99))
    outcomes = [*(ended(seed, "debt") for seed in debtors[:24]), *map(ended, debtors[24:]), *map(ended, others)]
    missing = report(outcomes, lambda: None, chosen=True).missing()
    assert "debt: 24 of 500 worlds with ledger" in missing
    assert not [line for line in missing if line.startswith(("delayed", "fsync_failed"))]
    outcomes = [ended(seed, "debt") for seed in debtors[:25]] + outcomes[25:]
    assert "debt:" not in " ".join(report(outcomes, lambda: None, chosen=True).missing())


def test_worlds_can_be_chosen_for_what_they_have() -> None:
    seeds = list(seeds_with("campaigns", 40, 5))
    assert all(draw_of(seed).campaigns for seed in seeds)
    assert [seed for seed in range(40, seeds[-1] + 1) if draw_of(seed).campaigns] == seeds
    chosen = simulate("--with", "campaigns", "--from", "40", "--seeds", "2", "--jobs", "1")
    assert chosen.returncode == 0
    assert {"worlds: 2", "with campaigns: 2", "with ledger: 0"} <= set(chosen.stdout.splitlines())


def test_worlds_with_what_there_is_not_are_refused() -> None:
    refused = simulate("--with", "colour")
    assert refused.returncode == 2 and "no world has a colour" in refused.stderr


def test_no_worlds_at_all_are_refused_instead_of_praised() -> None:
    refused = simulate("--seeds", "0")
    assert refused.returncode == 2 and "--seeds must be at least 1" in refused.stderr
