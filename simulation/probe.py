"""The probe: a domain that exists in simulated worlds only and does what points do not.

It answers inputs that somebody waits for (at once, or by way of another subject, perhaps in another segment and back),
arms timers that mean "nothing happened since", cancels and re-arms them while they fire, lets firings expire, and walks
over all of its segment's subjects page by page with continuation entries. It counts under business keys, and says of
all it does by which version of a rule it did so. So those parts of the engine have their proof before a marketing
function needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from supervision.domain import Domain, Event, TimerDue
from supervision.outputs import Arm, Cancel, Claim, Emit, Output, Record, Reply, business_key

PAGE = 3
"""Subjects per page of a census: few, so that there are many pages."""
WATCH = "watch"


class Ask(msgspec.Struct, frozen=True):
    """Count me; answer with the count, after a way over `via` when there is one."""

    via: str = ""


class Passed(msgspec.Struct, frozen=True):
    """An ask on its way: `back` is whom it began with, empty when it is back."""

    back: str = ""


class Watch(msgspec.Struct, frozen=True):
    """Fire unless something is heard in time."""

    after_ms: int
    absence: bool = False
    valid_for_ms: int = 0


class Heard(msgspec.Struct, frozen=True):
    """Something was heard: no need to fire."""


class Tab(msgspec.Struct, frozen=True):
    """One more under the business key `name` of the segment."""

    name: str


class Tabbed(msgspec.Struct, frozen=True):
    """`probe.tabbed`: so many there are now."""

    count: int
    rule: int


class Census(msgspec.Struct, frozen=True):
    """Count all subjects of the segment beyond `after`; `index` rises over continuations."""

    after: str = ""
    index: int = 0


class Counted(msgspec.Struct, frozen=True):
    """`probe.counted`: one page of a census."""

    index: int
    subjects: list[str]
    rule: int


class Answer(msgspec.Struct, frozen=True):
    """A reply."""

    subject: str
    asked: int
    rule: int


class Fired(msgspec.Struct, frozen=True):
    """`probe.fired`."""

    gen: int
    expired: bool
    held: bool
    rule: int


class Counts(msgspec.Struct, array_like=True):
    """The state of one subject."""

    format: int = 1
    asked: int = 0
    passed: int = 0
    heard: int = 0
    watched: int = 0
    fired: int = 0
    tabs: int = 0


NAME = "probe"
"""Of the probe's own programme; those of others are told to the same segments."""


class Rule(msgspec.Struct, array_like=True):
    """What a segment's subjects share: the rule in force."""

    format: int = 1
    number: int = 0
    version: str = ""


class ProbeActor(Domain[Counts]):
    """See the module's essay; probe_model.py says what must come of it."""

    name: ClassVar[str] = "probe"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        "probe.ask": Ask,
        "probe.passed": Passed,
        "probe.watch": Watch,
        "probe.heard": Heard,
        "probe.census": Census,
        "probe.tab": Tab,
        ACTIVATED: ProgrammeActivated,
    }
    state_type = Counts
    format = 1
    shared_type = Rule
    shared_format = 1
    parks = "subject"

    def fresh(self, subject: str) -> Counts:
        return Counts()

    def fresh_shared(self) -> Rule:
        return Rule()

    def keys(self, event: Event) -> Sequence[bytes]:
        return (_tab_key(event),) if isinstance(event.body, Tab) else ()

    def page(self, event: Event) -> tuple[str, int] | None:
        return (event.body.after, PAGE) if isinstance(event.body, Census) else None

    def react(self, state: Any, event: Event) -> Iterator[Output]:
        if isinstance(state, Rule):
            yield from self._of_segment(state, event)
        else:
            yield from self._of_subject(state, event)

    def _of_segment(self, rule: Rule, event: Event) -> Iterator[Output]:
        body = event.body
        if isinstance(body, Census):
            yield from self._count(rule, body, event)
        elif body.name == NAME and body.number > rule.number:
            rule.number, rule.version = body.number, body.version

    def _of_subject(self, state: Counts, event: Event) -> Iterator[Output]:
        body = event.body
        match body:
            case Ask(via=via):
                state.asked += 1
                yield Record(body)
                yield Emit("probe.passed", Passed(event.subject), subject=via) if via else self._reply(state, event)
            case Passed(back=back):
                state.passed += 1
                yield Emit("probe.passed", Passed(), subject=back) if back else self._reply(state, event)
            case Watch():
                state.watched += 1
                yield Arm(WATCH, event.at + body.after_ms, b"", body.absence, body.valid_for_ms)
            case Heard():
                state.heard += 1
                yield Cancel(WATCH)
            case TimerDue():
                state.fired += 1
                fired = Fired(body.gen, body.expired, body.held, event.shared.number)
                yield Emit("probe.fired", fired, route="probe.fired")
            case _:
                assert isinstance(body, Tab), body
                state.tabs += 1
                yield from self._tab(event)

    def _reply(self, state: Counts, event: Event) -> Reply:
        return Reply(Answer(event.subject, state.asked, event.shared.number))

    def _tab(self, event: Event) -> Iterator[Output]:
        key = _tab_key(event)
        count = int(event.claimed.get(key, b"0")) + 1
        yield Claim(key, b"%d" % count, replaces=count > 1)
        yield Emit("probe.tabbed", Tabbed(count, event.shared.number))

    def _count(self, rule: Rule, census: Census, event: Event) -> Iterator[Output]:
        counted = Counted(census.index, list(event.page), rule.number)
        yield Emit("probe.counted", counted, route="probe.counted", same_depth=True)
        if len(event.page) == PAGE:
            yield Emit("probe.census", Census(event.page[-1], census.index + 1), same_depth=True)


def _tab_key(event: Event) -> bytes:
    return business_key("tab", event.body.name)
