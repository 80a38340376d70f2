"""A small file of the engine's owner alone, such as keys are in: believed only if nobody else could have touched it,
and changed by putting a whole new one in its place.

A change takes a lock of its own, so that of two writers the second reads what the first wrote. Whoever reads finds the
file before a change or after it, after a power cut too. The lock is a file beside it that is never removed, as the
store's.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from gateway.keys import BadKeys
from supervision.store_sqlite.files import beside, sync

FILE_BYTES_MAX = 1 << 20
_OTHERS = {
    "write": stat.S_IWGRP | stat.S_IWOTH,
    "read": stat.S_IRWXG | stat.S_IRWXO,
}


class PrivateFile:
    """Any thread, several processes; calls block as long as the disk does.

    `others_may_not`: "write" where it holds nothing secret, "read" where it does.
    """

    def __init__(self, path: Path, others_may_not: Literal["read", "write"]) -> None:
        self.path = path
        self._may_not = others_may_not

    def read(self) -> bytes | None:
        """None when there is no file. Raises BadKeys for one that cannot be read or believed."""
        try:
            with self.path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS[self._may_not]:
                    raise BadKeys(f"{self.path}: others than its owner may {self._may_not} it; chmod 600")
                data = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadKeys(f"{self.path}: {error.strerror}") from None
        if len(data) > FILE_BYTES_MAX:
            raise BadKeys(f"{self.path}: more than {FILE_BYTES_MAX} bytes")
        return data

    @contextmanager
    def changing(self) -> Generator[Callable[[bytes], None]]:
        """For the length of the block nobody else changes it; what it yields puts the new one. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(beside(self.path, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield self._put
        finally:
            os.close(fd)

    def _put(self, data: bytes) -> None:
        part = beside(self.path, ".part")
        part.unlink(missing_ok=True)  # of a change that was killed
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, self.path)
        sync(self.path.parent)
