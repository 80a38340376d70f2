"""A supervisor: an actor whose only work is that its children live. It does what plan.py decides, and nothing else.

Orders go to its children's cells, reports come back as messages, waiting is an alarm to itself; so it never blocks and
a stop can overtake anything it waits for. Each decision is one structured log line, without the text of the error,
which may hold a person's data: that stands in the tree, for those who may look there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import msgspec
import structlog

from supervision.backoff import BackOff
from supervision.cell import Cell
from supervision.counters import Counters
from supervision.orders import Crashed, Finished, Halt, Halted, Incarnate, Park, Started, Stopped, WoundDown
from supervision.plan import Action, CameToRest, ChildPlan, Escalate, Note, Plan, Rest, StandIn, Start, Strategy, Wait
from supervision.runtime import Address, ChildSpec, Runtime, Scheduled

SUPERVISOR_MARGIN_S = 1.0
"""A supervisor's own part of its shutdown time, beyond its children's."""

log = structlog.get_logger("supervisor")


class SupervisorSpec(msgspec.Struct, frozen=True):
    """A branch of the tree, as data. At most `intensity` restarts of each child within `period_s`; see plan.py."""

    id: str
    children: Sequence[ChildSpec | SupervisorSpec]
    strategy: Strategy = "one_for_one"
    intensity: int = 5
    period_s: float = 60.0
    backoff: BackOff = BackOff()

    def __post_init__(self) -> None:
        ids = [child.id for child in self.children]
        if len(set(ids)) != len(ids) or any(not i or "/" in i for i in ids):
            raise ValueError(f"{self.id}: children's ids must be unique, not empty and without '/': {ids}")
        longest_s = self.backoff.longest_s(self.intensity)
        if longest_s >= self.period_s:
            raise ValueError(
                f"{self.id}: {self.intensity} back-offs can take {longest_s:.1f} s, so the restarts of "
                f"{self.period_s} s would never be used up"
            )

    @property
    def shutdown_s(self) -> float:
        """As long as all of its children may take one after the other."""
        return sum(child.shutdown_s for child in self.children) + SUPERVISOR_MARGIN_S


class Escalated(Exception):
    """How a supervisor dies when it can no longer do its work: its own supervisor decides what then."""


class Due(msgspec.Struct, frozen=True):
    """To itself: a back-off is over."""

    child: str
    gen: int


class Overdue(msgspec.Struct, frozen=True):
    """To itself: a shutdown time is up."""

    child: str
    gen: int


class Supervisor:
    """One incarnation. `cells` are its children's, by id, and outlive it, as `numbers` does (see `Plan`)."""

    def __init__(
        self,
        me: Address,
        path: str,
        spec: SupervisorSpec,
        cells: Mapping[str, Cell],
        runtime: Runtime,
        rng: Random,
        counters: Counters,
        numbers: Iterator[int],
    ) -> None:
        self._me = me
        self._path = path
        self._spec = spec
        self._cells = cells
        self._runtime = runtime
        self._counters = counters
        self._shutdown_s = {child.id: child.shutdown_s for child in spec.children}
        self._alarms: dict[str, Scheduled] = {}
        plans = [
            ChildPlan(child.id, child.restart, child.parked_factory is not None)
            if isinstance(child, ChildSpec)
            else ChildPlan(child.id)
            for child in spec.children
        ]
        self._plan = Plan(plans, spec.strategy, spec.intensity, spec.period_s, spec.backoff, rng, numbers)

    def started(self) -> None:
        cells = self._cells.items()
        gone = {child for child, cell in cells if cell.actor_stopped.is_set()}
        self._do(self._plan.begin(all(cell.incarnation == 0 for _, cell in cells), gone))

    def receive(self, message: Any) -> None:
        self._do(self._decide(message, self._runtime.clock.monotonic_s()))

    def stopping(self) -> None:
        for child in list(self._alarms):
            self._quiet(child)

    def wind_down(self, final: bool) -> None:
        """Called by its cell on a `Halt`; answered by `WoundDown` once all children have come to rest."""
        self._do(self._plan.wind_down(final))

    def check(self) -> None:
        self._plan.check()

    def _decide(self, message: Any, now_s: float) -> list[Action]:
        plan = self._plan
        match message:
            case Crashed():
                return plan.crashed(message, now_s)
            case Started(child=child, parked=parked):
                return plan.started(child, parked)
            case Halted(child=child):
                self._quiet(child)
                return plan.halted(child)
            case Stopped(child=child):
                self._quiet(child)
                return plan.stopped(child)
            case Finished(child=child, parked=parked):
                return plan.finished(child, parked, now_s)
            case Due(child=child, gen=gen):
                return plan.due(child, gen)
            case Overdue(child=child, gen=gen):
                return plan.overdue(child, gen)
            case _:
                log.warning("not_for_a_supervisor", supervisor=self._path, message=type(message).__name__)
                return []

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._perform(action)

    def _perform(self, action: Action) -> None:
        match action:
            case Start(child=child):
                self._order(child, Incarnate())
            case StandIn(child=child, reason=reason):
                self._order(child, Park(reason))
            case Rest(child=child, gen=gen, final=final):
                self._order(child, Halt(final))
                self._alarm(child, self._shutdown_s[child], Overdue(child, gen))
            case Wait():
                self._back_off(action)
            case Note():
                self._note(action)
            case Escalate(reason=reason):
                self._escalate(reason)
            case CameToRest(final=final):
                self._me.tell(WoundDown(final))

    def _order(self, child: str, order: Any) -> None:
        self._cells[child].address.tell(order)

    def _alarm(self, child: str, seconds: float, message: Due | Overdue) -> None:
        """One per child: a later one overtakes the earlier, which would be stale by its number too."""
        self._quiet(child)
        self._alarms[child] = self._runtime.send_after(seconds, self._me, message)

    def _quiet(self, child: str) -> None:
        if alarm := self._alarms.pop(child, None):
            alarm.cancel()

    def _back_off(self, wait: Wait) -> None:
        self._counters.count("restarts", child=wait.child)
        log.warning(
            "child_crashed",
            child=f"{self._path}/{wait.child}",
            incarnation=self._cells[wait.child].incarnation,
            error=wait.error,
            where=wait.where,
            restart_in_s=round(wait.delay_s, 3),
            restarts_in_period=wait.attempt,
        )
        self._alarm(wait.child, wait.delay_s, Due(wait.child, wait.gen))

    def _note(self, note: Note) -> None:
        """The error's class is all a log line may say of it."""
        if note.event == "restarted_at_once":
            self._counters.count("restarts", child=note.child)
        elif note.event == "parked":
            self._counters.count("parks", domain=note.child, what="domain")
        log.warning(
            f"child_{note.event}",
            child=f"{self._path}/{note.child}",
            incarnation=self._cells[note.child].incarnation,
            error=note.reason.partition(":")[0],
        )

    def _escalate(self, reason: str) -> None:
        self._counters.count("escalations", child=self._spec.id)
        log.error("escalated", supervisor=self._path, reason=reason.partition(": ")[0])
        self.stopping()
        raise Escalated(reason)
