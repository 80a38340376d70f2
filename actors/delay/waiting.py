"""One delayed message: what is kept of it, from when it is asked for until nobody asks for it any more.

Nothing, then pending, then published or cancelled, and after REMEMBERED_MS nothing again. The bytes are kept while it
is pending and no longer; of what is over only a digest is left, so that a resend that comes late is known as one and
does not publish a second time, nor bring back what was cancelled.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.calendar import DAY_MS
from actors.delay.messages import Message, PublishLater

DELAY_DAYS_MAX = 366
DELAY_MS_MAX = DELAY_DAYS_MAX * DAY_MS
REMEMBERED_DAYS = 7
REMEMBERED_MS = REMEMBERED_DAYS * DAY_MS
"""After it was published or cancelled."""


class Waiting(msgspec.Struct, array_like=True):
    """`digest`: of all that was asked. `due` in ms since 1970 UTC."""

    format: int = 1
    status: Literal["", "pending", "published", "cancelled"] = ""
    digest: bytes = b""
    due: int = 0
    message: Message | None = None


def due_of(asked: PublishLater, at: int) -> int | None:
    """When it is due; what was to be long ago, at once. None: later than DELAY_DAYS_MAX days from `at`."""
    due = at + (asked.delay_ms or 0) if asked.deliver_at is None else max(at, asked.deliver_at)
    return due if due <= at + DELAY_MS_MAX else None


def begin(waiting: Waiting, digest: bytes, due: int, message: Message) -> None:
    waiting.status, waiting.digest, waiting.due, waiting.message = "pending", digest, due, message


def end(waiting: Waiting, status: Literal["published", "cancelled"]) -> None:
    """The message is gone; that it was there is remembered."""
    waiting.status, waiting.message = status, None


def forget(waiting: Waiting) -> None:
    waiting.status, waiting.digest, waiting.due, waiting.message = "", b"", 0, None


def check(waiting: Waiting) -> None:
    """Raise AssertionError unless it is a state that reactions can have made."""
    assert (waiting.message is not None) == (waiting.status == "pending"), f"{waiting.status}: whose bytes are these?"
    assert bool(waiting.digest) == bool(waiting.status), f"{waiting.status}: known by nothing"
