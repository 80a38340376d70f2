"""One user for weeks, twice: before the engine's own actors of campaigns and messages, and as it is told from lists.

Both are told the same acts at the same moments. What they say of each message, and of who enters what, is written down
as (when, what, of what, why), to be compared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.behaviour.messages import SEEN
from actors.campaign.actor import CampaignActor
from actors.campaign.compiled import check
from actors.campaign.listing import listed, subject_of
from actors.campaign.records import WhyLine
from actors.fields import rfc3339_ms
from actors.notification import policy as policies
from actors.notification.actor import HELD, REFUSED, REQUESTED, SUPPRESSED, NotificationActor
from actors.notification.door import CONSENT
from actors.notification.templates import TEXTS, Templates
from actors.profile.messages import UPDATE
from actors.programmes.messages import ACTIVATED
from supervision.outputs import Emit, Record
from supervision.rehearsal import Reaction, Rehearsal
from tests.plain_campaigns import Asked, Campaign, PlainCampaigns
from tests.plain_limits import Clocks, Limit
from tests.plain_messages import Message, PlainMessages, Policy, Said

USER, SUBJECT = "ann", "user:ann"
TEXT = {"zh-Hans": {**TEXTS["zh-Hans"], "hello": "hello"}}


@dataclass(frozen=True)
class Ask:
    """Somebody asks for a message; None: for as long as is configured."""

    channel: str
    valid_s: int | None = None
    priority: int = 0
    transactional: bool = False
    category: str = ""
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Earn:
    """She is given points, and told so."""


@dataclass(frozen=True)
class Do:
    event: str


@dataclass(frozen=True)
class Move:
    zone: str


@dataclass(frozen=True)
class Prefer:
    hour: int | None


@dataclass(frozen=True)
class Agree:
    """To a channel, or to a category on it; or no longer."""

    channel: str
    category: str
    granted: bool


@dataclass(frozen=True)
class Away:
    """The engine does not run for so long."""

    seconds: int


Act = Ask | Earn | Do | Move | Prefer | Agree | Away


@dataclass(frozen=True)
class Story:
    """`acts`: each so many ms after the one before."""

    begin: int
    policy: Policy
    campaigns: tuple[Campaign, ...]
    acts: tuple[tuple[int, Act], ...]


class Told:
    """The story as the actors tell it."""

    def __init__(self, story: Story, clocks: Clocks) -> None:
        actors = (CampaignActor(), NotificationActor(Templates(TEXT), policy=_configured(story.policy)))
        self._actors = {actor.name: actor for actor in actors}
        self._end = clocks.end
        self._zone = story.policy.zone
        self._stage = Rehearsal(actors, SUBJECT, story.begin, self._heard)
        self.said: list[Said] = []
        self.sent: list[tuple[int, str, str]] = []
        """(when, which message, in which zone the user then was), in order."""
        for campaign in story.campaigns:
            found = check(_json(campaign.spoken()))
            assert found.campaign is not None, found.problems
            body = listed("active", found.campaign.canonical)
            told = {"name": subject_of(campaign.id), "number": 1, "version": found.campaign.version, "body": body}
            self._stage.tell(ACTIVATED, _json(told), self._stage.segment)

    def passes(self, to: int) -> None:
        self._stage.wait(to)

    def stops_until(self, to: int) -> None:
        """Nothing fires until then, and all that is due at once."""
        self._stage.at = to
        self._stage.wait(to)

    def hears(self, number: int, act: Act) -> None:
        self._zone = act.zone if isinstance(act, Move) else self._zone
        kind, body = _entry(number, act)
        self._stage.tell(kind, _json(body))

    def _heard(self, reaction: Reaction) -> None:
        if reaction.event.subject == SUBJECT:
            self._actors[reaction.domain].check(reaction.state)
        for output in reaction.outputs:
            match output:
                case Emit(kind=kind, body=body):
                    self._emitted(kind, body, reaction)
                case Record(body=WhyLine() as line) if line.outcome in ("entered", "capped"):
                    why = f"{line.run}" if line.outcome == "entered" else self._until(f"{line.reason}")
                    self.said.append((reaction.event.at, line.outcome, line.campaign, why))
                case _:
                    pass

    def _emitted(self, kind: str, body: Any, reaction: Reaction) -> None:
        at = reaction.event.at
        if kind == SUPPRESSED:
            self.said.append((at, "suppressed", _named(body), body.reason))
        elif kind == HELD:
            name = body.reference or f"points {reaction.event.body.points}"
            self.said.append((at, "held", name, f"{body.reason} {rfc3339_ms(body.until)}"))
        elif kind.startswith("notify."):
            assert kind != REFUSED, body
            if kind != REQUESTED:
                self.said.append((at, "sent", _named(body), ""))
                self.sent.append((at, _named(body), self._zone))

    def _until(self, reason: str) -> str:
        """Until when somebody is capped, unless that is later than the walls were looked at."""
        at = rfc3339_ms(reason.split()[-1])
        return f"{at}" if at is not None and at < self._end else ""


class Expected:
    """The story as it is told from lists: one entry after the other, as they stand in a log, and of what is due at one
    moment first what was known to be due first.
    """

    def __init__(self, story: Story, clocks: Clocks) -> None:
        self.messages = PlainMessages(story.policy, clocks)
        self.campaigns = PlainCampaigns(story.campaigns, clocks)
        self._at = story.begin
        self._heard = 0
        self._entries: deque[Callable[[], Sequence[Asked]]] = deque()
        self._dues: dict[str, tuple[int, int]] = {}
        """When something is due of either, and since which entry that is so."""

    @property
    def said(self) -> list[Said]:
        return [*self.messages.said, *self.campaigns.said]

    def passes(self, to: int) -> None:
        while self._dues:
            of, (due, _) = min(self._dues.items(), key=lambda each: each[1])
            if due > to:
                break
            self._at = max(self._at, due)
            del self._dues[of]
            self._take(self._look if of == "messages" else lambda: self.campaigns.time_is_up(self._at))
        self._at = to

    def stops_until(self, to: int) -> None:
        self._at = to
        self.passes(to)

    def hears(self, number: int, act: Act) -> None:
        self._take(lambda: self._folded(number, act))

    def _folded(self, number: int, act: Act) -> Sequence[Asked]:
        messages, now = self.messages, self._at
        match act:
            case Do(event=event):
                return self.campaigns.does(event, now)
            case Ask():
                self._ask(self._message(f"r{number}", act))
            case Earn():
                counted = not messages.policy.says_nothing
                valid_until = now + messages.policy.valid_s * 1_000
                self._ask(Message(f"points {number}", "sms", now, valid_until, category="points", counted=counted))
            case Move(zone=zone):
                messages.zone = zone
                self._look()
            case Prefer(hour=hour):
                messages.preferred = hour
                self._look()
            case Agree(channel=channel, category=category, granted=granted):
                messages.facts.append((channel, category, granted))
                self._look()
            case Away():
                raise TypeError("nobody hears of it")
        return ()

    def _message(self, name: str, ask: Ask) -> Message:
        valid_s = self.messages.policy.valid_s if ask.valid_s is None else ask.valid_s
        return Message(
            name, ask.channel, self._at, self._at + valid_s * 1_000, ask.limits, ask.priority, ask.transactional,
            ask.category,
        )  # fmt: skip

    def _requested(self, asked: Asked) -> Sequence[Asked]:
        one = asked.campaign
        limits = tuple(
            Limit(limit.scope, limit.count, limit.per, one.zone)
            for limit in one.limits
            if limit.scope == "all" or limit.scope.startswith("channel:")
        )
        ends = self._at + asked.valid_s * 1_000
        self._ask(Message(asked.name, asked.channel, self._at, ends, limits, one.priority, asked.transactional))
        return ()

    def _ask(self, message: Message) -> None:
        self._say(lambda: self.messages.ask(message, self._at))

    def _look(self) -> Sequence[Asked]:
        self._say(lambda: self.messages.look(self._at))
        return ()

    def _say(self, act: Callable[[], None]) -> None:
        """Whoever asked hears what became of it, in an entry of its own."""
        before = len(self.messages.said)
        act()
        for _, what, name, _ in self.messages.said[before:]:
            if what != "held":
                self._entries.append(
                    lambda name=name, what=what: self.campaigns.answered(name, what == "sent", self._at)
                )

    def _take(self, entry: Callable[[], Sequence[Asked]]) -> None:
        """An entry and all that follows at once."""
        self._entries.append(entry)
        while self._entries:
            self._heard += 1
            for asked in self._entries.popleft()():
                self._entries.append(lambda asked=asked: self._requested(asked))
            self._note("campaigns", self.campaigns.wakes())
            self._note("messages", self.messages.wakes(self._at))

    def _note(self, of: str, due: int | None) -> None:
        if due is None:
            self._dues.pop(of, None)
        elif self._dues.get(of, (0, 0))[0] != due:
            self._dues[of] = (due, self._heard)


def tell(story: Story, by: Told | Expected) -> None:
    """All of it, and a week more."""
    at = story.begin
    for number, (after, act) in enumerate(story.acts):
        at += after
        by.passes(at)
        if isinstance(act, Away):
            at += act.seconds * 1_000
            by.stops_until(at)
        else:
            by.hears(number, act)
    by.passes(at + 7 * 86_400_000)


def _entry(number: int, act: Act) -> tuple[str, dict[str, Any]]:
    match act:
        case Ask():
            asked = {
                "template": "hello", "channel": act.channel, "params": {}, "reference": f"r{number}",
                "valid_for_s": act.valid_s, "priority": act.priority, "transactional": act.transactional,
                "category": act.category, "limits": [limit.in_request() for limit in act.limits],
            }  # fmt: skip
            return REQUESTED, asked
        case Earn():
            return "points.earned", {
                "points": number, "balance": number, "reason": "gift", "order_id": None, "expires_at": None,
            }  # fmt: skip
        case Do(event=event):
            return SEEN, {"event_type": "user_behavior", "user_id": USER, "behavior_type": event}
        case Move(zone=zone):
            return UPDATE, _profile("zone", zone)
        case Prefer(hour=hour):
            return UPDATE, _profile("preferred_hour", hour)
        case Agree(channel=channel, category=category, granted=granted):
            consent = "granted" if granted else "withdrawn"
            said = {"channel": channel, "consent": consent, "category": category or None}
            return CONSENT, {"event_type": "consent_changed", "user_id": USER, **said}
        case Away():
            raise TypeError("nobody hears of it")


def _profile(fact: str, value: Any) -> dict[str, Any]:
    return {"event_type": "user_profile_update", "user_id": USER, "profile_changes": {fact: value}}


def _configured(policy: Policy) -> policies.Policy:
    """As an operator writes it."""
    consent = ", ".join(f"{channel}=deny" for channel in policy.denied) or "allow"
    quiet = f"{policy.quiet[0]}-{policy.quiet[1]}" if policy.quiet else ""
    limits = "; ".join(limit.in_settings() for limit in policy.limits)
    return policies.parse(policy.zone, consent, quiet, limits, policy.preferred_hours, policy.valid_s)


def _named(body: Any) -> str:
    return body.reference or f"points {body.params['points']}"


_json = msgspec.json.Encoder().encode
