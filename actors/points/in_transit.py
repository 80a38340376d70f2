"""Gifts that have left their giver's books and are not in the receiver's yet, at the moment of a cut.

A gift is in one of four places: in the log of the giver's segment, as a transfer whose number the receiver's segment
has not taken; in the log of the receiver's segment, beyond what the points domain has folded; parked there; or folded.
The first three are read here, from the log itself. A transfer that was numbered, was not taken and is nowhere in the
log is lost; a number that was taken and never given is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.points.audit import Finding
from actors.points.inputs import GIFT_ARRIVES, GiftArrives
from supervision.entry import Entry, decode_draft, segment_subject
from supervision.inspection import Cut
from supervision.store import Reader
from supervision.turn import TRANSFER, Transfer

ENTRIES_AT_ONCE = 1_000
NAMED_MAX = 100
"""Transfers of one pair of segments that are named one by one."""

_transfer = msgspec.msgpack.Decoder(Transfer).decode
_gift = msgspec.json.Decoder(GiftArrives).decode
_entry = msgspec.msgpack.Decoder(Entry).decode


class Trimmed(Exception):
    """The log moved on while it was read: all of what was asked for has been folded since. Take another cut."""


class InTransit:
    """What `read` has found on the way between users."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._seen: dict[tuple[int, int], set[int]] = {}
        self.points = 0

    def read(self, reader: Reader) -> Iterator[None]:
        """In portions. Raises Trimmed."""
        for row in self._cut.parked:
            if row.entry:
                self._take(_entry(row.entry))
        for segment, head in self._cut.heads.items():
            folded, carried = self._cut.checkpoints.get(segment, 0), self._cut.carried.get(segment, 0)
            after = min(folded, carried)
            while after < head:
                entries = reader.read_log(segment, after, head, ENTRIES_AT_ONCE)
                if not entries:
                    raise Trimmed
                for entry in entries:
                    if entry.kind == TRANSFER:
                        self._carried(segment, _transfer(entry.body))
                    elif entry.offset > folded:
                        self._take(entry)
                after = entries[-1].offset
                yield

    def _take(self, entry: Entry) -> None:
        if entry.kind == GIFT_ARRIVES:
            self.points += _gift(entry.body).points

    def _carried(self, src: int, transfer: Transfer) -> None:
        pair = (src, transfer.to)
        if transfer.n <= self._cut.inbound.get(pair, 0):
            return
        self._seen.setdefault(pair, set()).add(transfer.n)
        draft = decode_draft(transfer.encoded)
        if draft.kind == GIFT_ARRIVES:
            self.points += _gift(draft.body).points

    def findings(self) -> Iterator[Finding]:
        """What is wrong with the numbers, once all is read."""
        for pair in sorted({*self._cut.inbound, *self._cut.outbound}):
            given, taken = self._cut.outbound.get(pair, 0), self._cut.inbound.get(pair, 0)
            whose = f"{segment_subject(pair[0])} to {segment_subject(pair[1])}"
            if taken > given:
                yield Finding("transfer_unknown", whose, term="number", expected=given, found=taken)
            seen = self._seen.get(pair, set())
            missing = [n for n in range(taken + 1, given + 1) if n not in seen]
            for n in missing[:NAMED_MAX]:
                yield Finding("transfer_lost", whose, detail=f"number {n} is on its way and not in the log")
