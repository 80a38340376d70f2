"""What a supervisor orders a cell to do, and what the cell reports to its supervisor.

An order passes a suspended inbox; otherwise it waits its turn behind the mail. Each order is answered by exactly one
report, and reports of one cell arrive in the order things happened, so neither side needs to number them.
"""

from __future__ import annotations

import msgspec

from supervision.inbox import SystemMessage


class Incarnate(SystemMessage, msgspec.Struct, frozen=True):
    """Make a new behaviour and start it. Answered by `Started` or `Crashed`."""


class Park(SystemMessage, msgspec.Struct, frozen=True):
    """Put the child's stand-in in its place. Answered by `Started` or `Crashed`."""

    reason: str


class Halt(SystemMessage, msgspec.Struct, frozen=True):
    """End the incarnation in good order. Answered by `Halted`; when `final`, which ends the address too, `Stopped`."""

    final: bool = False


class WoundDown(SystemMessage, msgspec.Struct, frozen=True):
    """From a behaviour that winds down by messages to its own cell: it has come to rest, as `Halt` asked."""

    final: bool


class Finish(SystemMessage, msgspec.Struct, frozen=True):
    """From a behaviour to its own address: my work is over. From a parked stand-in: let the real one try again."""


class Started(msgspec.Struct, frozen=True):
    """An incarnation stands and takes messages. `parked`: it is the stand-in."""

    child: str
    incarnation: int
    parked: bool = False


class Crashed(msgspec.Struct, frozen=True):
    """An incarnation raised and is gone. Text only: a kept exception would keep its frames, and all they hold, alive.

    `kind` is the exception's class name, `text` its `str`, cut to a bound.
    `spares_budget`: it counts to an entry, not to this child's restarts.
    """

    child: str
    incarnation: int
    kind: str
    text: str
    where: str = ""
    """Innermost frames, `file:line function`, without values: fit for a log line."""
    spares_budget: bool = False


class Halted(msgspec.Struct, frozen=True):
    """No behaviour, no thread at work; the inbox goes on collecting."""

    child: str


class Stopped(msgspec.Struct, frozen=True):
    """Gone for good; what is still sent there is dropped and counted."""

    child: str


class Finished(msgspec.Struct, frozen=True):
    """The behaviour ended by itself. `parked`: the stand-in asks for the real one."""

    child: str
    parked: bool = False


Report = Started | Crashed | Halted | Stopped | Finished
