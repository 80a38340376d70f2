"""What a batch's stages come to: the rows to write, folded before the first of them is written.

Stages of a batch may follow each other for one (segment, domain), and a subject may change in several of them.
Folding them first means that each row is written once, with its last value, in the order of its key, so that
neighbours share a page; and a stage whose `prev` does not follow its forerunner is found without touching the disk.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from supervision.messages import ParkedRow, Stage, TimerRow
from supervision.store import StageRejected

Line = tuple[int, str, int, int, str, bytes]
"""A record: segment, domain, offset, n, subject, checked body."""
KeyAt = tuple[int, str, bytes]
"""Where a business key stands: segment, domain, key."""


class Move:
    """One checkpoint's way through a batch: from the first stage's `prev` to the last one's `upto`."""

    __slots__ = ("first", "prev", "upto")

    def __init__(self, stage: Stage) -> None:
        self.first = stage
        self.prev = self.upto = stage.prev
        self.follow(stage)

    def follow(self, stage: Stage) -> None:
        if stage.prev != self.upto or stage.upto < stage.prev:
            raise StageRejected(stage, f"checkpoint is {self.upto}, the stage goes from {stage.prev} to {stage.upto}")
        self.upto = stage.upto


class Plan:
    """The rows of `stages`. Raises `StageRejected` when they contradict each other. O(rows)."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.moves: dict[tuple[int, str], Move] = {}
        self.states: dict[tuple[int, str, str], bytes] = {}
        self.timers: dict[tuple[int, str, str, str], TimerRow | None] = {}
        self.records: list[Line] = []
        self.used: dict[KeyAt, tuple[Stage, bytes]] = {}
        """Business keys that must be new to the store, or have this value there; and who says so."""
        self.rewritten: dict[KeyAt, bytes] = {}
        self._newest: dict[KeyAt, bytes] = {}
        """Of both: the value a key has as far as the stages are folded."""
        self.parked: dict[tuple[int, str, str, int], ParkedRow | None] = {}
        self.replies: dict[tuple[int, str], bytes] = {}
        for stage in stages:
            self._add(stage)

    def _add(self, stage: Stage) -> None:
        segment, domain = stage.segment, stage.domain
        move = self.moves.get((segment, domain))
        if move is None:
            self.moves[segment, domain] = Move(stage)
        else:
            move.follow(stage)
        for subject, state in stage.states:
            self.states[segment, domain, subject] = state
        for op in stage.timer_ops:
            self.timers[segment, domain, op.subject, op.key] = op.row
        for record in stage.records:
            self.records.append((segment, domain, record.offset, record.n, record.subject, checked(record.body)))
        self._add_keys(stage)
        self._add_rare(stage)

    def _add_keys(self, stage: Stage) -> None:
        for key, value in stage.keys:
            at = (stage.segment, stage.domain, key)
            if at not in self._newest:
                self.used[at] = stage, value
            if self._newest.setdefault(at, value) != value:
                raise StageRejected(stage, f"business key {key.hex()} is used up by another value in the same batch")
        for key, value in stage.rewritten:
            self.rewritten[stage.segment, stage.domain, key] = self._newest[stage.segment, stage.domain, key] = value

    def _add_rare(self, stage: Stage) -> None:
        segment, domain = stage.segment, stage.domain
        # Removed first: a retry that fails again replaces its row within one stage.
        for subject, offset in stage.unparked:
            self.parked[segment, domain, subject, offset] = None
        for row in stage.parked:
            self.parked[segment, domain, row.subject, row.offset] = row
        for id_hash, body in stage.replies:
            self.replies[id_hash, domain] = body


def checked(blob: bytes) -> bytes:
    """`blob` behind its crc32, as states and records are stored."""
    return zlib.crc32(blob).to_bytes(4, "big") + blob
