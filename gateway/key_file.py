"""`keys.json` in the data folder: read by the engine, written by `run.py keys`, whether or not an engine runs.

A change reads what is there, writes down in the audit log what it will do, and puts a whole new file in the place of
the old one (private_file.py). A file that others than its owner may write is not believed.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.audit import AuditLog
from gateway.keys import BadKeys, Key, KeyBook, parse, render, revoked, shown, with_key
from gateway.private_file import PrivateFile

KEYS_FILE = "keys.json"

Stamp = tuple[int, int, int]
"""(mtime in ns, inode, bytes): a file with the same is the same."""
GONE: Stamp = (0, 0, 0)


class KeyFile:
    """The keys of the engine in `folder`. Any thread, several processes; calls block as long as the disk does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / KEYS_FILE
        self._file = PrivateFile(self.path, "write")

    def stamp(self) -> Stamp:
        """One `stat`. GONE when there is no file, or none that can be looked at."""
        try:
            found = os.stat(self.path)
        except OSError:
            return GONE
        return found.st_mtime_ns, found.st_ino, found.st_size

    def read(self) -> KeyBook:
        """Empty when there is no file. Raises BadKeys, also when it cannot be read."""
        data = self._file.read()
        if data is None:
            return KeyBook()
        try:
            return parse(data)
        except BadKeys as bad:
            raise BadKeys(f"{self.path}: {bad}") from None

    def create(self, key: Key, audit: AuditLog, who: str) -> None:
        """Add `key`; raises BadKeys and OSError, and then there is no such key."""
        with self._file.changing() as put:
            book = with_key(self.read(), key)
            audit.write(who, "keys.create", key.id, None, shown(key))
            put(render(book))

    def revoke(self, id: str, at: str, audit: AuditLog, who: str) -> Key:
        """The key `id` holds no longer; raises BadKeys and OSError, and then it still holds."""
        with self._file.changing() as put:
            book, old, new = revoked(self.read(), id, at)
            audit.write(who, "keys.revoke", id, shown(old), shown(new))
            put(render(book))
        return new
