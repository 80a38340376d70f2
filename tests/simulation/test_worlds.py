"""A hundred seeded worlds: the whole engine, every invariant after every step, the books against the model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from simulation.world import World, quiet_logs

ROOT = Path(__file__).parents[2]
SEEDS = 100
LONG_SEEDS = 1_000


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    quiet_logs()


def test_a_hundred_worlds_keep_every_invariant_and_agree_with_the_model() -> None:
    happened: Counter[str] = Counter()
    for seed in range(SEEDS):
        outcome = World(seed).run()
        assert not outcome.violation, f"python run.py simulate --seed {seed} --seeds 1: {outcome.violation}"
        happened.update(name for name, n in outcome.counts.items() if n)
    # A fault that never happens proves nothing: each of these must, in some of the worlds.
    for mark in (
        "commits_refused", "outcomes_unknown", "loads_refused", "reactions_failed", "restarts", "duplicates",
        "dead_letters", "bridge_redelivered", "relay_nacked", "transfers", "timers_fired", "not_taking",
    ):  # fmt: skip
        assert happened[mark], f"no world of {SEEDS} had {mark}"


@pytest.mark.long
def test_a_thousand_more_worlds_keep_every_invariant() -> None:
    for seed in range(SEEDS, SEEDS + LONG_SEEDS):
        outcome = World(seed).run()
        assert not outcome.violation, f"python run.py simulate --seed {seed} --seeds 1: {outcome.violation}"


def test_a_seed_gives_the_same_digest_whatever_the_hash_seed() -> None:
    def lines(hash_seed: str) -> list[str]:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "run.py", "simulate", "--seed", "0", "--seeds", "6"]
        shown = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        return shown.stdout.splitlines()[:-1]

    first = lines("1")
    assert len(first) == 6 and all("  steps " in line for line in first)
    assert first == lines("2")
