"""The actor of the behaviour domain: it remembers what users did, and says nothing.

Others react to the same entries (carts, campaigns) and say what comes of them; an effect for each click would only tell
its sender what he has sent. What can be asked is the history, line by line, as far back as is configured.

A poisonous entry is set aside alone: a history with a hole is still one, and no money is at stake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.behaviour.behaviour import known
from actors.behaviour.messages import SEEN, SESSION_ID_BYTES_MAX
from actors.behaviour.plausible import Session, judge
from actors.behaviour.records import line, written_at
from actors.calendar import DAY_MS
from supervision.domain import Domain, Event
from supervision.outputs import Output, Record

FORMAT = 1
"""Of the stored state."""
KEPT_DAYS = 400
"""Of lines, unless it is configured: a year, and what one may want to compare it with."""


class Visits(msgspec.Struct, array_like=True):
    """The state of one user."""

    format: int = FORMAT
    session: Session = Session()


class BehaviourActor(Domain[Visits]):
    """Writes a line for each behaviour, with what cannot be so of it (plausible.py)."""

    name: ClassVar[str] = "behaviour"
    reacts_to: ClassVar[Mapping[str, Any]] = {SEEN: msgspec.Raw}
    """The body is read by `known`, which remembers it for the next domain."""
    state_type = Visits
    format = FORMAT

    def __init__(self, currency: str, kept_days: int = KEPT_DAYS) -> None:
        """`currency`: of amounts that say none, as at the door."""
        self._currency = currency
        self.records_kept_ms = kept_days * DAY_MS

    def written_at(self, record: bytes) -> int:
        return written_at(record)

    def fresh(self, subject: str) -> Visits:
        return Visits()

    def react(self, state: Visits, event: Event) -> Iterator[Output]:
        behaviour = known(event.entry.body, self._currency)
        judged = judge(state.session, behaviour, event.entry.occurred_at, event.at)
        state.session = judged.session
        yield Record(line(behaviour, judged.flags, event))

    def check(self, state: Visits) -> None:
        session = state.session
        assert state.format == FORMAT
        assert session.began_at <= session.last_at, session
        assert len(session.id.encode()) <= SESSION_ID_BYTES_MAX, session
