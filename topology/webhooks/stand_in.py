"""What stands where the sender of webhooks stood, once it has crashed again and again.

Calls are nobody's money: a row that cannot be read, or a bug, must not end the process that keeps points. So the sender
is given up, as a domain is, and all else goes on. What waits for it waits in the log and in the store for the next
start of the engine, and somebody is told.
"""

from __future__ import annotations

from typing import Any

import structlog

from supervision.counters import Counters

log = structlog.get_logger("webhooks")


class NotCalling:
    """A Behaviour that calls nobody."""

    def __init__(self, reason: str, counters: Counters) -> None:
        self._reason = reason
        self._count = counters

    def started(self) -> None:
        self._count.gauge("webhooks_given_up", 1)
        log.error("webhooks_given_up", reason=self._reason)

    def receive(self, message: Any) -> Any:
        """Outcomes of attempts that its predecessor began: they are made again after the next start."""

    def stopping(self) -> None:
        pass
