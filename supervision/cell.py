"""A cell: the address and the inbox of an actor, which stay, and its incarnations, which come and go.

Pykka gives the loop, the future and the reference. It has no supervision: a handler that raises ends the actor (tell)
or leaves it alive with half-changed state (ask). Here every exception ends the *incarnation*: the behaviour is
dropped, the inbox suspended, the supervisor told, and the loop goes on waiting for orders. The message that did it is
consumed; what stands behind it is kept for the next incarnation, which is a new object from the factory and never a
reset.

What raises is told in the thread it was raised in, at the raise; nobody polls. Nothing is decided here: whether and
when to restart is the supervisor's (plan.py). Cells are not in Pykka's global registry, whose `stop_all` would end all
of a process's actors when one handler calls `sys.exit`; that call is one cell's crash here.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Literal, Protocol, runtime_checkable

import pykka
import structlog
from pykka import ActorDeadError, ActorRef
from pykka._envelope import Envelope
from pykka.messages import _ActorStop  # pyright: ignore[reportPrivateUsage]

from supervision.counters import Counters
from supervision.crash import describe, for_asker
from supervision.inbox import ORDERS, Inbox, Mail
from supervision.orders import Finish, Finished, Halt, Halted, Incarnate, Park, Started, Stopped, WoundDown
from supervision.runtime import Address, Behaviour, ChildSpec

log = structlog.get_logger("cell")

CellState = Literal["waiting", "running", "parked", "backing off", "stopped"]


@runtime_checkable
class WindsDown(Protocol):
    """A behaviour that cannot stop in one call, since it must first hear from others: a supervisor."""

    def wind_down(self, final: bool) -> None:
        """Begin to come to rest, then tell `WoundDown(final)` to its own address. More messages may come meanwhile."""
        ...


class CellRef(ActorRef[Any]):
    """A cell's address. Any thread may tell; nothing it does raises into the sender."""

    def __init__(self, actor: pykka.Actor) -> None:
        super().__init__(actor)
        self._put = actor.actor_inbox.put

    def tell(self, message: Any) -> None:
        self._put(Envelope(message))

    def is_alive(self) -> bool:
        inbox = self.actor_inbox
        return not (self.actor_stopped.is_set() or (isinstance(inbox, Inbox) and inbox.closed))


class MailActor(pykka.Actor):
    """A Pykka actor whose stop leaves nobody hanging, whenever the envelope came. Base of each runtime's actors."""

    actor_inbox: Inbox  # pyright: ignore[reportIncompatibleVariableOverride]

    def _actor_loop_teardown(self) -> None:
        self.actor_inbox.suspended = False
        self.actor_inbox.close(self._refuse)

    def _refuse(self, envelope: Mail) -> None:
        """Called by whoever finds the envelope: this actor's thread, or a sender who came too late."""
        if envelope.reply_to is None:
            self._dropped()
        elif isinstance(envelope.message, _ActorStop):
            envelope.reply_to.set(None)
        else:
            error = ActorDeadError(f"{self.actor_ref} stopped before handling the message")
            envelope.reply_to.set_exception((ActorDeadError, error, None))

    def _dropped(self) -> None:
        """One told message came to nothing."""


