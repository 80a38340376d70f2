"""A reader of one segment's log with a checkpoint: what the courier and the relay have in common with a cell.

It folds nothing; it carries entries somewhere and then says how far it got. Like a cell it begins (which retires its
earlier incarnation), pulls from the tail, and moves its checkpoint by compare-and-set, one stage under way at a time.
What it carried after its checkpoint is carried again by the next incarnation: whoever receives must know it again, by
the transfer's number or by the effect's id. An owner that must remember for longer than a checkpoint may stand still
keeps rows (`keep`) and says what came of them (`emit`), both durable with the next stage or not at all.
"""

from __future__ import annotations

import msgspec

from supervision.entry import Entry
from supervision.messages import Begin, Begun, Committed, Emission, Rejected, Stage
from supervision.runtime import Address
from supervision.store import Reader
from supervision.tail import Tail


class ReaderBegun(msgspec.Struct, frozen=True):
    """To the owner of the LogReader of `segment`; `begun` is None when the segment is lost."""

    segment: int
    begun: Begun | None


class ReaderStaged(msgspec.Struct, frozen=True):
    """To the owner of the LogReader of `segment`: its progress was committed, or it was retired."""

    segment: int
    result: Committed | Rejected


class LogReader:
    """One segment's reading position under the name `domain`. Used by one actor only; not thread-safe.

    The owner passes ReaderBegun and ReaderStaged on to `begun` and `staged`, and calls `finished` as work completes.
    """

    def __init__(
        self,
        segment: int,
        domain: str,
        kinds: frozenset[str],
        incarnation: int,
        journal: Address,
        tail: Tail,
        store: Reader,
        me: Address,
    ) -> None:
        self.segment = segment
        self.domain = domain
        self.cursor = -1
        """Last offset pulled; -1 before it has begun."""
        self.checkpoint = -1
        self._finished = -1
        self._staging = False
        self._rows: dict[str, bytes] = {}
        self._emits: list[Emission] = []
        self._kinds = kinds
        self.incarnation = incarnation
        self._journal = journal
        self._tail = tail
        self._store = store
        self._me = me
        self.subscription = tail.subscribe(me, kinds)

    def begin(self) -> None:
        me, segment = self._me, self.segment
        self._journal.tell(
            Begin(segment, self.domain, self.incarnation, lambda begun: me.tell(ReaderBegun(segment, begun)))
        )

    def begun(self, begun: Begun) -> None:
        assert begun.incarnation == self.incarnation
        self.cursor = self.checkpoint = self._finished = begun.checkpoint

    @property
    def running(self) -> bool:
        return self.cursor >= 0

    def pull(self, n: int) -> list[Entry]:
        """The next entries for us among the next `n`; advances the cursor. Empty at the head (or when all were
        others').
        """
        entries, self.cursor = self._tail.read(self.cursor, n, self._kinds, self._store)
        return entries

    @property
    def behind(self) -> int:
        """Entries between the cursor and the head."""
        return self._tail.head - self.cursor

    def rewind(self) -> None:
        """Carry again everything that is not finished."""
        self.cursor = self._finished

    @property
    def staging(self) -> bool:
        """A stage is under way."""
        return self._staging

    def keep(self, subject: str, row: bytes) -> None:
        """Put `row` in the place of whatever `subject`, a part of the segment, holds; with the next stage."""
        self._rows[subject] = row

    def emit(self, emission: Emission) -> None:
        """Append it with the next stage."""
        self._emits.append(emission)

    def finished(self, upto: int) -> None:
        """Everything up to `upto` has arrived where it should; stage that, unless a stage is under way already."""
        assert self._finished <= upto <= self.cursor, (self._finished, upto, self.cursor)
        self._finished = upto
        self._stage()

    def _stage(self) -> None:
        if self._staging or not (self._finished > self.checkpoint or self._rows or self._emits):
            return
        self._staging = True
        me, segment = self._me, self.segment
        rows, emits, self._rows, self._emits = list(self._rows.items()), self._emits, {}, []
        nbytes = sum(len(row) for _, row in rows) + sum(len(emission.encoded) for emission in emits)
        self._journal.tell(
            Stage(
                segment, self.domain, self.incarnation, self.checkpoint, self._finished, emits, rows, nbytes=nbytes,
                done=lambda result: me.tell(ReaderStaged(segment, result)),
            )
        )  # fmt: skip

    def staged(self, result: Committed | Rejected) -> bool:
        """Take note of a stage's end; False when this reader was retired and its owner must start anew."""
        if isinstance(result, Rejected):
            return False
        self._staging = False
        self.checkpoint = result.upto
        self._stage()
        return True

    def close(self) -> None:
        self._tail.unsubscribe(self.subscription)
