"""The HTTP server in a thread of its own: bound at once, stopped within a bound, deaf to signals.

The socket is bound by whoever starts it, so that a port in use is an exception there and not a line in a thread's
log, and so that port 0 has a number before anybody asks. Stopping lets requests under way be answered, for as long as
it was told, and then ends them with a 503: what was not answered with success was not promised.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

import msgspec
import structlog
import uvicorn

from gateway.address import PORT_MAX, in_url, parsed
from gateway.answers import Threads
from gateway.door import ASGIApp
from gateway.foreign_lines import adopt
from gateway.protocol import HEAD_BYTES_MAX, IDLE_S_MAX, BoundedProtocol

BACKLOG = 512
STOP_S = 5.0
STOP_SLACK_S = 2.0
"""After the requests under way were cancelled, for the thread to end."""

_log = structlog.stdlib.get_logger("gateway")


class CannotListen(Exception):
    """The address cannot be bound; the text says which and why."""


class Tls(msgspec.Struct, frozen=True):
    """Paths of PEM files: the certificate with its chain, and its key."""

    certificate: str
    key: str


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, tick: Callable[[], None]) -> None:
        super().__init__(config)
        self._tick = tick

    async def on_tick(self, counter: int) -> bool:
        self._tick()
        return await super().on_tick(counter)


class HttpServer:
    """Serves `app`. `tick` is called by the loop ten times a second while it runs, for liveness; it must not block."""

    def __init__(
        self, app: ASGIApp, host: str, port: int, tick: Callable[[], None], threads: Threads, stop_s: float = STOP_S,
        tls: Tls | None = None,
    ) -> None:  # fmt: skip
        adopt()
        self._socket = _bound(host, port)
        self._threads = threads
        self._stop_s = stop_s
        config = uvicorn.Config(
            app, loop="asyncio", http=BoundedProtocol, ws="none", lifespan="off", log_config=None, log_level="error",
            access_log=False, proxy_headers=False, server_header=False, backlog=BACKLOG, timeout_keep_alive=IDLE_S_MAX,
            timeout_graceful_shutdown=max(1, round(stop_s)), h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            ssl_certfile=tls.certificate if tls else None, ssl_keyfile=tls.key if tls else None,
        )  # fmt: skip
        try:
            config.load()
        except OSError as error:  # of TLS: ssl.SSLError is one
            self._socket.close()
            raise CannotListen(f"the TLS certificate or its key cannot be used: {error}") from error
        self._server = _Server(config, tick)
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """(host as in a URL, port) as bound; port 0 has become a real one. Raises OSError once stopped."""
        host, port = self._socket.getsockname()[:2]
        return in_url(str(host)), int(port)

    @property
    def running(self) -> bool:
        """The thread is there. When it ends by itself that is a bug, logged."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Connections are taken from the moment of binding, and served from now on."""
        self._thread.start()

    def stop(self) -> bool:
        """Take no more connections, answer what is under way within `stop_s`, end. False when the thread did not."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(self._stop_s + STOP_SLACK_S)
        self._socket.close()
        self._threads.close()
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        except Exception as error:
            _log.critical("http_loop_died", error=type(error).__name__, exc_info=True)


def _bound(host: str, port: int) -> socket.socket:
    """`host` may be in brackets. Some systems take a port beyond 16 bits for its lower ones: not here."""
    where = f"{in_url(host.strip('[]'))}:{port}"
    address = parsed(where)
    if address is None:
        raise CannotListen(f"cannot listen on {where}: it must be HOST:PORT with a port from 0 to {PORT_MAX}")
    host, port = address
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, _ = found[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"cannot listen on {where}: {error}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found[0][4])
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise CannotListen(f"cannot listen on {where}: {error.strerror}") from error
    return bound
