"""An inbox that belongs to an address, not to an incarnation: it outlives crashes, and refuses nothing until closed.

While its cell has no behaviour the inbox is *suspended*: orders from the supervisor are still delivered, everything
else is put by, envelopes and all, so that whoever asked is answered by the next incarnation. Order among what was put
by is kept.

Closing closes the old race of Pykka (a send that saw the actor alive and put its envelope after the last drain hung
for ever): the flag is set before the last drain, and every `put` looks at the flag after it has put. Whichever of the
two comes second finds the envelope, and only one of them can take it.

It has no bound, on purpose. A full inbox would have to block its sender, which deadlocks actors that tell themselves,
or raise into it, which punishes the wrong one. Bounds stand at the doors, which look at `len(inbox)` and stop taking.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from pykka._envelope import Envelope
from pykka.messages import _ActorStop  # pyright: ignore[reportPrivateUsage]

Mail = Envelope[Any]
Refuse = Callable[[Mail], None]
"""What becomes of an envelope that nobody will handle: its asker is told, a mere tell is counted."""


class SystemMessage:
    """Base of a supervisor's orders to a cell: delivered to a suspended inbox too."""

    __slots__ = ()


class TurnOver(Exception):
    """The turn's envelopes have been handled, or there are none."""


ORDERS = (SystemMessage, _ActorStop)
"""What passes a suspension. Pykka's own stop is an order: it must not wait for a restart that never comes."""


class Inbox:
    """`put` and `len` are for any thread, all else for the one that consumes. O(1), but for drains."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Mail] = SimpleQueue()
        self._stash: deque[Mail] = deque()
        self._refuse: Refuse | None = None
        self.suspended = False

    def put(self, envelope: Mail, /) -> None:
        self._queue.put(envelope)
        if self._refuse is not None:
            self._drain(self._refuse)

    def get(self) -> Mail:
        """The next envelope that may be delivered; waits for it. What was put by comes first after a suspension."""
        if not self.suspended:
            return self._stash.popleft() if self._stash else self._take()
        while True:
            envelope = self._take()
            if isinstance(envelope.message, ORDERS):
                return envelope
            self._stash.append(envelope)

    def _take(self) -> Mail:
        return self._queue.get()

    def empty(self) -> bool:
        return not self._stash and self._queue.empty()

    def __len__(self) -> int:
        return len(self._stash) + self._queue.qsize()

    @property
    def closed(self) -> bool:
        return self._refuse is not None

    def close(self, refuse: Refuse) -> None:
        """Hand what waits, and everything that is put from now on, to `refuse`."""
        self._refuse = refuse
        while self._stash:
            refuse(self._stash.popleft())
        self._drain(refuse)

    def abandon(self, refuse: Refuse) -> None:
        """Forget what waits without a word and refuse the rest: the process it waited in is gone."""
        self._stash = deque()
        self._queue = SimpleQueue()
        self._refuse = refuse

    def _drain(self, refuse: Refuse) -> None:
        while True:
            try:
                envelope = self._queue.get_nowait()
            except Empty:
                return
            refuse(envelope)


class TurnInbox(Inbox):
    """Gives out `quota` envelopes, then ends the turn, for those whose cells share a thread.

    In Pykka's loop the call of `get` stands outside the `try`: what is raised here unwinds the real loop cleanly, so a
    turn is envelopes through code that is not copied from anywhere.
    """

    quota = 0

    def get(self) -> Mail:
        if self.quota == 0:
            raise TurnOver
        self.quota -= 1
        return super().get()
