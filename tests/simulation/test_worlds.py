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
from simulation.draw import INPUTS_MIN, draw_of, overridden
from simulation.world import Outcome, quiet_logs

ROOT = Path(__file__).parents[2]
WORLDS = 1_000
LONG_WORLDS = 5_000


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    quiet_logs()


@pytest.fixture(scope="module")
def thousand() -> Totals:
    return report(run_many(range(WORLDS), 2), lambda: None)


def said(failed: list[Outcome]) -> list[str]:
    return [f"{campaign.command(outcome.seed)}: {outcome.violation[:300]}" for outcome in failed]


def test_a_thousand_worlds_keep_every_invariant_and_agree_with_the_models(thousand: Totals) -> None:
    assert said(thousand.failed) == []
    assert thousand.worlds == WORLDS


def test_a_thousand_worlds_reach_every_rare_branch(thousand: Totals) -> None:
    assert thousand.missing() == []


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


def test_a_mark_that_is_missing_in_a_thousand_worlds_is_named() -> None:
    totals = Totals()
    for seed in range(campaign.ONCE_WORLDS):
        totals.add(Outcome(seed, "0" * 64, 1, 100, 1, "", {}, marks={"suspected": 1} if seed else {}))
    assert "suspected" not in " ".join(totals.missing())
    assert f"fsync_failed: 0 of {campaign.ONCE_WORLDS} worlds" in totals.missing()


def test_no_worlds_at_all_are_refused_instead_of_praised() -> None:
    refused = simulate("--seeds", "0")
    assert refused.returncode == 2 and "--seeds must be at least 1" in refused.stderr
