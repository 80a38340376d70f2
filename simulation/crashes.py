"""Which crashes a world meant. Supervision mends what it can, a bug's consequences too: an assertion that fails inside
a cell restarts it from a good state and everything ends well. So every crash is judged when it happens, and one that
nothing drawn by the seed explains is a violation, like a broken invariant that a checker met inside a cell.
"""

from __future__ import annotations

from collections import deque

from simulation.violation import Violation
from supervision.attempts import ATTEMPTS_MAX, ReactionFailed
from supervision.clock import Clock
from supervision.courier import CourierLost
from supervision.engine import DOMAIN_PERIOD_S, DOMAIN_RESTARTS
from supervision.fold import Unreadable
from supervision.host import StageLost
from supervision.parking import WHOLE_DOMAIN
from supervision.runtime import SparesBudget
from supervision.store import Batch, FsyncFailed
from supervision.supervisor import Escalated
from topology.relay import RelayLost


class Simulated(Exception):
    """Something raises because the seed says so."""


__all__ = ["Crashes", "Simulated", "Violation"]

RESTARTS = DOMAIN_RESTARTS
"""Of every child but the root's, within its period."""
BRANCH_PERIOD_S = 60.0
RESUMES_MAX = 10
"""Of one domain by operators while it does not get past one entry."""
SLACK_S = 10.0
"""A little more than the period."""
CONSEQUENCES = (Unreadable, FsyncFailed, StageLost, CourierLost, RelayLost, Escalated)
"""What follows from faults of the store (`Checker.offered` judges why a stage was rejected) or from other crashes."""


class Crashes:
    """Judges, and keeps the first that was not meant: it is found inside a cell, where raising would only crash it.

    Whoever gives up after too many restarts must have had them within the period: crashes that lie far apart are cured
    by restarts, however many they become.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.found: Violation | None = None
        """To be raised after the step."""
        self._times: dict[str, deque[float]] = {}
        """When each cell crashed, errors that spare the budget left out."""
        self._spent: dict[str, tuple[float, float]] = {}
        """(first, last) crash of those that used up the budget of a cell. What stands in its place to say so may crash
        too, days later."""
        self._tries: dict[tuple[str, int], int] = {}
        """How often each cell has died of each entry."""
        self._deaths: dict[tuple[int, str], tuple[str, int]] = {}
        """(segment, domain) -> the last entry in whose reaction the process has died, and how often in a row."""

    def judge(self, path: str, error: BaseException) -> None:
        """The cell `path` has crashed with `error`."""
        if self.found is not None:
            return
        if not isinstance(error, SparesBudget):
            self._crashed(path, self._clock.monotonic_s())
        if isinstance(error, Violation):
            self.found = error
        elif not _meant(error):
            self.found = Violation(f"crash: {path}: {type(error).__name__}: {error}")
        elif isinstance(error, ReactionFailed):
            self._tried(path, error)
        elif isinstance(error, Escalated) and (child := str(error).partition(" used up its restarts")[0]) != str(error):
            self._gave_up(f"{path}/{child}", BRANCH_PERIOD_S)

    def _crashed(self, path: str, at_s: float) -> None:
        times = self._times.setdefault(path, deque(maxlen=RESTARTS + 1))
        times.append(at_s)
        period_s = max(DOMAIN_PERIOD_S, BRANCH_PERIOD_S) + SLACK_S
        if len(times) > RESTARTS and times[0] >= at_s - period_s:
            self._spent[path] = times[0], at_s

    def _tried(self, path: str, failed: ReactionFailed) -> None:
        """A process tries an entry a few times, and anew when an operator has let its domain go on."""
        tries = self._tries[path, failed.offset] = self._tries.get((path, failed.offset), 0) + 1
        if tries > ATTEMPTS_MAX * RESUMES_MAX:
            self.found = Violation(f"attempts: {path} has tried entry {failed.offset} {tries} times")

    def killed(self, cell: tuple[int, str], place: str) -> None:
        """The process dies in the cell's reaction to the entry at `place`, which is not parked yet; '': over several
        entries. One that has killed may be forgotten for another before it, which is seen to first.
        """
        before, deaths = self._deaths.get(cell, ("", 0))
        deaths = deaths + 1 if place == before else 1
        self._deaths[cell] = place, deaths
        if place and deaths > ATTEMPTS_MAX:
            self.found = self.found or Violation(
                f"attempts: the process has died {deaths} times of {cell[1]}'s {place}"
            )

    def committed(self, batch: Batch, prefix: str) -> None:
        """A batch is durable; `prefix` is the process's. A domain that was parked for its crashes had its restarts."""
        for stage in batch.stages:
            for row in stage.parked:
                if row.subject == WHOLE_DOMAIN and not row.reason.startswith("too many entries"):
                    self._gave_up(f"{prefix}segments/{stage.segment:02d}/{stage.domain}", DOMAIN_PERIOD_S)

    def _gave_up(self, path: str, period_s: float) -> None:
        if path.partition("/")[2].startswith("root/"):  # whose children have no restarts
            return
        first_s, last_s = self._spent.pop(path, (0.0, period_s + SLACK_S + 1))
        if first_s < last_s - period_s - SLACK_S:
            times = list(self._times.get(path, ()))
            self.found = self.found or Violation(f"budget: {path} was given up after crashes at {times}")

    def check(self) -> None:
        """Raise what was found."""
        if self.found is not None:
            raise self.found


def _meant(error: BaseException) -> bool:
    if isinstance(error, ReactionFailed):
        return f"{Simulated.__name__}: " in str(error)
    return isinstance(error, (*CONSEQUENCES, Simulated))
