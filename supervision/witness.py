"""The witness: at which entry each cell was when the process died, kept at the price of a memory write.

An entry may end the process it is reacted to in: a fault in a library, all memory used up, an operator who kills what
never returns. Nobody can write that down afterwards, and a commit before each reaction would cost more than the
reaction. So each cell has one word of memory that outlives the process (witness_file.py), and says there which entry
it is at; 0 between reactions.

The next process reads the words before it writes any. A word that names one entry makes it a suspect, taken alone from
then on and set aside after ATTEMPTS_MAX deaths (attempts.py). A word names several entries when the process died while
their states were loaded or encoded in one go: after ONE_BY_ONE_DEATHS such deaths they are taken one by one, and the
next word names the one. Of an operator's retry the word says at which of its rows it is, too: those before that row
are not to blame. The two kinds are remembered apart: a batch that kills before the suspect's turn comes must not
make it forgotten, and so on in turns for ever. Who kills the process from outside strikes whatever is under way; only
who strikes the very same entry three times has it set aside for nothing. How many starts lie between is no matter, as
long as no commit goes beyond it: two entries that kill in turns must not make each other forgotten.

Where no domain's code runs nobody is to blame: not in the journal, that writes a finished reaction's bytes, and not
while the store is read. A disk that hangs would else have its entry set aside in each cell by whoever kills the process
for it. Only several entries stay named while they are read: to take them one by one blames nobody, and is what helps
when their states together were too much for the memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
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
_OFFSET_BITS = 44
_OFFSET = (1 << _OFFSET_BITS) - 1
WORDS = 3
"""For each cell."""

Cell = tuple[int, str]
"""Segment and domain."""


class Words(Protocol):
    """A row of unsigned 64-bit numbers; a write is one store into memory."""

    def __getitem__(self, place: int, /) -> int: ...
    def __setitem__(self, place: int, value: int, /) -> None: ...


class At(msgspec.Struct, frozen=True):
    """What a cell is at: `span` offsets from `offset` on; `row`: number, from 1, of what a retry there folds, or 0."""

    offset: int
    span: int = 1
    row: int = 0


class Suspect(msgspec.Struct, frozen=True):
    """The process died `times` times with a cell at `span` offsets from `offset` on, at last at `row` of a retry."""

    offset: int
    span: int
    times: int
    row: int = 0


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

    def retrying(self, offset: int, row: int) -> None:
        """The cell is at the retry at `offset`, and of the rows that this folds at number `row`, from 1."""
        self._words[self._place] = (min(row, SPAN_MAX) << _OFFSET_BITS | offset) << _BITS | 1

    @contextmanager
    def reading(self) -> Generator[None]:
        """The store is read for what the cell is at."""
        word = self._words[self._place]
        if word & SPAN_MAX == 1:
            self._words[self._place] = 0
        yield
        self._words[self._place] = word

    def clear(self) -> None:
        """The cell is at no entry."""
        self._words[self._place] = 0

    def read(self) -> At | None:
        """What the cell is at this moment. For any thread."""
        return _at(self._words[self._place])

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


def judged(at: At | None, before: Suspects) -> Suspects:
    """Who is suspected after a death of a cell that was `at` something, when `before` were suspected."""
    if at is None:
        return before
    if at.span == 1:
        return Suspects(_once_more(before.one, at), before.several)
    return Suspects(before.one, _once_more(before.several, at))


def _once_more(before: Suspect | None, at: At) -> Suspect:
    if before is None or before.offset != at.offset:
        return Suspect(at.offset, at.span, 1, at.row)
    return Suspect(at.offset, at.span, min(before.times + 1, TIMES_MAX), at.row)


Kept = tuple[int, int, int]
"""A cell's words: what it is at, and its suspects as numbers."""


def begin_again(kept: Mapping[Cell, Kept], cells: Sequence[Cell], words: Words) -> Mapping[Cell, Stand]:
    """Fill the new process's `words`, WORDS for each of `cells`. `kept` are the last process's.

    A cell that is no longer there takes its suspects with it.
    """
    stands: dict[Cell, Stand] = {}
    for i, cell in enumerate(cells):
        at, one, several = kept.get(cell, (0, 0, 0))
        suspects = judged(_at(at), Suspects(_suspect(one, True), _suspect(several, False)))
        place = i * WORDS
        words[place], words[place + 1], words[place + 2] = 0, _number(suspects.one), _number(suspects.several)
        stands[cell] = Stand(Mark(words, place), suspects)
    return stands


def kept_in(words: Words, cells: Sequence[Cell]) -> Mapping[Cell, Kept]:
    """What a process with these `cells` has left in its `words`."""
    places = {cell: i * WORDS for i, cell in enumerate(cells)}
    return {cell: (words[place], words[place + 1], words[place + 2]) for cell, place in places.items()}


def _at(word: int) -> At | None:
    """None: at nothing, or the word cannot have been written for an entry: after the machine failed there may be
    anything.
    """
    at = At(word >> _BITS & _OFFSET, word & SPAN_MAX, word >> _BITS >> _OFFSET_BITS)
    return at if 0 < at.offset <= OFFSET_MAX and at.span > 0 else None


def _number(suspect: Suspect | None) -> int:
    """Offset; span, or row where the span is 1; times."""
    if suspect is None:
        return 0
    part = suspect.row if suspect.span == 1 else suspect.span
    return (suspect.offset << _BITS | part) << _BITS | suspect.times


def _suspect(number: int, single: bool) -> Suspect | None:
    offset, part, times = number >> _BITS >> _BITS, number >> _BITS & SPAN_MAX, number & TIMES_MAX
    if not (0 < offset <= OFFSET_MAX and times):
        return None
    return Suspect(offset, 1, times, part) if single else Suspect(offset, part, times)


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
