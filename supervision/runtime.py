"""What runs the cells: threads in production (threads.py), one seeded thread in simulation (stepped.py).

Everything above this module is the same code under both. A behaviour is what the cell hosts: a fresh object per
incarnation, called by one thread at a time. It never blocks and never asks; it tells, and hears the answer as a
message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from supervision.clock import Clock


class Address(Protocol):
    """A cell's stable address: it survives restarts, and so does what was sent to it. `tell` may be called by any
    thread.

    Telling an address whose cell was stopped for good is not an error; the message is dropped and counted.
    """

    def tell(self, message: Any, /) -> None: ...


class Behaviour(Protocol):
    """One incarnation of an actor. An exception from any method is a crash of this incarnation."""

    def started(self) -> None:
        """First act, before any message."""
        ...

    def receive(self, message: Any) -> Any:
        """One message. What is returned answers an `ask`, which is for tests and operations, never between our
        actors.
        """
        ...

    def stopping(self) -> None:
        """Last act of an orderly stop; not called after a crash."""
        ...


class Scheduled(Protocol):
    def cancel(self) -> None:
        """The message is not sent, unless it already was: receivers must tolerate a stale one."""
        ...


class Runtime(Protocol):
    @property
    def clock(self) -> Clock: ...

    def send_after(self, seconds: float, to: Address, message: Any) -> Scheduled: ...


class SparesBudget(Exception):
    """A crash that counts to an entry, not to the restart budget of its cell (DESIGN §6: a reaction raised)."""


class ChildSpec(msgspec.Struct, frozen=True):
    """What a supervisor needs to know of a child. Data: a tree of them prints.

    `factory(me)` makes the behaviour of a new incarnation; `me` is the child's own address. `parked_factory(me,
    reason)` makes what stands in its place when the budget is used up; None = the supervisor escalates instead.
    `pooled`: its turns are short, and it may share a thread with others of its kind.
    """

    id: str
    factory: Callable[[Address], Behaviour]
    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    shutdown_s: float = 5.0
    parked_factory: Callable[[Address, str], Behaviour] | None = None
    pooled: bool = False
