"""The witness: at which entry each cell was when the process died, kept at the price of a memory write.

An entry may end the process it is reacted to in: a fault in a library, all memory used up, an operator who kills what
never returns. Nobody can write that down afterwards, and a commit before each reaction would cost more than the
reaction. So each cell has one word of memory that outlives the process (witness_file.py), and says there which entry
it is at; 0 between reactions.

The next process reads the words before it writes any. A word that names one entry makes it a suspect, taken alone from
then on and set aside after ATTEMPTS_MAX deaths (attempts.py). A word names several entries when the process died while
their states were loaded or encoded in one go: after ONE_BY_ONE_DEATHS such deaths they are taken one by one, and the
next word names the one. Who kills the process from outside strikes whatever is under way; only who strikes the very
same entry three times has it set aside for nothing.

What the journal does with a finished reaction's bytes is not watched: no domain's code runs there.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

ONE_BY_ONE_DEATHS = 2
"""The process died this often over the same several entries: take them one by one."""
SPAN_MAX = 1_023
"""Offsets that one word can name."""
TIMES_MAX = 1_023
_BITS = 10

Cell = tuple[int, str]
"""Segment and domain."""


class Words(Protocol):
    """A row of unsigned 64-bit numbers; a write is one store into memory."""

    def __getitem__(self, place: int, /) -> int: ...
    def __setitem__(self, place: int, value: int, /) -> None: ...


class Suspect(msgspec.Struct, frozen=True):
    """The process died `times` times with a cell at `span` offsets from `offset` on."""

    offset: int
    span: int
    times: int

    @property
    def alone(self) -> bool:
        """It is one entry and no other."""
        return self.span == 1


class Mark:
    """One cell's word. Written by the cell's own turns only."""

    __slots__ = ("_place", "_words")

    def __init__(self, words: Words, place: int) -> None:
        self._words = words
        self._place = place

    def at(self, offset: int, span: int = 1) -> None:
        """The cell is at the entries from `offset` on; `span` is the last one's distance plus 1."""
        self._words[self._place] = offset << _BITS | min(span, SPAN_MAX)

    def clear(self) -> None:
        """The cell is at no entry."""
        self._words[self._place] = 0


class Stand(msgspec.Struct, frozen=True):
    """What a cell begins its life in this process with."""

    mark: Mark
    suspect: Suspect | None


class Witness(Protocol):
    """What outlives a process of what its cells were at."""

    def begin(self, cells: Sequence[Cell]) -> Mapping[Cell, Stand]:
        """Judge what the last process has left, and give each of `cells` its word. Once in a process."""
        ...


def judged(at: int, before: Suspect | None) -> Suspect | None:
    """Who is suspected after a death with the word `at`, when `before` was suspected."""
    if not at:
        return before
    offset, span = at >> _BITS, at & SPAN_MAX
    again = before is not None and (before.offset, before.alone) == (offset, span == 1)
    return Suspect(offset, span, min(before.times + 1, TIMES_MAX) if before is not None and again else 1)


def begin_again(kept: Mapping[Cell, tuple[int, int]], cells: Sequence[Cell], words: Words) -> Mapping[Cell, Stand]:
    """Fill the new process's `words`, two for each of `cells`: what it is at, and who is suspected, as a number.

    `kept` are the last process's. A cell that is no longer there takes its suspect with it.
    """
    stands: dict[Cell, Stand] = {}
    for i, cell in enumerate(cells):
        at, number = kept.get(cell, (0, 0))
        suspect = judged(at, _suspect(number))
        words[2 * i], words[2 * i + 1] = 0, _number(suspect)
        stands[cell] = Stand(Mark(words, 2 * i), suspect)
    return stands


def _number(suspect: Suspect | None) -> int:
    return 0 if suspect is None else (suspect.offset << _BITS | suspect.span) << _BITS | suspect.times


def _suspect(number: int) -> Suspect | None:
    times, at = number & TIMES_MAX, number >> _BITS
    return Suspect(at >> _BITS, at & SPAN_MAX, times) if number else None


class MemoryWitness:
    """For simulated processes, which die in the middle of an act: `died` says when, and what they do then is lost."""

    def __init__(self) -> None:
        self._cells: Sequence[Cell] = ()
        self._words = array("Q")

    def begin(self, cells: Sequence[Cell]) -> Mapping[Cell, Stand]:
        kept = {cell: (self._words[2 * i], self._words[2 * i + 1]) for i, cell in enumerate(self._cells)}
        self._cells, self._words = tuple(cells), array("Q", bytes(16 * len(cells)))
        return begin_again(kept, cells, self._words)

    def died(self) -> None:
        """Nothing that this process says from here on is kept."""
        self._words = array("Q", self._words)
