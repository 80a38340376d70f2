"""The outermost layer of the HTTP side: what must hold for every request, whatever handles it.

- Paths are matched as they were encoded, so that an id may hold any character, `/` (as `%2F`) included. Servers
  decode a path before the router sees it; here the router gets its segments re-encoded in one canonical way and
  handlers decode theirs.
- HEAD is GET without the body.
- Who comes without the API key that is needed, or too often, gets no further than here (access.py).
- Nothing leaves without a status: what escapes all handlers is a problem document too.
- One log line and one count per request, by the route's template. Paths, queries, ids and addresses are personal data
  or may hold some, so none of them is ever written down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol
from urllib.parse import quote, unquote, unquote_to_bytes

import structlog

from gateway.problems import PROBLEM_JSON, Problem
from supervision.clock import Clock
from supervision.counters import Counters

ASGIMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
"""Those that are counted by name."""
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines; logged only when the answer is not a success."""

_log = structlog.stdlib.get_logger("gateway")


class Admission(Protocol):
    """What a door asks of its gate (access.py)."""

    async def admit(
        self, scope: MutableMapping[str, Any], path: str, say: Callable[[Mapping[str, str]], None]
    ) -> None: ...


class Door:
    """An ASGI application around `app`."""

    def __init__(self, app: ASGIApp, gate: Admission, clock: Clock, counters: Counters) -> None:
        self._app = app
        self._gate = gate
        self._clock = clock
        self._counters = counters

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock.monotonic_s()
        answer = _Answer(send, bodiless=scope["method"] == "HEAD")
        inner: dict[str, Any] = {**scope, "method": "GET" if scope["method"] == "HEAD" else scope["method"]}
        try:
            inner["path"] = canonical_path(scope.get("raw_path") or quote(scope["path"]).encode())
            await self._gate.admit(inner, inner["path"], answer.say)
            await self._app(inner, receive, answer.send)
        except Problem as problem:
            await answer.problem(problem)
        except asyncio.CancelledError:  # nobody cancels a request but the end of a stop
            await answer.problem(Problem("stopping", "the engine is stopping; send it again under the same id"))
        except Exception as error:
            _log.error("request_failed", error=type(error).__name__, exc_info=True)
            await answer.problem(Problem("internal", "the request could not be handled; this is logged"))
        finally:
            self._note(scope["method"], inner.get("path_template", "unmatched"), answer, began)

    def _note(self, method: str, route: str, answer: _Answer, began: float) -> None:
        seconds = self._clock.monotonic_s() - began
        known = method if method in METHODS else "other"
        self._counters.count("http_requests", route=route, method=known, status=answer.status)
        self._counters.observe("http_seconds", seconds, route=route)
        if answer.status >= 400 or route not in QUIET_ROUTES:
            _log.info("http", method=known, route=route, status=answer.status, ms=round(seconds * 1000, 2))


class _Answer:
    """Passes an answer on, and remembers how it went."""

    def __init__(self, send: Send, bodiless: bool) -> None:
        self._send = send
        self._bodiless = bodiless
        self._said: list[tuple[bytes, bytes]] = []
        self.status = 0
        """0 while nothing was sent."""

    def say(self, headers: Mapping[str, str]) -> None:
        """Whatever the answer will be, it has these headers."""
        self._said = _encoded(headers)

    async def send(self, message: ASGIMessage) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._said:
                message = {**message, "headers": [*message["headers"], *self._said]}
        elif self._bodiless and message.get("body"):
            message = {**message, "body": b""}
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        """Answer with `problem`, unless an answer has begun: then the connection is all that can still be ended."""
        if self.status:
            return
        document = problem.document()
        headers = {"content-type": PROBLEM_JSON, "content-length": str(len(document)), **problem.headers()}
        await self.send({"type": "http.response.start", "status": problem.status, "headers": _encoded(headers)})
        await self.send({"type": "http.response.body", "body": document, "more_body": False})


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def canonical_path(raw_path: bytes) -> str:
    """`raw_path` with each segment percent-encoded in one way; raises Problem `bad_path`.

    >>> canonical_path(b"/v1/%75sers/a%2fb~/points")
    '/v1/users/a%2Fb~/points'
    """
    path = raw_path.partition(b"?")[0].decode("latin-1")
    return "/".join(quote(_decoded(segment), safe="") for segment in path.split("/"))


def path_value(segment: str) -> str:
    """What a segment of a canonical path stands for."""
    return unquote(segment, errors="strict")


def _decoded(segment: str) -> str:
    if "%" in segment:
        for escape in segment.split("%")[1:]:
            if len(escape) < 2 or not set(escape[:2]) <= _HEX:
                raise Problem("bad_path", "a % in the path must be followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(segment.encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        raise Problem("bad_path", "the path must be percent-encoded UTF-8") from error


_HEX = frozenset("0123456789abcdefABCDEF")
