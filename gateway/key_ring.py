"""The keys as the running engine knows them: those of the file, read again when the file changes.

Whoever asks gets what is in memory. At most once a second the file is looked at (one `stat`), and only when it is
another than before it is read, on another thread. A file that is broken or gone changes nothing: the old keys hold, and
the log, a metric and readiness say so, for a door must neither open nor close because somebody's editor crashed.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.key_file import GONE, KeyFile
from gateway.keys import BadKeys, KeyIndex
from supervision.clock import Clock
from supervision.counters import Counters

LOOK_S = 1.0

_log = structlog.stdlib.get_logger("gateway")


class KeyRing:
    """`look` is the HTTP loop's; `reload` may block and is for another thread. Raises BadKeys when it is made of a file
    that cannot be believed: an engine does not start without knowing whom to let in.
    """

    def __init__(self, file: KeyFile, clock: Clock, counters: Counters) -> None:
        self._file = file
        self._clock = clock
        self._counters = counters
        self._stamp = file.stamp()
        self._looked_s = clock.monotonic_s()
        self.index = KeyIndex(file.read())
        self.trouble = ""
        """Why the file as it stands is not what holds; empty when it is."""
        self._tell()

    def look(self) -> Callable[[], None] | None:
        """What to run on another thread because the file has changed; mostly None."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < LOOK_S:
            return None
        self._looked_s = now_s
        return self.reload if self.trouble or self._file.stamp() != self._stamp else None

    def reload(self) -> None:
        """Take over what the file holds now, if it can be believed."""
        stamp, before = self._file.stamp(), (self.trouble, self.index.book)
        try:
            if stamp == GONE and self.index.needed:
                raise BadKeys(f"{self._file.path} is gone")
            self.index = KeyIndex(self._file.read())
            self.trouble = ""
        except BadKeys as bad:
            self.trouble = f"the API keys are those of before: {bad}"
        self._stamp = stamp  # as of before reading: a change meanwhile is seen at the next look
        if before != (self.trouble, self.index.book):
            self._tell()

    def _tell(self) -> None:
        self._counters.gauge("keys_stale", bool(self.trouble))
        if self.trouble:
            _log.error("keys_refused", reason=self.trouble)
        elif not self.index.needed:
            _log.info("no_keys", reason=NO_KEYS)
        else:
            holding = sum(not key.revoked for key in self.index.book.keys)
            _log.info("keys_read", holding=holding, revoked=len(self.index.book.keys) - holding)

    def notes(self) -> tuple[str, ...]:
        """What readiness says besides."""
        return () if self.index.needed else (NO_KEYS,)


NO_KEYS = "there are no API keys: whoever reaches this address may do everything; it is served on loopback only"
