"""One user before the actor of campaigns: entries in, what follows out, and time that passes.

What a reaction leaves is written and read again after each, as a store would; timers fire when their time has come, in
its order. Everything else is for the test to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.behaviour.messages import SEEN
from actors.campaign.actor import CART_CHANGED, CampaignActor
from actors.campaign.compiled import CompiledCampaign, check
from actors.campaign.directory import Directory
from actors.campaign.listing import listed, subject_of
from actors.campaign.records import WhyLine
from actors.campaign.state import Member
from actors.campaign.totals import Totals
from actors.cart.messages import CartChanged
from actors.coupon import listing
from actors.coupon import offer as coupons
from actors.coupon.offer import Offer
from actors.profile.messages import UPDATE, ProfileUpdate
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from actors.stops.stops import PROGRAMME, Stopped, Stops
from supervision.domain import Event, TimerDue
from supervision.entry import Entry, segment_subject
from supervision.outcome import OUTPUTS_MAX
from supervision.outputs import Arm, Cancel, Emit, Output, Record

START = 1_790_000_000_000
"""21 September 2026, 14:13:20 UTC."""
SUBJECT = "user:ann"


class User:
    """Ann, in segment 0."""

    def __init__(self) -> None:
        self.actor = CampaignActor("CNY")
        self.member = self.actor.fresh(SUBJECT)
        self.directory = self.actor.fresh_shared()
        self.totals = self.actor.fresh_companion(segment_subject(0))
        self.at = START
        self.emits: list[Emit] = []
        self.lines: list[WhyLine] = []
        self.timers: dict[str, tuple[int, int]] = {}
        """Key -> (due, gen)."""
        self.segment_timers: dict[str, tuple[int, int, bytes]] = {}
        self.others: list[str] = []
        """Subjects of other users in the segment."""
        self.told: list[str] = []
        """Whom the segment has told that something is due, in order."""
        self._offset = 0
        self._numbers: dict[str, int] = {}

    # What is told.

    def campaign(self, id: str, status: str = "active", **fields: Any) -> CompiledCampaign:
        """Put a campaign, a newer version if it is there."""
        return self._put(id, status, {"name": id, **fields})

    def seed(self, campaign: dict[str, Any]) -> CompiledCampaign:
        """One in the seed's form, under its own id."""
        return self._put(campaign["trigger_id"], "active", campaign)

    def _put(self, id: str, status: str, campaign: dict[str, Any]) -> CompiledCampaign:
        checked = check(msgspec.json.encode(campaign))
        assert checked.campaign is not None, checked.problems
        self.status(id, status, checked.campaign)
        return checked.campaign

    def template(self, id: str, tags: list[str]) -> None:
        """An active template of coupons."""
        kind = {"type": "fixed", "amount": 100}
        found = coupons.parse(msgspec.json.encode({"name": id, "kind": kind, "valid": {"days": 1}, "tags": tags}))
        assert isinstance(found, Offer), found
        body = listing.listed("active", found.template)
        self._segment(ACTIVATED, ProgrammeActivated(listing.subject_of(id), 1, found.version, body))

    def status(self, id: str, status: str, made: CompiledCampaign) -> None:
        self._numbers[id] = self._numbers.get(id, 0) + 1
        body = listed(status, made.canonical)  # type: ignore[arg-type]
        self._segment(ACTIVATED, ProgrammeActivated(subject_of(id), self._numbers[id], made.version, body))

    def stop(self, *scopes: str) -> None:
        """These are stopped, and nothing else any more."""
        self._numbers[PROGRAMME] = self._numbers.get(PROGRAMME, 0) + 1
        made = Stops(tuple(Stopped(scope, "key:1", "", self.at) for scope in scopes))
        told = ProgrammeActivated(PROGRAMME, self._numbers[PROGRAMME], made.version, made.canonical.decode())
        self._segment(ACTIVATED, told)

    def does(self, what: str, **fields: Any) -> list[Emit]:
        """Something that is seen of her; amounts in major units, as the door has them."""
        raw = msgspec.json.encode({"user_id": "ann", "behavior_type": what, **fields})
        return self._react(SEEN, msgspec.Raw(raw), raw)

    def hears(self, kind: str, **body: Any) -> list[Emit]:
        """Another domain's word."""
        return self._react(kind, body)

    def concerned(self, kind: str, **body: Any) -> bool:
        """Whether such a word would be looked at."""
        return self.actor.concerns(self._event(kind, body, SUBJECT), self.directory)

    def has(self, **facts: Any) -> list[Emit]:
        """Facts of her profile."""
        changes = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in facts.items()}
        return self._react(UPDATE, ProfileUpdate("user_profile_update", "ann", changes))

    def cart(self, value: int, *products: str) -> list[Emit]:
        changed = CartChanged(
            1, "added", value, "CNY", len(products), self.at, pieces=len(products), products=tuple(products)
        )
        return self._react(CART_CHANGED, changed)

    def waits(self, seconds: float) -> list[Emit]:
        """Time passes; whatever is due meanwhile fires."""
        end, said = self.at + round(seconds * 1_000), len(self.emits)
        while (due := self._next_due()) is not None and due <= end:
            self.at = max(self.at, due)
            self._fire(due)
        self.at = end
        return self.emits[said:]

    def _next_due(self) -> int | None:
        return min([each[0] for each in (*self.timers.values(), *self.segment_timers.values())], default=None)

    def _fire(self, due: int) -> None:
        for key, (when, gen, kept) in list(self.segment_timers.items()):
            if when == due:
                del self.segment_timers[key]
                self._segment("timer.campaign", TimerDue(key, gen, due, self.at - due, False, False, kept))
                return
        key, gen = next((key, gen) for key, (when, gen) in self.timers.items() if when == due)
        del self.timers[key]
        self._react("timer.campaign", TimerDue(key, gen, due, self.at - due, False, False))

    # What came of it.

    def outcomes(self, campaign: str | None = None) -> list[str]:
        return [line.outcome for line in self.lines if campaign in (None, line.campaign)]

    def last(self, campaign: str) -> tuple[str, str]:
        """The last word: (outcome, reason)."""
        found = self.member.last[campaign]
        return found.outcome, found.reason

    def _event(self, kind: str, body: Any, subject: str, raw: bytes = b"") -> Event:
        self._offset += 1
        entry = Entry(0, 1, self._offset, self.at, 0, kind, subject, raw)
        shared = self.directory if subject == SUBJECT else None
        return Event(entry, body, self.at, subject, shared=shared, companion=self.totals)

    def _segment(self, kind: str, body: Any) -> None:
        """An entry about the segment; whom its pages go to are told."""
        event = self._event(kind, body, segment_subject(0))
        asked = self.actor.page(event)
        if asked is not None:
            after, limit = asked
            found = [each for each in sorted([*self.others, SUBJECT, segment_subject(0)]) if each > after]
            event = msgspec.structs.replace(event, page=found[:limit])
        told: list[Emit] = []
        for output in list(self.actor.react(self.directory, event)):
            match output:
                case Emit():
                    told.append(output)
                case Arm(key=key, due=due, body=kept):
                    self.segment_timers[key] = (due, event.entry.offset, kept)
                case Cancel(key=key):
                    self.segment_timers.pop(key, None)
                case _:
                    raise TypeError(f"a segment does not yield {output}")
        self.directory = msgspec.msgpack.decode(msgspec.msgpack.encode(self.directory), type=Directory)
        self._keep_totals()
        self.told += [emit.subject or "" for emit in told]
        for emit in told:
            if emit.subject == SUBJECT:
                self._react(emit.kind, emit.body)

    def _react(self, kind: str, body: Any, raw: bytes = b"") -> list[Emit]:
        event = self._event(kind, body, SUBJECT, raw)
        emits: list[Emit] = []
        outputs = list(self.actor.react(self.member, event))
        assert len(outputs) <= OUTPUTS_MAX, "more than the engine takes of one reaction"
        for output in outputs:
            emits += self._take(output, event)
        self.actor.check(self.member)
        self.member = msgspec.msgpack.decode(msgspec.msgpack.encode(self.member), type=Member)
        self._keep_totals()
        self.emits += emits
        return emits

    def _keep_totals(self) -> None:
        self.totals = msgspec.msgpack.decode(msgspec.msgpack.encode(self.totals), type=Totals)

    def _take(self, output: Output, event: Event) -> Iterator[Emit]:
        match output:
            case Emit():
                yield output
            case Record(body=WhyLine() as line):
                self.lines.append(line)
            case Arm(key=key, due=due):
                self.timers[key] = (due, event.entry.offset)
            case Cancel(key=key):
                self.timers.pop(key, None)
            case _:
                raise TypeError(f"campaigns do not yield {output}")


def kinds(emits: list[Emit]) -> list[str]:
    return [emit.kind for emit in emits]
