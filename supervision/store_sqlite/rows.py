"""What rows and blobs of the tables are to the others: the way back from what plan.py and write.py wrote."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from supervision.entry import Corrupt
from supervision.messages import ABSENCE, BULK, TimerRow


def timer_row(row: Sequence[Any]) -> TimerRow:
    """A row of `timers` as the others know it. Its column `absence` has the sort."""
    sort = row[7]
    return TimerRow(
        *row[:7], absence=sort == ABSENCE, valid_for_ms=row[8], fired=bool(row[9]), depth=row[10], bulk=sort == BULK
    )


def unchecked(blob: bytes, whose: str) -> bytes:
    """What `plan.checked` wrapped, or `Corrupt`."""
    if (payload := intact(blob)) is None:
        raise Corrupt(f"{len(blob)} bytes stored for {whose.partition(':')[0]}:… fail their checksum")
    return payload


def intact(blob: bytes) -> bytes | None:
    """The same; None when the checksum fails."""
    payload = blob[4:]
    return payload if len(blob) >= 4 and zlib.crc32(payload) == int.from_bytes(blob[:4], "big") else None
