"""One turn of the journal, as a value: what arrived is turned into one batch for the store and the news that follow
from it.

Pure apart from the look-up of ids, which it asks of the store before anything is decided. It changes nothing of the
journal: only when the batch has been committed does the journal make the turn's numbers its own. So a turn that was
refused leaves no trace and can be composed anew from the same messages, with the timers that are due by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from supervision.domain import TimerDue
from supervision.entry import Draft, Entry, Origin, encode_draft, place
from supervision.messages import (
    Append,
    Appended,
    AppendResult,
    Begin,
    Item,
    Misnumbered,
    Page,
    Reused,
    Stage,
    TimerRow,
)
from supervision.store import Batch, Head, IdRow

TRANSFER = "transfer"
"""Kind of the entry that carries a draft to another segment. Only the courier reads it."""

Message = Append | Stage | Begin
KnownIds = Callable[[Sequence[int]], Mapping[int, IdRow]]

_encode_body = msgspec.json.encode


class Transfer(msgspec.Struct, frozen=True, array_like=True):
    """Body of a TRANSFER entry, msgpack: number `n` of this pair of segments, and the encoded draft to append there."""

    to: int
    n: int
    encoded: bytes


class Ledger(msgspec.Struct):
    """The journal's own numbers, all of them durable: what a new turn continues from."""

    epoch: int
    commit_no: int
    heads: dict[int, Head]
    checkpoints: dict[tuple[int, str], int]
    inbound: dict[tuple[int, int], int]
    outbound: dict[tuple[int, int], int]


class Growth:
    """A segment's log as this turn lengthens it."""

    __slots__ = ("before", "encoded", "entries", "offset", "segment", "seq")

    def __init__(self, segment: int, before: Head) -> None:
        self.segment = segment
        self.before = before
        self.offset = before.offset
        self.seq = before.seq
        self.entries: list[Entry] = []
        self.encoded: list[bytes] = []


