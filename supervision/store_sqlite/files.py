"""The names of a store's files, and how a name and its bytes are made to survive a power cut.

A store is one file and what SQLite keeps beside it. The companions belong to their file and to no other: SQLite
applies whatever write-ahead log or journal it finds under the right name, so a file must never be put beside those of
another.
"""

from __future__ import annotations

import os
from pathlib import Path

STORE_FILE = "store.sqlite3"
COMPANIONS = ("-wal", "-journal", "-shm")
"""What SQLite may keep beside a file, that which holds data first."""


def beside(path: Path, companion: str) -> Path:
    return path.with_name(path.name + companion)


def remove_companions(path: Path) -> None:
    """For a file that is nobody's yet: what a killed writer of it left behind is void."""
    for companion in COMPANIONS:
        beside(path, companion).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Of a file: its bytes; of a folder: the names in it."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
