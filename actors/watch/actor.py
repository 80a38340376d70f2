"""The actor of the watch: reads what other domains and the engine say, and wakes somebody where that is wanted.

Two things are looked for. Refusals are answers and no errors, but when many are given something outside may be wrong: a
programme that takes nothing any more, a till that sends everything twice. And where a domain that holds money has set
somebody aside, a person waits until an operator has decided.

Refusals are about users, the count is the segment's. So each is noted in an entry about the segment, which is where
that may be counted; once the window has had its alarm, none is noted until the next, so that a flood of refusals costs
the log little more than `limit` small entries in ten minutes: those of the batches that were under way. Whoever is
not refused costs nothing.

It reads the log as every domain does: an alarm is raised once for its cause, whatever crashes, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

from actors.alarms import raised
from actors.watch import refusals
from actors.watch.messages import REFUSAL, MoneyParked, PointsRefusedSeen, Refusal, RefusalsRate
from actors.watch.refusals import WINDOW_S, Refusals
from supervision.domain import Domain, Event
from supervision.engine_events import PARKED, Parked
from supervision.entry import segment_subject
from supervision.outputs import Emit, Output

REFUSALS_MAX = 500
"""In a segment within WINDOW_S, unless an operator says otherwise: 8,000 in sixteen segments, 13 a second."""


class WatchActor(Domain[None]):
    """`money` are the domains that hold some; more refusals than `refusals_max` raise an alarm, 0: none does."""

    name: ClassVar[str] = "watch"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        "points.refused": PointsRefusedSeen,
        REFUSAL: Refusal,
        PARKED: Parked,
    }
    shared_type = Refusals
    shared_format = 1
    parks = "entry"

    def __init__(self, money: Collection[str], refusals_max: int = REFUSALS_MAX) -> None:
        self._money = frozenset(money)
        self._limit = refusals_max

    def fresh(self, subject: str) -> None:
        return None

    def fresh_shared(self) -> Refusals:
        return Refusals()

    def check_shared(self, shared: Refusals) -> None:
        refusals.check(shared)

    def react(self, state: Any, event: Event) -> Iterator[Output]:
        match event.body:
            case Parked(domain=domain) as parked if domain in self._money:
                yield raised(MoneyParked(domain, parked.segment, parked.subject, parked.offset), same_depth=True)
            case PointsRefusedSeen() if self._limit and not refusals.told(event.shared, event.at):
                noted = Refusal(event.at)
                yield Emit(REFUSAL, noted, subject=segment_subject(event.entry.segment), same_depth=True)
            case Refusal(refused_at=at) if self._limit and (too_many := refusals.count(state, at, self._limit)):
                alarm = RefusalsRate(too_many, self._limit, event.entry.segment, WINDOW_S)
                yield raised(alarm, same_depth=True)
            case _:
                pass
