"""Campaigns whose time is each user's own: a birthday, so many days before something ends, so long without a purchase.

The moment is worked out when what it depends on is heard of, and kept beside the runs under the user's one timer. When
it has come, the next one is worked out from then on; not before its firing is heard, however late that is, or whatever
else is heard meanwhile would lose it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors.calendar import Calendar, first
from actors.campaign.campaign import AbsentFor, Before, Birthday
from actors.campaign.checks import MOMENT_END_MS
from actors.campaign.desk import TURN_MS, Desk
from actors.campaign.entering import enter
from actors.campaign.heard import Heard
from actors.campaign.index import Active
from actors.campaign.knowledge import MEMBERSHIP_END, Knowledge, day_of
from actors.campaign.schedule import after_last, before_end, birthday_after
from actors.campaign.state import Origin
from actors.comparison import passes
from actors.windows import counters
from actors.windows.window_spec import key

ENDS: Mapping[str, str] = {"tier_end": "tier", "coupon_end": "coupon", "membership_end": "membership"}
"""What ends -> what its ends are known as."""


def heard(desk: Desk, said: Heard | None, changed: frozenset[str]) -> None:
    """Moments that depend on what was said."""
    for one in desk.index.absent_for if said is not None else ():
        trigger = one.compiled.campaign.trigger
        assert isinstance(trigger, AbsentFor) and said is not None, one.id
        waits = one.id in desk.index.active or one.id in desk.member.dues
        if waits and said.name == trigger.event and passes(said.fields, trigger.where):
            desk.member.dues[one.id] = after_last(one.compiled.calendar, desk.at, trigger.days, trigger.at)
    for one in desk.index.timed if changed & {"profile", "ends"} else ():
        look(desk, one)


def look(desk: Desk, one: Active, told: int | None = None) -> None:
    """Work out when the campaign is due next, from what is known, unless it is due already. `told`: the moment that
    has come; others may have come since, when its firing is late.
    """
    if desk.member.dues.get(one.id, desk.at + 1) <= desk.at:
        return
    trigger = one.compiled.campaign.trigger
    if isinstance(trigger, AbsentFor):
        later = _not_yet(desk, one, trigger) if one.id in desk.member.dues else None
        desk.member.dues.update({one.id: later} if later is not None else {})
        return
    after = told if told is not None and isinstance(trigger, Before) else desk.at
    due = _due(one.compiled.calendar, trigger, desk.member.knows, after)
    if due is not None:
        desk.member.dues[one.id] = due
    else:
        desk.member.dues.pop(one.id, None)


def time_is_up(desk: Desk) -> None:
    """Every campaign whose moment has come."""
    for campaign, due in [each for each in desk.member.dues.items() if each[1] <= desk.at]:
        if desk.full:
            desk.member.dues[campaign] = desk.at + TURN_MS
            continue
        del desk.member.dues[campaign]
        one = desk.index.active.get(campaign)
        if one is not None and isinstance(one.compiled.campaign.trigger, AbsentFor | Before | Birthday):
            _has_come(desk, one, due)


def _has_come(desk: Desk, one: Active, due: int) -> None:
    trigger = one.compiled.campaign.trigger
    later = _not_yet(desk, one, trigger) if isinstance(trigger, AbsentFor) else None
    if later is not None:
        desk.member.dues[one.id] = later
        return
    look(desk, one, due)
    enter(desk, one, Origin(due, desk.event.entry.offset))


def _not_yet(desk: Desk, one: Active, trigger: AbsentFor) -> int | None:
    """When the user has been away for as long as the campaign says, if that is still to come: an edit may have changed
    how long that is since the moment was worked out.
    """
    spec = one.compiled.absence
    counted = desk.member.counters.get(key(spec)) if spec is not None else None
    last = counters.value(counted, spec, desk.at) if spec is not None and counted is not None else None
    due = None if last is None else after_last(one.compiled.calendar, last, trigger.days, trigger.at)
    return due if due is not None and due > desk.at else None


def _due(calendar: Calendar, trigger: Any, knows: Knowledge, at: int) -> int | None:
    match trigger:
        case Birthday(at=clock):
            birthday = knows.profile.get("birthday")
            return birthday_after(calendar, birthday[-5:], clock, at) if isinstance(birthday, str) else None
        case Before(what=what, days=days, at=clock):
            moments = [before_end(calendar, end, days, clock) for end in _ends(calendar, what, knows)]
            return min([moment for moment in moments if moment > at], default=None)
        case _:
            return None


def _ends(calendar: Calendar, what: str, knows: Knowledge) -> Iterable[int]:
    """What of the user's ends when. A day in the profile is one of the campaign's zone, and ends with it. What ends at
    the edge of what calendars have (9999-12-31 is said where "never" is meant) ends never.
    """
    day = day_of(knows.profile.get(MEMBERSHIP_END)) if what == MEMBERSHIP_END else None
    ends = knows.ends.get(ENDS[what], ()) if day is None else (calendar.begins(first("day", day, 1)),)
    return [end for end in ends if 0 < end < MOMENT_END_MS]
