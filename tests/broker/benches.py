"""The two brokers that `test_faithful.py` holds against each other, behind the same few handles.

`RealBench` is RabbitMQ through the pika shells, over a network that can be cut; `PretendedBench` is the simulator's
broker on a virtual clock. Both hear everything the ports say through one mailbox, in order.
"""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pika

from simulation.broker import Message, SimulatedBroker
from supervision.clock import SystemClock, VirtualClock
from tests.crash.proxy import Proxy
from tests.topology_world import DEADLINE_S, Mailbox, World
from topology.amqp_consume import AmqpConsume
from topology.amqp_publish import AmqpPublish
from topology.amqp_topology import preparer
from topology.ports import (
    Confirms,
    ConsumePort,
    Deliveries,
    Delivery,
    Lost,
    Opened,
    Outgoing,
    Probed,
    Props,
    PublishPort,
    Returned,
)
from topology.table import DOORS, EFFECTS, UNROUTED, topology

DOOR = DOORS[0]
KEY = "points.increase.purchase"
HEARD, UNHEARD = "points.earned.purchase_order", "notify.sms"
"""A key that a queue is bound to, and one that only the queue for the unrouted takes."""
TABLE = topology((DOOR,), seed_queues=True)
HEARD_QUEUE = "points.analysis.queue"
LINGERS_S_MAX = 600.0
"""Virtual: nobody is noticed to be gone before a scene says so."""
LOOK_S = 0.005
PROBES_MAX = 300
"""A queue's count of messages follows its deliveries within milliseconds; a probe takes one."""


class Bench(ABC):
    """One consuming and one publishing port, and what a scenario does to the broker behind them."""

    consume: ConsumePort
    publish: PublishPort

    def __init__(self) -> None:
        self.consumer, self.publisher = Mailbox(), Mailbox()
        self.told: list[Any] = []
        """What the consuming port said, in order, but for answers to probes."""
        self.said: list[Any] = []
        """What the publishing port said."""
        self.probed: list[Probed] = []
        self.written = 0

    def connect(self) -> int:
        """A new consuming connection; returns when it stands."""
        generation = self.consume.connect(self.consumer)
        self.until(lambda: Opened(generation) in self.told)
        return generation

    def connect_publisher(self) -> int:
        generation = self.publish.connect(self.publisher)
        self.until(lambda: Opened(generation) in self.said)
        return generation

    def delivered(self, generation: int) -> list[tuple[int, str, bool]]:
        """(tag, body, redelivered) of all deliveries of a connection so far."""
        return [(d.tag, d.body.decode(), d.redelivered) for d in self.deliveries(generation)]

    def deliveries(self, generation: int) -> list[Delivery]:
        batches = [m.batch for m in self.told if isinstance(m, Deliveries) and m.generation == generation]
        return [delivery for batch in batches for delivery in batch]

    def counts(self, generation: int, ready: int) -> tuple[int, int]:
        """(ready, consumers) as probes answer once `ready` messages wait, or as the last of many does.

        An answer stands behind all deliveries and acks before it, so it also is the proof that nothing else comes.
        """
        answer = Probed(generation, -1, -1)
        for _ in range(PROBES_MAX):
            self.consume.probe(generation)
            self.until(lambda: bool(self.probed))
            answer = self.probed.pop()
            if answer.ready == ready:
                break
        return answer.ready, answer.consumers

    def confirms(self, generation: int) -> dict[int, bool]:
        """Tag -> ack, with `multiple` spelled out, in the order in which they were confirmed."""
        open_, known = 1, dict[int, bool]()
        for message in self.said:
            if isinstance(message, Confirms) and message.generation == generation:
                for confirm in message.batch:
                    first = open_ if confirm.multiple else confirm.tag
                    known |= {tag: confirm.ack for tag in range(first, confirm.tag + 1) if tag not in known}
                    while open_ in known:
                        open_ += 1
        return known

    def confirmed(self, generation: int, messages: int) -> dict[int, bool]:
        self.until(lambda: len(self.confirms(generation)) >= messages)
        return self.confirms(generation)

    def write(self, generation: int, keys: Sequence[str], exchange: str = EFFECTS) -> None:
        """One message per key, numbered through all calls."""
        out = [Outgoing(exchange, key, str(self.written + n).encode(), Props()) for n, key in enumerate(keys, 1)]
        self.written += len(keys)
        self.publish.publish(generation, out)

    def order(self) -> list[str]:
        """The kinds of what the publishing port said after it opened, repetitions in a row as one."""
        kinds = [type(message).__name__ for message in self.said if not isinstance(message, Opened)]
        return [kind for i, kind in enumerate(kinds) if not i or kinds[i - 1] != kind]

    def lost(self, generation: int) -> bool:
        """Whether the consuming port has told, once, that this connection is gone."""
        return sum(isinstance(m, Lost) and m.generation == generation for m in self.told) == 1

    def returned(self) -> list[tuple[str, str]]:
        return [(message.exchange, message.key) for message in self.said if isinstance(message, Returned)]

    def take(self) -> None:
        """The mail so far."""
        for message in self.consumer.all():
            (self.probed if isinstance(message, Probed) else self.told).append(message)
        self.said += self.publisher.all()

    @abstractmethod
    def until(self, holds: Callable[[], bool]) -> None:
        """Let time pass until it holds; fails at the deadline."""

    @abstractmethod
    def eventually(self, holds: Callable[[], bool]) -> None:
        """Let time pass until it holds, or until it never will."""

    @abstractmethod
    def put(self, *bodies: str) -> None:
        """Somebody publishes these at the front door."""

    @abstractmethod
    def cut(self) -> None:
        """All connections of the ports break."""

    @abstractmethod
    def away(self, away: bool) -> None:
        """Whether the broker refuses connections."""

    @abstractmethod
    def lose_unrouted(self) -> None:
        """The queue for the unrouted is gone."""

    @abstractmethod
    def refuse(self) -> None:
        """From now on a queue of the exchange of effects takes nothing more."""

    @abstractmethod
    def linger(self, lingers: bool) -> None:
        """Whether the broker goes on believing in connections that are cut; False: it notices."""

    @abstractmethod
    def heard(self, messages: int, last: str = "") -> list[str]:
        """The bodies that arrived in the queue bound to HEARD, once so many are there, and `last` the newest."""

    @abstractmethod
    def close(self) -> None: ...


