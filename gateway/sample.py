"""Numbers that nobody counts as they happen, because looking is cheaper: taken when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Mapping

from supervision.counters import Counters
from supervision.tail import Tail
from supervision.tree import Tree


class Sampler:
    """Called on a reading thread; takes locks for moments only. O(cells + segments)."""

    def __init__(self, tails: Mapping[int, Tail], tree: Tree, counters: Counters) -> None:
        self._tails = tails
        self._tree = tree
        self._counters = counters

    def __call__(self) -> None:
        for row in self._tree.rows():
            if row.kind == "child":
                self._counters.gauge("inbox_messages", row.inbox, cell=row.path)
        for segment, tail in self._tails.items():
            self._counters.gauge("tail_length", tail.length, segment=segment)
