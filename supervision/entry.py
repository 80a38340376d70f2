"""An entry: one immutable record of a segment's log, and the places that name it.

A draft is what somebody wants appended; the journal alone turns it into an entry by giving it an offset, a time and,
when it is outward, a sequence number. Drafts are encoded where they are made (in a cell, at a door), so that the one
thread that writes only copies bytes. The encoding carries its own crc32: a flipped bit in the store is found when it
is read, never folded into somebody's balance.

A subject is `kind:id`; `segment_of` is the only place that says where a subject lives. It must never change for a
store that exists, and it must agree with publishers in other languages, so it is crc32 of the UTF-8 bytes and nothing
cleverer (`hash()` differs from process to process).
"""

from __future__ import annotations

import struct
import zlib
from enum import StrEnum

import msgspec

SEGMENT_SUBJECT = "segment:"


class Origin(StrEnum):
    """Where an entry came from."""

    OUTSIDE = "o"
    TIMER = "t"
    DOMAIN = "d"
    COURIER = "c"
    OPERATOR = "p"


class Draft(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is to be appended, before the journal gives it its place.

    `id` is `source|message_id` for input and empty for what actors emit. `root` is the id of the input that began the
    chain of causes, empty when a timer began it. `cause` is the place `segment.epoch.offset` of the entry reacted to.
    `body` is JSON. `route` is the routing key of an outward entry, empty when only our own cells should hear it.
    `occurred_at` is what the sender said, in milliseconds since 1970 UTC, 0 when unsaid.
    """

    kind: str
    subject: str
    body: bytes
    id: str = ""
    root: str = ""
    cause: str = ""
    depth: int = 0
    origin: Origin = Origin.OUTSIDE
    route: str = ""
    occurred_at: int = 0
    asked: bool = False
    """Somebody waits for a reply to the root input; carried along the chain of causes."""
    asked_of: str = ""
    """The subject of that input where it is not this entry's own: an input is known by id and subject."""


class Chain(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A chain of causes, to be taken up later by an entry of another chain: it began with the input `root` about
    `subject` at `occurred_at`, has come to `depth`, and `asked` says whether somebody waits for its reply.
    """

    root: str
    subject: str
    depth: int
    asked: bool
    occurred_at: int


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A draft that has its place. `epoch` is the one it was appended under; `at` is milliseconds since 1970 UTC."""

    segment: int
    epoch: int
    offset: int
    at: int
    seq: int
    """Contiguous per segment over outward entries, from 1; 0 for inward ones."""
    kind: str
    subject: str
    body: bytes
    id: str = ""
    root: str = ""
    cause: str = ""
    depth: int = 0
    origin: Origin = Origin.OUTSIDE
    route: str = ""
    occurred_at: int = 0
    asked: bool = False
    asked_of: str = ""

    @property
    def place(self) -> str:
        return f"{self.segment}.{self.epoch}.{self.offset}"

    @property
    def source_id(self) -> str:
        """The sender's message id of the input that began this chain, empty when there was none."""
        return self.root.partition("|")[2]

    @property
    def chain(self) -> Chain:
        """The chain that it belongs to."""
        return Chain(self.root, self.asked_of or self.subject, self.depth, self.asked, self.occurred_at or self.at)


class Corrupt(Exception):
    """Bytes read from the store are not the bytes that were written. The process must not go on folding them."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Draft)


def encode_draft(draft: Draft) -> bytes:
    """The draft's bytes as the log holds them: crc32 (4 bytes, big endian), then msgpack. O(bytes)."""
    payload = _encoder.encode(draft)
    return struct.pack(">I", zlib.crc32(payload)) + payload


def decode_draft(data: bytes) -> Draft:
    """The draft in `data`, or `Corrupt` when its checksum does not hold."""
    payload = memoryview(data)[4:]
    if len(data) < 4 or zlib.crc32(payload) != struct.unpack_from(">I", data)[0]:
        raise Corrupt(f"log item of {len(data)} bytes fails its checksum")
    return _decoder.decode(payload)


def place(draft: Draft, segment: int, epoch: int, offset: int, at: int, seq: int) -> Entry:
    """The entry that `draft` becomes at this place."""
    return Entry(
        segment, epoch, offset, at, seq, draft.kind, draft.subject, draft.body, draft.id, draft.root,
        draft.cause, draft.depth, draft.origin, draft.route, draft.occurred_at, draft.asked, draft.asked_of,
    )  # fmt: skip


def segment_subject(segment: int) -> str:
    """The subject that stands for the whole segment.

    >>> segment_subject(7)
    'segment:07'
    """
    return f"{SEGMENT_SUBJECT}{segment:02d}"


def part_subject(segment: int, of: str) -> str:
    """The subject that stands for the segment's part of what concerns many: of a template's stock, for instance.

    >>> part_subject(7, "template:T1")
    'segment:07/template:T1'
    """
    return f"{segment_subject(segment)}/{of}"


def segment_of(subject: str, segments: int) -> int:
    """The segment where `subject` lives: crc32 of its UTF-8 bytes modulo `segments`. `segment:NN` and its parts
    `segment:NN/...` live in NN.

    >>> segment_of("user:123456", 16), segment_of("segment:07/template:T1", 16)
    (14, 7)
    """
    if subject.startswith(SEGMENT_SUBJECT):
        return int(subject[len(SEGMENT_SUBJECT) :].partition("/")[0]) % segments
    return zlib.crc32(subject.encode()) % segments
