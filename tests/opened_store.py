"""A store with a journal's memory beside it, so that tests can say what they want committed and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from supervision.entry import Draft, Entry, encode_draft, place
from supervision.messages import Page, Stage, TimerRow
from supervision.store import Batch, Head, Reader, Recovery

SEGMENTS = 4
NOW = 1_790_000_000_000
HOUR = 3_600_000


class Opened:
    """`open_again` opens the same store anew, as the next process would."""

    store: Any
    reader: Reader
    recovery: Recovery

    def __init__(self, open_again: Callable[[], Any]) -> None:
        self._open_again = open_again
        self._open()

    def _open(self) -> None:
        self.store = self._open_again()
        self.recovery = self.store.recover(NOW)
        self.reader = self.store.reader()
        self.commit_no = self.recovery.commit_no
        self.heads = dict(self.recovery.heads)

    def commit(self, segment: int = 1, drafts: Sequence[Draft] = (), at: int = NOW, **parts: Any) -> list[Entry]:
        """One batch: `drafts` appended to `segment`, and whatever else a Batch has."""
        before = self.heads[segment]
        entries: list[Entry] = []
        offset, seq = before.offset, before.seq
        for draft in drafts:
            offset, seq = offset + 1, seq + bool(draft.route)
            entries.append(place(draft, segment, self.recovery.epoch, offset, at, seq if draft.route else 0))
        after = Head(offset, seq, at) if entries else before
        if entries:
            page = Page(segment, entries, [encode_draft(draft) for draft in drafts])
            parts |= {"pages": [page], "heads_before": {segment: before}, "heads_after": {segment: after}}
        self.store.commit(Batch(self.commit_no + 1, self.recovery.epoch, **parts))
        self.commit_no += 1
        self.heads[segment] = after
        return entries

    def reopen(self, clean: bool = False) -> None:
        """The process ends, in good order or not, and the next one begins."""
        self.close(clean)
        self._open()

    def close(self, clean: bool = False) -> None:
        self.reader.close()
        self.store.close(clean)


def drafts(n: int, route: str = "", nbytes: int = 0) -> list[Draft]:
    body = b"x" * nbytes
    return [Draft("k", f"user:{i}", b'{"i":%d,"x":"%s"}' % (i, body), id=f"s|{i}", route=route) for i in range(n)]


def stage(prev: int, upto: int, **parts: Any) -> Stage:
    return Stage(1, "points", 1, prev, upto, **parts)


def timer(key: str, gen: int, due: int, **parts: Any) -> TimerRow:
    return TimerRow(1, "points", "user:1", key, gen, due, **parts)
