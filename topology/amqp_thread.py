"""A thread that owns one AMQP connection after the other: the common half of the two pika shells.

One generation at a time: `connect` asks for a new one and abandons the one before; the thread prepares the broker
(declares or checks the topology), runs pika's loop until the connection is gone, and tells the owner `Lost`. It
decides nothing: when to try again is the owner's matter. Any exception from pika, one while reading a message
included, is a lost connection.
"""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import pika
import structlog
from pika.adapters.select_connection import IOLoop

from supervision.runtime import Address
from topology.amqp_reason import reason_of
from topology.amqp_socket import AmqpConnection
from topology.ports import Lost

HEARTBEAT_S = 30
BLOCKED_S_MAX = 30
"""A broker that has been reading nothing from us this long is given up, and tried again."""
CONNECT_S_MAX = 10
FLUSH_S_MAX = 1.0
"""For what is written but not sent when the connection is dropped."""
END_S_MAX = 2.0
FLUSH_LOOK_S = 0.005

log = structlog.get_logger("amqp")


class Session(Protocol):
    """One connection from open to gone; called by the loop's thread only."""

    connection: AmqpConnection
    reason: str
    """Why it ended, empty until then."""

    def opened(self) -> None: ...


S = TypeVar("S", bound=Session)


def parameters(url: str) -> pika.URLParameters:
    """`url` with our timeouts, wherever it does not set its own. Raises ValueError when it is none."""
    try:
        made = pika.URLParameters(url)
    except Exception as error:
        raise ValueError("not an AMQP address; one looks like amqp://user:password@host:5672/vhost") from error
    if "heartbeat" not in url:
        made.heartbeat = HEARTBEAT_S
    if "blocked_connection_timeout" not in url:
        made.blocked_connection_timeout = BLOCKED_S_MAX
    if "socket_timeout" not in url:
        made.socket_timeout = CONNECT_S_MAX
        made.stack_timeout = 2 * CONNECT_S_MAX
    made.connection_attempts = 1
    return made


class AmqpThread(Generic[S]):
    """`prepare` gets the parameters and raises when the broker is not as it should be."""

    def __init__(
        self,
        name: str,
        url: str,
        prepare: Callable[[pika.URLParameters], None],
        session: Callable[[AmqpThread[S], int, Address, IOLoop], S],
    ) -> None:
        self.parameters = parameters(url)
        self._prepare = prepare
        self._make_session = session
        self._state = threading.Condition()
        self._generation = 0
        self._wanted: tuple[int, Address] | None = None
        self._alive: tuple[int, S, IOLoop] | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread; bounded."""
        with self._state:
            self._ending = True
            self._wanted = None
            self._abandon()
            self._state.notify()
        self._thread.join(FLUSH_S_MAX + END_S_MAX)

    def connect(self, to: Address) -> int:
        with self._state:
            self._generation += 1
            self._wanted = (self._generation, to)
            self._abandon()
            self._state.notify()
            return self._generation

    def drop(self, generation: int) -> None:
        with self._state:
            if generation == self._generation:
                self._wanted = None
                self._abandon()

    def call(self, generation: int, act: Callable[[S], None]) -> None:
        """Have the loop's thread do `act`, if that generation still lives."""
        with self._state:
            if self._alive is not None and self._alive[0] == generation and self._wants(generation):
                _, session, loop = self._alive
                loop.add_callback_threadsafe(lambda: act(session))

    def _wants(self, generation: int) -> bool:
        return self._wanted is not None and self._wanted[0] == generation

    def _abandon(self) -> None:
        if self._alive is not None:
            _, session, loop = self._alive
            loop.add_callback_threadsafe(lambda: _cut(session.connection, loop, FLUSH_S_MAX))

    def _run(self) -> None:
        done = 0
        while True:
            with self._state:
                while not self._ending and (self._wanted is None or self._wanted[0] == done):
                    self._state.wait()
                if self._ending:
                    return
                assert self._wanted is not None
                generation, to = self._wanted
            done = generation
            reason = self._live(generation, to)
            with self._state:
                wanted = self._wants(generation)
            if wanted:
                to.tell(Lost(generation, reason))

    def _live(self, generation: int, to: Address) -> str:
        """The life of one connection; returns how it ended."""
        loop = IOLoop()
        try:
            self._prepare(self.parameters)
            with self._state:
                if not self._wants(generation):
                    return "abandoned"
                session = self._make_session(self, generation, to, loop)
                self._alive = (generation, session, loop)
            loop.start()
            return session.reason
        except Exception as error:
            log.debug("connection ended by an exception", exc_info=True)
            self._tear_down(loop)
            return f"{self.parameters.host}:{self.parameters.port}: {reason_of(error)}"
        finally:
            with self._state:
                self._alive = None
            loop.close()

    def _tear_down(self, loop: IOLoop) -> None:
        """The loop died with an open socket: run it once more, just to close that."""
        with self._state:
            alive, self._alive = self._alive, None
        if alive is not None:
            try:
                _cut(alive[1].connection, loop, 0.0)
                loop.start()
            except Exception:
                log.debug("cutting failed", exc_info=True)


def _cut(connection: AmqpConnection, loop: IOLoop, patience_s: float) -> None:
    """Let the kernel take what is written, within `patience_s`, then cut."""
    if patience_s > 0 and connection.is_open and connection.unsent_bytes:
        loop.call_later(FLUSH_LOOK_S, lambda: _cut(connection, loop, patience_s - FLUSH_LOOK_S))
        return
    loop.call_later(FLUSH_LOOK_S, loop.stop)  # also when there was nothing left to cut
    connection.cut("dropped by us")
