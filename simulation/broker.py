"""A pretended RabbitMQ: one ingress queue with a single active consumer, two exchanges to publish to, and bad days.

It knows what the engine's ports promise (topology/ports.py) and nothing of the engine. What a broker may do, it does
when the seed says so: cut either connection at any frame, refuse new ones, redeliver what was not acked, believe for a
while in a consumer that is gone already, lose confirms of what it took, take part of what was on the wire, nack,
return, block. What it may not do it never does: lose a confirmed message, or deliver an acked one again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from supervision.runtime import Address, Runtime
from topology.ports import (
    Blocked,
    Confirm,
    Confirms,
    Deliveries,
    Delivery,
    Lost,
    Opened,
    Outgoing,
    Probed,
    Props,
    Returned,
    Unblocked,
)

BURST = 50


class Message(msgspec.Struct, frozen=True):
    """What a publisher put into the ingress queue. `n` is the world's own number for it."""

    n: int
    exchange: str
    key: str
    props: Props
    body: bytes
    redelivered: bool = False
    put_ms: int = 0
    """When it came into the queue, by the wall clock."""


class Call(msgspec.Struct, frozen=True):
    """Something the broker does later."""

    act: Callable[[], None]


class Later:
    """The address to which the broker's own alarms go."""

    def tell(self, message: Call, /) -> None:
        message.act()


LATER = Later()


class Lingerer:
    """A consumer that is gone and that the broker still believes in. When its turn comes it is given messages too."""

    def __init__(self, held: list[Message]) -> None:
        self.held = held


class SimulatedBroker:
    """Outlives processes. The checkers' windows: `on_ack(message)`, `on_write(outgoing)` when the engine writes
    it, `on_publish(outgoing)` when it has arrived."""

    def __init__(self, runtime: Runtime, rng: Random, nack_rate: float = 0.0) -> None:
        self._runtime = runtime
        self._rng = rng
        self._nack_rate = nack_rate
        self.ready: deque[Message] = deque()
        self.effects: list[Outgoing] = []
        self.dead: list[Outgoing] = []
        self.away = False
        self.unroutable = False
        """Nobody has declared the queue for the unrouted: effects are returned."""
        self.linger_rate = 0.0
        """Of lost consumers that the broker goes on believing in for a while, with what they were given."""
        self.linger_s_max = 1.0
        self.lost_confirm_rate = 0.0
        """Of confirms that stay behind, so that a cut may lose them."""
        self.lingerers: list[Lingerer] = []
        """In the order of their subscribing: the first is the active consumer, whoever is really there waits."""
        self.waited = 0
        """How often a consumer came while messages were in the hands of one that is gone."""
        self.faults = 0
        """Cuts, refused connections, nacks, returns, blocks, lingering consumers so far."""
        self.on_ack: Callable[[Message], None] = lambda _: None
        self.on_publish: Callable[[Outgoing], None] = lambda _: None
        self.on_write: Callable[[Outgoing], None] = lambda _: None
        self.consumer = SimulatedConsume(self)
        self.publisher = SimulatedPublish(self)

    def after(self, seconds_max: float, act: Callable[[], None]) -> None:
        self._runtime.send_after(self._rng.uniform(0.0, seconds_max), LATER, Call(act))

    def put(self, message: Message) -> None:
        self.ready.append(msgspec.structs.replace(message, put_ms=self._runtime.clock.now_ms()))
        self.consumer.deliver_soon()

    def route(self, outgoing: Outgoing) -> None:
        self.on_publish(outgoing)
        (self.dead if outgoing.exchange == "marketing.dead" else self.effects).append(outgoing)

    def draw(self, rate: float) -> bool:
        return self._rng.random() < rate

    def nacks(self) -> bool:
        nacks = self.draw(self._nack_rate)
        self.faults += nacks
        return nacks

    def cut(self, reason: str = "cut") -> None:
        """Both connections break."""
        self.consumer.cut(reason)
        self.publisher.cut(reason)

    def leave(self) -> None:
        """It is gone until somebody says otherwise."""
        self.away = True
        self.cut("the broker is gone")

    def stay_away(self, seconds: float) -> None:
        """It is gone and refuses connections for a while."""

        def back() -> None:
            self.away = False

        self.away = True
        self.cut("the broker is gone")
        self.after(seconds, back)

    def lose_unrouted(self, seconds: float) -> None:
        """For a while every effect is returned."""

        def found() -> None:
            self.unroutable = False

        self.unroutable = True
        self.after(seconds, found)

    def mend(self) -> None:
        """No more nacks, lost confirms or lingering consumers."""
        self._nack_rate = self.linger_rate = self.lost_confirm_rate = 0.0

    def requeue(self, again: Sequence[Message]) -> None:
        """Back to the head of the queue, in order, before what is there."""
        self.ready.extendleft(reversed(again))

    def process_died(self) -> None:
        """Its sockets are closed by the kernel; nobody is there to be told."""
        self.consumer.end()
        self.publisher.end()

    def queued(self) -> list[Message]:
        """Everything that is not acked, with consumers that are gone too."""
        return [*self.ready, *self.consumer.unacked.values(), *(m for gone in self.lingerers for m in gone.held)]

    @property
    def held(self) -> int:
        """Messages that consumers hold who are gone already."""
        return sum(len(gone.held) for gone in self.lingerers)

    @property
    def idle(self) -> bool:
        return not self.ready and not self.consumer.unacked and not self.held


