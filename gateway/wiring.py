"""The wiring: one engine with its doors, as a tree that is ready to be started. Production and simulation build the
same one.

What differs between them comes in as parts: the store, the ports to the broker, the runtime with its clock, the
randomness. Nothing here opens a file or a socket.

    root                     a crash of the journal, or a branch that gave up, ends the process
    ├─ journal
    ├─ readers               courier, watchdog
    ├─ segments/NN           one child per domain; parked, not escalated, when it has used up its restarts
    ├─ night                 the auditor, where there is to be one
    ├─ calls                 the sender of webhooks, where any endpoint is listed or ever was
    └─ doors                 relay, then bridge: the bridge needs the publishing side for dead letters
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from actors.money import DEFAULT_CURRENCY
from actors.registry import commands
from gateway.nightly import Auditor, NextAfter
from supervision.counters import Counters
from supervision.domain import Domain, Event
from supervision.engine import Engine
from supervision.host import HostLimits
from supervision.journal import Limits
from supervision.line import Line
from supervision.runtime import Address, Behaviour, ChildSpec
from supervision.store import Store
from supervision.supervisor import SupervisorSpec
from supervision.tree import CellRuntime, Tree, plant
from topology.bridge import Bridge, StopTaking
from topology.link import Link
from topology.outflow import WINDOW_MAX
from topology.ports import ConsumePort, PublishPort
from topology.relay import DOMAIN as RELAY
from topology.relay import OUTWARD_RETENTION_MS, Relay, StopPublishing
from topology.webhooks.endpoint import Endpoint
from topology.webhooks.ports import NoTransport, Transport
from topology.webhooks.sender import DOMAIN as WEBHOOK
from topology.webhooks.sender import Sender, StopCalling
from topology.webhooks.stand_in import NotCalling
from topology.wire import Door, id_hash


class Broker(msgspec.Struct, frozen=True):
    """The two connections; absent where HTTP is the only door."""

    consume: ConsumePort
    publish: PublishPort


class Webhooks(msgspec.Struct, frozen=True):
    """Whom campaigns may call, by name, and by what."""

    endpoints: Mapping[str, Endpoint]
    transport: Transport


class Parts(msgspec.Struct, frozen=True):
    """What a wiring is made of. `checks`: verify every state before it is written."""

    store: Store
    domains: Sequence[Domain[Any]]
    runtime: CellRuntime
    rng: Random
    counters: Counters
    on_fatal: Callable[[str], None]
    broker: Broker | None = None
    publish_without_broker: PublishPort | None = None
    limits: Limits = Limits()
    host_limits: HostLimits = HostLimits()
    outward_retention_ms: int = OUTWARD_RETENTION_MS
    confirm_window: int = WINDOW_MAX
    checks: bool = False
    free_bytes: Callable[[], int] | None = None
    audit_after: NextAfter | None = None
    """When the books are audited; None: never."""
    currency: str = DEFAULT_CURRENCY
    """Of amounts that say none."""
    webhooks: Webhooks | None = None
    prefix: str = ""
    """Before every cell's name as the runtime sees it: which process of a simulated world it is."""


def reply_to(event: Event) -> int:
    """The id hash of the input that began the event's chain, which may have been about another subject."""
    return id_hash(event.entry.root, event.entry.asked_of or event.subject)


