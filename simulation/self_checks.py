"""The doors' own invariants, after each message: PROTOCOL wants them looked at after every step, and only who was just
stepped can have broken one. What `check` finds is an assertion in the cell, which crashes.py tells from what was meant.

Domain hosts do the same for themselves before they write, and supervisors are checked when a world is at rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supervision.runtime import Address, Behaviour
from supervision.tree import Tree

CHECKED = ("doors/bridge", "doors/relay")


def watch(tree: Tree, plant: Callable[[str, Callable[[Address], Behaviour]], None]) -> None:
    """Let them check themselves. Before the tree starts."""
    for path in CHECKED:
        plant(path, _checking(tree.cell(path).spec.factory))


def _checking(factory: Callable[[Address], Behaviour]) -> Callable[[Address], Behaviour]:
    def make(me: Address) -> Behaviour:
        made: Any = factory(me)
        receive, check = made.receive, made.check

        def receiving(message: Any) -> None:
            receive(message)
            check()

        made.receive = receiving
        return made

    return make