class SimulatedConnection:
    """What both connections have in common: one generation at a time, opened a little later, lost now and then."""

    def __init__(self, broker: SimulatedBroker) -> None:
        self._broker = broker
        self._generation = 0
        self._to: Address | None = None
        self._open = False
        self._tag: int = 0

    def connect(self, to: Address) -> int:
        self.end()
        self._generation += 1
        self._to = to
        generation = self._generation
        self._broker.after(0.05, lambda: self._opened(generation))
        return generation

    def _opened(self, generation: int) -> None:
        if generation != self._generation or self._to is None:
            return
        if self._broker.away:
            to, self._to = self._to, None
            self._broker.faults += 1
            to.tell(Lost(generation, "connection refused"))
            return
        self._open, self._tag = True, 0
        self._to.tell(Opened(generation))
        self.opened()

    def opened(self) -> None:
        """The connection stands."""

    def end(self) -> None:
        """It is gone, whoever ended it; what that means for what was under way is each side's own matter."""
        self._open, self._to = False, None

    def drop(self, generation: int) -> None:
        if generation == self._generation:
            self.end()

    def cut(self, reason: str) -> None:
        to, generation = self._to, self._generation
        self.end()
        if to is not None:
            self._broker.faults += 1
            to.tell(Lost(generation, reason))


class SimulatedConsume(SimulatedConnection):
    """ConsumePort."""

    def __init__(self, broker: SimulatedBroker) -> None:
        super().__init__(broker)
        self.unacked: OrderedDict[int, Message] = OrderedDict()
        self.prefetch = 200
        self._delivers = False
        """A delivery is on its way."""

    def opened(self) -> None:
        self._broker.waited += self._broker.held > 0
        self.deliver()

    def deliver_soon(self) -> None:
        if not self._delivers:
            self._delivers = True
            self._broker.after(0.005, self.deliver)

    def deliver(self) -> None:
        """To the active consumer; one that is gone acks nothing, so it takes its prefetch and no more."""
        self._delivers = False
        batch: list[Delivery] = []
        ready = self._broker.ready
        if self._broker.lingerers:
            held = self._broker.lingerers[0].held
            while ready and len(held) < self.prefetch:
                held.append(ready.popleft())
            return
        while self._open and ready and len(self.unacked) < self.prefetch and len(batch) < BURST:
            message = ready.popleft()
            self._tag += 1
            self.unacked[self._tag] = message
            batch.append(
                Delivery(self._tag, message.exchange, message.key, message.props, message.body, message.redelivered)
            )
        if batch and self._to is not None:
            self._to.tell(Deliveries(self._generation, batch))
            if ready:
                self.deliver_soon()

    def ack(self, generation: int, tag: int) -> None:
        if generation != self._generation or not self._open:
            return
        assert tag <= self._tag, f"tag {tag} was never delivered"
        while self.unacked and next(iter(self.unacked)) <= tag:
            _, message = self.unacked.popitem(last=False)
            self._broker.on_ack(message)
        self.deliver()

    def probe(self, generation: int) -> None:
        """Of a queue with a single active consumer only that one is counted, whoever it is."""

        def answer() -> None:
            if generation == self._generation and self._open and self._to is not None:
                self._to.tell(Probed(generation, len(self._broker.ready), 1))

        self._broker.after(0.005, answer)

    def end(self) -> None:
        """What was not acked goes back to the queue, at once or when the broker has noticed."""
        subscribed = self._open
        super().end()
        broker = self._broker
        if not subscribed:
            return
        gone = Lingerer(list(self.unacked.values()))
        self.unacked.clear()
        broker.lingerers.append(gone)
        if not broker.draw(broker.linger_rate):
            self._noticed(gone)
            return
        broker.faults += 1
        broker.after(broker.linger_s_max, lambda: self._noticed(gone))

    def _noticed(self, gone: Lingerer) -> None:
        """The next in turn becomes active, and is given first what this one held."""
        self._broker.lingerers.remove(gone)
        self._broker.requeue([msgspec.structs.replace(message, redelivered=True) for message in gone.held])
        self.deliver()


