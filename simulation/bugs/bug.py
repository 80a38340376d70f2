"""A planted bug: functions of production's modules and classes, each exchanged for a wrong version of itself while a
world lives.

The wrong version is given the right one, so it usually is the right one with a line less. It is exchanged where it is
looked up, before the world is built and until it has ended, so whatever the world makes has it and nothing else
differs: the world, its faults and the checkers do not know which bug is planted, or whether one is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import msgspec

Method = Callable[..., Any]


class Swap(msgspec.Struct, frozen=True):
    """`owner.name` becomes `wrong(owner.name)`."""

    owner: type | ModuleType
    name: str
    wrong: Callable[[Method], Method]


class Bug(msgspec.Struct, frozen=True):
    """`thought`: what a tired engineer would have said in its favour. `where`: the dimension of a world (draw.py)
    without which it has no say, as what it spoils is not there; "" in every world.
    """

    name: str
    thought: str
    swaps: Sequence[Swap]
    where: str = ""


@contextmanager
def planted(bug: Bug | None) -> Generator[None]:
    """While this lasts, production code has the bug. Undone in any case. Not for two threads at once."""
    undo: list[tuple[type | ModuleType, str, Any]] = []
    try:
        for swap in bug.swaps if bug is not None else ():
            right = vars(swap.owner)[swap.name]
            setattr(swap.owner, swap.name, swap.wrong(right))
            undo.append((swap.owner, swap.name, right))
        yield
    finally:
        for owner, name, right in reversed(undo):
            setattr(owner, name, right)
