"""HTTP/1.1 with limits on what a client may do by doing nothing.

The server's own protocol bounds heads in bytes and idle connections in time. A client can still hold a connection for
ever by sending half a head, by not reading its answer, or by sending on a body that was refused long ago. Here each
of these has a deadline, and the number of connections has a limit. Over the limit the connection that has idled longest
makes room; where none idles, a few more are let in, but only to ask how we are: clients that hold all connections must
not make a process look dead. What is refused below the application is a problem document too.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from gateway.door import ASGIApp, Receive, Send
from gateway.problems import PROBLEM_JSON, Problem

HEAD_S_MAX = 10.0
"""From a connection's or a request's first moment to the end of its head."""
HEAD_BYTES_MAX = 32 * 1024
IDLE_S_MAX = 15
"""Between two requests."""
STALL_S_MAX = 20.0
"""A client that does not read its answer."""
LINGER_S_MAX = 5.0
LINGER_BYTES_MAX = 4 * 1024 * 1024
"""What may still come of a body after its answer: a reset before the answer is read would take the answer away."""
CONNECTIONS_MAX = 1_000
HEALTH_CONNECTIONS_MAX = 16
"""Beyond CONNECTIONS_MAX, for HEALTH_PATHS alone."""
HEALTH_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


class BoundedProtocol(H11Protocol):
    """One connection. All methods run on the HTTP loop."""

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _lingered = 0
    _phase = "head"
    _since = 0.0
    """When the phase began, in the loop's seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > CONNECTIONS_MAX and not self._room_made():
            if len(self.connections) > CONNECTIONS_MAX + HEALTH_CONNECTIONS_MAX:
                transport.write(canned(_too_many()))
                transport.close()
                self._abort_in(LINGER_S_MAX)
                return
            self.app = partial(_health_alone, self.app)
        self._abort_in(HEAD_S_MAX)

    def _room_made(self) -> bool:
        """End the connection that has waited longest for a request to begin or go on; False when none does."""
        others = cast("set[BoundedProtocol]", self.connections) - {self}
        waiting = [one for one in others if one._phase in ("idle", "head") and not one.transport.is_closing()]
        if not waiting:
            return False
        longest = min(waiting, key=lambda one: one._since)
        longest.transport.close()
        longest._abort_in(LINGER_S_MAX)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._resumed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._phase == "linger":
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES_MAX:
                self.transport.abort()
                return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_in(LINGER_S_MAX)

    def shutdown(self) -> None:
        try:
            super().shutdown()
        except h11.LocalProtocolError:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALL_S_MAX, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._resumed()

    def send_400_response(self, msg: str) -> None:
        """What cannot be understood; called by the server with its own words."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(canned(Problem("bad_request", msg)))
        self.transport.close()
        self._abort_in(LINGER_S_MAX)

    def _look(self) -> None:
        """Find out what the client is doing, and give a new phase its deadline."""
        phase = self._phase_now()
        if phase == self._phase:
            return
        self._phase = phase
        self._since = self.loop.time()
        self._lingered = 0
        self._disarm()
        match phase:
            case "head":
                self._abort_in(HEAD_S_MAX)
            case "linger" | "closing":
                self._abort_in(LINGER_S_MAX)
            case "idle":
                # The server closes idle connections itself, but forgets to when a client goes on sending empty lines.
                self._abort_in(IDLE_S_MAX + 1.0)
            case _:
                return  # a request is being answered: the application has its own time limits

    def _phase_now(self) -> str:
        if self.transport.is_closing():
            return "closing"
        cycle: RequestResponseCycle | None = getattr(self, "cycle", None)  # typed as if always there
        if cycle is not None and not cycle.response_complete:
            return "request"
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            return "linger"
        return "head" if self.conn.trailing_data[0] else "idle"

    def _abort_in(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _resumed(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


async def _health_alone(app: ASGIApp, scope: Any, receive: Receive, send: Send) -> None:
    """`app` for whoever asks how we are; everybody else is told that there are too many, and the connection ends."""
    if scope["path"] in HEALTH_PATHS:
        await app(scope, receive, send)
        return
    document = _too_many().document()
    headers = {"content-type": PROBLEM_JSON, "content-length": str(len(document)), "connection": "close"}
    encoded = [(name.encode(), value.encode()) for name, value in (headers | _too_many().headers()).items()]
    await send({"type": "http.response.start", "status": _too_many().status, "headers": encoded})
    await send({"type": "http.response.body", "body": document, "more_body": False})


def _too_many() -> Problem:
    return Problem("busy", f"there may be {CONNECTIONS_MAX} connections")


def canned(problem: Problem) -> bytes:
    """A whole answer, for when there is no application to make one."""
    document = problem.document()
    headers: dict[str, Any] = {
        "content-type": PROBLEM_JSON,
        "content-length": len(document),
        "connection": "close",
        **problem.headers(),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {problem.status} {problem.title}\r\n{lines}\r\n".encode() + document
