"""Why a connection failed, in one line that an operator can act on.

pika wraps what the kernel said up to three times, and the outermost layer has no text: a broker that refuses
connections, the commonest case of all, would read `AMQPConnectionError: `.
"""

from __future__ import annotations

from typing import Any

REASON_CHARS_MAX = 8_000
"""Enough for every object of the topology that is missing or otherwise."""


def reason_of(error: BaseException) -> str:
    """The innermost reason, with its class.

    >>> reason_of(OSError(OSError(111, "Connection refused")))
    'ConnectionRefusedError: [Errno 111] Connection refused'
    """
    while (inner := _inner(error)) is not None:
        error = inner
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {'; '.join(lines)}".removesuffix(": ")[:REASON_CHARS_MAX]


def _inner(error: Any) -> BaseException | None:
    """What `error` wraps: the last attempt of several, the one it names, or its only argument."""
    attempts = getattr(error, "exceptions", None) or ()
    for wrapped in (*attempts[-1:], getattr(error, "exception", None), *error.args[:1]):
        if isinstance(wrapped, BaseException):
            return wrapped
    return None
