"""Numbers that nobody counts as they happen, because looking is cheaper: taken when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from supervision.counters import Counters
from supervision.tail import Tail
from supervision.tree import Tree


class Sampler:
    """Called on a reading thread; takes locks for moments only. O(cells + segments)."""

    def __init__(
        self, tails: Mapping[int, Tail], tree: Tree, domains: Collection[str],
        parked_domains: Callable[[], Collection[tuple[int, str]]], counters: Counters,
    ) -> None:  # fmt: skip
        self._tails = tails
        self._tree = tree
        self._domains = domains
        self._parked_domains = parked_domains
        self._counters = counters

    def __call__(self) -> None:
        for row in self._tree.rows():
            if row.kind == "child":
                self._counters.gauge("inbox_messages", row.inbox, cell=row.path)
        for segment, tail in self._tails.items():
            self._counters.gauge("tail_length", tail.length, segment=segment)
        parked = [domain for _, domain in self._parked_domains()]
        for domain in self._domains:
            self._counters.gauge("parked_domains", parked.count(domain), domain=domain)
