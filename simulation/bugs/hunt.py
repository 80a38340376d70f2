"""The hunt: for each planted bug the first seed whose world does not end well, and which checker said so.

Each bug is hunted alone, from seed 0 upward, one bug to a process at a time, in worlds in which what it spoils is
there: in the others it cannot be. A bug that no world within the limit shows is a hole in the worlds or in the
checkers, never in the bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from simulation.bugs import BUGS, Bug
from simulation.campaign import run_one
from simulation.draw import seeds_with
from simulation.world import quiet_logs

WORLDS_MAX = 200
"""A bug must be found within this many worlds."""


class Found(msgspec.Struct, frozen=True):
    """What became of a hunt. `seed` is -1 when no world showed the bug; `violation` is what the checker said, in the
    last of so many `worlds`.
    """

    bug: str
    seed: int
    violation: str
    worlds: int

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


def hunt(bug: str, worlds_max: int = WORLDS_MAX) -> Found:
    """Worlds from seed 0 until one shows the bug: it ends badly with it, and well without it."""
    quiet_logs()
    for worlds, seed in enumerate(seeds_with(BUGS[bug].where, 0, worlds_max), 1):
        violation = run_one(seed, bug).violation
        if violation and not run_one(seed).violation:
            return Found(bug, seed, violation, worlds)
    return Found(bug, -1, "", worlds_max)


def hunt_all(bugs: Sequence[str], jobs: int) -> Iterator[Found]:
    """Each of `bugs`, on `jobs` processes, in the order given."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(hunt, bugs)


def table(found: Sequence[Found], markdown: bool = False) -> str:
    """A line for each bug: name, in which worlds it was hunted, how many until found, checker, and what the engineer
    thought.
    """
    head = (
        "bug",
        "hunted in worlds with",
        "worlds until found",
        "found by",
        "what a tired engineer would have thought",
    )
    rows = [_row(each, BUGS[each.bug]) for each in found]
    if markdown:
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(4)]
    return "\n".join("  ".join([*(f"{row[i]:{widths[i]}}" for i in range(4)), row[4]]) for row in (head, *rows))


def _row(found: Found, bug: Bug) -> tuple[str, str, str, str, str]:
    until = str(found.worlds) if found.violation else "not found"
    return bug.name, bug.where or "anything", until, found.checker, bug.thought
