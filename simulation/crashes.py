"""Which crashes a world meant. Supervision mends what it can, a bug's consequences too: an assertion that fails inside
a cell restarts it from a good state and everything ends well. So every crash is judged when it happens, and one that
nothing drawn by the seed explains is a violation, like a broken invariant that a checker met inside a cell.
"""

from __future__ import annotations

from supervision.attempts import ReactionFailed
from supervision.courier import CourierLost
from supervision.fold import Unreadable
from supervision.host import StageLost
from supervision.store import FsyncFailed, Refused
from supervision.supervisor import Escalated
from topology.relay import RelayLost


class Violation(AssertionError):
    """An invariant does not hold. The text begins with which."""


class Simulated(Exception):
    """Something raises because the seed says so."""


CONSEQUENCES = (Refused, Unreadable, FsyncFailed, StageLost, CourierLost, RelayLost, Escalated)
"""What follows from faults of the store (`Checker.offered` judges why a stage was rejected) or from other crashes."""


class Crashes:
    """Judges, and keeps the first that was not meant: it is found inside a cell, where raising would only crash it."""

    def __init__(self) -> None:
        self._found: Violation | None = None

    def judge(self, path: str, error: BaseException) -> None:
        """The cell `path` has crashed with `error`."""
        if self._found is not None:
            return
        if isinstance(error, Violation):
            self._found = error
        elif not _meant(error):
            self._found = Violation(f"crash: {path}: {type(error).__name__}: {error}")

    def check(self) -> None:
        """Raise what was found."""
        if self._found is not None:
            raise self._found


def _meant(error: BaseException) -> bool:
    if isinstance(error, ReactionFailed):
        return f"{Simulated.__name__}: " in str(error)
    return isinstance(error, (*CONSEQUENCES, Simulated))
