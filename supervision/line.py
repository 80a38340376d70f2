"""A line to a cell that may not exist yet: how the parts of a tree refer to each other before any of them has started.

The factory of a child binds its line to its own address, which stays the same for the rest of the process; whoever
was given the line earlier simply talks to it. Telling a line nobody has bound is a mistake in the order of a tree, so
it raises.
"""

from __future__ import annotations

from typing import Any

from supervision.runtime import Address


class Line:
    """An Address. Bound once, at the child's first start."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._to: Address | None = None

    def bind(self, to: Address) -> None:
        self._to = to

    @property
    def bound(self) -> bool:
        return self._to is not None

    def tell(self, message: Any, /) -> None:
        if self._to is None:
            raise LookupError(f"nobody has started {self.name}")
        self._to.tell(message)
