"""The audit log: who changed what about this engine, and when. One JSON object a line, only ever appended, 0600.

A record is written and fsynced *before* what it tells of is done, so nothing that an operator decides can be without
one; what it tells of may then still have failed, which the log of the engine (`engine.decided`) or the file of keys
says. Where the record cannot be written, the thing is not done.

The engine and `run.py keys` write the same file: each record is one `write` under a lock. A process killed in the midst
leaves half a line; the next record begins on a line of its own, and readers pass over what is none.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from gateway.problems import Problem, invalid_parameter
from supervision.envelope import rfc3339
from supervision.store_sqlite.files import sync

AUDIT_FILE = "audit.jsonl"
PAGE_DEFAULT = 50
BLOCK_BYTES = 64 * 1024
"""Read at a time, from the end backwards."""

NOBODY = "anybody on this machine"
"""Who decides over HTTP while there are no keys."""


class AuditLine(msgspec.Struct, frozen=True):
    """`who`: `os:` and a user's name, `key:` and an API key's id, or NOBODY. `old`, `new`: null where there is none."""

    at: str
    who: str
    what: str
    about: str
    old: Any = None
    new: Any = None


class AuditPage(msgspec.Struct, frozen=True):
    """Newest first."""

    data: list[AuditLine]
    next_cursor: str | None
    has_more: bool


class AuditLog:
    """The file in `folder`. Any thread, several processes; every call blocks as long as the disk does.

    `now_ms` is the wall clock.
    """

    def __init__(self, folder: Path, now_ms: Callable[[], int]) -> None:
        self._path = folder / AUDIT_FILE
        self._now_ms = now_ms

    def write(self, who: str, what: str, about: str, old: Any = None, new: Any = None) -> None:
        """Append a record, durably; raises OSError, and then nobody may rely on it."""
        line = msgspec.json.encode(AuditLine(rfc3339(self._now_ms()), who, what, about, old, new)) + b"\n"
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line
            if (written := os.write(fd, line)) != len(line):
                raise OSError(f"{self._path}: {written} of {len(line)} bytes were written")
            os.fsync(fd)
            if not size:
                sync(self._path.parent)
        finally:
            os.close(fd)

    def page(self, limit: int, cursor: str | None) -> AuditPage:
        """`limit` records at most, older than `cursor`; raises OSError, and Problem for a cursor that is none."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return AuditPage([], None, False)
        with file:
            end = _position(cursor, file.seek(0, os.SEEK_END))
            found: list[tuple[int, AuditLine]] = []
            for at, text in _lines_before(file, end):
                if (line := _read(text)) is not None:
                    found.append((at, line))
                if len(found) > limit:
                    break
        has_more = len(found) > limit
        shown = found[:limit]
        return AuditPage([line for _, line in shown], str(shown[-1][0]) if has_more else None, has_more)


def refusing(error: OSError) -> Problem:
    return Problem("audit_refuses", f"nothing was done, since it could not be written down: {error.strerror}")


def _lines_before(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """(where it begins, the line) of each line that ends at or before `end`, last first."""
    rest, at = b"", end
    while at > 0:
        start = max(0, at - BLOCK_BYTES)
        file.seek(start)
        block = file.read(at - start) + rest
        first, *lines = block.split(b"\n")
        place = start + len(block)
        for line in reversed(lines):
            place -= len(line)
            yield place, line
            place -= 1
        rest, at = first, start
    yield 0, rest


def _read(line: bytes) -> AuditLine | None:
    try:
        return _decode(line) if line else None
    except msgspec.MsgspecError:
        return None


def _position(cursor: str | None, size: int) -> int:
    """Where to go on reading backwards from."""
    if cursor is None:
        return size
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18 or int(cursor) > size:
        raise invalid_parameter("cursor", "cursor must be a next_cursor of this list")
    return int(cursor)


_decode = msgspec.json.Decoder(AuditLine).decode
