"""One process per store: an exclusive `flock` on the file `lock` in the store's folder.

The kernel drops the lock when its holder dies, however it dies, so there is no stale lock to clear and no time-out to
tune. The holder's pid is written into the file only to be able to name it; it decides nothing. The file is never
removed: removing a locked file lets two processes lock two files of the same name.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from supervision.store import Locked

LOCK_FILE = "lock"
PID_BYTES_MAX = 32


class FolderLock:
    """Held from construction until `release`. Raises `Locked` with the holder's pid."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid_in(self._fd)
            os.close(self._fd)
            raise Locked(pid, str(folder)) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others in. Harmless when called again."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def _pid_in(fd: int) -> int:
    text = os.pread(fd, PID_BYTES_MAX, 0).strip()
    return int(text) if text.isdigit() else 0
