"""Who enters a campaign, and what it then asks for, told from a list of all that happened and of all who entered.

Of the language only what counts: an event starts it, a condition asks how often something was done within a window, and
limits of the campaign and of its tags say how often somebody may enter. A slot is a line in the list of entries, struck
out when nothing came of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.plain_limits import Clocks, Limit
from tests.plain_messages import Said


@dataclass(frozen=True)
class Send:
    """`instead`: by which channel the same is tried when it does not go out. That is waited for."""

    channel: str
    valid_s: int
    transactional: bool = False
    instead: str = ""

    def spoken(self) -> dict[str, Any]:
        step = {
            "type": "send_notification", "channel": self.channel, "template": "hello", "valid_for_s": self.valid_s,
            "transactional": self.transactional,
        }  # fmt: skip
        if self.instead:
            step["on_refused"] = [{"then": [Send(self.instead, self.valid_s).spoken()]}]
        return step


@dataclass(frozen=True)
class Wait:
    """`until`: HH:MM, empty: only so long."""

    seconds: int
    until: str = ""

    def spoken(self) -> dict[str, Any]:
        return {"type": "wait", "seconds": self.seconds, **({"until": self.until} if self.until else {})}


@dataclass(frozen=True)
class Did:
    """The condition that the user did `event` at least `count` times, or on so many `days`, in the window `per`."""

    event: str
    count: int
    per: Limit
    days: bool = False

    def spoken(self) -> dict[str, Any]:
        window = self.per.in_campaign()["window"]
        kind = "days" if self.days else "count"
        return {"type": kind, "event": self.event, "op": ">=", "value": self.count, "within": window}


@dataclass(frozen=True)
class Campaign:
    """`limits` of entries and of messages; theirs and `when`'s zone is its own."""

    id: str
    event: str
    steps: tuple[Send | Wait, ...]
    zone: str
    limits: tuple[Limit, ...] = ()
    tags: tuple[str, ...] = ()
    priority: int = 0
    when: Did | None = None

    def spoken(self) -> dict[str, Any]:
        return {
            "name": self.id, "trigger": {"type": "event", "event": self.event}, "zone": self.zone,
            "tags": list(self.tags), "priority": self.priority, "limits": [one.in_campaign() for one in self.limits],
            "steps": [step.spoken() for step in self.steps], "when": self.when.spoken() if self.when else None,
        }  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A message that a run asks for."""

    name: str
    campaign: Campaign
    channel: str
    valid_s: int
    transactional: bool


@dataclass(eq=False)
class Entered:
    """`step`: where it stands; `due`: when it goes on by itself; `asked`: the message that it waits to hear of. `acts`:
    how many messages it asked for, less the last one if that did not go out; `last`: that one, until it is answered.
    """

    campaign: Campaign
    number: int
    at: int
    step: int = 0
    due: int = 0
    asked: str = ""
    acts: int = 0
    last: str = ""
    over: bool = False
    struck: bool = False


@dataclass
class PlainCampaigns:
    """Of one user. `said`: who entered, and who could not since a limit was full."""

    campaigns: tuple[Campaign, ...]
    clocks: Clocks
    done: list[tuple[int, str]] = field(default_factory=list)
    entered: list[Entered] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def does(self, event: str, now: int) -> list[Asked]:
        self.done.append((now, event))
        hearing = [one for one in self.campaigns if one.event == event]
        return [asked for one in sorted(hearing, key=lambda one: one.id) for asked in self._enter(one, now)]

    def wakes(self) -> int | None:
        return min((run.due for run in self.entered if run.due), default=None)

    def time_is_up(self, now: int) -> list[Asked]:
        asked: list[Asked] = []
        for run in [run for run in self.entered if 0 < run.due <= now]:
            run.due, run.step = 0, run.step + 1
            asked += self._go(run, now)
        return asked

    def answered(self, name: str, sent: bool, now: int) -> list[Asked]:
        """A message went out, or will not."""
        run = next((run for run in self.entered if name in (run.last, run.asked)), None)
        if run is None:
            return []
        run.last = ""
        run.acts -= not sent
        asked: list[Asked] = []
        if run.asked == name:
            asked = [] if sent else [self._instead(run)]
            run.asked, run.step = "", run.step + 1
            asked += self._go(run, now)
        self._strike(run)
        return asked

    def _enter(self, one: Campaign, now: int) -> list[Asked]:
        under_way = any(run.campaign is one and not run.over for run in self.entered)
        if under_way or not self._met(one, now):
            return []
        if not self._room(one, now):
            self.said.append((now, "capped", one.id, self._until(one, now)))
            return []
        run = Entered(one, len(self.entered) + 1, now)
        self.entered.append(run)
        self.said.append((now, "entered", one.id, f"{run.number}"))
        return self._go(run, now)

    def _met(self, one: Campaign, now: int) -> bool:
        if one.when is None:
            return True
        clocks, per = self.clocks, one.when.per
        times = [at for at, event in self.done if event == one.when.event and clocks.counts(per, one.zone, at, now)]
        days = {clocks.of(one.zone).shows(at).day for at in times}
        return len(days if one.when.days else times) >= one.when.count

    def _room(self, one: Campaign, at: int) -> bool:
        return all(self.clocks.room(limit, one.zone, self._times(one, limit), at) for limit in _of_entries(one))

    def _until(self, one: Campaign, now: int) -> str:
        """The first moment at which there is room; empty: later than anybody looks."""
        limits = _of_entries(one)
        every = [run.at for run in self.entered]
        moments = self.clocks.moments(limits, one.zone, every, now, self.clocks.end)
        return next((f"{at}" for at in moments if self._room(one, at)), "")

    def _times(self, one: Campaign, limit: Limit) -> list[int]:
        tag = limit.scope.removeprefix("tag:")
        return [
            run.at
            for run in self.entered
            if not run.struck and (run.campaign is one if limit.scope == "campaign" else tag in run.campaign.tags)
        ]

    def _go(self, run: Entered, now: int) -> list[Asked]:
        asked: list[Asked] = []
        while run.step < len(run.campaign.steps):
            step = run.campaign.steps[run.step]
            if isinstance(step, Wait):
                rested = now + step.seconds * 1_000
                run.due = self.clocks.of(run.campaign.zone).reached(step.until, rested) if step.until else rested
                return asked
            asked.append(self._asks(run, f"steps[{run.step}]", step.channel, step))
            if step.instead:
                run.asked = run.last
                return asked
            run.step += 1
        run.over = True
        self._strike(run)
        return asked

    def _instead(self, run: Entered) -> Asked:
        step = run.campaign.steps[run.step]
        assert isinstance(step, Send)
        return self._asks(run, f"steps[{run.step}].on_refused[0].then[0]", step.instead, Send("", step.valid_s))

    def _asks(self, run: Entered, place: str, channel: str, step: Send) -> Asked:
        run.acts += 1
        run.last = f"{run.campaign.id}.{run.number}.{place}"
        return Asked(run.last, run.campaign, channel, step.valid_s, step.transactional)

    def _strike(self, run: Entered) -> None:
        """A run that came to nothing has taken nothing."""
        run.struck = run.struck or (run.over and run.acts == 0)


def _of_entries(one: Campaign) -> list[Limit]:
    return [limit for limit in one.limits if limit.scope == "campaign" or limit.scope.startswith("tag:")]
