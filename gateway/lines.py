"""A user's records in one domain, those that somebody asks for: newest first, page by page.

Who asks for some of them has others looked at for him, LINES_LOOKED_AT_MAX for one page. What was not reached by then
is behind the cursor, so a page may be short, or empty, and not the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from gateway.pages import encoded
from gateway.queries import LINES_AT_ONCE
from supervision.messages import RecordRow
from supervision.store import Reader

L = TypeVar("L")

LINES_LOOKED_AT_MAX = 5_000
"""For one page."""

Place = tuple[int, int]
"""(offset, n) of a record."""


class Found(msgspec.Struct, Generic[L], frozen=True):
    """`next_cursor` None: there are no older lines that could be asked for."""

    data: list[L]
    next_cursor: str | None = None

    @property
    def has_more(self) -> bool:
        return self.next_cursor is not None


class Lines(Generic[L]):
    """Of `subject` in `domain`, for the length of one question; `read` makes a line of a record."""

    def __init__(self, reader: Reader, segment: int, domain: str, subject: str, read: Callable[[bytes], L]) -> None:
        self._reader = reader
        self._whose = segment, domain, subject
        self._read = read

    def page(
        self,
        before: Place | None,
        limit: int,
        wanted: Callable[[L], bool] | None = None,
        too_old: Callable[[L], bool] | None = None,
    ) -> Found[L]:
        """`limit` lines at most before `before`, those that are `wanted` (None: all), up to the first `too_old` one."""
        data: list[L] = []
        for looked_at, row in enumerate(self._rows(before, LINES_AT_ONCE if wanted else limit + 1)):
            line = self._read(row.body)
            if too_old and too_old(line):
                break
            if len(data) == limit or looked_at == LINES_LOOKED_AT_MAX:
                assert before is not None
                return Found(data, encoded(before))
            before = row.offset, row.n
            if wanted is None or wanted(line):
                data.append(line)
        return Found(data)

    def _rows(self, before: Place | None, at_once: int) -> Iterator[RecordRow]:
        """Read in portions."""
        while rows := self._reader.records(*self._whose, before, at_once):
            yield from rows
            before = rows[-1].offset, rows[-1].n
