"""`keys.json` in the data folder: read by the engine, written by `run.py keys`, whether or not an engine runs.

A change takes a lock of its own, reads what is there, writes down in the audit log what it will do, and puts a whole
new file in the place of the old one. Whoever reads therefore finds the keys before a change or those after it, after a
power cut too. The lock is a file beside it that is never removed, as the store's.

A file that others than its owner may write is not believed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from gateway.audit import AuditLog
from gateway.keys import BadKeys, Key, KeyBook, parse, render, revoked, shown, with_key
from supervision.store_sqlite.files import beside, sync

KEYS_FILE = "keys.json"
FILE_BYTES_MAX = 1 << 20

Stamp = tuple[int, int, int]
"""(mtime in ns, inode, bytes): a file with the same is the same."""
GONE: Stamp = (0, 0, 0)


class KeyFile:
    """The keys of the engine in `folder`. Any thread, several processes; calls block as long as the disk does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / KEYS_FILE

    def stamp(self) -> Stamp:
        """One `stat`. GONE when there is no file, or none that can be looked at."""
        try:
            found = os.stat(self.path)
        except OSError:
            return GONE
        return found.st_mtime_ns, found.st_ino, found.st_size

    def read(self) -> KeyBook:
        """Empty when there is no file. Raises BadKeys, also when it cannot be read."""
        try:
            with self.path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
                    raise BadKeys(f"{self.path}: others than its owner may write it; chmod 600")
                data = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return KeyBook()
        except OSError as error:
            raise BadKeys(f"{self.path}: {error.strerror}") from None
        if len(data) > FILE_BYTES_MAX:
            raise BadKeys(f"{self.path}: more than {FILE_BYTES_MAX} bytes")
        try:
            return parse(data)
        except BadKeys as bad:
            raise BadKeys(f"{self.path}: {bad}") from None

    def create(self, key: Key, audit: AuditLog, who: str) -> None:
        """Add `key`; raises BadKeys and OSError, and then there is no such key."""
        with self._changing() as put:
            book = with_key(self.read(), key)
            audit.write(who, "keys.create", key.id, None, shown(key))
            put(book)

    def revoke(self, id: str, at: str, audit: AuditLog, who: str) -> Key:
        """The key `id` holds no longer; raises BadKeys and OSError, and then it still holds."""
        with self._changing() as put:
            book, old, new = revoked(self.read(), id, at)
            audit.write(who, "keys.revoke", id, shown(old), shown(new))
            put(book)
        return new

    @contextmanager
    def _changing(self) -> Generator[Callable[[KeyBook], None]]:
        """For the length of the block nobody else changes the keys."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(beside(self.path, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield self._put
        finally:
            os.close(fd)

    def _put(self, book: KeyBook) -> None:
        part = beside(self.path, ".part")
        part.unlink(missing_ok=True)  # of a change that was killed
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(render(book))
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, self.path)
        sync(self.path.parent)
