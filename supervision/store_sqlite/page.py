"""A page: what one commit appended to one segment's log, as one row.

Rows are what costs in SQLite, so a group of entries is one row and not many. The bytes of each entry are exactly what
`encode_draft` made (with its own crc32); the header says what the entries share and has a crc32 over itself and the
table of lengths, so that a flipped bit anywhere is found when the page is read. Offsets and outward sequence numbers
are not stored: they count up from the header's.

    header   format, epoch, base offset, at (ms), seq before the page, number of entries
    lengths  4 bytes each, the top bit set when the entry is outward
    crc32    of all that
    entries  as encoded
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate

from supervision.entry import Corrupt, Entry, decode_draft, place
from supervision.messages import Page

PAGE_FORMAT = 1
_HEADER = struct.Struct(">BQQQQI")
_CRC = struct.Struct(">I")

SEGMENT_SHIFT = 44
"""A page's row number is `segment << 44 | base`: 524,288 segments of 17 trillion entries."""
OFFSET_MAX = (1 << SEGMENT_SHIFT) - 1
_OUTWARD = 1 << 31


def row_number(segment: int, offset: int) -> int:
    """The row that a page of `segment` starting at `offset` has; in the order of (segment, offset)."""
    assert 0 <= offset <= OFFSET_MAX, offset
    return segment << SEGMENT_SHIFT | offset


def rows_of(page: Page, seq: int) -> Iterator[tuple[int, int, int, bytes]]:
    """(row number, last offset, at, blob) for each run of entries that share epoch and time: nearly always one.

    O(bytes). `seq`: of the segment's last outward entry before the page.
    """
    entries, encoded = page.entries, page.encoded
    assert entries and len(entries) == len(encoded), (len(entries), len(encoded))
    start = 0
    while start < len(entries):
        end = _run_end(entries, start)
        first, last = entries[start], entries[end - 1]
        blob = _blob(entries[start:end], encoded[start:end], seq)
        yield row_number(page.segment, first.offset), last.offset, first.at, blob
        seq = max(seq, *(entry.seq for entry in entries[start:end]))
        start = end


def _run_end(entries: Sequence[Entry], start: int) -> int:
    first, last = entries[start], entries[-1]
    if first.at == last.at and first.epoch == last.epoch:  # neither ever goes back within a segment
        return len(entries)
    for end in range(start, len(entries)):
        if entries[end].at != first.at or entries[end].epoch != first.epoch:
            return end
    return len(entries)


def _blob(entries: Sequence[Entry], encoded: Sequence[bytes], seq: int) -> bytes:
    first = entries[0]
    head = _HEADER.pack(PAGE_FORMAT, first.epoch, first.offset, first.at, seq, len(entries))
    lengths = [len(data) | _OUTWARD if entry.seq else len(data) for entry, data in zip(entries, encoded, strict=True)]
    head += struct.pack(f">{len(lengths)}I", *lengths)
    return b"".join((head, _CRC.pack(zlib.crc32(head)), *encoded))


class PageView:
    """A page read back. Raises `Corrupt` when its header does not hold; entries are decoded, and checked, on demand."""

    __slots__ = ("_blob", "_ends", "_outward", "at", "base", "epoch", "segment", "seq")

    def __init__(self, number: int, blob: bytes) -> None:
        self.segment = number >> SEGMENT_SHIFT
        where = f"page {self.segment}.{number & OFFSET_MAX}"
        if len(blob) < _HEADER.size or blob[0] != PAGE_FORMAT:
            raise Corrupt(f"{where}: not a page of format {PAGE_FORMAT}")
        _, self.epoch, self.base, self.at, self.seq, count = _HEADER.unpack_from(blob)
        table = _HEADER.size + 4 * count
        if len(blob) < table + 4 or zlib.crc32(memoryview(blob)[:table]) != _CRC.unpack_from(blob, table)[0]:
            raise Corrupt(f"{where}: the header fails its checksum")
        lengths = struct.unpack_from(f">{count}I", blob, _HEADER.size)
        self._blob = blob
        self._outward = [length >> 31 for length in lengths]
        self._ends = list(accumulate((length & ~_OUTWARD for length in lengths), initial=table + 4))
        if self._ends[-1] != len(blob) or self.base != number & OFFSET_MAX:
            raise Corrupt(f"{where}: {len(blob)} bytes starting at {self.base} are not what the header says")

    @property
    def last(self) -> int:
        """The offset of the last entry."""
        return self.base + len(self._outward) - 1

    @property
    def last_seq(self) -> int:
        """The segment's outward number after this page."""
        return self.seq + sum(self._outward)

    def entries(self, after: int, upto: int) -> list[Entry]:
        """Entries `after + 1 .. upto` as far as they are in this page; `Corrupt` when a checksum fails."""
        first = max(0, after + 1 - self.base)
        seq = self.seq + sum(self._outward[:first])
        result: list[Entry] = []
        for i in range(first, min(upto, self.last) - self.base + 1):
            draft = decode_draft(self._blob[self._ends[i] : self._ends[i + 1]])
            outward = self._outward[i]
            seq += outward
            result.append(place(draft, self.segment, self.epoch, self.base + i, self.at, seq if outward else 0))
        return result
