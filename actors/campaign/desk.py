"""The desk: works on one user's state for one event, and writes down whatever is decided.

A decision, its line in the records, its count, the last word in the state and the effect for others always come
together.
Reactions (entering.py, running.py) are functions over a desk.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from actors.campaign import totals
from actors.campaign.directory import Directory
from actors.campaign.effects import CampaignEntered, CampaignExited
from actors.campaign.index import Active, Index, active, index_of
from actors.campaign.judging import Judge, Judgement
from actors.campaign.records import Outcome, WhyLine
from actors.campaign.state import WHY_LAST_MAX, Last, Member, Origin, Run
from actors.campaign.totals import Totals
from actors.campaign.view import View
from actors.stops.stops import stops_campaign
from supervision.domain import Event
from supervision.envelope import rfc3339
from supervision.outcome import NEAR_MS
from supervision.outputs import Emit, Output, Record

OUTPUTS_FULL = 100
"""Of one reaction: runs that would do more wait for their turn, so that it ends far below outcome.OUTPUTS_MAX."""
OUTPUTS_CLOSED = 150
"""Beyond it nobody enters."""
TURN_MS = NEAR_MS
"""Until then: no step deeper into a chain of causes, however many turns there are."""


class Desk:
    """For one reaction. `outputs` is what it yields."""

    __slots__ = ("at", "directory", "event", "index", "member", "outputs", "totals")

    def __init__(self, member: Member, event: Event) -> None:
        self.member = member
        self.event = event
        self.at = event.at
        self.directory: Directory = event.shared
        self.index: Index = index_of(self.directory)
        self.outputs: list[Output] = []
        self.totals: Totals = event.companion or Totals()  # of a rehearsal nothing is counted

    @property
    def full(self) -> bool:
        """What else there is to do waits for its turn."""
        return len(self.outputs) >= OUTPUTS_FULL

    @property
    def user_id(self) -> str:
        return self.event.subject[5:]

    # Looking.

    def stopped(self, campaign: str) -> bool:
        """Whether an operator has stopped it, or everything."""
        return stops_campaign(self.directory.stops.stopped, campaign)

    def view(self, origin: Origin) -> View:
        return View(self.member, self.index, origin, self.at)

    def version_of(self, campaign: str, run: Run) -> Active:
        """What the run goes on by."""
        listed = self.directory.campaigns[campaign]
        newest = active(campaign, listed.version, listed.bodies[listed.version])
        if run.version not in listed.bodies or newest.compiled.campaign.under_way == "move":
            return newest
        return active(campaign, run.version, listed.bodies[run.version])

    # Telling.

    def why(
        self,
        one: Active,
        outcome: Outcome,
        run: Run | None = None,
        reason: str = "",
        judged: tuple[Judge, Judgement] | None = None,
        **more: Any,
    ) -> None:
        """A line in the records, and the last word."""
        conditions = judged[0].trace(judged[1]) if judged else UNSET
        line = WhyLine(
            self.event.entry.offset, rfc3339(self.at), one.id, one.version, outcome, self.event.place,
            run=run.number if run else UNSET, reason=reason or UNSET, conditions=conditions, **more,
        )  # fmt: skip
        self.outputs.append(Record(line))
        totals.decided(self.totals, one.id, outcome, reason)
        self.last(one, outcome, reason, judged)

    def last(self, one: Active, outcome: str, reason: str = "", judged: tuple[Judge, Judgement] | None = None) -> None:
        """The last word about the campaign; those that were heard longest ago make room, and of the others first."""
        last = self.member.last
        last.pop(one.id, None)
        seen = judged[0].cause(judged[1]) if judged else None
        path, want, saw = (seen.path, seen.want, seen.saw) if seen else ("", "", None)
        last[one.id] = Last(self.at, one.version, outcome, reason, path, want, saw)
        if len(last) > WHY_LAST_MAX:
            del last[next((id for id in last if id != one.id and not self._kept_out(id)), next(iter(last)))]

    def _kept_out(self, campaign: str) -> bool:
        """Whether the last word tells that the user is kept out, which would be told again were it forgotten."""
        return self.member.last[campaign].outcome == "holdout" and campaign in self.index.active

    def entered(self, one: Active, run: Run) -> None:
        self._say("campaign.entered", CampaignEntered(one.id, one.version, run.number))

    def exited(self, one: Active, run: Run, reason: str) -> None:
        totals.over(self.totals, one.id, reason)
        self._say("campaign.exited", CampaignExited(one.id, one.version, run.number, reason))

    def _say(self, kind: str, effect: CampaignEntered | CampaignExited) -> None:
        self.outputs.append(Emit(kind, effect, route=kind))
