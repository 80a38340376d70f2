"""One thread for many cells: whoever has mail is given a turn, one message long, in the order in which mail came.

A thread for each cell is simplest, and thirty of them on one interpreter hinder each other: all are woken by the same
commit, and then compete for the interpreter's lock with each other and with the journal, which writes the next one. On
one thread the same folds took half the CPU per commit and a twentieth of the switches, and a commit half the time.

A slow cell must not hold up the others for that. So when one turn has lasted from one look to the next while others
wait, that thread is left to whoever has it, and a new one goes on with the others; the old one ends with that turn. A
cell is always in one place only: waiting for mail, in the queue, or at its turn.
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import structlog

from supervision.inbox import Mail, Refuse, TurnInbox, TurnOver
from supervision.runtime import Address, Scheduled

LOOK_S = 0.1
"""Between looks whether a turn takes too long."""

log = structlog.get_logger("pool")


class Taker(Protocol):
    """What the pool needs of a cell."""

    path: str
    actor_inbox: PooledInbox

    def take_turn(self) -> bool:
        """Handle at most one message; False when that was the last ever."""
        ...


class Alarmed(Protocol):
    """What the pool needs of its runtime."""

    def send_after(self, seconds: float, to: Address, message: Any) -> Scheduled: ...


class PooledInbox(TurnInbox):
    """Asks for a turn when there is something to deliver. Before `join` it only collects."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: SimpleQueue[Taker | None] | None = None
        self._cell: Taker | None = None
        self._busy = threading.Lock()  # as an atomic flag: locked = in the queue, at its turn, or closed

    def join(self, turns: SimpleQueue[Taker | None], cell: Taker) -> None:
        """From now on `cell` asks for its turns in `turns`."""
        self._cell, self._turns = cell, turns
        self.ask()

    def put(self, envelope: Mail, /) -> None:
        super().put(envelope)
        self.ask()

    def ask(self) -> None:
        """Into the queue, if there is reason to. Any thread may call this at any time."""
        if self._turns is not None and self._deliverable() and self._busy.acquire(blocking=False):
            self._turns.put(self._cell)

    def rest(self) -> None:
        """The turn is over. Mail that came meanwhile found the flag set: it is looked for after that is cleared."""
        self._busy.release()
        self.ask()

    def _deliverable(self) -> bool:
        """While suspended what waits may be put by only, which is a turn, too."""
        return not self._queue.empty() or (bool(self._stash) and not self.suspended)

    def _take(self) -> Mail:
        try:
            return self._queue.get_nowait()
        except Empty:
            raise TurnOver from None

    def abandon(self, refuse: Refuse) -> None:
        super().abandon(refuse)
        self._turns = None


class Pool:
    """The queue of those whose turn it is, and the thread that gives it. Any thread may call any method.

    An Address, too: its own looks come by the runtime's alarms.
    """

    def __init__(self, runtime: Alarmed) -> None:
        self._runtime = runtime
        self._turns: SimpleQueue[Taker | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._keeper = 0
        """The number of the thread that goes on; 0 before the first cell."""
        self._taken = 0
        self._taken_at_look = 0
        self._at_turn = ""

    def add(self, cell: Taker) -> None:
        """Give `cell` turns from now on. Raises RuntimeError when the machine gives no more threads."""
        with self._starting:
            if not self._keeper:
                self._keep()
                self._runtime.send_after(LOOK_S, self, None)
        cell.actor_inbox.join(self._turns, cell)

    def close(self) -> None:
        """No more turns after those that are asked for."""
        self._turns.put(None)

    def tell(self, _look: None, /) -> None:
        """Has one turn lasted since the last look, while others wait?"""
        self._runtime.send_after(LOOK_S, self, None)
        if self._taken == self._taken_at_look and not self._turns.empty():
            log.info("a turn takes long: the others go on without it", cell=self._at_turn)
            self._keep()
        self._taken_at_look = self._taken

    def _keep(self) -> None:
        number = self._keeper + 1
        threading.Thread(target=self._work, args=(number,), name=f"cells-{number}", daemon=True).start()
        self._keeper = number

    def _work(self, number: int) -> None:
        while self._keeper <= number:
            cell = self._turns.get()
            if cell is None:
                return
            self._at_turn = cell.path
            try:
                if cell.take_turn():
                    cell.actor_inbox.rest()
            except Exception:  # a cell contains what is raised in it; were there a hole, it must cost that cell alone
                log.critical("turn_broke", cell=cell.path, exc_info=True)
            self._taken += 1
