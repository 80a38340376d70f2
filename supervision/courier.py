"""The courier: carries emitted entries to the segments where their subjects live, each exactly once.

It is a reader of every segment's log with a checkpoint of its own. What makes the carrying exactly once is not the
courier but the number: for each pair of segments transfers are counted without a gap on both sides, each count in the
transaction of its entry. A courier that died after the append and before its checkpoint carries again, and the
journal answers that number n is already in. Order per pair is the order of the source's log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from supervision.entry import decode_draft
from supervision.messages import Append, AppendResult, Item, Misnumbered, Rejected, Via, Wake
from supervision.reader import LogReader, ReaderBegun, ReaderStaged
from supervision.runtime import Address, Runtime
from supervision.store import Reader, Refused
from supervision.tail import Tail
from supervision.turn import TRANSFER, Transfer

DOMAIN = "courier"
UNDER_WAY_MAX = 256
"""Transfers per source segment that are with the journal."""
PULL_ENTRIES = 1_024
PROGRESS_S = 1.0
RETRY_S = 0.1
KINDS = frozenset({TRANSFER})


class Carried(msgspec.Struct, frozen=True):
    """From the journal's thread: what became of the transfer that stands at `offset` of segment `src`.

    `of` tells the answers to an earlier incarnation, which are nothing to this one.
    """

    src: int
    offset: int
    of: int
    round: int
    result: AppendResult


class Look(msgspec.Struct, frozen=True):
    """To itself: look again, and let quiet checkpoints move. `of` tells the looks of an earlier incarnation."""

    of: int


class Lane:
    """What is under way from one source segment. `round` tells answers of before a rewind from those after it."""

    def __init__(self, reader: LogReader) -> None:
        self.reader = reader
        self.under_way: OrderedDict[int, bool] = OrderedDict()
        self.round = 0

    def finished_upto(self) -> int:
        return next(iter(self.under_way)) - 1 if self.under_way else self.reader.cursor


class CourierLost(Exception):
    """A progress stage was rejected: somebody else carries now, or this incarnation was retired."""


class Courier:
    """A Behaviour, one for all segments of the process."""

    def __init__(
        self,
        me: Address,
        incarnation: int,
        journal: Address,
        tails: Mapping[int, Tail],
        reader: Reader,
        runtime: Runtime,
    ) -> None:
        self._me = me
        self._incarnation = incarnation
        self._journal = journal
        self._runtime = runtime
        self._store = reader
        self._decode = msgspec.msgpack.Decoder(Transfer)
        self._lanes = {
            segment: Lane(LogReader(segment, DOMAIN, KINDS, incarnation, journal, tail, reader, me))
            for segment, tail in sorted(tails.items())
        }

    def started(self) -> None:
        for lane in self._lanes.values():
            lane.reader.begin()
        self._runtime.send_after(PROGRESS_S, self._me, Look(self._incarnation))

    def stopping(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of tails and store; also called by the engine for an incarnation that crashed."""
        for lane in self._lanes.values():
            lane.reader.close()
        self._store.close()

    def receive(self, message: Any) -> Any:
        match message:
            case ReaderBegun(segment=segment, begun=begun):
                if begun is not None and begun.incarnation == self._lanes[segment].reader.incarnation:
                    self._lanes[segment].reader.begun(begun)
                    self._carry(self._lanes[segment])
            case ReaderStaged(segment=segment, result=result):
                self._staged(self._lanes[segment], result)
            case Carried():
                self._carried(message)
            case Wake():
                self._carry_all()
            case Look(of=of):
                if of == self._incarnation:
                    self._carry_all(quiet=True)
                    self._runtime.send_after(PROGRESS_S, self._me, Look(of))
            case _:
                raise TypeError(f"the courier does not know {type(message).__name__}")

    def _staged(self, lane: Lane, result: Any) -> None:
        if result.incarnation == lane.reader.incarnation and not lane.reader.staged(result):
            assert isinstance(result, Rejected)
            raise CourierLost(result.reason)

    def _carry_all(self, quiet: bool = False) -> None:
        for lane in self._lanes.values():
            lane.reader.subscription.clear()
            if lane.reader.running:
                self._carry(lane)
                if quiet:
                    lane.reader.finished(lane.finished_upto())

    def _carry(self, lane: Lane) -> None:
        reader = lane.reader
        try:
            while len(lane.under_way) < UNDER_WAY_MAX and reader.behind > 0:
                for entry in reader.pull(PULL_ENTRIES):
                    lane.under_way[entry.offset] = False
                    self._send(reader.segment, entry.offset, lane.round, entry.body)
        except Refused:
            self._runtime.send_after(RETRY_S, self._me, Wake())

    def _send(self, src: int, offset: int, round_: int, body: bytes) -> None:
        transfer = self._decode.decode(body)
        item = Item(transfer.to, decode_draft(transfer.encoded), transfer.encoded)
        me, of = self._me, self._incarnation

        def done(results: Sequence[AppendResult] | None) -> None:
            if results is not None:
                me.tell(Carried(src, offset, of, round_, results[0]))

        self._journal.tell(Append((item,), done, len(transfer.encoded), Via(src, transfer.n)))

    def _carried(self, carried: Carried) -> None:
        lane = self._lanes[carried.src]
        if carried.of != self._incarnation or carried.round != lane.round:
            return
        if isinstance(carried.result, Misnumbered):
            lane.round += 1
            lane.under_way.clear()
            lane.reader.rewind()
            self._carry(lane)
            return
        lane.under_way[carried.offset] = True
        last = 0
        while lane.under_way and next(iter(lane.under_way.values())):
            last, _ = lane.under_way.popitem(last=False)
        if last:
            lane.reader.finished(lane.finished_upto())
        self._carry(lane)
