"""What was delivered already: the receiver's five lines of docs/semantics.md, for each address of a message.

A row is written when apprise has said yes and before the broker hears the ack. So what is delivered again, because a
connection or this process died in between, goes to nobody twice; only a process that dies between apprise's yes and
the row says a message twice. Of a message for two addresses, of which one failed, the other is not asked again.

The memory is a small file, bounded by name: of `kept_max` rows the oldest go. A message that comes again after so many
others is said again. Two processes of one machine may share the file; on two machines each knows only its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

KEPT_MAX = 200_000
"""Rows; some 15 MB."""
BUSY_S_MAX = 10.0


class Heard:
    """Used by one thread. Raises sqlite3.Error where the disk fails: then nothing may be acked. Where nothing can be
    written it is not made, or each new start of the process would say once more what it cannot remember.
    """

    def __init__(self, file: Path, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._db = sqlite3.connect(file, timeout=BUSY_S_MAX, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS heard "
            "(n INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT, route TEXT, UNIQUE (message_id, route))"
        )
        self._db.execute("PRAGMA user_version = 0")  # writes, though it changes nothing

    def among(self, message_id: str) -> set[str]:
        """The routes that have had the message. O(their number)."""
        return {route for (route,) in self._db.execute("SELECT route FROM heard WHERE message_id = ?", (message_id,))}

    def remember(self, message_id: str, routes: Iterable[str]) -> None:
        """On disk when it returns."""
        rows: Sequence[tuple[str, str]] = [(message_id, route) for route in routes]
        if not rows:
            return
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO heard (message_id, route) VALUES (?, ?)", rows)
            self._db.execute("DELETE FROM heard WHERE n <= (SELECT max(n) FROM heard) - ?", (self._kept_max,))

    def close(self) -> None:
        self._db.close()
