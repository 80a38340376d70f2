"""Copies of a dead engine's store with a write-ahead log as a power cut may leave it.

A disk tears only what it had not yet been told to keep, the end of the log; what is older than the last checkpoint of
SQLite stands in the other file already, and a log cut below that is not one that a disk can make. So a tear takes the
last few transactions, and asserts that none of them had been copied over.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

STORE = "store.sqlite3"
WAL = "store.sqlite3-wal"
HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
GONE_TRANSACTIONS_MAX = 3


class Frame(NamedTuple):
    """A page in the log, at `at`; `commit`: the last of its transaction."""

    at: int
    page: int
    commit: bool


def frames(wal: bytearray) -> tuple[int, list[Frame]]:
    """(bytes of a page, the log's frames up to its last commit)."""
    (page_bytes,) = struct.unpack_from(">I", wal, 8)
    salts = wal[16:24]
    found: list[Frame] = []
    for at in range(HEADER_BYTES, len(wal) - FRAME_HEADER_BYTES - page_bytes + 1, FRAME_HEADER_BYTES + page_bytes):
        page, pages_after = struct.unpack_from(">II", wal, at)
        if wal[at + 8 : at + 16] != salts:
            break  # an older log, that this one has not yet grown over
        found.append(Frame(at, page, pages_after > 0))
    while found and not found[-1].commit:
        found.pop()
    return page_bytes, found


def copied(data: Path, to: Path) -> Path:
    """The two files that matter, copied; -> the folder."""
    to.mkdir(parents=True)
    for name in (STORE, WAL):
        shutil.copyfile(data / name, to / name)
    return to


def commit_no(data: Path, scratch: Path) -> int:
    """Of a store that nobody runs on; looked at in a copy, since a look changes the files. Its pages must be sound."""
    with closing(sqlite3.connect(copied(data, scratch) / STORE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        number: int = db.execute("SELECT commit_no FROM owner").fetchone()[0]
    shutil.rmtree(scratch)
    return number


def tear(data: Path, kind: str, rng: Random) -> None:
    """Damage the log of `data` in its last transactions, in the way `kind`, a key of TEARS."""
    wal = bytearray((data / WAL).read_bytes())
    page_bytes, whole = frames(wal)
    ends = [i for i, frame in enumerate(whole) if frame.commit]
    gone = rng.randint(1, GONE_TRANSACTIONS_MAX)
    assert len(ends) > GONE_TRANSACTIONS_MAX, "too few transactions to tear some"
    first, last = ends[-gone - 1] + 1, ends[-gone]
    _not_copied_over(data, wal, whole[first:], page_bytes)
    frame = whole[rng.randint(first, last)]
    TEARS[kind](wal, frame.at + rng.randrange(FRAME_HEADER_BYTES + page_bytes), rng)
    (data / WAL).write_bytes(wal)


def _not_copied_over(data: Path, wal: bytearray, gone: list[Frame], page_bytes: int) -> None:
    """A checkpoint copies all pages of a transaction. Some may be in the file as they are by chance."""
    store = (data / STORE).read_bytes()
    differs = False
    for frame in gone:
        page = wal[frame.at + FRAME_HEADER_BYTES :][:page_bytes]
        differs = differs or page != store[(frame.page - 1) * page_bytes :][:page_bytes]
        if frame.commit:
            assert differs, "a transaction was checkpointed: no disk tears this"
            differs = False


def _cut(wal: bytearray, at: int, _rng: Random) -> None:
    del wal[at:]


def _flip(wal: bytearray, at: int, rng: Random) -> None:
    wal[at] ^= 1 << rng.randrange(8)


def _zeros(wal: bytearray, at: int, _rng: Random) -> None:
    """The file's length was written, its blocks were not."""
    wal[at:] = bytes(len(wal) - at)


def _noise(wal: bytearray, at: int, rng: Random) -> None:
    """Blocks that held something else before."""
    wal[at:] = rng.randbytes(len(wal) - at)


TEARS: Mapping[str, Callable[[bytearray, int, Random], None]] = {
    "cut": _cut, "flip": _flip, "zeros": _zeros, "noise": _noise,
}  # fmt: skip
