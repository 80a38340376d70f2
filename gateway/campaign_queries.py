"""Campaigns as one user goes through them, answered from committed state and records: where she stands, and why.

Every decision but "not entered" is a line for ever; of the last decisions, "not entered" too, the state keeps one for
each of the campaigns decided on last (`why_last_max`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import UNSET

from actors.campaign.directory import Directory
from actors.campaign.listing import ready
from actors.campaign.program import Await
from actors.campaign.records import WhyLine
from actors.campaign.state import Last, Member, Run
from gateway.balances import AsOf
from gateway.campaigns import DOMAIN, directory
from gateway.effect_causes import entry_at, led_to
from gateway.lines import Lines, Place
from gateway.problems import Problem
from gateway.queries import before_of, subject_of
from gateway.readers import ReaderPool
from supervision.entry import segment_of
from supervision.envelope import rfc3339
from supervision.store import Reader

_member = msgspec.msgpack.Decoder(Member).decode
_line = msgspec.json.Decoder(WhyLine).decode


class LastWord(msgspec.Struct, frozen=True):
    """The last decision about the user and the campaign. `path`, `want`, `saw`: the condition that decided it, where
    one did.
    """

    campaign: str
    at: str
    version: str
    outcome: str
    reason: str | None
    path: str | None
    want: str | None
    saw: Any


class WhyPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/why`: decisions, newest first, and the last word of each campaign. `has_more`:
    there are older lines, if perhaps none of the campaign that was asked for.
    """

    data: list[WhyLine]
    last: list[LastWord]
    next_cursor: str | None
    has_more: bool
    as_of: AsOf


class UnderWay(msgspec.Struct, frozen=True):
    """A run: since when, because of what was at `triggered_at`, at which step. It goes on at `until`, or before when
    `waits_for` comes: an event, or the answer to an action, `reference`. Null: it waits for nothing of the kind.
    """

    campaign: str
    version: str
    run: int
    since: str
    triggered_at: str
    step: str | None
    waits_for: str | None
    reference: str | None
    until: str | None


class Waiting(msgspec.Struct, frozen=True):
    """A campaign that the user may enter by doing nothing any more; `since`: the event that began it."""

    campaign: str
    since: str


class Coming(msgspec.Struct, frozen=True):
    """When a campaign whose time is the user's own is due: a birthday, so long before something ends."""

    campaign: str
    at: str


class UserCampaigns(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/campaigns`, by campaign."""

    under_way: list[UnderWay]
    waiting: list[Waiting]
    coming: list[Coming]
    last: list[LastWord]
    as_of: AsOf


class Held(msgspec.Struct, frozen=True):
    """All that is held of a user for campaigns: the state, field by field as it is kept, and decisions."""

    state: dict[str, Any]
    lines: list[WhyLine]
    next_cursor: str | None
    as_of: AsOf


class CampaignQueries:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int) -> None:
        self._readers = readers
        self._segments = segments

    def why(
        self, user_id: str, limit: int, cursor: str | None, campaign: str | None = None, effect: str | None = None
    ) -> WhyPage:
        """`limit` decisions at most before `cursor`, those of `campaign` alone, or those that led to `effect`. Raises
        Problem `unknown_user`, `unknown_effect` and `invalid_parameter`, and `Refused` when the store cannot be read.
        """
        before = None if cursor is None else before_of(cursor)
        with self._readers.one() as reader:
            desk = self._desk(reader, user_id)
            led = None if effect is None else led_to(reader, desk.as_of.segment, desk.subject, effect)
            return desk.page(before, limit, campaign, led)

    def campaigns(self, user_id: str) -> UserCampaigns:
        """Raises as `why` does."""
        with self._readers.one() as reader:
            return self._desk(reader, user_id).campaigns()

    def export(self, user_id: str, before: Place | None, limit: int) -> Held | None:
        """Everything of the user, of decisions those before (offset, n); None when there is nothing."""
        with self._readers.one() as reader:
            desk = _Desk(reader, subject_of(user_id), self._segments)
            if not desk.known:
                return None
            page = desk.page(before, limit, None)
        return Held(_named(desk.member), page.data, page.next_cursor, desk.as_of)

    def _desk(self, reader: Reader, user_id: str) -> _Desk:
        desk = _Desk(reader, subject_of(user_id), self._segments)
        if not desk.known:
            raise Problem("unknown_user", f"no user {user_id!a} was ever looked at for a campaign")
        return desk


class _Desk:
    """One user's papers, for the length of one question."""

    def __init__(self, reader: Reader, subject: str, segments: int) -> None:
        segment = segment_of(subject, segments)
        state, upto = reader.snapshot(segment, DOMAIN, subject)
        self._reader = reader
        self.subject = subject
        self._lines = Lines(reader, segment, DOMAIN, subject, _line)
        self.known = state is not None
        self.member = _member(state) if state is not None else Member()
        self.as_of = AsOf(segment, upto)
        self.end = (upto + 1, 0)
        """Lines from here on are younger than the state."""

    def page(
        self, before: Place | None, limit: int, campaign: str | None, led: Callable[[WhyLine], bool] | None = None
    ) -> WhyPage:
        def wanted(line: WhyLine) -> bool:
            return campaign in (None, line.campaign) and (led is None or led(line))

        asked = wanted if campaign is not None or led is not None else None
        found = self._lines.page(min(before or self.end, self.end), limit, asked)
        shown = [self._shown(line) for line in found.data]
        return WhyPage(shown, self._last(campaign), found.next_cursor, found.has_more, self.as_of)

    def _shown(self, line: WhyLine) -> WhyLine:
        """What is kept of the trigger is its offset; its place is told as that of `cause` is, as long as the log has
        it.
        """
        if line.trigger is UNSET:
            return line
        if int(line.trigger) == line.offset:
            return msgspec.structs.replace(line, trigger=line.cause)
        entry = entry_at(self._reader, self.as_of.segment, int(line.trigger))
        return msgspec.structs.replace(line, trigger=entry.place if entry else UNSET)

    def campaigns(self) -> UserCampaigns:
        member, known = self.member, directory(self._reader, self.as_of.segment)
        return UserCampaigns(
            [_under_way(id, run, known) for id, run in sorted(member.runs.items())],
            [Waiting(id, rfc3339(origin.at)) for id, origin in sorted(member.watches.items())],
            [Coming(id, rfc3339(due)) for id, due in sorted(member.dues.items())],
            self._last(None),
            self.as_of,
        )

    def _last(self, campaign: str | None) -> list[LastWord]:
        """Newest first."""
        told = [(id, last) for id, last in self.member.last.items() if campaign in (None, id)]
        return [_word(id, last) for id, last in reversed(told)]


def _under_way(id: str, run: Run, known: Directory) -> UnderWay:
    body = known.campaigns[id].bodies.get(run.version)
    stands = ready(body).program.instructions[run.pc] if body else None
    event = stands.event if isinstance(stands, Await) else None
    return UnderWay(
        id, run.version, run.number, rfc3339(run.entered_at), rfc3339(run.origin.at), stands.place if stands else None,
        event, run.asked or None, rfc3339(run.due) if run.due else None,
    )  # fmt: skip


def _named(value: Any) -> Any:
    """With the names of fields, which a state is kept without."""
    match value:
        case msgspec.Struct():
            return {name: _named(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {name: _named(one) for name, one in cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [_named(one) for one in cast("list[Any]", value)]
        case _:
            return value


def _word(id: str, last: Last) -> LastWord:
    return LastWord(
        id, rfc3339(last.at), last.version, last.outcome, last.reason or None, last.path or None, last.want or None,
        last.saw,
    )  # fmt: skip
