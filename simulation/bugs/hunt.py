"""The hunt: for each planted bug the first seed whose world does not end well, and which checker said so.

Each bug is hunted alone, from seed 0 upward, one bug to a process at a time. A bug that no world within the limit
shows is a hole in the worlds or in the checkers, never in the bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from simulation.bugs import BUGS
from simulation.campaign import run_one
from simulation.world import quiet_logs

SEEDS_MAX = 200
"""A bug must be found within this many worlds."""


class Found(msgspec.Struct, frozen=True):
    """What became of a hunt. `seed` is -1 when no world showed the bug; `violation` is what the checker said."""

    bug: str
    seed: int
    violation: str

    @property
    def checker(self) -> str:
        """Which checker it was: the text before what it says."""
        return self.violation.partition(":")[0]


class Known(msgspec.Struct, frozen=True):
    """The last hunt's result for a bug, as found.toml keeps it."""

    seed: int
    checker: str


def load(path: Path) -> dict[str, Known]:
    """What earlier hunts found, by bug."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, Known])


def save(path: Path, found: Sequence[Found]) -> None:
    """Keep what was found for the tests."""
    lines = [f'{each.bug} = {{ seed = {each.seed}, checker = "{each.checker}" }}' for each in found if each.violation]
    path.write_text("# Written by `run.py simulate --bugs --found FILE`.\n" + "\n".join(lines) + "\n")


def hunt(bug: str, seeds_max: int = SEEDS_MAX) -> Found:
    """Worlds from seed 0 until one shows the bug: it ends badly with it, and well without it."""
    quiet_logs()
    for seed in range(seeds_max):
        violation = run_one(seed, bug).violation
        if violation and not run_one(seed).violation:
            return Found(bug, seed, violation)
    return Found(bug, -1, "")


def hunt_all(bugs: Sequence[str], jobs: int) -> Iterator[Found]:
    """Each of `bugs`, on `jobs` processes, in the order given."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(hunt, bugs)


def table(found: Sequence[Found], markdown: bool = False) -> str:
    """A line for each bug: name, worlds until found, checker, and what the engineer thought."""
    head = ("bug", "seeds until found", "found by", "what a tired engineer would have thought")
    rows = [
        (each.bug, str(each.seed + 1) if each.violation else "not found", each.checker, BUGS[each.bug].thought)
        for each in found
    ]
    if markdown:
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(3)]
    return "\n".join("  ".join([*(f"{row[i]:{widths[i]}}" for i in range(3)), row[3]]) for row in (head, *rows))
