"""The witness: at which entry each cell was when the process died, kept at the price of a memory write.

An entry may end the process it is reacted to in: a fault in a library, all memory used up, an operator who kills what
never returns. Nobody can write that down afterwards, and a commit before each reaction would cost more than the
reaction. So each cell has one word of memory that outlives the process (witness_file.py), and says there which entry
it is at; 0 between reactions.

The next process reads the words before it writes any. A word that names one entry makes it a suspect, taken alone from
then on and set aside after ATTEMPTS_MAX deaths (attempts.py). A word names several entries when the process died while
their states were loaded or encoded in one go: after ONE_BY_ONE_DEATHS such deaths they are taken one by one, and the
next word names the one. The two kinds are remembered apart: a batch that kills before the suspect's turn comes must not
make it forgotten, and so on in turns for ever. Who kills the process from outside strikes whatever is under way; only
who strikes the very same entry three times has it set aside for nothing.

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
"""Deaths that are counted; more say nothing new."""
OFFSET_MAX = 1 << 43
"""A larger one in a word was never written by us."""
_BITS = 10
WORDS = 3
"""For each cell."""

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


class Suspects(msgspec.Struct, frozen=True):
    """Of one cell: the one entry, and the several, that the process died at last."""

    one: Suspect | None = None
    several: Suspect | None = None


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

    def acquit(self) -> None:
        """Nobody is suspected any more: what was is behind, or an operator gave the domain a new chance."""
        self._words[self._place + 1] = self._words[self._place + 2] = 0


class Stand(msgspec.Struct, frozen=True):
    """What a cell begins its life in this process with."""

    mark: Mark
    suspects: Suspects


class Witness(Protocol):
    """What outlives a process of what its cells were at."""

    def begin(self, cells: Sequence[Cell]) -> Mapping[Cell, Stand]:
        """Judge what the last process has left, and give each of `cells` its word. Once in a process."""
        ...


def judged(at: int, before: Suspects) -> Suspects:
    """Who is suspected after a death with the word `at`, when `before` were suspected."""
    if not at:
        return before
    offset, span = at >> _BITS, at & SPAN_MAX
    if span == 1:
        return Suspects(_once_more(before.one, offset, span), before.several)
    return Suspects(before.one, _once_more(before.several, offset, span))


def _once_more(before: Suspect | None, offset: int, span: int) -> Suspect:
    times = before.times if before is not None and before.offset == offset else 0
    return Suspect(offset, span, min(times + 1, TIMES_MAX))


Kept = tuple[int, int, int]
"""A cell's words: what it is at, and its suspects as numbers."""


def begin_again(kept: Mapping[Cell, Kept], cells: Sequence[Cell], words: Words) -> Mapping[Cell, Stand]:
    """Fill the new process's `words`, WORDS for each of `cells`. `kept` are the last process's.

    A cell that is no longer there takes its suspects with it.
    """
    stands: dict[Cell, Stand] = {}
    for i, cell in enumerate(cells):
        at, one, several = kept.get(cell, (0, 0, 0))
        suspects = judged(at if _sound(at) else 0, Suspects(_suspect(one), _suspect(several)))
        place = i * WORDS
        words[place], words[place + 1], words[place + 2] = 0, _number(suspects.one), _number(suspects.several)
        stands[cell] = Stand(Mark(words, place), suspects)
    return stands


def kept_in(words: Words, cells: Sequence[Cell]) -> Mapping[Cell, Kept]:
    """What a process with these `cells` has left in its `words`."""
    places = {cell: i * WORDS for i, cell in enumerate(cells)}
    return {cell: (words[place], words[place + 1], words[place + 2]) for cell, place in places.items()}


def _number(suspect: Suspect | None) -> int:
    return 0 if suspect is None else (suspect.offset << _BITS | suspect.span) << _BITS | suspect.times


def _suspect(number: int) -> Suspect | None:
    times, at = number & TIMES_MAX, number >> _BITS
    return Suspect(at >> _BITS, at & SPAN_MAX, times) if times and _sound(at) else None


def _sound(at: int) -> bool:
    """Whether a word can have been written for an entry: after the machine failed there may be anything."""
    return 0 < at >> _BITS <= OFFSET_MAX and at & SPAN_MAX > 0


class MemoryWitness:
    """For simulated processes, which die in the middle of an act: `died` says when, and what they do then is lost."""

    def __init__(self) -> None:
        self._cells: Sequence[Cell] = ()
        self._words = array("Q")

    def begin(self, cells: Sequence[Cell]) -> Mapping[Cell, Stand]:
        kept = kept_in(self._words, self._cells)
        self._cells, self._words = tuple(cells), array("Q", bytes(8 * WORDS * len(cells)))
        return begin_again(kept, cells, self._words)

    def died(self) -> None:
        """Nothing that this process says from here on is kept."""
        self._words = array("Q", self._words)
