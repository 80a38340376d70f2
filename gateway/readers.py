"""A few readers of the store, shared by the threads that answer queries.

Opening a reader costs a connection and a cold cache, so they are kept; a reader serves one query at a time, so they
are taken and given back. One that raised is closed instead of given back: whatever state it is in, the next query
starts clean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from supervision.store import Reader


class ReaderPool:
    """Any thread may call. Holds as many idle readers as were ever in use at once."""

    def __init__(self, make: Callable[[], Reader]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._idle: list[Reader] = []
        self._closed = False

    @contextmanager
    def one(self) -> Generator[Reader]:
        """A reader of one's own for the length of the block. Raises whatever opening one does."""
        with self._lock:
            reader = self._idle.pop() if self._idle else None
        if reader is None:
            reader = self._make()
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(reader)
                return
        reader.close()

    def close(self) -> None:
        """Closes the idle ones now, those in use when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.close()
