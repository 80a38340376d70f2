"""Asking for many rows in few statements.

`IN (?, ?, ...)` with every count that occurs would fill the statement cache with one-offs, so lists are cut to a few
sizes and the last piece is padded by repeating its last item, which changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

SIZES = (1, 4, 16, 64, 256)
_HOLES = {n: f"({', '.join('?' * n)})" for n in SIZES}


def holes(n: int) -> str:
    """The parenthesised placeholders for one of `SIZES`."""
    return _HOLES[n]


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items` in pieces whose length is one of `SIZES`. O(items)."""
    largest = SIZES[-1]
    for start in range(0, len(items), largest):
        piece = list(items[start : start + largest])
        size = next(size for size in SIZES if size >= len(piece))
        piece.extend(piece[-1:] * (size - len(piece)))
        yield piece
