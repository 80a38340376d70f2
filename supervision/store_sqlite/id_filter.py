"""A filter over the buckets of known ids: which buckets may hold this one?

Almost every id that is asked for is new, and asking sixty buckets for it in SQLite would cost sixty descents. So each
bucket is a column of one Bloom filter, bit-sliced: a slot is a 64-bit word with one bit per column, and the words at
an id's three probes ANDed together are the columns that may hold it, all buckets at once, in a third of a
microsecond.

The hashes given are already uniform (blake2b), so the probes are three slices of their 64 bits and nothing is hashed
again. A filter may say "maybe" too often, never "no" wrongly: adding before a commit that then fails is harmless. A
column is reused only after its bit is swept from every slot, in slices, since a sweep of the whole would stop the
journal.
"""

from __future__ import annotations

import mmap

COLUMNS = 64
SLOTS = 1 << 22
"""32 MiB, touched only as it fills. With 20 million ids in 60 buckets a new id costs half a look-up in vain."""
_ALL = (1 << COLUMNS) - 1


class IdFilter:
    """`slots` is a power of two, at most 2^22. Memory: 8 bytes per slot. Used by one thread."""

    def __init__(self, slots: int = SLOTS) -> None:
        assert 0 < slots <= SLOTS and slots & (slots - 1) == 0, slots
        # Anonymous memory is zero and not resident until touched: opening stays instant.
        self._words = memoryview(mmap.mmap(-1, max(8 * slots, mmap.PAGESIZE))).cast("Q")
        self._slots = slots
        self._mask = slots - 1
        self._free = _ALL
        self._dirty = 0
        self._swept = 0
        self._sweeping = 0

    def take_column(self) -> int | None:
        """A clean column of one's own, or None when all are in use or not yet swept."""
        if not self._free:
            return None
        column = (self._free & -self._free).bit_length() - 1
        self._free &= ~(1 << column)
        return column

    def give_back(self, column: int) -> None:
        """The column's bucket is gone. Its bits stay until they are swept, so it must be masked out by the caller."""
        assert not (self._free | self._dirty | self._sweeping) >> column & 1, column
        self._dirty |= 1 << column

    def add(self, id_hash: int, column: int) -> None:
        """`id_hash` (unsigned 64-bit) is now in `column`. O(1)."""
        words, mask, bit = self._words, self._mask, 1 << column
        words[id_hash & mask] |= bit
        words[id_hash >> 21 & mask] |= bit
        words[id_hash >> 42 & mask] |= bit

    def candidates(self, id_hash: int) -> int:
        """The columns that may hold `id_hash`, as a bit mask. O(1)."""
        words, mask = self._words, self._mask
        return words[id_hash & mask] & words[id_hash >> 21 & mask] & words[id_hash >> 42 & mask]

    @property
    def dirty(self) -> bool:
        """There are columns to sweep."""
        return bool(self._dirty | self._sweeping)

    def sweep(self, slots_max: int) -> None:
        """Clear the bits of given-back columns from the next `slots_max` slots. O(slots_max)."""
        if not self._sweeping:
            self._sweeping, self._dirty, self._swept = self._dirty, 0, 0
        if not self._sweeping:
            return
        end = min(self._slots, self._swept + slots_max)
        self._clear(self._swept, end)
        self._swept = end
        if end == self._slots:
            self._free |= self._sweeping
            self._sweeping = 0

    def _clear(self, start: int, end: int) -> None:
        part = self._words[start:end].cast("B")
        keep = int.from_bytes((_ALL & ~self._sweeping).to_bytes(8, "little") * (end - start), "little")
        part[:] = (int.from_bytes(part, "little") & keep).to_bytes(len(part), "little")

    def check(self) -> None:
        """Raise AssertionError when a free column has a bit left anywhere. O(slots)."""
        assert not self._free & (self._dirty | self._sweeping)
        for slot in range(self._slots):
            assert not self._words[slot] & self._free, slot
