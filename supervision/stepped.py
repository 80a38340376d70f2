"""The runtime of simulation: one thread, one seed, a clock that jumps. All else is the same code as in production.

A step is a turn of one envelope through Pykka's own loop (inbox.py's TurnInbox).

Who is next is drawn in O(1) from the inboxes that have deliverable mail; when none has, time jumps to the next alarm.
Work takes no virtual time unless `step_s` says so. Nothing here depends on hash(), id() or the order of a set.

It proves nothing about races of real threads; tests/unit/test_threads_stress.py looks for those.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Any, ClassVar

from pykka import ActorRef, Future, Timeout

from supervision.alarms import Alarm, Alarms
from supervision.cell import Cell, MailActor
from supervision.clock import VirtualClock
from supervision.counters import Counters
from supervision.inbox import ORDERS, Inbox, Mail, TurnInbox, TurnOver
from supervision.runtime import Address, ChildSpec
from supervision.trace import Trace

REDRAWS_MAX = 16
"""Draws before even a slow actor is taken: it is slow, not stopped."""
PENDING_LINES_MAX = 50


class Deadlock(Exception):
    """Somebody waits for an answer, and nobody has anything to do. The text is what `pending` says."""


class SteppedInbox(TurnInbox):
    """Tells its runtime when there is something to deliver, and gives out one envelope per step."""

    def __init__(self, runtime: SteppedRuntime) -> None:
        super().__init__()
        self.actor: SteppedActor | None = None
        self.name = ""
        self.weight = 1.0
        self.paused = False
        self.scheduled = False
        """In the runtime's list, or at work right now."""
        self._orders = 0
        self._runtime = runtime

    def put(self, envelope: Mail, /) -> None:
        if isinstance(envelope.message, ORDERS):
            self._orders += 1
        Inbox.put(self, envelope)
        if not self.scheduled and self.deliverable():
            self._runtime.schedule(self)

    def get(self) -> Mail:
        if self.quota == 0:
            raise TurnOver
        self.quota -= 1
        # What each step does: `super` would count the quota again, and most find an inbox that is not suspended.
        envelope = Inbox.get(self) if self.suspended or self._stash else self._queue.get()
        message = envelope.message
        if isinstance(message, ORDERS):
            self._orders -= 1
        self._runtime.trace.add(self.name, message)
        return envelope

    def deliverable(self) -> bool:
        if self.paused or self._refuse is not None:
            return False
        return self._orders > 0 if self.suspended else bool(self._stash) or not self._queue.empty()


class SteppedFuture(Future[Any]):
    """Waiting for it runs the world until it is set. `SteppedRuntime.future_class` is the subclass bound to one."""

    runtime: ClassVar[SteppedRuntime]

    def __init__(self) -> None:
        super().__init__()
        self._result: tuple[Any, Any] | None = None
        """(value, exc_info or None)."""

    def get(self, *, timeout: float | None = None) -> Any:
        """Raises `Timeout` after `timeout` virtual seconds, `Deadlock` when nothing can set it any more."""
        with suppress(NotImplementedError):  # Pykka's way of saying that there is no hook
            return super().get(timeout=timeout)
        if self._result is None:
            self._wait(timeout)
        assert self._result is not None
        value, exc_info = self._result
        if exc_info is None:
            return value
        raise (exc_info[1] or exc_info[0]()).with_traceback(exc_info[2])

    def _wait(self, timeout: float | None) -> None:
        if not self.runtime.run_while(lambda: self._result is None, timeout):
            if timeout is not None:
                raise Timeout(f"{timeout} seconds")
            raise Deadlock(self.runtime.pending())

    def set(self, value: Any | None = None) -> None:
        self._once((value, None))

    def set_exception(
        self, exc_info: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | None = None
    ) -> None:
        assert exc_info is None or len(exc_info) == 3
        self._once((None, exc_info or sys.exc_info()))

    def set_get_hook(self, func: Callable[[float | None], Any]) -> None:
        if self._result is not None:
            raise queue.Full
        super().set_get_hook(func)

    def _once(self, result: tuple[Any, Any]) -> None:
        if self._result is not None or self._get_hook is not None:
            raise queue.Full
        self._result = result


class SteppedActor(MailActor):
    """A Pykka actor that a runtime steps. `SteppedRuntime.actor_class` is the subclass bound to one."""

    runtime: ClassVar[SteppedRuntime]
    actor_inbox: SteppedInbox  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor_inbox.name = self.actor_urn = self.runtime.next_urn()
        self.actor_inbox.actor = self
        self._actor_ref = ActorRef(self)

    def _start_actor_loop(self) -> None:
        self.runtime.adopt(self, self.actor_urn)
        self._actor_loop_setup()
        self.runtime.settle(self.actor_inbox)


