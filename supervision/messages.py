"""What the journal, the cells and the doors say to each other (PROTOCOL). Frozen values; `done` callbacks run in the
journal's thread and must only pass the word on (`ref.tell`, `call_soon_threadsafe`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from supervision.entry import Draft, Entry


class Item(msgspec.Struct, frozen=True, gc=False):
    """One entry to append. `encoded` is `encode_draft(draft)`, made by whoever appends.

    `id_hash` is `identity(draft.id, subject)` or None when the entry has no id to know again; `command_hash` tells a
    resend from another command under the same id. `keep_long`: the id is known for 7 days instead of 24 hours. `bulk`:
    no ordinary traffic, which goes before the bulk lane (bulk.py).
    """

    segment: int
    draft: Draft
    encoded: bytes
    id_hash: int | None = None
    command_hash: int = 0
    keep_long: bool = False
    bulk: bool = False


class Via(msgspec.Struct, frozen=True):
    """Carried by the courier as number `n` from segment `src`."""

    src: int
    n: int


class Appended(msgspec.Struct, frozen=True, gc=False):
    """The item is durable at this place. `duplicate`: it already was, under the same id."""

    segment: int
    epoch: int
    offset: int
    duplicate: bool = False


class Reused(msgspec.Struct, frozen=True, gc=False):
    """Refused: the id is known with another command, which stands at this place."""

    segment: int
    offset: int


class Misnumbered(msgspec.Struct, frozen=True, gc=False):
    """Refused: a transfer beyond the next expected number; the courier rewinds to `expected`."""

    segment: int
    expected: int


AppendResult = Appended | Reused | Misnumbered


class Append(msgspec.Struct, frozen=True):
    """Append `items`, all in one transaction; `done` gets one result per item, in order, once they are durable.

    `done(None)`: the segment was lost to another owner; nothing may be acked or answered.
    """

    items: Sequence[Item]
    done: Callable[[Sequence[AppendResult] | None], None]
    nbytes: int
    via: Via | None = None


class Emission(msgspec.Struct, frozen=True, gc=False):
    """A draft emitted by a stage, encoded. `home` is the segment its subject lives in."""

    draft: Draft
    encoded: bytes
    home: int


PLAIN, ABSENCE, BULK = range(3)
"""The sorts of timers, as numbers."""


class TimerRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A timer as the store holds it. `gen` is the offset of the entry that armed it; times in ms since 1970 UTC."""

    segment: int
    domain: str
    subject: str
    key: str
    gen: int
    due: int
    body: bytes = b""
    absence: bool = False
    valid_for_ms: int = 0
    fired: bool = False
    depth: int = 0
    """Of the firing: 0 unless it is due within a second of being armed (rule loops through timers are cut too)."""
    bulk: bool = False
    """It lets ordinary traffic go first (bulk.py)."""

    @property
    def sort(self) -> int:
        """PLAIN, ABSENCE or BULK."""
        return BULK if self.bulk else int(self.absence)


class TimerOp(msgspec.Struct, frozen=True, gc=False):
    """Put `row` in the place of whatever (subject, key) holds, or delete it when `row` is None."""

    subject: str
    key: str
    row: TimerRow | None


class ParkedRow(msgspec.Struct, frozen=True, array_like=True):
    """An entry set aside for an operator. `subject` is `*` when the whole domain of the segment is parked at `offset`.

    `entry` is the msgpack of the parked `Entry`, empty for `*`.
    """

    segment: int
    domain: str
    subject: str
    offset: int
    reason: str
    attempts: int
    at: int
    entry: bytes = b""


class RecordRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a subject's history: JSON `body`, ordered by (offset, n)."""

    subject: str
    offset: int
    n: int
    body: bytes


class Stage(msgspec.Struct, frozen=True):
    """What one batch of reactions wants durable, with the checkpoint that says so: all or nothing.

    Commits only if the stored checkpoint of (segment, domain) equals `prev`; then it becomes `upto`.
    """

    segment: int
    domain: str
    incarnation: int
    prev: int
    upto: int
    emits: Sequence[Emission] = ()
    states: Sequence[tuple[str, bytes]] = ()
    timer_ops: Sequence[TimerOp] = ()
    records: Sequence[RecordRow] = ()
    keys: Sequence[tuple[bytes, bytes]] = ()
    """(business key, value) of those that are used up here: each is new, or has this value."""
    rewritten: Sequence[tuple[bytes, bytes]] = ()
    """(business key, new value), each key once; applied after `keys`."""
    parked: Sequence[ParkedRow] = ()
    unparked: Sequence[tuple[str, int]] = ()
    """(subject, offset) rows to remove."""
    replies: Sequence[tuple[int, bytes]] = ()
    """(id_hash of the root input, JSON)."""
    nbytes: int = 0
    done: Callable[[Committed | Rejected], None] | None = None


class Begin(msgspec.Struct, frozen=True):
    """First act of an incarnation: retires the older ones of (segment, domain). `done(Begun)`, or `done(None)` when
    fenced.
    """

    segment: int
    domain: str
    incarnation: int
    done: Callable[[Begun | None], None]


Told = Callable[[bytes | None], None]
"""Is told a reply's JSON, in the journal's thread; None: too many wait for it, nobody will tell this one."""


class AwaitReply(msgspec.Struct, frozen=True):
    """Tell `done` the JSON that `domain` answers to the input `id_hash`. Sent before the input's Append, so no answer
    overtakes it; several may wait for the same. One that was given before is in the store: look there when the append
    says `duplicate`.
    """

    id_hash: int
    domain: str
    done: Told


class ForgetReply(msgspec.Struct, frozen=True):
    """Whoever sent the AwaitReply with this `done` waits no more."""

    id_hash: int
    domain: str
    done: Told


class Watermark(msgspec.Struct, frozen=True):
    """The ingress queue was seen empty at `at` (ms), with all earlier deliveries durable."""

    at: int


class Begun(msgspec.Struct, frozen=True):
    """The incarnation may stage from `checkpoint` on."""

    incarnation: int
    checkpoint: int


class Committed(msgspec.Struct, frozen=True):
    incarnation: int
    upto: int


class Rejected(msgspec.Struct, frozen=True):
    """The stage was refused by compare-and-set or a constraint: this incarnation has ended."""

    incarnation: int
    reason: str


class Wake(msgspec.Struct, frozen=True):
    """There may be something to read. One at most is under way to each reader."""


class CatchUp(msgspec.Struct, frozen=True):
    """A query waits until `offset` is folded and durable: stage progress at once."""

    offset: int


WAKE = Wake()


class Page(msgspec.Struct, frozen=True):
    """Consecutive new entries of one segment, as one row of the log: `entries` and the encodings of their drafts."""

    segment: int
    entries: Sequence[Entry]
    encoded: Sequence[bytes]
