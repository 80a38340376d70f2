"""The program of the last mile, on real or pretended ports: one mailbox, one thread that decides, a few that deliver.

The relay that publishes is the engine's own, of no segments: it reads no log, and publishes only what it is given to
bury, again after a refusal or a lost connection until the broker has confirmed it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any, cast

import msgspec

from supervision.counters import NullCounters
from supervision.runtime import Runtime
from topology.last_mile.carrier import Carrier, StopTaking
from topology.last_mile.heard import Heard
from topology.last_mile.letter import Letter, Send, hand_over
from topology.last_mile.queues import STEPS_S
from topology.last_mile.routes import Route, Routes
from topology.link import Link
from topology.ports import ConsumePort, PublishPort
from topology.relay import Relay

WORKERS = 8
"""Messages that are handed over at a time; each waits for its service and for nothing of ours."""
LOOK_S = 0.2
"""Between looks whether the process is to stop."""
STOP_S_MAX = 15.0
"""For what is being tried when it is: longer than apprise waits for a service."""


class Parts(msgspec.Struct, frozen=True):
    """What is real in production."""

    consume: ConsumePort
    publish: PublishPort
    heard: Heard
    routes: Routes
    send: Send
    runtime: Runtime
    rng: Random
    steps_s: Sequence[float] = STEPS_S


class _Desk:
    """The address of one of the two behaviours, which share a mailbox."""

    def __init__(self, mail: queue.SimpleQueue[tuple[_Desk, Any]]) -> None:
        self._mail = mail
        self.behaviour: Carrier | Relay | None = None

    def tell(self, message: Any, /) -> None:
        self._mail.put((self, message))


class _NoLog:
    """Journal and store of a relay that reads none."""

    def tell(self, message: Any, /) -> None:
        raise AssertionError(f"{type(message).__name__} for a journal where there is none")

    def close(self) -> None:
        """Nothing is open."""


class LastMile:
    """Carries messages from `run` until its event is set, and a little longer."""

    def __init__(self, parts: Parts) -> None:
        self._mail: queue.SimpleQueue[tuple[_Desk, Any]] = queue.SimpleQueue()
        self._parts = parts
        self._pool = ThreadPoolExecutor(WORKERS, "last-mile")
        self._me, to_relay = _Desk(self._mail), _Desk(self._mail)
        self.link = Link("carrier")
        none = cast(Any, _NoLog())
        self._relay = to_relay.behaviour = Relay(
            to_relay, 1, parts.publish, none, {}, none, Link("relay"), parts.runtime, NullCounters(), parts.rng
        )
        self._carrier = self._me.behaviour = Carrier(
            self._me, parts.consume, to_relay, parts.heard, parts.routes, self._work, self.link, parts.runtime,
            parts.rng, parts.steps_s,
        )  # fmt: skip

    def run(self, ended: threading.Event) -> None:
        """Blocks until `ended`, and then until what is being tried is settled, STOP_S_MAX at most. Raises what the
        memory's disk does; then nothing is tried that is not being tried already.
        """
        try:
            self._run(ended)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, ended: threading.Event) -> None:
        self._relay.started()
        self._carrier.started()
        while not ended.is_set():
            self._turn()
        self._carrier.receive(StopTaking())
        clock = self._parts.runtime.clock
        deadline_s = clock.monotonic_s() + STOP_S_MAX
        while self._carrier.under_way and clock.monotonic_s() < deadline_s:
            self._turn()
        self._carrier.stopping()
        self._relay.stopping()

    def _turn(self) -> None:
        try:
            to, message = self._mail.get(timeout=LOOK_S)
        except queue.Empty:
            return
        assert to.behaviour is not None
        to.behaviour.receive(message)
        self._carrier.check()

    def _work(self, letter: Letter, routes: Sequence[Route]) -> None:
        self._pool.submit(partial(self._try, letter, routes))

    def _try(self, letter: Letter, routes: Sequence[Route]) -> None:
        self._me.tell(hand_over(letter, routes, self._parts.send))
