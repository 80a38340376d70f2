"""The store: one small interface, every engine behind it held to the same contract (tests/contract).

One thread, the journal's, calls `commit` and the methods of `Store`; any thread may open a `Reader` of its own. A
commit is the whole turn of the journal: entries, ids, stages, timers, transfers, heads. It is atomic, and it compares
`epoch`, the heads and `commit_no` before it writes, so that a process that lost its store can do no harm.

What can go wrong has four names, and callers treat them differently (DESIGN §6): `StageRejected`, `Refused`,
`Unknown`, `Fenced`. A failed fsync is none of them (`FsyncFailed`): what the kernel did with the pages is unknowable,
so the process ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from supervision.entry import Entry
from supervision.inspection import After, ChainedRow, Cut, Kept, Since
from supervision.messages import Page, ParkedRow, RecordRow, Stage, TimerRow
from supervision.witness import Witness

FORMAT = 2
"""Of the store's own layout. Older ones are upgraded when opened, newer ones refused."""


class StoreError(Exception):
    """Base of everything the store says no with."""


class StageRejected(StoreError):
    """`stage` failed its compare-and-set or a constraint; nothing of the batch was committed."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason


class Refused(StoreError):
    """Surely not committed (disk full, busy, away). Try the same again later."""


class Unknown(StoreError):
    """Perhaps committed. Ask `commit_no()`."""


class Fenced(StoreError):
    """The store has another owner, or its head is not where we left it. Drop everything, ack nothing."""


class FsyncFailed(StoreError):
    """The process must exit."""


class Incompatible(StoreError):
    """The store cannot be opened by this program as configured; the message says what to do."""


class Locked(StoreError):
    """Another process holds the store. `pid` is the holder's, 0 when unknown."""

    def __init__(self, pid: int, where: str) -> None:
        super().__init__(f"the store in {where} is held by process {pid}")
        self.pid = pid


class Head(msgspec.Struct, frozen=True):
    """Where a segment's log ends: last offset, last outward seq, time of the last entry."""

    offset: int = 0
    seq: int = 0
    last_at: int = 0


class IdRow(msgspec.Struct, frozen=True, gc=False):
    """An input id that is now known. `id_hash` and `command_hash` are unsigned 64-bit."""

    id_hash: int
    command_hash: int
    segment: int
    epoch: int
    offset: int
    at: int
    keep_long: bool = False


class Batch(msgspec.Struct, frozen=True):
    """One turn of the journal. `heads_before` are compared, `heads_after` written, for the segments that move."""

    commit_no: int
    epoch: int
    heads_before: Mapping[int, Head] = {}
    heads_after: Mapping[int, Head] = {}
    pages: Sequence[Page] = ()
    ids: Sequence[IdRow] = ()
    fired: Sequence[TimerRow] = ()
    """Rows to mark fired, if their gen is unchanged; applied before the stages."""
    stages: Sequence[Stage] = ()
    """Applied in order. Stages of one (segment, domain) may follow each other within a batch."""
    inbound: Mapping[tuple[int, int], int] = {}
    """(from segment, to segment) -> last number taken in."""
    outbound: Mapping[tuple[int, int], int] = {}
    """(from segment, to segment) -> last number given out."""


class CheckpointRow(msgspec.Struct, frozen=True):
    segment: int
    domain: str
    upto: int


class Recovery(msgspec.Struct, frozen=True):
    """What the journal needs to know when it starts. `epoch` is new and already durable."""

    epoch: int
    commit_no: int
    clean: bool
    """The last owner closed in good order."""
    heads: Mapping[int, Head]
    bases: Mapping[int, int]
    """Segment -> lowest offset still in the log (head + 1 when empty)."""
    checkpoints: Sequence[CheckpointRow]
    inbound: Mapping[tuple[int, int], int]
    outbound: Mapping[tuple[int, int], int]


class Loaded(msgspec.Struct):
    """The answer to `Reader.load`; what was asked for and is missing does not exist."""

    states: dict[str, bytes]
    timers: dict[tuple[str, str], TimerRow]
    keys: dict[bytes, bytes]
    damaged: dict[str, str] = {}
    """Subject -> why its state cannot be read; the others are well."""


