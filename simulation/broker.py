"""A pretended RabbitMQ: one ingress queue with a single active consumer, two exchanges to publish to, and bad days.

It knows what the engine's ports promise (topology/ports.py) and nothing of the engine. What a broker may do, it does
when the seed says so: cut either connection, redeliver what was not acked, lose confirms of what it took, take part
of what was on the wire, nack, block. What it may not do it never does: lose a confirmed message, or deliver an acked
one again.
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


class Call(msgspec.Struct, frozen=True):
    """Something the broker does later."""

    act: Callable[[], None]


class Later:
    """The address to which the broker's own alarms go."""

    def tell(self, message: Call, /) -> None:
        message.act()


LATER = Later()


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
        self.on_ack: Callable[[Message], None] = lambda _: None
        self.on_publish: Callable[[Outgoing], None] = lambda _: None
        self.on_write: Callable[[Outgoing], None] = lambda _: None
        self.consumer = SimulatedConsume(self)
        self.publisher = SimulatedPublish(self)

    def after(self, seconds_max: float, act: Callable[[], None]) -> None:
        self._runtime.send_after(self._rng.uniform(0.0, seconds_max), LATER, Call(act))

    def put(self, message: Message) -> None:
        self.ready.append(message)
        self.after(0.005, self.consumer.deliver)

    def route(self, outgoing: Outgoing) -> None:
        self.on_publish(outgoing)
        (self.dead if outgoing.exchange == "marketing.dead" else self.effects).append(outgoing)

    def draw(self, rate: float) -> bool:
        return self._rng.random() < rate

    def nacks(self) -> bool:
        return self.draw(self._nack_rate)

    def cut(self, reason: str = "cut") -> None:
        """Both connections break."""
        self.consumer.cut(reason)
        self.publisher.cut(reason)

    def process_died(self) -> None:
        """Its sockets are closed by the kernel; nobody is there to be told."""
        self.consumer.end()
        self.publisher.end()

    @property
    def idle(self) -> bool:
        return not self.ready and not self.consumer.unacked


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
            to.tell(Lost(generation, reason))


class SimulatedConsume(SimulatedConnection):
    """ConsumePort."""

    def __init__(self, broker: SimulatedBroker) -> None:
        super().__init__(broker)
        self.unacked: OrderedDict[int, Message] = OrderedDict()
        self.prefetch = 200

    def opened(self) -> None:
        self.deliver()

    def deliver(self) -> None:
        batch: list[Delivery] = []
        ready = self._broker.ready
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
                self._broker.after(0.005, self.deliver)

    def ack(self, generation: int, tag: int) -> None:
        if generation != self._generation or not self._open:
            return
        assert tag <= self._tag, f"tag {tag} was never delivered"
        while self.unacked and next(iter(self.unacked)) <= tag:
            _, message = self.unacked.popitem(last=False)
            self._broker.on_ack(message)
        self.deliver()

    def probe(self, generation: int) -> None:
        def answer() -> None:
            if generation == self._generation and self._open and self._to is not None:
                self._to.tell(Probed(generation, len(self._broker.ready), 1))

        self._broker.after(0.005, answer)

    def end(self) -> None:
        """What was not acked goes back to the queue, in order, before what is there."""
        super().end()
        again = [msgspec.structs.replace(message, redelivered=True) for message in self.unacked.values()]
        self._broker.ready.extendleft(reversed(again))
        self.unacked.clear()


class SimulatedPublish(SimulatedConnection):
    """PublishPort."""

    def __init__(self, broker: SimulatedBroker) -> None:
        super().__init__(broker)
        self._blocked = False
        self._wire: deque[tuple[int, Outgoing]] = deque()
        """Written by the engine, not yet taken by the broker."""

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        if generation != self._generation or not self._open:
            return
        for message in messages:
            self._broker.on_write(message)
            self._tag += 1
            self._wire.append((self._tag, message))
        self._broker.after(0.01, lambda: self._take(generation))

    def _take(self, generation: int) -> None:
        """Some of what is on the wire arrives, and is confirmed, in order; now and then the broker says no."""
        if generation != self._generation or self._blocked:
            return
        confirms: list[Confirm] = []
        while self._wire:
            tag, message = self._wire.popleft()
            nack = self._broker.nacks()
            if not nack or self._broker.draw(0.5):  # nacked, and yet one of the queues may have it
                self._broker.route(message)
            confirms.append(Confirm(tag, False, not nack))
        if confirms and self._to is not None:
            self._to.tell(Confirms(generation, confirms))

    def block(self, seconds: float) -> None:
        """An alarm: nothing is read from the publisher for a while."""
        if not self._open or self._to is None or self._blocked:
            return
        generation = self._generation
        self._blocked = True
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
        self._blocked = False
        super().end()