class SimulatedPublish(SimulatedConnection):
    """PublishPort."""

    def __init__(self, broker: SimulatedBroker) -> None:
        super().__init__(broker)
        self._blocked = False
        self._wire: deque[tuple[int, Outgoing]] = deque()
        """Written by the engine, not yet taken by the broker."""
        self._said: list[Confirm] = []
        """Confirms that have not arrived yet."""

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        if generation != self._generation or not self._open:
            return
        for message in messages:
            self._broker.on_write(message)
            self._tag += 1
            self._wire.append((self._tag, message))
        self._broker.after(0.01, lambda: self._take(generation))

    def _take(self, generation: int) -> None:
        """What is on the wire arrives, and is confirmed, in order; now and then the broker says no."""
        if generation != self._generation or self._blocked:
            return
        broker = self._broker
        confirms: list[Confirm] = []
        while self._wire:
            tag, message = self._wire.popleft()
            if broker.unroutable and message.exchange != "marketing.dead":
                self._return(generation, message)
                confirms.append(Confirm(tag, False, True))
                continue
            nack = broker.nacks()
            if not nack or broker.draw(0.5):  # nacked, and yet one of the queues may have it
                broker.route(message)
            confirms.append(Confirm(tag, False, not nack))
        if not confirms:
            return
        if len(confirms) > 1 and all(confirm.ack for confirm in confirms) and broker.draw(0.5):
            confirms = [Confirm(confirms[-1].tag, True, True)]
        self._said += confirms
        if broker.draw(broker.lost_confirm_rate):
            broker.after(0.05, lambda: self._confirm(generation))
        else:
            self._confirm(generation)

    def _confirm(self, generation: int) -> None:
        """Everything said so far, in order."""
        if generation == self._generation and self._to is not None and self._said:
            said, self._said = self._said, []
            self._to.tell(Confirms(generation, said))

    def _return(self, generation: int, message: Outgoing) -> None:
        self._broker.faults += 1
        if self._to is not None:
            self._to.tell(Returned(generation, message.exchange, message.key, "NO_ROUTE"))

    def block(self, seconds: float) -> None:
        """An alarm: nothing is read from the publisher for a while."""
        if not self._open or self._to is None or self._blocked:
            return
        generation = self._generation
        self._blocked = True
        self._broker.faults += 1
        self._to.tell(Blocked(generation, "memory alarm"))
        self._broker.after(seconds, lambda: self._unblock(generation))

    def _unblock(self, generation: int) -> None:
        if generation == self._generation and self._to is not None:
            self._blocked = False
            self._to.tell(Unblocked(generation))
            self._take(generation)

    def end(self) -> None:
        """Part of what was on the wire had arrived, unconfirmed."""
        arrived = self._broker._rng.randint(0, len(self._wire))  # pyright: ignore[reportPrivateUsage]
        for _ in range(arrived):
            self._broker.route(self._wire.popleft()[1])
        self._wire.clear()
        self._said.clear()
        self._blocked = False
        super().end()
