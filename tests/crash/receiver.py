"""A receiver that lives through restores: the five lines of docs/semantics.md, and what `seq` tells besides.

The lines act once upon each message id. A restore makes the engine forget what it said after the backup; the input
sent again makes it say the same things under new ids, so the lines alone act twice upon them. What tells the two apart
is the segment's `seq`: under a higher epoch it jumps back to where the backup ended, and whatever an older epoch
numbered from there on is taken back, no more and no less.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tests.crash.listener import TYPES, Listener, Seen
from tests.unit.test_receiver import receiver


class Receiver(Listener):
    """`acted`: upon what, in order."""

    def __init__(self, url: str, types: Collection[str] = TYPES) -> None:
        self.acted: list[str] = []
        self.jumps = 0
        """How often a segment's `seq` went back, which tells a restore."""
        self._lines: Any = None
        super().__init__(url, types)

    def _look(self, key: str, props: Any, body: bytes) -> None:
        super()._look(key, props, body)
        receive, db = self._lines = self._lines or receiver()  # made in the thread that uses it
        receive(db, props.message_id, body, lambda *_: self.acted.append(props.message_id))

    def _follows(self, last: tuple[int, int, int], this: tuple[int, int, int]) -> None:
        if this[0] > last[0] and this[2] <= last[2]:
            self.jumps += 1
            return
        super()._follows(last, this)


def standing(seen: Sequence[Seen]) -> list[Seen]:
    """What was not taken back, by `epoch` and `seq` alone."""
    kept: dict[int, list[Seen]] = {}
    for effect in seen[:]:  # a copy: the listening thread appends
        of_segment = kept.setdefault(effect.segment, [])
        while of_segment and of_segment[-1].epoch < effect.epoch and of_segment[-1].seq >= effect.seq:
            of_segment.pop()
        of_segment.append(effect)
    stands = {effect.id for of_segment in kept.values() for effect in of_segment}
    return [effect for effect in seen if effect.id in stands]