class Reader(Protocol):
    """Committed state only. Each call is one short read transaction; raises `Refused` when it cannot be had in time."""

    def read_log(self, segment: int, after: int, upto: int, entries_max: int) -> Sequence[Entry]:
        """Entries `after + 1 .. upto`, contiguous, at most `entries_max`; `Corrupt` when a checksum fails.

        Empty when `after + 1` was trimmed away or lies beyond the head: the caller compares with what it expects.
        """
        ...

    def load(
        self,
        segment: int,
        domain: str,
        subjects: Sequence[str],
        timers: Sequence[tuple[str, str]],
        keys: Sequence[bytes],
    ) -> Loaded:
        """States of `subjects`, timer rows of (subject, key) pairs, values of business keys: one round trip."""
        ...

    def subjects_after(self, segment: int, domain: str, after: str, limit: int) -> Sequence[str]:
        """The next subjects with a state, in byte order."""
        ...

    def snapshot(self, segment: int, domain: str, subject: str) -> tuple[bytes | None, int]:
        """A state and the checkpoint it belongs to, from one transaction."""
        ...

    def records(
        self, segment: int, domain: str, subject: str, before: tuple[int, int] | None, limit: int
    ) -> Sequence[RecordRow]:
        """Newest first, strictly before (offset, n)."""
        ...

    def parked(
        self,
        segment: int | None = None,
        domain: str | None = None,
        subject: str | None = None,
        after: int = -1,
        limit: int = 256,
    ) -> Sequence[ParkedRow]:
        """In order of (segment, domain, subject, offset), offsets above `after`, at most `limit`.

        A domain that was parked before its segment had an entry is parked at offset 0.
        """
        ...

    def parked_subjects(self, segment: int, domain: str) -> Sequence[str]:
        """Each subject that has parked rows, `*` included."""
        ...

    def parked_at(self, segment: int, domain: str, limit: int) -> Sequence[int]:
        """The times (ms) of the newest `limit` parked rows with attempts, newest first; what only waits left out."""
        ...

    def reply(self, id_hash: int, domain: str) -> bytes | None: ...

    def cut(self, domain: str, courier: str) -> Cut:
        """How far `domain` and the courier (its name as a reader of the log) are, and what lies between."""
        ...

    def lines_after(self, segment: int, domain: str, after: After, upto: int, limit: int) -> Sequence[ChainedRow]:
        """The next lines of all subjects in order of (offset, n, subject), none beyond offset `upto`."""
        ...

    def kept_after(
        self, segment: int, domain: str, after: str, limit: int, since: Since
    ) -> tuple[Sequence[Kept], str | None]:
        """The next `limit` subjects with a state or lines, in byte order, those with timers alone among them; and
        whom to ask after next, None at the end.
        """
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """The writer's side. Opened exclusively; `open` is each engine's own constructor."""

    segments: int

    @property
    def witness(self) -> Witness:
        """Of the processes that owned this store."""
        ...

    def recover(self, now_ms: int) -> Recovery:
        """Begin a new epoch, `max(stored + 1, unix seconds)`, durably."""
        ...

    def commit(self, batch: Batch) -> None:
        """All of it, durably, or an exception: see this module's essay."""
        ...

    def commit_no(self) -> int:
        """The number of the last committed batch, read back from what is durable."""
        ...

    def known_ids(self, id_hashes: Sequence[int], now_ms: int) -> Mapping[int, IdRow]:
        """Those of the ids that are known, expired ones excepted (24 h, 7 days with `keep_long`)."""
        ...

    def timers_due(self, after: tuple[int, int, str, str, str], until_ms: int, limit: int) -> Sequence[TimerRow]:
        """Unfired rows in order of (due, segment, domain, subject, key), strictly after that tuple, due <= until_ms."""
        ...

    def trim(self, segment: int, below: int, older_than_ms: int, bytes_max: int, rows_max: int) -> int:
        """Forget log entries below the offset that are older than the time or beyond `bytes_max`; bounded. -> new
        base.
        """
        ...

    def forget_lines(self, segment: int, domain: str, old: Callable[[bytes], bool], rows_max: int) -> int:
        """Forget the domain's oldest records, in the order of the log, up to the first that is not `old` by its body:
        `rows_max` at most. -> how many. One that is damaged goes with its neighbours.
        """
        ...

    def idle(self, now_ms: int) -> None:
        """A bounded slice of housekeeping: WAL checkpoint, expired ids, vacuum."""
        ...

    def size_bytes(self) -> int:
        """On disk."""
        ...

    @property
    def ids_dropped_early(self) -> int:
        """Ids forgotten before their time since the start, because there were too many."""
        ...

    def reader(self) -> Reader: ...

    def close(self, clean: bool) -> None:
        """With `clean`, note that nothing was under way."""
        ...
