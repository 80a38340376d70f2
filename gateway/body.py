"""Reading a request's body without being held up or filled up by whoever sends it.

Three limits: how large one body may be (found out from its declared length, or while it comes in, never after), how
long it may take, and how much all bodies under way may hold together. The last one is what keeps many slow senders
from adding up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from gateway.ingest import BODY_BYTES_MAX
from gateway.problems import Problem

BODY_S_MAX = 20.0
BODIES_BYTES_MAX = 64 * 1024 * 1024
"""Of all bodies being read or worked on."""

Receive = Callable[[], Awaitable[Any]]
"""ASGI's."""


class Bodies:
    """Used by the HTTP loop only."""

    def __init__(self, seconds_max: float = BODY_S_MAX, together_max: int = BODIES_BYTES_MAX) -> None:
        self._seconds_max = seconds_max
        self._together_max = together_max
        self.held = 0
        """Bytes of all bodies under way."""

    @asynccontextmanager
    async def whole(self, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> AsyncGenerator[bytes]:
        """The whole body, counted until the block ends. Raises Problem."""
        _check_headers(headers)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds_max):
                while await self._part(body, receive):
                    pass
        except TimeoutError as error:
            self.held -= len(body)
            raise Problem("slow_body", f"the body did not arrive within {self._seconds_max:g} s") from error
        except BaseException:
            self.held -= len(body)
            raise
        try:
            yield bytes(body)
        finally:
            self.held -= len(body)

    async def _part(self, body: bytearray, receive: Receive) -> bool:
        """Add the next part to `body`; False when it was the last."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("client_gone", "the client went away before its body was complete")
        part = message.get("body", b"")
        if len(body) + len(part) > BODY_BYTES_MAX:
            raise _too_large()
        if self.held + len(part) > self._together_max:
            raise Problem("busy", f"all bodies under way may hold {self._together_max} bytes")
        body += part
        self.held += len(part)
        return bool(message.get("more_body", False))


async def parts(
    headers: Iterable[tuple[bytes, bytes]], receive: Receive, bytes_max: int, seconds_max: float = BODY_S_MAX
) -> AsyncGenerator[bytes]:
    """A body that is never whole in memory, part by part; `seconds_max` bounds the wait for each. Raises Problem."""
    _check_headers(headers, bytes_max)
    size, more = 0, True
    while more:
        try:
            async with asyncio.timeout(seconds_max):
                message = await receive()
        except TimeoutError as error:
            raise Problem("slow_body", f"no more of the body arrived within {seconds_max:g} s") from error
        if message["type"] == "http.disconnect":
            raise Problem("client_gone", "the client went away before its body was complete")
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise _too_large(bytes_max)
        more = bool(message.get("more_body", False))
        yield part


def _check_headers(headers: Iterable[tuple[bytes, bytes]], bytes_max: int = BODY_BYTES_MAX) -> None:
    for name, value in headers:
        if name == b"content-length" and (not value.isdigit() or len(value) > 18 or int(value) > bytes_max):
            raise _too_large(bytes_max)
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise Problem("encoded_body", "send the body without content-encoding")


def _too_large(bytes_max: int = BODY_BYTES_MAX) -> Problem:
    return Problem("too_large", f"the body may have {bytes_max} bytes")
