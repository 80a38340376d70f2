"""What a shop has decided about its messages, as the reference model reads it: the words of the settings, and the first
moment that satisfies all of them.

Nothing is worked out. Of a limit each message that was ever sent is looked at; then whole hours are tried one after the
other, which is enough since a clock on the wall shows another hour at whole hours only (worlds have no zone that is
half an hour off).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from simulation.campaign_time import within
from simulation.notices_drawn import PolicyWords
from simulation.points_calendar import begins, day_of

HOUR_MS = 3_600_000
USERS = "user"
"""In the place of a zone: that of whoever gets the message."""
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Sent = Sequence[tuple[int, str]]
"""When, and on which channel, of one user."""

_tz = lru_cache(maxsize=None)(ZoneInfo)


class Limit(msgspec.Struct, frozen=True):
    """So many in a window, whose zone may be USERS; `channel` empty: of all together."""

    channel: str
    count: int
    window: str
    zone: str


class Asked(msgspec.Struct, frozen=True):
    """A message as it is asked for. `limits` are its own; `valid_s` None: as long as the shop says."""

    template: str
    channel: str
    category: str
    reference: str
    campaign: str
    limits: tuple[Limit, ...]
    valid_s: int | None
    priority: int
    transactional: bool
    bought_since: int | None
    goods: tuple[str, ...]
    points: int | None


class Rules:
    """Of a world's shop."""

    def __init__(self, words: PolicyWords) -> None:
        self.zone, self.valid_s = words.zone, words.valid_for_s
        self.limits = [_limit(each.strip()) for each in words.limits.split(";") if each]
        self.quiet = _hours(words.quiet)
        self.preferred_hours = words.preferred_hours
        pairs = [each.strip().partition("=") for each in words.consent.split(",")]
        self.denied = {channel for channel, _, word in pairs if word == "deny"}
        self.denies_all = words.consent == "deny"

    @property
    def says_nothing(self) -> bool:
        return not (self.limits or self.quiet or self.preferred_hours or self.denied or self.denies_all)

    def of(self, asked: Asked, zone: str) -> list[Limit]:
        """Limits that concern a message to somebody in `zone`, each in its own zone."""
        found = [each for each in (*self.limits, *asked.limits) if each.channel in ("", asked.channel)]
        return [msgspec.structs.replace(each, zone=zone) if each.zone == USERS else each for each in found]


class Answer(msgspec.Struct, frozen=True):
    """`go`: at this moment, 0: never. `because`: what stands in the way now, or for as long as it is worth anything."""

    go: int
    because: str


def answer(rules: Rules, asked: Asked, sent: Sent, zone: str, wish: int | None, now: int, end: int) -> Answer:
    """The first moment from `now` on and before `end` at which all let it go; `wish`: the hour that its user likes."""
    if end <= now:
        return Answer(0, "expired")
    room = _room(rules.of(asked, zone), sent, now, end)
    if room is None:
        return Answer(0, "capped")
    quiet = frozenset[int]() if asked.transactional else rules.quiet
    liked = None if asked.transactional or not rules.preferred_hours or wish in quiet else wish
    hours = list(_hours_from(room, end))
    loud = next((at for at in hours if _hour(zone, at) not in quiet), 0)
    good = next((at for at in hours if _hour(zone, at) not in quiet and liked in (None, _hour(zone, at))), 0)
    if not good:
        return Answer(0, "preferred_hour" if loud else "quiet_hours")
    return Answer(good, "capped" if room > now else "quiet_hours" if loud > now else "preferred_hour")


def _room(limits: list[Limit], sent: Sent, now: int, end: int) -> int | None:
    """When all limits have room first."""
    moments = sorted({now, *(at for limit in limits for at in _leaves(limit, sent, now, end) if now < at < end)})
    return next((at for at in moments if all(_has_room(limit, sent, at) for limit in limits)), None)


def _has_room(limit: Limit, sent: Sent, now: int) -> bool:
    counted = [at for at, channel in sent if limit.channel in ("", channel)]
    return sum(within(limit.window, limit.zone, at, now) for at in counted) < limit.count


def _leaves(limit: Limit, sent: Sent, now: int, end: int) -> Iterator[int]:
    """Moments at which something may leave a window."""
    what, _, number = limit.window.partition(" ")
    if what == "seconds":
        yield from (at + int(number) * 1_000 for at, _ in sent)
    elif what:
        yield from (begins(limit.zone, day) for day in range(day_of(limit.zone, now), day_of(limit.zone, end) + 1))


def _hours_from(first: int, end: int) -> Iterator[int]:
    """That moment, and each whole hour after it."""
    yield first
    yield from range(first // HOUR_MS * HOUR_MS + HOUR_MS, end, HOUR_MS)


@lru_cache(maxsize=4_096)
def _hour_of(zone: str, hour: int) -> int:
    return datetime.fromtimestamp(hour * 3_600, _tz(zone)).hour


def _hour(zone: str, at: int) -> int:
    """What the clock on the wall shows."""
    return _hour_of(zone, at // HOUR_MS)


# Reading.


def _hours(words: str) -> frozenset[int]:
    """Of a clock that goes round, from one hour up to another."""
    if not words:
        return frozenset()
    begin, end = (int(hour) for hour in words.split("-"))
    return frozenset((begin + n) % 24 for n in range((end - begin) % 24))


def _limit(words: str) -> Limit:
    scope, count, _, per = words.split(" ")
    seconds = int(per[:-1]) * _SECONDS[per[-1]] if per[0].isdigit() else 0
    window = f"seconds {seconds}" if seconds else f"calendar {per}"
    return Limit(_channel(scope), int(count), window, USERS)


def _channel(scope: str) -> str:
    return "" if scope == "all" else scope.removeprefix("channel:")


def read(body: Mapping[str, Any]) -> Asked:
    """A request, each default where nothing is said."""
    unless: Mapping[str, Any] = body.get("unless", {})
    bought: Mapping[str, Any] | None = unless.get("bought")
    return Asked(
        template=body["template"],
        channel=body["channel"],
        category=body.get("category", ""),
        reference=body.get("reference", ""),
        campaign=body.get("campaign_id", ""),
        limits=tuple(_brought(each) for each in body.get("limits", ())),
        valid_s=body.get("valid_for_s"),
        priority=body.get("priority", 0),
        transactional=body.get("transactional", False),
        bought_since=bought["changed_at"] if bought else None,
        goods=tuple(bought["products"]) if bought else (),
        points=body["params"].get("points"),
    )


def _brought(limit: Mapping[str, Any]) -> Limit:
    """One that a request brings along."""
    window = limit["window"]
    match window["type"]:
        case "rolling":
            said = f"seconds {window['ms'] // 1_000}"
        case "days":
            said = f"days {window['n']}"
        case "calendar":
            said = f"calendar {window['unit']}"
        case _:
            said = ""
    return Limit(_channel(limit["scope"]), limit["count"], said, window.get("zone", ""))