class SteppedCell(Cell, SteppedActor):
    """A cell that a runtime steps."""

    def __init__(self, path: str, spec: ChildSpec, supervisor: Address, counters: Counters) -> None:
        super().__init__(path, spec, supervisor, counters)
        self.actor_inbox.name = path

    def _start_actor_loop(self) -> None:
        self.runtime.adopt(self, self.path)
        self._actor_loop_setup()
        self.runtime.settle(self.actor_inbox)

    def _crashed_with(self, exc: BaseException) -> None:
        if isinstance(exc, KeyboardInterrupt):
            self.runtime.interrupted = True
        elif self.runtime.on_crash is not None:
            self.runtime.on_crash(self.path, exc)


class SteppedRuntime:
    """Runs all of a simulated world's actors in the caller's thread.

    `weigh(name)` in (0, 1] makes an actor slow: the chance that it is taken when it is drawn. `step_s` is the virtual
    time a step takes. `after_step` is called after each step, outside of all actors; `on_crash(path, error)` when a
    cell has crashed, for those who know which errors they meant: supervision mends the others just as silently. One
    runtime can hold several processes of a world under different name prefixes and kill one of them.
    """

    def __init__(
        self,
        rng: Random,
        clock: VirtualClock,
        *,
        trace: Trace | None = None,
        weigh: Callable[[str], float] | None = None,
        step_s: float = 0.0,
    ) -> None:
        self.clock = clock
        self.trace = trace or Trace()
        self.after_step: Callable[[], None] | None = None
        self.on_crash: Callable[[str, BaseException], None] | None = None
        self.interrupted = False
        self._rng = rng
        self._weigh = weigh
        self._step_s = step_s
        self._ready: list[SteppedInbox] = []
        self._actors: dict[str, SteppedActor] = {}
        self._alarms = Alarms()
        self._urns = 0
        self.future_class: type[SteppedFuture] = type("BoundFuture", (SteppedFuture,), {"runtime": self})
        bound: dict[str, Any] = {
            "runtime": self,
            "_create_actor_inbox": staticmethod(lambda: SteppedInbox(self)),
            "_create_future": staticmethod(self.future_class),
        }
        self.actor_class: type[SteppedActor] = type("BoundActor", (SteppedActor,), bound)
        self._cell_class: type[SteppedCell] = type("BoundCell", (SteppedCell,), bound)

    # For trees: the same three methods as ThreadRuntime's, and `send_after`.

    def make_cell(self, path: str, spec: ChildSpec, supervisor: Address, counters: Counters) -> SteppedCell:
        """A cell that can be told already, but does nothing before `start_cell` and its supervisor's first order."""
        return self._cell_class(path, spec, supervisor, counters)

    def start_cell(self, cell: Cell) -> None:
        cell._start_actor_loop()  # pyright: ignore[reportPrivateUsage]

    def send_after(self, seconds: float, to: Address, message: Any) -> Alarm:
        return self._alarms.set(self.clock.monotonic_s() + max(0.0, seconds), to, message)

    def wait_for(self, event: threading.Event, seconds: float) -> bool:
        """Run until `event`, at most `seconds` of virtual time. Never called by a behaviour."""
        return self.run_while(lambda: not event.is_set(), seconds)

    def close(self) -> None:
        """Send nothing more."""
        self._alarms = Alarms()

    # Running the world.

    def step(self) -> bool:
        """One envelope, or one jump in time to the next alarm; False when there is neither, now or ever."""
        if self._step_s:
            self.clock.advance(self._step_s)
        next_s = self._alarms.next_due_s()
        if next_s is not None and next_s <= self.clock.monotonic_s():
            self._send_due()
        if self._ready:
            self._run(self._choose())
        elif not self._jump():
            return False
        if self.after_step is not None:
            self.after_step()
        return True

    def run_until(self, predicate: Callable[[], bool], max_steps: int) -> bool:
        """Step until `predicate`; False when the steps, or all there was to do, ran out first."""
        for _ in range(max_steps):
            if predicate():
                return True
            if not self.step():
                break
        return predicate()

    def run_for(self, seconds: float) -> None:
        """Run `seconds` of virtual time: all that happens in it, then let the clock show its end."""
        self.run_while(lambda: True, seconds)

    def run_while(self, going: Callable[[], bool], seconds: float | None = None) -> bool:
        """Step while `going`, at most `seconds` of virtual time; whether it came to an end of itself."""
        deadline_s = None if seconds is None else self.clock.monotonic_s() + seconds
        while going():
            if deadline_s is not None and self._over(deadline_s):
                return not going()
            if not self.step():
                return not going()
        return True

    def pause(self, name: str, seconds: float) -> None:
        """Deliver nothing to the actor `name` for `seconds`: a slow shard, a long garbage collection."""
        inbox = self._actors[name].actor_inbox
        inbox.paused = True
        if inbox.scheduled and inbox in self._ready:
            self._ready.remove(inbox)
            inbox.scheduled = False
        self.send_after(seconds, _Resume(self, inbox), None)

    def kill(self, under: str = "") -> None:
        """The process dies: every actor whose name is `under` or begins with it is gone, memory, mail and alarms.

        Nothing of theirs is called any more; what is still told to them, also by the handler that is at work right now,
        vanishes. Without `under`, all of them.
        """
        self.trace.note(f"kill {under}")
        for name in [name for name in self._actors if name.startswith(under)]:
            actor = self._actors.pop(name)
            actor.actor_stopped.set()
            actor.actor_inbox.abandon(_vanish)
        self._ready = [inbox for inbox in self._ready if not inbox.closed]
        self._alarms.keep(_lives)

    def pending(self) -> str:
        """Who waits on what, one per line: the reason why a world does not come to rest."""
        lines = [
            f"{name}: {len(actor.actor_inbox)} messages{_why_not(actor)}"
            for name, actor in self._actors.items()
            if len(actor.actor_inbox)
        ]
        now_s = self.clock.monotonic_s()
        lines += [
            f"in {alarm.due_s - now_s:.3f} s: {type(alarm.message).__name__} to {alarm.to}"
            for alarm in self._alarms.waiting()
        ]
        rest = len(lines) - PENDING_LINES_MAX
        return "\n".join([*lines[:PENDING_LINES_MAX], *([f"and {rest} more"] if rest > 0 else [])]) or "nothing"

    # For actors and their inboxes.

    def next_urn(self) -> str:
        self._urns += 1
        return f"urn:stepped:{self._urns}"

    def adopt(self, actor: SteppedActor, name: str) -> None:
        """From now on `actor` is stepped when it has mail."""
        assert name not in self._actors, f"two actors named {name}"
        self._actors[name] = actor
        inbox = actor.actor_inbox
        inbox.weight = self._weigh(name) if self._weigh else 1.0
        assert 0.0 < inbox.weight <= 1.0, f"weight {inbox.weight} of {name}"

    def schedule(self, inbox: SteppedInbox) -> None:
        if inbox.name in self._actors:
            inbox.scheduled = True
            self._ready.append(inbox)

    def settle(self, inbox: SteppedInbox) -> None:
        """After an actor has run: bury it when it has stopped, else look whether it has more to do."""
        assert inbox.actor is not None
        if inbox.actor.actor_stopped.is_set():
            self._bury(inbox)
        else:
            self._go_on(inbox)

    def _go_on(self, inbox: SteppedInbox) -> None:
        inbox.scheduled = False
        if inbox.deliverable():
            self.schedule(inbox)

    def _bury(self, inbox: SteppedInbox) -> None:
        inbox.scheduled = False
        if inbox.actor is not None and not inbox.closed:
            del self._actors[inbox.name]
            inbox.actor._actor_loop_teardown()  # pyright: ignore[reportPrivateUsage]

    def _choose(self) -> SteppedInbox:
        """A seeded draw among those that have mail. O(1); a slow one is put back, a bounded number of times."""
        ready, draw = self._ready, self._rng.random
        i = int(draw() * len(ready))
        redraws = 0
        while ready[i].weight < 1.0 and redraws < REDRAWS_MAX and draw() >= ready[i].weight:
            i = int(draw() * len(ready))
            redraws += 1
        last = ready.pop()
        if i == len(ready):
            return last
        inbox, ready[i] = ready[i], last
        return inbox

    def _run(self, inbox: SteppedInbox) -> None:
        assert inbox.actor is not None
        inbox.quota = 1
        try:
            inbox.actor._actor_loop_running()  # pyright: ignore[reportPrivateUsage]
        except TurnOver:
            self._go_on(inbox)
        else:  # Pykka's loop comes to its end with a stopped actor only
            self._bury(inbox)
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def _send_due(self) -> None:
        for alarm in self._alarms.take_due(self.clock.monotonic_s()):
            if alarm.to is not None:
                self.trace.add("alarm", alarm.message)
                alarm.to.tell(alarm.message)

    def _jump(self) -> bool:
        next_s = self._alarms.next_due_s()
        if next_s is None:
            return False
        self.clock.advance_to(max(next_s, self.clock.monotonic_s()))
        self._send_due()
        return True

    def _over(self, deadline_s: float) -> bool:
        """Whether nothing can happen before `deadline_s`; the clock is then there."""
        if self._ready and self.clock.monotonic_s() <= deadline_s:
            return False
        next_s = self._alarms.next_due_s()
        if next_s is not None and next_s <= deadline_s:
            return False
        self.clock.advance_to(max(deadline_s, self.clock.monotonic_s()))
        return True


class _Resume:
    """The address that ends a pause."""

    def __init__(self, runtime: SteppedRuntime, inbox: SteppedInbox) -> None:
        self._runtime = runtime
        self._inbox = inbox

    def tell(self, _message: Any, /) -> None:
        self._inbox.paused = False
        if not self._inbox.scheduled and not self._inbox.closed and self._inbox.deliverable():
            self._runtime.schedule(self._inbox)


def _vanish(_envelope: Mail) -> None:
    """Nobody is there to hear of it."""


def _lives(address: Address) -> bool:
    inbox = getattr(address, "actor_inbox", None)
    return not (isinstance(inbox, Inbox) and inbox.closed)


def _why_not(actor: SteppedActor) -> str:
    inbox = actor.actor_inbox
    if inbox.paused:
        return ", paused"
    if not inbox.suspended:
        return ""
    return f", suspended ({actor.state})" if isinstance(actor, Cell) else ", suspended"
