"""What is stopped: a campaign, a channel of messages, or all of both, until somebody says go.

The set of what is stopped is a programme (actors/programmes) like the rules of points: each press of a button is a
version of it, decided in one place and told to every segment's log. So each is counted, written down for ever with who
pressed it and why, and in force from one place of a log on. A scope is stopped by itself: who stops everything and
says go to everything finds stopped what was stopped before.

The scope `all` is always taken, however much else is stopped.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from actors import normal_form
from actors.campaign.campaign import Channel
from actors.campaign.listing import subject_of
from actors.commands import NOT_JSON, Refusal

PROGRAMME = "stops"
"""Its name."""
ALL = "all"
STOPS_MAX = 64
"""Scopes that are stopped at a time, besides ALL."""
REASON_BYTES_MAX = 256

Verb = Literal["stop", "go"]


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the three."""

    campaign: str | None = None
    channel: Channel | None = None
    all: Literal[True] | None = None


class Stopped(msgspec.Struct, frozen=True):
    """`at` is when it was asked for, ms since 1970 UTC."""

    scope: str
    by: str
    reason: str
    at: int


class Pressed(msgspec.Struct, frozen=True):
    """What made this version of the last one."""

    verb: Verb
    scope: str
    reason: str


class Stops(msgspec.Struct, frozen=True):
    """The body of a version. `stopped`: by scope."""

    stopped: tuple[Stopped, ...] = ()
    pressed: Pressed | None = None

    @property
    def canonical(self) -> bytes:
        return msgspec.json.encode(self)

    @property
    def version(self) -> str:
        return normal_form.version(self.canonical)

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(one.scope for one in self.stopped)


_decode = msgspec.json.Decoder(Stops).decode


def scope_of(scope: Scope) -> str | Refusal:
    """As it is kept: `campaign:ID`, `channel:sms` or ALL.

    >>> scope_of(Scope(channel="sms"))
    'channel:sms'
    """
    named = [name for name in ("campaign", "channel", "all") if getattr(scope, name) is not None]
    if len(named) != 1:
        return Refusal("one_of", "scope", "scope must have one of campaign, channel and all (true)")
    if scope.campaign is not None:
        return subject_of(scope.campaign)
    return ALL if scope.channel is None else f"channel:{scope.channel}"


def stop(stops: Stops, one: Stopped) -> Stops:
    """With it stopped; what is stopped already stays as it was said first."""
    if one.scope in stops.scopes:
        return stops
    stopped = tuple(sorted((*stops.stopped, one), key=lambda each: each.scope))
    return Stops(stopped, Pressed("stop", one.scope, one.reason))


def go(stops: Stops, scope: str, reason: str) -> Stops:
    """Without it; what is not stopped is no change."""
    if scope not in stops.scopes:
        return stops
    return Stops(tuple(one for one in stops.stopped if one.scope != scope), Pressed("go", scope, reason))


def parse(data: bytes) -> Stops | Refusal:
    """A version as it is put."""
    try:
        stops = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return NOT_JSON
    if len(set(stops.scopes) - {ALL}) > STOPS_MAX:
        return Refusal("too_many", "scope", f"at most {STOPS_MAX} campaigns and channels may be stopped at a time")
    return stops


def stops_campaign(scopes: Collection[str], campaign: str) -> bool:
    """Whether what is stopped holds the campaign. O(STOPS_MAX), and O(1) while nothing is."""
    return bool(scopes) and (ALL in scopes or subject_of(campaign) in scopes)


def stops_message(scopes: Collection[str], channel: str, campaign: str) -> bool:
    """The same of a message, of no campaign where that is empty."""
    if not scopes:
        return False
    return f"channel:{channel}" in scopes or stops_campaign(scopes, campaign)
