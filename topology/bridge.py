"""The bridge: hears the broker. A cell around `intake.py`, between a ConsumePort and the journal.

Everything is a message to it: what the port read, what the journal made durable, what the relay buried, its own ticks.
It decodes in its own thread, so the thread that reads the socket only reads. A lost connection is a state, not a
crash: it asks the port for a new one after a jittered wait, and the link says why it is away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
import structlog

from supervision.counters import Counters
from supervision.messages import Append, AppendResult, Watermark
from supervision.runtime import Address, Runtime
from topology.dead import Buried, BuryDead
from topology.intake import Bury, HandOver, Intake
from topology.link import Link
from topology.ports import ConsumePort, Deliveries, Lost, Opened, Probed
from topology.reconnect import Reconnect
from topology.wire import Door

TICK_S = 1.0
"""Between looks at the queue for the watermark."""
GATE_S = 0.1
"""Between looks whether the engine takes input again."""
STANDING_TICKS = 15
"""A connection that stood this long was a good one."""

log = structlog.get_logger("bridge")


class Landed(msgspec.Struct, frozen=True):
    """From the journal's thread: the items of these tags are durable; `results` None: the store has another owner."""

    generation: int
    tags: Sequence[int]
    results: Sequence[AppendResult] | None


class Tick(msgspec.Struct, frozen=True):
    """To itself. `of` tells the ticks of an earlier incarnation."""

    of: int


class LookAtGate(msgspec.Struct, frozen=True):
    """To itself: does the engine take input again?"""


class ConnectAgain(msgspec.Struct, frozen=True):
    """To itself: the wait after losing `generation` is over."""

    generation: int


class StopTaking(msgspec.Struct, frozen=True):
    """The process is about to stop: hand over nothing more. What was handed over is still acked (`link.waiting`)."""


class Bridge:
    """A Behaviour. `taking` gives the reasons for which the engine takes no input, empty when it does."""

    def __init__(
        self,
        me: Address,
        port: ConsumePort,
        door: Door,
        journal: Address,
        relay: Address,
        taking: Callable[[], Sequence[str]],
        link: Link,
        runtime: Runtime,
        counters: Counters,
        rng: Random,
    ) -> None:
        self._me = me
        self._port = port
        self._journal = journal
        self._relay = relay
        self._taking = taking
        self._link = link
        self._runtime = runtime
        self._count = counters
        self._reconnect = Reconnect(rng)
        self._intake = Intake(door)
        self._gate_looked_at = False
        self._stopping = False
        self._first_generation = 0
        self._ticks = 0

    def started(self) -> None:
        self._connect()
        self._first_generation = self._intake.generation
        self._tick_later()

    def stopping(self) -> None:
        self._port.drop(self._intake.generation)
        self._link.closed("stopped")

    def receive(self, message: Any) -> Any:
        match message:
            case Deliveries(generation=generation, batch=batch):
                self._delivered(generation, batch)
            case Landed():
                self._landed(message)
            case Buried(generation=generation, tags=tags):
                self._intake.buried(generation, tags)
                self._settle()
            case Probed(generation=generation, ready=ready, consumers=consumers):
                self._intake.probed(generation, ready, consumers)
                self._settle()
            case Tick(of=of):
                self._tick(of)
            case LookAtGate():
                # Whatever connection it was for: while it was under way no other look was asked for.
                self._gate_looked_at = False
                self._hand_over()
            case Opened() | Lost() | ConnectAgain():
                self._connection(message)
            case StopTaking():
                self._stopping = True
            case _:
                raise TypeError(f"the bridge does not know {type(message).__name__}")

    def _connection(self, message: Opened | Lost | ConnectAgain) -> None:
        if message.generation != self._intake.generation:
            return
        match message:
            case Opened():
                self._opened()
            case Lost(reason=reason):
                self._lost(reason)
            case ConnectAgain():
                self._connect()

    def _connect(self) -> None:
        self._intake.connected(self._port.connect(self._me))
        self._link.waiting = 0

    def _opened(self) -> None:
        self._link.opened()
        self._ticks = 0
        self._count.count("broker_connects", side="consume")
        self._count.gauge("broker_connected", 1, side="consume")
        log.info("consuming", generation=self._intake.generation)

    def _lost(self, reason: str) -> None:
        self._link.closed(reason)
        self._count.gauge("broker_connected", 0, side="consume")
        wait_s = self._reconnect.wait_s()
        log.warning("not consuming", reason=reason, again_in_s=round(wait_s, 3))
        self._runtime.send_after(wait_s, self._me, ConnectAgain(self._intake.generation))

    def _delivered(self, generation: int, batch: Sequence[Any]) -> None:
        self._count.count("bridge_deliveries", len(batch))
        redelivered = sum(1 for delivery in batch if delivery.redelivered)
        if redelivered:
            self._count.count("bridge_redelivered", redelivered)
        self._intake.delivered(generation, batch)
        self._hand_over()

    def _hand_over(self) -> None:
        """Pass on what waits, unless the engine takes nothing: then look again soon."""
        if self._stopping or not self._intake.buffered:
            return
        if self._taking():
            if not self._gate_looked_at:
                self._gate_looked_at = True
                self._runtime.send_after(GATE_S, self._me, LookAtGate())
            return
        for group in self._intake.hand_over():
            if isinstance(group, HandOver):
                self._append(group)
            else:
                self._bury(group)
        self._link.waiting = self._intake.waiting - self._intake.buffered

    def _append(self, group: HandOver) -> None:
        me, generation, tags = self._me, group.generation, group.tags

        def done(results: Sequence[AppendResult] | None) -> None:
            me.tell(Landed(generation, tags, results))

        self._journal.tell(Append(group.items, done, group.nbytes))

    def _bury(self, group: Bury) -> None:
        for code in group.codes:
            self._count.count("refused_at_door", door="amqp", code=code)
            self._count.count("dead_letters", reason=code)
        self._relay.tell(BuryDead(group.generation, group.letters, self._me))

    def _landed(self, landed: Landed) -> None:
        bury = self._intake.appended(landed.generation, landed.tags, landed.results)
        if bury is not None:
            self._bury(bury)
        self._settle()

    def _settle(self) -> None:
        before = self._intake.acked
        upto = self._intake.ack()
        if upto is not None:
            self._reconnect.good()
            self._count.count("bridge_acked", upto - before)
            self._port.ack(self._intake.generation, upto)
            self._link.waiting = self._intake.waiting - self._intake.buffered
        at = self._intake.watermark()
        if at is not None:
            self._journal.tell(Watermark(at))

    def _tick(self, of: int) -> None:
        if of != self._first_generation:
            return
        self._ticks += 1
        clock = self._runtime.clock
        self._link.last_tick_s = clock.monotonic_s()
        if self._link.ready:
            if self._ticks == STANDING_TICKS:
                self._reconnect.good()
            if self._intake.probe(clock.now_ms(), clock.monotonic_s()):
                self._port.probe(self._intake.generation)
        self._tick_later()

    def _tick_later(self) -> None:
        self._runtime.send_after(TICK_S, self._me, Tick(self._first_generation))

    def check(self) -> None:
        self._intake.check()
