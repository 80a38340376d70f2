"""What the bridge and the relay need of a broker, and what it tells them: the line between state machines and sockets.

On this side nothing does I/O; on the other (amqp_consume.py, amqp_publish.py, or the simulator's pretended broker)
nothing decides. A port never blocks its caller. It answers by telling the address given to `connect`, from a thread of
its own, and everything it says carries the generation that `connect` returned: delivery tags die with their
connection, so a word about an older generation is ignored, never applied.

Inbound properties are passed through as the client library made them (`Properties` is structural), because the bridge
looks at two of thirteen fields, thousands of times a second. `Props` is what we make ourselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from supervision.runtime import Address

UNREADABLE = "unreadable"
"""The only key of a table of headers that could not be read; its value is the reason."""


class Properties(Protocol):
    """AMQP 0-9-1 basic properties. Absent ones are None; `timestamp` in seconds; `delivery_mode` 2 = persistent."""

    @property
    def content_type(self) -> str | None: ...
    @property
    def content_encoding(self) -> str | None: ...
    @property
    def headers(self) -> Mapping[str, Any] | None: ...
    @property
    def delivery_mode(self) -> int | None: ...
    @property
    def priority(self) -> int | None: ...
    @property
    def correlation_id(self) -> str | None: ...
    @property
    def reply_to(self) -> str | None: ...
    @property
    def message_id(self) -> str | None: ...
    @property
    def timestamp(self) -> int | None: ...
    @property
    def type(self) -> str | None: ...
    @property
    def app_id(self) -> str | None: ...


class Props(msgspec.Struct, frozen=True, gc=False):
    """The properties of what we publish, and of what tests and the simulator let arrive."""

    content_type: str | None = None
    content_encoding: str | None = None
    headers: Mapping[str, Any] | None = None
    delivery_mode: int | None = 2
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    message_id: str | None = None
    timestamp: int | None = None
    type: str | None = None
    app_id: str | None = None


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A message from the ingress queue. `tag` counts from 1 within a generation, without a hole."""

    tag: int
    exchange: str
    key: str
    props: Properties
    body: bytes
    redelivered: bool = False


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A message to publish, persistent and mandatory."""

    exchange: str
    key: str
    body: bytes
    props: Props


# Told by both ports.


class Opened(msgspec.Struct, frozen=True):
    """The connection stands: topology declared or checked, consumer registered or confirms selected."""

    generation: int


class Lost(msgspec.Struct, frozen=True):
    """The connection is gone or never came about. Told once per generation, unless `drop` came first."""

    generation: int
    reason: str


# Told by a ConsumePort.


class Deliveries(msgspec.Struct, frozen=True):
    """What one burst of reading brought, in order."""

    generation: int
    batch: Sequence[Delivery]


class Probed(msgspec.Struct, frozen=True):
    """The ingress queue had `ready` messages that nobody was given yet, and `consumers` consumers."""

    generation: int
    ready: int
    consumers: int


# Told by a PublishPort.


class Confirm(msgspec.Struct, frozen=True, gc=False):
    """The broker's word on tag (or, with `multiple`, on all open tags up to it). `ack` False: it did not take them."""

    tag: int
    multiple: bool
    ack: bool


class Confirms(msgspec.Struct, frozen=True):
    """What one burst of reading brought, in order."""

    generation: int
    batch: Sequence[Confirm]


class Returned(msgspec.Struct, frozen=True):
    """A mandatory message found no queue. Told before its confirm, which follows all the same."""

    generation: int
    exchange: str
    key: str
    reason: str


class Blocked(msgspec.Struct, frozen=True):
    """The broker has an alarm and reads nothing more from us until Unblocked (or the connection is lost)."""

    generation: int
    reason: str


class Unblocked(msgspec.Struct, frozen=True):
    generation: int


class ConsumePort(Protocol):
    """The consuming connection. At most one generation is alive; `connect` drops the one before."""

    def connect(self, to: Address) -> int:
        """Begin a new generation, higher than all before, and tell `to` what becomes of it."""
        ...

    def ack(self, generation: int, tag: int) -> None:
        """Acknowledge every delivery up to `tag`."""
        ...

    def probe(self, generation: int) -> None:
        """Ask how many messages wait in the ingress queue; Probed follows, behind all deliveries sent before it."""
        ...

    def drop(self, generation: int) -> None:
        """Write out what acks are buffered, then cut the socket.

        Never basic.cancel: the broker would feed our successor before it gives him what we still hold.
        """
        ...


class PublishPort(Protocol):
    """The publishing connection, in confirm mode."""

    def connect(self, to: Address) -> int:
        """As ConsumePort's."""
        ...

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        """Publish in order. The n-th message of a generation, over all calls, has tag n, from 1."""
        ...

    def drop(self, generation: int) -> None:
        """Cut the socket."""
        ...


class NoBroker:
    """Both ports where no broker is configured: nothing ever opens."""

    def __init__(self) -> None:
        self._generation = 0

    def connect(self, to: Address) -> int:
        self._generation += 1
        return self._generation

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        raise AssertionError("published without a connection")

    def ack(self, generation: int, tag: int) -> None:
        raise AssertionError("acked without a connection")

    def probe(self, generation: int) -> None:
        """Nothing is there to ask."""

    def drop(self, generation: int) -> None:
        """Nothing is there to drop."""
