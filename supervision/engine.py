"""The engine: a store, its journal, and one supervised cell per segment and domain. Knows nothing of marketing or of
brokers.

This is the part of the tree that every process has, real or simulated; the doors and the relay are put beside it by
who wires (gateway/wiring.py). The order of the children is the order of starting, and stopping goes the other way:
the journal starts first and stops last, so that everybody's last stages still find it.

The journal has no restart budget. It dies of a fenced store or a failed fsync, and then nothing in this process may be
believed any more; a domain that dies too often is parked instead, since it may delay nobody but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from supervision.attempts import Attempts
from supervision.counters import Counters
from supervision.courier import DOMAIN as COURIER
from supervision.courier import Courier
from supervision.domain import Domain, Event
from supervision.host import DomainHost, HostLimits, Place
from supervision.journal import Journal, Limits
from supervision.line import Line
from supervision.messages import CatchUp
from supervision.pressure import Pressure
from supervision.runtime import Address, Behaviour, ChildSpec, Runtime
from supervision.store import Recovery, Store
from supervision.supervisor import SupervisorSpec
from supervision.tail import Tail
from supervision.watchdog import Watchdog

DOMAIN_RESTARTS = 5
"""Crashes of one domain of one segment within DOMAIN_PERIOD_S before it is parked; reactions that raise don't count."""
DOMAIN_PERIOD_S = 30.0


class Engine:
    """Built once per process from an opened store. `children()` are the specs to put into the root of a tree."""

    def __init__(
        self,
        store: Store,
        recovery: Recovery,
        domains: Sequence[Domain[Any]],
        runtime: Runtime,
        counters: Counters,
        reply_to: Callable[[Event], int],
        limits: Limits | None = None,
        host_limits: HostLimits | None = None,
        has_broker: bool = False,
        checks: bool = False,
        free_bytes: Callable[[], int] | None = None,
        readers: Sequence[str] = (),
    ) -> None:
        """`readers` are those that others put beside it: the log waits for them as for its own (see `begun`)."""
        self.store = store
        self.recovery = recovery
        self.runtime = runtime
        self.counters = counters
        self.pressure = Pressure()
        self.journal = Line("journal")
        self._limits = limits or Limits()
        self.tails: Mapping[int, Tail] = {
            segment: Tail(segment, recovery.heads[segment].offset, self._limits.ring_entries_max)
            for segment in range(store.segments)
        }
        self.domains = {domain.name: domain for domain in domains}
        self.hosts = {(segment, name): Line(f"{name}/{segment:02d}") for segment in self.tails for name in self.domains}
        self.attempts = {key: Attempts(stand) for key, stand in store.witness.begin(list(self.hosts)).items()}
        self.the_journal: Journal | None = None
        """The running journal, for liveness and queries about checkpoints; its numbers are read, never written."""
        self._reply_to = reply_to
        self._host_limits = host_limits or HostLimits()
        self._has_broker = has_broker
        self._checks = checks
        self._free_bytes = free_bytes
        self._courier: Courier | None = None
        self._courier_incarnation = 0
        self._must_begin = [*self.hosts, *((segment, name) for segment in self.tails for name in (COURIER, *readers))]

    def children(self) -> list[ChildSpec | SupervisorSpec]:
        """journal, courier, segments: in the order of starting."""
        return [
            ChildSpec("journal", self._make_journal, shutdown_s=10.0),
            SupervisorSpec(
                "readers", [ChildSpec("courier", self._make_courier), ChildSpec("watchdog", self._make_watchdog)]
            ),
            SupervisorSpec("segments", [self._segment(segment) for segment in sorted(self.tails)]),
        ]

    def _segment(self, segment: int) -> SupervisorSpec:
        children = [self._domain(segment, domain) for domain in self.domains.values()]
        return SupervisorSpec(f"{segment:02d}", children, intensity=DOMAIN_RESTARTS, period_s=DOMAIN_PERIOD_S)

    def _domain(self, segment: int, domain: Domain[Any]) -> ChildSpec:
        def factory(me: Address) -> Behaviour:
            return self._make_host(segment, domain, me, None)

        def parked(me: Address, reason: str) -> Behaviour:
            return self._make_host(segment, domain, me, reason)

        return ChildSpec(domain.name, factory, parked_factory=parked, pooled=True)

    def _make_journal(self, me: Address) -> Behaviour:
        self.journal.bind(me)
        money = frozenset(name for name, domain in self.domains.items() if domain.holds_money)
        self.the_journal = Journal(
            me, self.store, self.recovery, self.tails, self.runtime, self.pressure, self.counters, money,
            self._has_broker, self._limits, self._free_bytes,
            [domain for domain in self.domains.values() if domain.records_kept_ms],
        )  # fmt: skip
        return self.the_journal

    def _make_host(self, segment: int, domain: Domain[Any], me: Address, park_reason: str | None) -> Behaviour:
        self.hosts[segment, domain.name].bind(me)
        place = Place(
            segment, self.store.segments, self.journal, self.tails[segment], self.runtime, self.counters,
            self.store.reader, self._host_limits, self._reply_to, self._checks,
        )  # fmt: skip
        return DomainHost(domain, place, me, self.attempts[segment, domain.name], park_reason)

    def _make_courier(self, me: Address) -> Behaviour:
        if self._courier is not None:
            self._courier.close()
        self._courier_incarnation += 1
        self._courier = Courier(
            me, self._courier_incarnation, self.journal, self.tails, self.store.reader(), self.runtime
        )
        return self._courier

    def _make_watchdog(self, me: Address) -> Behaviour:
        return Watchdog(me, self.attempts, self.runtime, self.counters)

    def begun(self) -> bool:
        """Every reader has a durable checkpoint: the engine takes input from here on without losing any of it to a new
        one, since who is new begins at the head. Once so, always so.
        """
        if self._must_begin and self.the_journal is not None:
            known = self.the_journal.ledger.checkpoints
            if all(key in known for key in self._must_begin):
                self._must_begin = []
        return not self._must_begin

    def folded(self, segment: int, domain: str) -> int:
        """The durable checkpoint of a domain as the journal knows it; 0 before it began."""
        return self.the_journal.ledger.checkpoints.get((segment, domain), 0) if self.the_journal else 0

    def parked_domains(self) -> frozenset[tuple[int, str]]:
        """(segment, domain) that stand still until an operator resumes them."""
        return self.the_journal.parked_domains if self.the_journal else frozenset()

    def hurry(self, segment: int, domain: str, offset: int) -> None:
        """A query waits until `offset` is folded: have the progress staged at once. A cell that has not started yet
        hears nothing of it and stages in its own time: an engine has begun as soon as the journal knows all
        checkpoints, and after a restart that is before any cell lives.
        """
        if (host := self.hosts[segment, domain]).bound:
            host.tell(CatchUp(offset))