class Cell(MailActor):
    """Hosts the incarnations of `spec`. Waits, suspended, until its supervisor orders the first one.

    `path` is the name people see (`segments/03/points`); `spec.id` the one its supervisor knows. `incarnation`,
    `crashes` and `last_error` may be read by any thread. `ended` is set once the cell has stopped for good and its
    mail is refused.
    """

    def __init__(self, path: str, spec: ChildSpec, supervisor: Address, counters: Counters) -> None:
        super().__init__()
        self.path = path
        self.spec = spec
        self.incarnation = 0
        self.crashes = 0
        self.last_error = ""
        self.ended = threading.Event()
        self._supervisor = supervisor
        self._counters = counters
        self._behaviour: Behaviour | None = None
        self._stands_in = False
        self.actor_inbox.suspended = True
        self.actor_urn = f"urn:cell:{path}"
        self._actor_ref = CellRef(self)

    @property
    def address(self) -> Address:
        return self._actor_ref

    @property
    def behaviour(self) -> Behaviour | None:
        """The incarnation that stands here; for checkers between the steps of a simulation, and nobody else."""
        return self._behaviour

    @property
    def state(self) -> CellState:
        """A glance from any thread; it may be over by the time it is read."""
        if self.actor_stopped.is_set():
            return "stopped"
        if self._behaviour is not None:
            return "parked" if self._stands_in else "running"
        return "backing off" if self.last_error else "waiting"

    def __str__(self) -> str:
        return self.path

    # What follows is called by Pykka's loop, in this cell's thread.

    def _handle_receive(self, message: Any) -> Any:
        try:
            if self._behaviour is None or isinstance(message, ORDERS):
                return self._obey(message)
            return self._behaviour.receive(message)
        except BaseException as exc:
            failure = self._crash(exc)
        raise failure  # outside the handler, so that it carries no frame of the behaviour's

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing: `_crash` has told the supervisor, who decides. Pykka would stop the actor here."""

    def on_stop(self) -> None:
        self._let_go()
        self._supervisor.tell(Stopped(self.spec.id))

    def _actor_loop_teardown(self) -> None:
        super()._actor_loop_teardown()
        self.ended.set()

    def _dropped(self) -> None:
        self._counters.count("dropped_messages")

    def _obey(self, order: Any) -> None:
        match order:
            case _ActorStop():
                self._stop()
            case Incarnate():
                self._incarnate(None)
            case Park(reason=reason):
                self._incarnate(reason)
            case Halt(final=final):
                self._halt(final)
            case WoundDown(final=final):
                self._rest(final)
            case Finish():
                self._finish()
            case _:
                raise AssertionError(f"{self.path} has no behaviour and got {type(order).__name__}")

    def _incarnate(self, parked_for: str | None) -> None:
        """A new object, never a reset. Its first errors are crashes like any other."""
        self._let_go()
        self.incarnation += 1
        self._stands_in = parked_for is not None
        try:
            self._behaviour = self._make(parked_for)
            self._behaviour.started()
        except BaseException as exc:
            self._crash(exc)
            return
        self.actor_inbox.suspended = False
        self._supervisor.tell(Started(self.spec.id, self.incarnation, self._stands_in))

    def _make(self, parked_for: str | None) -> Behaviour:
        if parked_for is None:
            return self.spec.factory(self.address)
        assert self.spec.parked_factory is not None, f"{self.path} cannot be parked"
        return self.spec.parked_factory(self.address, parked_for)

    def _crash(self, exc: BaseException) -> Exception:
        """End this incarnation; -> what an asker is told."""
        self.actor_inbox.suspended = True
        self._behaviour = None
        self.crashes += 1
        report = describe(self.spec.id, self.incarnation, exc)
        self.last_error = f"{report.kind}: {report.text}"
        self._crashed_with(exc)
        self._supervisor.tell(report)
        return for_asker(exc, report)

    def _crashed_with(self, exc: BaseException) -> None:
        """For runtimes that share their thread with somebody who pressed Ctrl-C."""

    def _halt(self, final: bool) -> None:
        if isinstance(self._behaviour, WindsDown):
            try:
                self._behaviour.wind_down(final)
                return
            except BaseException as exc:
                self._note_failed_stop(exc)
        self._rest(final)

    def _rest(self, final: bool) -> None:
        if final:
            self._stop()
            return
        self._let_go()
        self.last_error = ""
        self._supervisor.tell(Halted(self.spec.id))

    def _finish(self) -> None:
        if self._behaviour is None:  # a stale word of an incarnation that has crashed since
            return
        was_parked = self._stands_in
        self._let_go()
        self._supervisor.tell(Finished(self.spec.id, was_parked))

    def _let_go(self) -> None:
        """Drop the behaviour in good order. What it raises now cannot be mended and must not hold up the stop."""
        behaviour, self._behaviour = self._behaviour, None
        self.actor_inbox.suspended = True
        if behaviour is None:
            return
        try:
            behaviour.stopping()
        except BaseException as exc:
            self._note_failed_stop(exc)

    def _note_failed_stop(self, exc: BaseException) -> None:
        report = describe(self.spec.id, self.incarnation, exc)
        log.error("stopping_failed", child=self.path, error=report.kind, where=report.where)