class Wiring:
    """One process's engine. `tree.start()` begins; `drain` and `tree.stop()` end it."""

    def __init__(self, parts: Parts, now_ms: int) -> None:
        self._parts = parts
        self.recovery = parts.store.recover(now_ms)
        self._webhooks = self._callers()
        self.engine = Engine(
            parts.store, self.recovery, parts.domains, parts.runtime, parts.counters, reply_to, parts.limits,
            parts.host_limits, parts.broker is not None, parts.checks, parts.free_bytes,
            (RELAY, WEBHOOK) if self._webhooks else (RELAY,),
        )  # fmt: skip
        self.commands = commands(parts.currency)
        self.door = Door(self.commands, parts.store.segments)
        self.bridge_link = Link("bridge")
        self.relay_link = Link("relay")
        self._relay_line = Line("relay")
        self._relay: Relay | None = None
        self._relays = 0
        self._auditor: Auditor | None = None
        self._sender: Sender | None = None
        self._senders = 0
        children = [
            *self.engine.children(),
            *([SupervisorSpec("night", [ChildSpec("auditor", self._make_auditor)])] if parts.audit_after else ()),
            *([SupervisorSpec("calls", [self._calls()])] if self._webhooks else ()),
            SupervisorSpec("doors", self._doors(), strategy="rest_for_one"),
        ]
        self.tree: Tree = plant(
            parts.runtime,
            SupervisorSpec("root", children, intensity=0),
            parts.rng,
            parts.on_fatal,
            parts.counters,
            parts.prefix,
        )

    def _doors(self) -> list[ChildSpec]:
        doors = [ChildSpec("relay", self._make_relay)]
        if self._parts.broker is not None:
            doors.append(ChildSpec("bridge", self._make_bridge))
        return doors

    def _make_relay(self, me: Address) -> Behaviour:
        if self._relay is not None:
            self._relay.close()
        parts, engine = self._parts, self.engine
        self._relays += 1
        self._relay_line.bind(me)
        port = parts.broker.publish if parts.broker else parts.publish_without_broker
        assert port is not None, "a relay needs a port, if only NoBroker"
        self._relay = Relay(
            me, self._relays, port, engine.journal, engine.tails, parts.store.reader(), self.relay_link, parts.runtime,
            parts.counters, parts.rng, parts.outward_retention_ms,
            parts.confirm_window,
        )  # fmt: skip
        return self._relay

    def _make_bridge(self, me: Address) -> Behaviour:
        parts, engine = self._parts, self.engine
        assert parts.broker is not None
        return Bridge(
            me, parts.broker.consume, self.door, engine.journal, self._relay_line, self.not_taking,
            self.bridge_link, parts.runtime, parts.counters, parts.rng,
        )  # fmt: skip

    def _make_auditor(self, me: Address) -> Behaviour:
        if self._auditor is not None:
            self._auditor.close()
        parts, engine = self._parts, self.engine
        assert parts.audit_after is not None
        self._auditor = Auditor(
            me, parts.store.reader, parts.store.segments, engine.journal, parts.runtime, parts.counters,
            parts.audit_after,
        )  # fmt: skip
        return self._auditor

    def _callers(self) -> Webhooks | None:
        """A sender that once read the log goes on reading without endpoints too: the log is kept for its checkpoint,
        and what still waits or is asked for fails with a word.
        """
        if self._parts.webhooks or any(row.domain == WEBHOOK for row in self.recovery.checkpoints):
            return self._parts.webhooks or Webhooks({}, NoTransport())
        return None

    def _calls(self) -> ChildSpec:
        return ChildSpec("webhooks", self._make_sender, parked_factory=self._give_up_calling)

    def _give_up_calling(self, _: Address, reason: str) -> Behaviour:
        self._retire_sender()
        return NotCalling(reason, self._parts.counters)

    def _retire_sender(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _make_sender(self, me: Address) -> Behaviour:
        self._retire_sender()
        parts, engine = self._parts, self.engine
        assert self._webhooks is not None
        self._senders += 1
        self._sender = Sender(
            me, self._senders, self._webhooks.endpoints, self._webhooks.transport, engine.journal, engine.tails,
            parts.store.reader(), parts.runtime, parts.counters, parts.rng,
        )  # fmt: skip
        return self._sender

    @property
    def endpoints(self) -> Collection[str]:
        """Names of those that campaigns may call."""
        return self._webhooks.endpoints.keys() if self._webhooks else ()

    def not_taking(self) -> tuple[str, ...]:
        """Why no door takes input now, empty when all do.

        A reader that is new to a store begins at the head of the log: what a door took before would pass it by.
        """
        return self.engine.pressure.reasons() if self.engine.begun() else ("the engine is starting",)

    def close_doors(self) -> None:
        """Take nothing more from anybody; what was taken is still worked off, acked and answered."""
        self.engine.pressure.set("stopping", "the engine is stopping")
        if self._parts.broker is not None:
            self.tree.address("doors/bridge").tell(StopTaking())

    def finish_publishing(self) -> None:
        """Publish nothing new and call nobody; confirms and answers of what is out still count."""
        if self._webhooks:
            self.tree.address("calls/webhooks").tell(StopCalling())
        self.tree.address("doors/relay").tell(StopPublishing())

    @property
    def under_way(self) -> int:
        """Deliveries not acked, effects not confirmed, calls not answered: what an orderly stop waits for."""
        calls = self._sender.under_way if self._sender else 0
        return self.bridge_link.waiting + self.relay_link.waiting + calls
