"""The carrier: hears `notify.<channel>`, has each message handed over, and acks it when that is remembered.

It is the bridge's sister at the other end: a state machine between a ConsumePort, a few workers that call apprise, and
a relay that publishes what is to wait or is dead. It never blocks, and pika reads in a thread of its own, so a service
that takes its time costs no heartbeat. Workers are few and each call is bounded; what fails waits in the broker
(queues.py), so the prefetch is never used up by an endpoint that is down.

A tag is settled when every address of its message has it and the memory says so, or when the broker has confirmed the
copy that waits or is dead. What is acked is the longest run of settled tags. Users' messages may overtake each other:
an order would mean that all wait for one.

The promise is at least once. See heard.py for when a message is said twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
import structlog

from supervision.runtime import Address, Runtime
from topology.dead import Buried, BuryDead
from topology.last_mile import letter as letters
from topology.last_mile.heard import Heard
from topology.last_mile.letter import Letter, Tried
from topology.last_mile.queues import STEPS_S, put_aside, restored
from topology.last_mile.routes import Route, Routes
from topology.link import Link
from topology.ports import ConsumePort, Deliveries, Delivery, Lost, Opened
from topology.reconnect import Reconnect
from topology.wire import BadMessage

PREFETCH = 64
"""Eight for each worker: they need not wait for the broker."""

log = structlog.get_logger("last_mile")

Work = Callable[[Letter, Sequence[Route]], None]
"""Have a worker try these, and tell us what was `Tried`."""


class ConnectAgain(msgspec.Struct, frozen=True):
    """To itself: the wait after losing `generation` is over."""

    generation: int


class StopTaking(msgspec.Struct, frozen=True):
    """The process is about to stop: try nothing new. What is being tried is still remembered and acked."""


class Carrier:
    """A Behaviour. `steps_s` are the waits of a message that failed."""

    def __init__(
        self, me: Address, port: ConsumePort, relay: Address, heard: Heard, routes: Routes, work: Work, link: Link,
        runtime: Runtime, rng: Random, steps_s: Sequence[float] = STEPS_S,
    ) -> None:  # fmt: skip
        self._me = me
        self._port = port
        self._relay = relay
        self._heard = heard
        self._routes = routes
        self._work = work
        self._link = link
        self._runtime = runtime
        self._reconnect = Reconnect(rng)
        self._steps_s = steps_s
        self._stopping = False
        self._generation = self._acked = 0
        self._settled: set[int] = set()
        self._put_aside = 0
        self._tried: dict[str, Letter | None] = {}
        """By message id what workers are at, and the copy of it that has come meanwhile, from a newer connection."""

    @property
    def under_way(self) -> int:
        """Messages that are being tried, or whose copies the broker has not confirmed."""
        return len(self._tried) + self._put_aside

    def started(self) -> None:
        self._connect()

    def stopping(self) -> None:
        self._port.drop(self._generation)
        self._link.closed("stopped")

    def receive(self, message: Any) -> Any:
        match message:
            case Deliveries(generation=generation, batch=batch):
                if generation == self._generation and not self._stopping:
                    for delivery in batch:
                        self._take(delivery)
                    self._ack()
            case Tried():
                self._heard_back(message)
                self._ack()
            case Buried(generation=generation, tags=tags):
                if generation == self._generation:
                    self._put_aside -= len(tags)
                    self._settled.update(tags)
                    self._ack()
            case Opened() | Lost() | ConnectAgain():
                if message.generation == self._generation:
                    self._connection(message)
            case StopTaking():
                self._stopping = True
            case _:
                raise TypeError(f"the carrier does not know {type(message).__name__}")

    def _connection(self, message: Opened | Lost | ConnectAgain) -> None:
        match message:
            case Opened():
                self._link.opened()
                log.info("carrying", channels=sorted(self._routes))
            case Lost(reason=reason):
                self._link.closed(reason)
                wait_s = self._reconnect.wait_s()
                log.warning("not carrying", reason=reason, again_in_s=round(wait_s, 3))
                self._runtime.send_after(wait_s, self._me, ConnectAgain(self._generation))
            case ConnectAgain():
                if not self._stopping:
                    self._connect()

    def _connect(self) -> None:
        """Whatever the old connection delivered will come again."""
        self._generation = self._port.connect(self._me)
        self._acked = self._put_aside = 0
        self._settled.clear()

    def _take(self, delivery: Delivery) -> None:
        first, tried = restored(delivery)
        letter = letters.read(self._generation, first, tried)
        if isinstance(letter, BadMessage):
            self._give_up(first, letter)
        else:
            self._try(letter)

    def _try(self, letter: Letter) -> None:
        if letter.message_id in self._tried:
            self._copy(letter)
            return
        routes = self._routes.get(letter.channel)
        if not routes:
            self._give_up(letter.delivery, BadMessage("no_route", "", f"no address for the channel {letter.channel}"))
            return
        had = self._heard.among(letter.message_id)
        missing = [route for route in routes if route.name not in had]
        if missing:
            self._tried[letter.message_id] = None
            self._work(letter, missing)
        else:
            self._settled.add(letter.delivery.tag)

    def _copy(self, letter: Letter) -> None:
        """Another copy of what a worker is at: it is judged when that one is. One of several of this connection is
        enough.
        """
        waiting = self._tried[letter.message_id]
        if waiting is not None and waiting.generation == letter.generation:
            self._settled.add(waiting.delivery.tag)
        self._tried[letter.message_id] = letter

    def _heard_back(self, tried: Tried) -> None:
        letter = tried.letter
        self._heard.remember(letter.message_id, tried.taken)
        copy = self._tried.pop(letter.message_id)
        if letter.generation == self._generation:
            self._judge(tried)
        if copy is not None and copy.generation == self._generation:
            self._try(copy)

    def _judge(self, tried: Tried) -> None:
        letter = tried.letter
        if not tried.failed:
            self._settled.add(letter.delivery.tag)
            return
        why = BadMessage("undelivered", "", tried.failed)
        times = letter.tried + 1
        if tried.hopeless or times > len(self._steps_s):
            self._give_up(letter.delivery, why)
            return
        log.info("tried in vain", message_id=letter.message_id, times=times, reason=tried.failed)
        self._bury(letter.delivery, times, why)

    def _give_up(self, delivery: Delivery, why: BadMessage) -> None:
        log.warning("undelivered", message_id=str(delivery.props.message_id), code=why.code, reason=why.message)
        self._bury(delivery, len(self._steps_s) + 1, why)

    def _bury(self, delivery: Delivery, times: int, why: BadMessage) -> None:
        self._put_aside += 1
        self._relay.tell(BuryDead(self._generation, (put_aside(delivery, times, why, self._steps_s),), self._me))

    def _ack(self) -> None:
        upto = self._acked
        while upto + 1 in self._settled:
            upto += 1
            self._settled.discard(upto)
        if upto > self._acked:
            self._acked = upto
            self._reconnect.good()
            self._port.ack(self._generation, upto)

    def check(self) -> None:
        """Raise AssertionError when an ack could cover what is not settled."""
        assert all(tag > self._acked for tag in self._settled), "a tag outlives its ack"
        assert self._put_aside >= 0