class PretendedBench(Bench):
    """The simulator's."""

    def __init__(self, prefetch: int = 1_000) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.world = World(self.clock)
        self.broker = SimulatedBroker(self.world, Random(1))
        self.broker.linger_s_max = LINGERS_S_MAX
        self.consume, self.publish = self.broker.consumer, self.broker.publisher
        self.broker.consumer.prefetch = prefetch
        self._puts = 0

    def until(self, holds: Callable[[], bool]) -> None:
        self.eventually(holds)
        assert holds(), "it never will"

    def eventually(self, holds: Callable[[], bool]) -> None:
        self.take()
        while not holds() and self.world.alarms:
            due_s = min(alarm.due_s for alarm in self.world.alarms)
            self.clock.advance(max(0.0, due_s - self.clock.monotonic_s()) + 1e-6)
            self.world.send_due()
            self.take()

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self._puts += 1
            self.broker.put(Message(self._puts, DOOR, KEY, Props(), body.encode()))

    def cut(self) -> None:
        self.broker.cut()

    def away(self, away: bool) -> None:
        self.broker.away = away

    def lose_unrouted(self) -> None:
        self.broker.unroutable = True

    def refuse(self) -> None:
        self.broker._nack_rate = 1.0  # pyright: ignore[reportPrivateUsage]

    def linger(self, lingers: bool) -> None:
        self.broker.linger_rate = float(lingers)
        if not lingers:
            self.until(lambda: not self.broker.lingerers)

    def heard(self, messages: int, last: str = "") -> list[str]:
        def bodies() -> list[str]:
            return [effect.body.decode() for effect in self.broker.effects]

        self.until(lambda: len(bodies()) >= messages and last in ("", bodies()[-1]))
        return bodies()

    def close(self) -> None:
        """Nothing is open."""


class RealBench(Bench):
    """RabbitMQ's. What is done to the broker goes past the proxy, on connections of its own."""

    def __init__(self, url: str, prefetch: int = 1_000) -> None:
        super().__init__()
        self.proxy = Proxy(url, Random(1))
        self.clock = SystemClock()
        prepare = preparer(TABLE, "declare")
        prepare(pika.URLParameters(url))
        self.consume = self._consume = AmqpConsume(self.proxy.url, prepare, prefetch)
        self.publish = self._publish = AmqpPublish(self.proxy.url, prepare)
        self._foreign = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._foreign.channel()
        self._channel.confirm_delivery()

    def until(self, holds: Callable[[], bool]) -> None:
        self.eventually(holds)
        assert holds(), f"not in {DEADLINE_S:.0f} s; told {self.told}, said {self.said}"

    def eventually(self, holds: Callable[[], bool]) -> None:
        end_s = self.clock.monotonic_s() + DEADLINE_S
        idle: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.take()
        while not holds() and self.clock.monotonic_s() < end_s:
            try:
                idle.get(timeout=LOOK_S)
            except queue.Empty:
                self.take()

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self._channel.basic_publish(DOOR, KEY, body.encode(), mandatory=True)

    def cut(self) -> None:
        self.proxy.cut()

    def away(self, away: bool) -> None:
        self.proxy.away = away

    def lose_unrouted(self) -> None:
        self._channel.queue_delete(UNROUTED)

    def refuse(self) -> None:
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        self._channel.queue_declare("full", durable=True, arguments=full)
        self._channel.basic_publish("", "full", b"")
        self._channel.queue_bind("full", EFFECTS, "#")

    def linger(self, lingers: bool) -> None:
        if lingers:
            self.proxy.lingers = True
        else:
            self.proxy.forget()

    def heard(self, messages: int, last: str = "") -> list[str]:
        bodies: list[str] = []

        def all_there() -> bool:
            body = self._channel.basic_get(HEARD_QUEUE, auto_ack=True)[2]
            if body is not None:
                bodies.append(body.decode())
            return len(bodies) >= messages and last in ("", bodies[-1])

        self.until(all_there)
        return bodies

    def delete(self, name: str) -> None:
        self._channel.queue_delete(name)

    def close(self) -> None:
        self._consume.close()
        self._publish.close()
        self._foreign.close()
        self.proxy.close()
