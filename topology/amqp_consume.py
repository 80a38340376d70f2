"""The consuming shell: pika reads, we put into bursts and pass on. It decodes nothing and decides nothing.

Tags, acks and probes are the bridge's matter (`ports.ConsumePort`). What the broker does to us on this side has one
meaning: a `Basic.Cancel`, a closed channel, a closed connection all end the generation, since a consumer that the
broker cancelled may never become the active one again.
"""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop

from supervision.runtime import Address
from topology.amqp_socket import AmqpConnection
from topology.amqp_thread import AmqpThread
from topology.ports import Deliveries, Delivery, Opened, Probed
from topology.table import INGRESS

PREFETCH = 1_000
BURST_MESSAGES_MAX = 200
BURST_S = 0.001
"""pika reads 4 KiB at a time; waiting this long makes ten reads one message to the bridge."""


class _ConsumeSession:
    """One consuming connection, from open to gone."""

    def __init__(
        self, parameters: pika.URLParameters, queue: str, prefetch: int, generation: int, to: Address, loop: IOLoop
    ) -> None:
        self.reason = ""
        self._queue = queue
        self._prefetch = prefetch
        self._generation = generation
        self._to = to
        self._loop = loop
        self._channel: Any = None
        self._burst: list[Delivery] = []
        self.connection = AmqpConnection(parameters, self.opened, self._ended, loop)

    def opened(self) -> None:
        self.connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _, error: self._give_up(f"channel closed: {error}"))
        channel.add_on_cancel_callback(lambda _: self._give_up("the broker cancelled the consumer"))
        channel.basic_qos(prefetch_count=self._prefetch, callback=lambda _: self._consume())

    def _consume(self) -> None:
        self.connection.deliver = self._take
        self._channel.basic_consume(
            self._queue, self._delivered, callback=lambda _: self._to.tell(Opened(self._generation))
        )

    def _delivered(self, _channel: Any, method: Any, props: Any, body: bytes) -> None:
        """By way of pika: long messages."""
        self._take(Delivery(method.delivery_tag, method.exchange, method.routing_key, props, body, method.redelivered))

    def _take(self, delivery: Delivery) -> None:
        burst = self._burst
        burst.append(delivery)
        if len(burst) == 1:
            self._loop.call_later(BURST_S, self._pass_on)
        elif len(burst) >= BURST_MESSAGES_MAX:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._burst:
            burst, self._burst = self._burst, []
            self._to.tell(Deliveries(self._generation, burst))

    def ack(self, tag: int) -> None:
        if self._channel is not None and self._channel.is_open:
            self._channel.basic_ack(tag, multiple=True)

    def probe(self) -> None:
        if self._channel is not None and self._channel.is_open:
            self._channel.queue_declare(self._queue, passive=True, callback=self._probed)

    def _probed(self, answer: Any) -> None:
        self._pass_on()
        self._to.tell(Probed(self._generation, answer.method.message_count, answer.method.consumer_count))

    def _give_up(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.connection.cut(reason)

    def _ended(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._loop.stop()


class AmqpConsume:
    """A ConsumePort over pika. `prepare` declares or checks the topology (amqp_topology.py)."""

    def __init__(
        self,
        url: str,
        prepare: Callable[[pika.URLParameters], None],
        prefetch: int = PREFETCH,
        queue: str = INGRESS,
    ) -> None:
        def session(thread: AmqpThread[_ConsumeSession], generation: int, to: Address, loop: IOLoop) -> _ConsumeSession:
            return _ConsumeSession(thread.parameters, queue, prefetch, generation, to, loop)

        self._thread = AmqpThread("amqp-consume", url, prepare, session)
        self._thread.start()

    def connect(self, to: Address) -> int:
        return self._thread.connect(to)

    def ack(self, generation: int, tag: int) -> None:
        self._thread.call(generation, lambda session: session.ack(tag))

    def probe(self, generation: int) -> None:
        self._thread.call(generation, _ConsumeSession.probe)

    def drop(self, generation: int) -> None:
        self._thread.drop(generation)

    def close(self) -> None:
        """End the thread; bounded. For the process's end."""
        self._thread.close()
