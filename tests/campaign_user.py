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
from actors.campaign.compiled import CompiledCampaign, parse
from actors.campaign.directory import Directory
from actors.campaign.listing import listed, subject_of
from actors.campaign.records import WhyLine
from actors.campaign.state import Member
from actors.cart.messages import CartChanged
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from actors.profile.messages import UPDATE, ProfileUpdate
from supervision.domain import Event, TimerDue
from supervision.entry import Entry, segment_subject
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
        self.at = START
        self.emits: list[Emit] = []
        self.lines: list[WhyLine] = []
        self.timers: dict[str, tuple[int, int]] = {}
        """Key -> (due, gen)."""
        self._offset = 0
        self._numbers: dict[str, int] = {}

    # What is told.

    def campaign(self, id: str, status: str = "active", **fields: Any) -> CompiledCampaign:
        """Put a campaign, a newer version if it is there."""
        made = parse(msgspec.json.encode({"name": id, **fields}))
        assert isinstance(made, CompiledCampaign), made
        self.status(id, status, made)
        return made

    def status(self, id: str, status: str, made: CompiledCampaign) -> None:
        self._numbers[id] = self._numbers.get(id, 0) + 1
        body = listed(status, made.canonical)  # type: ignore[arg-type]
        told = ProgrammeActivated(subject_of(id), self._numbers[id], made.version, body)
        list(self.actor.react(self.directory, self._event(ACTIVATED, told, segment_subject(0))))
        self.directory = msgspec.msgpack.decode(msgspec.msgpack.encode(self.directory), type=Directory)

    def does(self, what: str, **fields: Any) -> list[Emit]:
        """Something that is seen of her; amounts in major units, as the door has them."""
        raw = msgspec.json.encode({"user_id": "ann", "behavior_type": what, **fields})
        return self._react(SEEN, msgspec.Raw(raw), raw)

    def hears(self, kind: str, **body: Any) -> list[Emit]:
        """Another domain's word."""
        return self._react(kind, body)

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
        while self.timers:
            key, (due, gen) = min(self.timers.items(), key=lambda item: (item[1], item[0]))
            if due > end:
                break
            self.at = max(self.at, due)
            del self.timers[key]
            self._react("timer.campaign", TimerDue(key, gen, due, 0, False, False))
        self.at = end
        return self.emits[said:]

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
        return Event(entry, body, self.at, subject, shared=self.directory if subject == SUBJECT else None)

    def _react(self, kind: str, body: Any, raw: bytes = b"") -> list[Emit]:
        event = self._event(kind, body, SUBJECT, raw)
        emits: list[Emit] = []
        for output in list(self.actor.react(self.member, event)):
            emits += self._take(output, event)
        self.actor.check(self.member)
        self.member = msgspec.msgpack.decode(msgspec.msgpack.encode(self.member), type=Member)
        self.emits += emits
        return emits

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