class Turn:
    """Collects a group; `batch()` is what to commit, `news` what to say once it is committed."""

    def __init__(self, ledger: Ledger, now_ms: int, known_ids: KnownIds) -> None:
        self._ledger = ledger
        self._now = now_ms
        self._known_ids = known_ids
        self._growths: dict[int, Growth] = {}
        self._ids: dict[int, IdRow] = {}
        self._fired: list[TimerRow] = []
        self._stages: list[Stage] = []
        self._checkpoints: dict[tuple[int, str], int] = {}
        self._inbound: dict[tuple[int, int], int] = {}
        self._outbound: dict[tuple[int, int], int] = {}
        self._known: Mapping[int, IdRow] = {}
        self.appends: list[tuple[Append, list[AppendResult]]] = []
        self.begins: list[Begin] = []
        self.duplicates = 0
        self.reused = 0

    def compose(self, due: Sequence[TimerRow], watermark_ms: int, group: Sequence[Message], amid: bool = False) -> None:
        """Firings first, then the messages in the order in which they came. `amid`: ordinary traffic is coming in."""
        hashes = [
            item.id_hash
            for message in group
            if isinstance(message, Append)
            for item in message.items
            if item.id_hash is not None
        ]
        self._known = self._known_ids(hashes) if hashes else {}
        for row in due:
            self._fire(row, watermark_ms, amid)
        for message in group:
            if isinstance(message, Stage):
                self._stage(message)
            elif isinstance(message, Append):
                self.appends.append((message, self._append(message)))
            else:
                self._begin(message)

    def _begin(self, begin: Begin) -> None:
        """A reader never heard of before starts at the head as it stood before this turn, durably.

        Were its row written with its first stage only, a crash before that would make it look new again, and the
        entries in between would be skipped.
        """
        self.begins.append(begin)
        key = (begin.segment, begin.domain)
        if key not in self._ledger.checkpoints and key not in self._checkpoints:
            head = self._ledger.heads.get(begin.segment, Head()).offset
            self._stage(Stage(begin.segment, begin.domain, begin.incarnation, 0, head))

    def _grow(self, segment: int, draft: Draft, encoded: bytes) -> Entry:
        growth = self._growths.get(segment)
        if growth is None:
            growth = self._growths[segment] = Growth(segment, self._ledger.heads.get(segment, Head()))
        growth.offset += 1
        if draft.route:
            growth.seq += 1
        entry = place(draft, segment, self._ledger.epoch, growth.offset, self._now, growth.seq if draft.route else 0)
        growth.entries.append(entry)
        growth.encoded.append(encoded)
        return entry

    def _fire(self, row: TimerRow, watermark_ms: int, amid: bool) -> None:
        late = self._now - row.due
        due = TimerDue(
            row.key,
            row.gen,
            row.due,
            late,
            0 < row.valid_for_ms < late,
            (row.bulk and amid) or (row.absence and row.due > watermark_ms),
            row.body,
        )
        draft = Draft(f"timer.{row.domain}", row.subject, _encode_body(due), depth=row.depth, origin=Origin.TIMER)
        self._grow(row.segment, draft, encode_draft(draft))
        self._fired.append(row)

    def _append(self, append: Append) -> list[AppendResult]:
        if append.via is not None:
            pair = (append.via.src, append.items[0].segment)
            taken = self._inbound.get(pair, self._ledger.inbound.get(pair, 0))
            if append.via.n <= taken:
                return [Appended(item.segment, self._ledger.epoch, 0, duplicate=True) for item in append.items]
            if append.via.n > taken + 1:
                return [Misnumbered(item.segment, taken + 1) for item in append.items]
            self._inbound[pair] = append.via.n
        return [self._append_item(item) for item in append.items]

    def _append_item(self, item: Item) -> AppendResult:
        if item.id_hash is not None:
            known = self._ids.get(item.id_hash) or self._known.get(item.id_hash)
            if known is not None:
                if known.command_hash != item.command_hash:
                    self.reused += 1
                    return Reused(known.segment, known.offset)
                self.duplicates += 1
                return Appended(known.segment, known.epoch, known.offset, duplicate=True)
        entry = self._grow(item.segment, item.draft, item.encoded)
        if item.id_hash is not None:
            self._ids[item.id_hash] = IdRow(
                item.id_hash, item.command_hash, item.segment, entry.epoch, entry.offset, self._now, item.keep_long
            )
        return Appended(item.segment, entry.epoch, entry.offset)

    def _stage(self, stage: Stage) -> None:
        self._stages.append(stage)
        self._checkpoints[(stage.segment, stage.domain)] = stage.upto
        for emission in stage.emits:
            if emission.home == stage.segment:
                self._grow(stage.segment, emission.draft, emission.encoded)
            else:
                self._transfer(stage.segment, emission.home, emission.draft, emission.encoded)

    def _transfer(self, src: int, dst: int, inner: Draft, encoded: bytes) -> None:
        n = self._outbound.get((src, dst), self._ledger.outbound.get((src, dst), 0)) + 1
        self._outbound[(src, dst)] = n
        body = msgspec.msgpack.encode(Transfer(dst, n, encoded))
        draft = Draft(
            TRANSFER, inner.subject, body, root=inner.root, cause=inner.cause, depth=inner.depth, origin=Origin.DOMAIN
        )
        self._grow(src, draft, encode_draft(draft))

    def empty(self) -> bool:
        """Nothing to write: only begins, or known ids."""
        return not (self._growths or self._stages or self._fired or self._inbound)

    def batch(self) -> Batch:
        """What to commit."""
        growths = self._growths.values()
        return Batch(
            commit_no=self._ledger.commit_no + 1,
            epoch=self._ledger.epoch,
            heads_before={g.segment: g.before for g in growths},
            heads_after={g.segment: Head(g.offset, g.seq, self._now) for g in growths},
            pages=[Page(g.segment, g.entries, g.encoded) for g in growths],
            ids=list(self._ids.values()),
            fired=self._fired,
            stages=self._stages,
            inbound=self._inbound,
            outbound=self._outbound,
        )

    def settle(self, batch: Batch) -> None:
        """The batch is durable: make its numbers the journal's own."""
        ledger = self._ledger
        ledger.commit_no = batch.commit_no
        ledger.heads.update(batch.heads_after)
        ledger.checkpoints.update(self._checkpoints)
        ledger.inbound.update(self._inbound)
        ledger.outbound.update(self._outbound)
