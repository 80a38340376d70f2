"""A dict that can also be read in the order of its keys, from any key on.

What a B-tree is to the real store, this is to the simulated one: a dict, and a sorted list of its keys. Inserting
moves part of the list, which for the few thousand keys of a simulated world is faster than anything cleverer, and
deterministic.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Any)
V = TypeVar("V")


class SortedTable(Generic[K, V]):
    """Keys must be comparable with each other."""

    def __init__(self) -> None:
        self._rows: dict[K, V] = {}
        self._keys: list[K] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __setitem__(self, key: K, value: V) -> None:
        """O(log n) for a known key, O(n) in a memmove for a new one."""
        if key not in self._rows:
            self._keys.insert(bisect_left(self._keys, key), key)
        self._rows[key] = value

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys)

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def pop(self, key: K) -> V | None:
        """Remove `key`; -> its value, None when there is none."""
        if key not in self._rows:
            return None
        del self._keys[bisect_left(self._keys, key)]
        return self._rows.pop(key)

    def after(self, key: K) -> Iterator[tuple[K, V]]:
        """Items strictly after `key`, in order. The table must not change meanwhile."""
        for i in range(bisect_right(self._keys, key), len(self._keys)):
            yield self._keys[i], self._rows[self._keys[i]]

    def before(self, key: K | None) -> Iterator[V]:
        """Values strictly before `key` (None: all), the last first. The table must not change meanwhile."""
        end = len(self._keys) if key is None else bisect_left(self._keys, key)
        return (self._rows[self._keys[i]] for i in range(end - 1, -1, -1))

    def items(self) -> Iterator[tuple[K, V]]:
        return ((key, self._rows[key]) for key in self._keys)

    def values(self) -> Iterator[V]:
        return (self._rows[key] for key in self._keys)

    def check(self) -> None:
        """Raise AssertionError when the order is lost."""
        assert len(self._keys) == len(self._rows) and set(self._keys) == set(self._rows)
        assert all(a < b for a, b in zip(self._keys, self._keys[1:], strict=False))
