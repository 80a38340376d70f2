"""Is the process alive, and may it be sent traffic: two questions with two answers.

Alive means that the loops tick; a dead broker or a full disk is no reason to kill a process, and a restart would not
mend it. Ready means that it takes and serves. What is merely worse than it should be (a broker that was here and went
away: input over HTTP still works and effects wait) is said in the body of a 200.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

TICK_AGE_S_MAX = 10.0


class Readiness(msgspec.Struct, frozen=True):
    """Why not to send traffic here (`blocking`), what else is wrong (`degraded`), and what should be known though
    nothing is wrong (`notes`). All in words for people.
    """

    blocking: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """Answer of `/livez` and `/readyz`; `status` is `ok`, `degraded` or `unavailable`."""

    status: str
    reasons: tuple[str, ...] = ()


class Health:
    """Answers at once. `ages()` are the seconds since the last tick of each loop, by name.

    Both ports are called by the HTTP loop: they must not block.
    """

    def __init__(self, ages: Callable[[], Mapping[str, float]], readiness: Callable[[], Readiness]) -> None:
        self._ages = ages
        self._readiness = readiness

    def live(self) -> tuple[int, Report]:
        """(HTTP status, body)."""
        late = tuple(
            f"{loop} has not ticked for {age:.1f} s, the limit is {TICK_AGE_S_MAX:g} s"
            for loop, age in sorted(self._ages().items())
            if age > TICK_AGE_S_MAX
        )
        return (503, Report("unavailable", late)) if late else (200, Report("ok"))

    def ready(self) -> tuple[int, Report]:
        """(HTTP status, body)."""
        readiness = self._readiness()
        worse = readiness.degraded + readiness.notes
        if readiness.blocking:
            return 503, Report("unavailable", readiness.blocking + worse)
        return 200, Report("degraded" if readiness.degraded else "ok", worse)
