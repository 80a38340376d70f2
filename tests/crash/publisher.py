"""A sender with publisher confirms, in a thread of its own: what is confirmed is the broker's, in the order sent.

Pika's blocking adapter waits for each confirm, a disk write each; this one lets them come. A nack or a message that no
queue took is a failure of the test, since neither may happen.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import pika
from pika.spec import Basic

from tests.crash.program import until
from tests.crash.shop import EXCHANGE, Message

CONFIRMED_S_MAX = 120.0
OPENED_S_MAX = 30.0


class Publisher:
    """One channel to the front door. `send`, `settle`, `close` from the test's thread."""

    def __init__(self, url: str) -> None:
        self._sent = 0
        self._published = 0
        self._open: dict[int, None] = {}
        self._trouble: list[str] = []
        self._opened = threading.Event()
        self._channel: Any = None
        self._connection: Any = pika.SelectConnection(
            pika.URLParameters(url), self._connected, self._failed, self._closed
        )
        self._thread = threading.Thread(target=self._connection.ioloop.start, name="publisher", daemon=True)
        self._thread.start()
        assert self._opened.wait(OPENED_S_MAX), f"the broker does not answer: {self._trouble}"

    def send(self, messages: Sequence[Message]) -> None:
        """Publish in order; returns at once."""
        self._sent += len(messages)
        self._connection.ioloop.add_callback_threadsafe(lambda: self._publish(messages))

    def settle(self) -> None:
        """Wait until all is confirmed."""
        until(
            lambda: bool(self._trouble) or (self._published == self._sent and not self._open), CONFIRMED_S_MAX,
            lambda: f"of {self._sent} messages {self._published} are published, {len(self._open)} not confirmed",
        )  # fmt: skip
        assert not self._trouble, self._trouble

    def close(self) -> None:
        self._connection.ioloop.add_callback_threadsafe(self._connection.close)
        self._thread.join(OPENED_S_MAX)

    def _connected(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_return_callback(lambda *returned: self._trouble.append(f"no queue took {returned[-1]!r}"))
        channel.confirm_delivery(self._confirm, callback=lambda _: self._opened.set())

    def _publish(self, messages: Sequence[Message]) -> None:
        for key, props, body in messages:
            self._open[self._published + 1] = None
            self._published += 1
            self._channel.basic_publish(EXCHANGE, key, body, props, mandatory=True)

    def _confirm(self, frame: Any) -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        if not isinstance(frame.method, Basic.Ack):
            self._trouble.append(f"the broker refused message {tag}")
        for known in list(takewhile(lambda open_: open_ <= tag, self._open)) if multiple else [tag]:
            del self._open[known]

    def _failed(self, connection: Any, error: Any) -> None:
        self._trouble.append(f"no connection: {error!r}")
        connection.ioloop.stop()

    def _closed(self, connection: Any, reason: Any) -> None:
        if getattr(reason, "reply_code", None) != 200:
            self._trouble.append(f"the connection was lost: {reason!r}")
        connection.ioloop.stop()
