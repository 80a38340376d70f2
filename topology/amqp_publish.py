"""The publishing shell: whole batches to pika's thread with one call, the broker's confirms back in bursts.

The n-th message of a generation has tag n on the wire by AMQP's rule, so nothing is counted here. The relay's window
bounds what is under way, and with it pika's unbounded write buffer.
"""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.spec import Basic

from supervision.runtime import Address
from topology.amqp_socket import AmqpConnection
from topology.amqp_thread import AmqpThread
from topology.ports import Blocked, Confirm, Confirms, Opened, Outgoing, Returned, Unblocked

BURST_CONFIRMS_MAX = 200
BURST_S = 0.001
"""Confirms of many messages come as many frames; waiting this long makes them one message to the relay."""


class _PublishSession:
    """One publishing connection, from open to gone."""

    def __init__(self, parameters: pika.URLParameters, generation: int, to: Address, loop: IOLoop) -> None:
        self.reason = ""
        self._generation = generation
        self._to = to
        self._loop = loop
        self._channel: Any = None
        self._burst: list[Confirm] = []
        self.connection = AmqpConnection(parameters, self.opened, self._ended, loop)

    def opened(self) -> None:
        generation, to = self._generation, self._to
        self.connection.add_on_connection_blocked_callback(
            lambda _, frame: to.tell(Blocked(generation, str(frame.method.reason)))
        )
        self.connection.add_on_connection_unblocked_callback(lambda _, _frame: to.tell(Unblocked(generation)))
        self.connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(lambda _, error: self._give_up(f"channel closed: {error}"))
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed, lambda _: self._to.tell(Opened(self._generation)))

    def publish(self, messages: Sequence[Outgoing]) -> None:
        channel = self._channel
        if not channel.is_open:
            return  # its end is on the way to the relay
        self.connection.publish(channel.channel_number, messages)

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        burst = self._burst
        burst.append(Confirm(method.delivery_tag, method.multiple, isinstance(method, Basic.Ack)))
        if len(burst) == 1:
            self._loop.call_later(BURST_S, self._pass_on)
        elif len(burst) >= BURST_CONFIRMS_MAX:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._burst:
            burst, self._burst = self._burst, []
            self._to.tell(Confirms(self._generation, burst))

    def _returned(self, _channel: Any, method: Any, _props: Any, _body: bytes) -> None:
        self._pass_on()
        self._to.tell(Returned(self._generation, method.exchange, method.routing_key, method.reply_text))

    def _give_up(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.connection.cut(reason)

    def _ended(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._loop.stop()


class AmqpPublish:
    """A PublishPort over pika."""

    def __init__(self, url: str, prepare: Callable[[pika.URLParameters], None]) -> None:
        def session(thread: AmqpThread[_PublishSession], generation: int, to: Address, loop: IOLoop) -> _PublishSession:
            return _PublishSession(thread.parameters, generation, to, loop)

        self._thread = AmqpThread("amqp-publish", url, prepare, session)
        self._thread.start()

    def connect(self, to: Address) -> int:
        return self._thread.connect(to)

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        self._thread.call(generation, lambda session: session.publish(messages))

    def drop(self, generation: int) -> None:
        self._thread.drop(generation)

    def close(self) -> None:
        """End the thread; bounded. For the process's end."""
        self._thread.close()
