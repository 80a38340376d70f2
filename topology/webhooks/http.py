"""The real Transport: a thread for each attempt, since a name's resolution and a handshake block, and none without one.

How many there are at once is the queue's matter. Connections are kept for the next call where the endpoint keeps them.
The pool is httpcore's, which follows no redirect and asks the environment for no proxy, through a backend of ours: it
resolves the name itself, looks at what came of it, and connects to that very address. A name that says one thing to who
checks and another to who connects (DNS rebinding) has nobody to say the second thing to. A time limit holds for the
whole attempt: an answer that drips would otherwise never exceed the limit of any one read.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import certifi
import httpcore
import structlog

from supervision.clock import Clock
from topology.webhooks.address import is_public
from topology.webhooks.endpoint import Endpoint
from topology.webhooks.ports import Answered, Letter, NotReached, Outcome

ANSWER_BYTES_MAX = 64 * 1024
"""Read of an answer, so that its connection can be used again; a longer one is hung up on."""
KEEP_S = 30.0
WRITE_BYTES = 16 * 1024
"""Between two looks at the time limit."""

Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) -> its addresses; raises OSError."""

log = structlog.get_logger("webhooks")


class AddressRefused(Exception):
    """The endpoint's name leads into our own network."""


def resolve(host: str, port: int) -> Sequence[str]:
    """What the system says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class HttpTransport:
    """Any thread may post."""

    def __init__(self, endpoints: Mapping[str, Endpoint], clock: Clock, resolve: Resolve = resolve) -> None:
        self._endpoints = endpoints
        trust = ssl.create_default_context()
        trust.load_verify_locations(certifi.where())  # a bare machine has no list of its own
        self._left = _TimeLeft(clock)
        self._pools = {
            name: httpcore.ConnectionPool(
                ssl_context=trust,
                max_connections=endpoint.parallel,
                keepalive_expiry=KEEP_S,
                network_backend=_Guarded(resolve, endpoint.allow_private, self._left),
            )
            for name, endpoint in endpoints.items()
        }

    def post(self, letter: Letter, done: Callable[[Outcome], None], /) -> None:
        name = f"webhook {letter.endpoint}"
        try:
            threading.Thread(target=self._attempt, args=(letter, done), name=name, daemon=True).start()
        except RuntimeError:  # the machine gives no more threads
            done(NotReached("error"))

    def _attempt(self, letter: Letter, done: Callable[[Outcome], None]) -> None:
        outcome: Outcome = NotReached("error")
        try:
            outcome = self._answered(letter)
        except (httpcore.TimeoutException, TimeoutError):
            outcome = NotReached("timeout")
        except AddressRefused:
            outcome = NotReached("address_refused")
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            outcome = NotReached("bad_answer")
        except (httpcore.NetworkError, OSError):
            outcome = NotReached("unreachable")
        except Exception as error:  # a bug of ours or of the library's must not leave the call under way for ever
            log.error("webhook_attempt_raised", endpoint=letter.endpoint, error=type(error).__name__)
        finally:
            done(outcome)

    def _answered(self, letter: Letter) -> Answered:
        endpoint = self._endpoints[letter.endpoint]
        limit = float(endpoint.timeout_s)
        self._left.begin(limit)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), limit)
        with self._pools[letter.endpoint].stream(
            "POST", endpoint.url, headers=list(letter.headers.items()), content=letter.body,
            extensions={"timeout": timeouts},
        ) as response:  # fmt: skip
            headers = {name.lower(): value for name, value in response.headers}
            self._drain(response)
            return Answered(response.status, headers.get(b"retry-after", b"").decode("latin-1"))

    def _drain(self, response: httpcore.Response) -> None:
        """What was said is said with the status: an answer that breaks off is an answer."""
        length = 0
        try:
            for chunk in response.iter_stream():
                length += len(chunk)
                if length > ANSWER_BYTES_MAX:
                    return
        except (httpcore.TimeoutException, TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            return


class _TimeLeft(threading.local):
    """Of the attempt that this thread makes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    def begin(self, seconds: float) -> None:
        self._until = self._clock.monotonic_s() + seconds

    def seconds(self) -> float:
        """More than 0. Raises TimeoutError."""
        left = self._until - self._clock.monotonic_s()
        if left <= 0:
            raise TimeoutError
        return left


class _Guarded(httpcore.NetworkBackend):
    """Connects to an address that it has looked at itself."""

    def __init__(self, resolve: Resolve, allow_private: bool, left: _TimeLeft) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._left = left
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """To the first address that takes us. One of our own network among them spoils them all."""
        addresses = self._resolve(host, port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise AddressRefused
        failed: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(address, port, self._left.seconds(), local_address, socket_options)
                return _Limited(stream, self._left)
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("attempts are the sender's matter")


class _Limited(httpcore.NetworkStream):
    """A stream whose every act ends when the attempt's time is up."""

    def __init__(self, inner: httpcore.NetworkStream, left: _TimeLeft) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left.seconds())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for begin in range(0, len(buffer), WRITE_BYTES):
            self._inner.write(buffer[begin : begin + WRITE_BYTES], self._left.seconds())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Limited(self._inner.start_tls(ssl_context, server_hostname, self._left.seconds()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
