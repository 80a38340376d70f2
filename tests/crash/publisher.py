"""A sender with publisher confirms, in a thread of its own: what is confirmed is the broker's, in the order sent.

Pika's blocking adapter waits for each confirm, a disk write each; this one lets them come. A lost connection is what a
real sender lives with: it connects again and sends again, in order, whatever was not confirmed. So a message may reach
the broker twice, and never before one that was sent before it; a user's history is what it would have been. A nack or
a message that no queue took is a failure of the test, since in none of them may it happen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import pika
from pika.spec import Basic

from tests.crash.program import until
from tests.crash.shop import EXCHANGE, Message

CONFIRMED_S_MAX = 120.0
OPENED_S_MAX = 30.0
AGAIN_S = 0.1
"""From losing a connection to trying the next."""


class Publisher:
    """One channel to the front door. `send`, `settle`, `close` from the test's thread."""

    def __init__(self, url: str, exchange: str = EXCHANGE) -> None:
        self._exchange = exchange
        self.trouble: list[str] = []
        self.connections = 0
        self.again = 0
        """Messages sent another time, since their connection ended before their confirm."""
        self._parameters = pika.URLParameters(url)
        self._parameters.socket_timeout = self._parameters.stack_timeout = OPENED_S_MAX
        self._sent = 0
        self._queued: list[Message] = []
        """Sent by the test; the thread takes them all at once."""
        self._lock = threading.Lock()
        self._confirmed = 0
        self._open: dict[int, Message] = {}
        """Tag on the living connection -> message, in order."""
        self._tag = 0
        self._opened = threading.Event()
        self._ended = False
        self._channel: Any = None
        self._connection: Any = None
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()
        assert self._opened.wait(OPENED_S_MAX), "the broker does not answer"

    def send(self, messages: Sequence[Message]) -> None:
        """Publish in order; returns at once."""
        with self._lock:
            self._sent += len(messages)
            self._queued += messages
            if self._connection is not None:
                self._connection.ioloop.add_callback_threadsafe(self._publish)

    @property
    def unconfirmed(self) -> int:
        return self._sent - self._confirmed

    def settle(self) -> None:
        """Wait until all is confirmed."""
        until(
            lambda: bool(self.trouble) or not self.unconfirmed, CONFIRMED_S_MAX,
            lambda: f"of {self._sent} messages {self.unconfirmed} are not confirmed",
        )  # fmt: skip
        assert not self.trouble, self.trouble

    def close(self) -> None:
        with self._lock:
            self._ended = True
            if (connection := self._connection) is not None:
                connection.ioloop.add_callback_threadsafe(lambda: _close(connection))
        self._thread.join(OPENED_S_MAX)

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._ended:
                    return
                made: Any = pika.SelectConnection(self._parameters, self._connected, self._over, self._over)
                self._connection = made
            made.ioloop.start()
            with self._lock:
                self._connection = None
                made.ioloop.close()
            time.sleep(AGAIN_S)

    def _over(self, connection: Any, _reason: Any) -> None:
        self._channel = None
        connection.ioloop.stop()

    def _connected(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        channel.add_on_return_callback(lambda *returned: self.trouble.append(f"no queue took {returned[-1]!r}"))
        channel.confirm_delivery(self._confirm, callback=lambda _: self._begin(channel))

    def _begin(self, channel: Any) -> None:
        again, self._open, self._tag = list(self._open.values()), {}, 0
        self._channel = channel
        self.connections += 1
        self.again += len(again)
        self._write(again)
        self._publish()
        self._opened.set()

    def _publish(self) -> None:
        if self._channel is None or not self._channel.is_open:
            return  # the next connection begins with them
        with self._lock:
            queued, self._queued = self._queued, []
        self._write(queued)

    def _write(self, messages: Sequence[Message]) -> None:
        for number, message in enumerate(messages, self._tag + 1):
            self._open[number] = message
        self._tag += len(messages)
        for key, props, body in messages:
            if not self._channel.is_open:
                return
            self._channel.basic_publish(self._exchange, key, body, props, mandatory=True)

    def _confirm(self, frame: Any) -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        if not isinstance(frame.method, Basic.Ack):
            self.trouble.append(f"the broker refused message {tag}")
        for known in list(takewhile(lambda open_: open_ <= tag, self._open)) if multiple else [tag]:
            del self._open[known]
            self._confirmed += 1


def _close(connection: Any) -> None:
    if connection.is_open:
        connection.close()
    elif not connection.is_closing:
        connection.ioloop.stop()
