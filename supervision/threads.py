"""The runtime of production: a thread per cell or for all the pooled ones (pool.py), and one more that sends what is
to be sent later.

Threads are daemons: one that hangs in a handler is named and left behind at the end of its shutdown time, and must not
keep the process from ending. Nothing here can end a thread from outside, and nothing pretends to.

A forked child inherits the cells but none of their threads, and would ask into the void for ever. Its copies of the
cells are closed at the fork, so it hears `ActorDeadError` instead. Start processes first, and by spawn.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pykka
import structlog
from pykka import Future

from supervision.alarms import Alarm, Alarms
from supervision.cell import Cell, MailActor
from supervision.clock import Clock
from supervision.counters import Counters
from supervision.inbox import Inbox, TurnOver
from supervision.pool import Pool, PooledInbox
from supervision.runtime import Address, ChildSpec

log = structlog.get_logger("threads")


class ThreadFuture(pykka.ThreadingFuture[Any]):
    """As Pykka's, but awaiting it does not hold up the event loop: a helper thread waits instead."""

    def __await__(self) -> Generator[Any, None, Any]:
        return (yield from asyncio.get_running_loop().run_in_executor(None, self.get).__await__())

    __iter__ = __await__


class ThreadActor(MailActor, pykka.ThreadingActor):  # pyright: ignore[reportIncompatibleVariableOverride]
    """A Pykka actor on our inbox."""

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    @staticmethod
    def _create_future() -> Future[Any]:
        return ThreadFuture()


class ThreadCell(Cell, ThreadActor):
    """A cell with a thread of its own, named by its path."""

    def _start_actor_loop(self) -> None:
        threading.Thread(target=self._actor_loop, name=self.path, daemon=True).start()

    def forked(self) -> None:
        """We are a copy in a child process, without a thread. Touches no lock that another thread may have held."""
        self.actor_inbox.abandon(self._refuse)


class PooledCell(ThreadCell):
    """A cell that is given turns by a pool."""

    actor_inbox: PooledInbox  # pyright: ignore[reportIncompatibleVariableOverride]

    @staticmethod
    def _create_actor_inbox() -> PooledInbox:
        return PooledInbox()

    def take_turn(self) -> bool:
        """Handle at most one message; False when that was the last ever."""
        self.actor_inbox.quota = 1
        with suppress(TurnOver):
            self._actor_loop_running()
        if not self.actor_stopped.is_set():
            return True
        self._actor_loop_teardown()
        return False


class ThreadRuntime:
    """Makes and starts cells; keeps the alarms. Any thread may call any method."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._cells: weakref.WeakSet[ThreadCell] = weakref.WeakSet()
        self._alarms = Alarms()
        self._changed = threading.Condition()
        self._closed = False
        self._timer = threading.Thread(target=self._send_when_due, name="alarms", daemon=True)
        self._timer.start()
        self._pool = Pool(self)
        os.register_at_fork(after_in_child=_forked(self._cells))

    def make_cell(self, path: str, spec: ChildSpec, supervisor: Address, counters: Counters) -> ThreadCell:
        """A cell that can be told already, but does nothing before `start_cell` and its supervisor's first order."""
        cell = (PooledCell if spec.pooled else ThreadCell)(path, spec, supervisor, counters)
        self._cells.add(cell)
        return cell

    def start_cell(self, cell: Cell) -> None:
        """Raises RuntimeError when the machine gives no more threads."""
        if isinstance(cell, PooledCell):
            self._pool.add(cell)
        else:
            cell._start_actor_loop()  # pyright: ignore[reportPrivateUsage]

    def send_after(self, seconds: float, to: Address, message: Any) -> Alarm:
        """Tell `message` to `to` in `seconds`, once, late rather than never; not after `close`. O(log n)."""
        with self._changed:
            alarm = self._alarms.set(self.clock.monotonic_s() + max(0.0, seconds), to, message)
            if self._alarms.next_due_s() == alarm.due_s:
                self._changed.notify()
        return alarm

    def wait_for(self, event: threading.Event, seconds: float) -> bool:
        """Whether `event` came within `seconds`. Never called by a behaviour."""
        return event.wait(max(0.0, seconds))

    def close(self) -> None:
        """Send nothing more. Cells are their tree's to stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._pool.close()
        if threading.current_thread() is not self._timer:
            self._timer.join(timeout=1.0)

    def _send_when_due(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                due = self._alarms.take_due(self.clock.monotonic_s())
                if not due:
                    self._changed.wait(self._rest_s())
                    continue
            for alarm in due:
                self._send(alarm)

    def _rest_s(self) -> float | None:
        next_s = self._alarms.next_due_s()
        return None if next_s is None else min(max(0.0, next_s - self.clock.monotonic_s()), threading.TIMEOUT_MAX)

    def _send(self, alarm: Alarm) -> None:
        message = alarm.message  # before the address, which a cancel takes away first
        to = alarm.to
        if to is None:
            return
        try:
            to.tell(message)
        except Exception as exc:  # a foreign address must not end everybody's alarms
            log.error("alarm_failed", message=type(message).__name__, error=type(exc).__name__)


def _forked(cells: weakref.WeakSet[ThreadCell]) -> Any:
    """Closes over the cells alone, weakly: what is registered at fork is kept for the life of the process."""

    def close_copies() -> None:
        for cell in list(cells):
            cell.forked()

    return close_copies
