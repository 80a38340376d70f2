"""When a message may go: quiet hours, the user's preferred hour, limits and the message's own end, all at once.

Solved one after the other they fail each other: a message held until its limit has room goes out at three in the
night, one held to eight in the morning comes when the day's limit is used up. Here there is one question, the earliest
moment that satisfies all, and it has a plain answer: limits have room from some moment on (slots.py), the message ends
at some moment, and between the two the hours that the wall shows decide. Asked again at that moment, or when anything
changes (another zone, other quiet hours, a slot that was used), it is answered anew; nothing is carried over.

By the wall's clock means: an hour that the clocks leave out in spring is not shown that day, so who prefers it gets the
message on the next; one that comes twice in autumn is quiet, or preferred, both times.

Transactional messages pass quiet hours and the preferred hour, when they are marked so; limits are their sender's
matter. A preference is kept, not weighed: what ends before the preferred hour comes is suppressed. So is at once what
would have to wait for a limit beyond its end, though a slot might still come back: whoever sent it can do something
else now, and not when it is too late for that. A preference within quiet hours would never be met: `never_mistakes`
lets a door refuse it, and a message that meets one says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from actors.calendar import calendar
from actors.commands import Refusal, must_be
from actors.rule_words import Hours, hours_of

_EVERY_HOUR = frozenset(range(24))

Because = Literal["capped", "quiet_hours", "preferred_hour", "stopped"]
"""Whether a message is stopped is its sender's matter (stopped.py), and asked before all others."""


class Wishes(msgspec.Struct, frozen=True):
    """Of one user, in whose `zone` (one that there is) hours are read. `quiet` [22, 8] is from 22:00 to 08:00,
    `preferred` 18 from 18:00 to 19:00. None: no such wish.
    """

    zone: str
    quiet: Hours | None = None
    preferred: Annotated[int, Meta(ge=0, le=23)] | None = None


class Send(msgspec.Struct, frozen=True):
    """It may go now."""


class Hold(msgspec.Struct, frozen=True):
    """It may go at `until`, if nothing changes; what it waits for first is `because`."""

    until: int
    because: Because


class Suppress(msgspec.Struct, frozen=True):
    """It must not go any more: it has `expired`, or the first of the others will not let it go before it does."""

    because: Because | Literal["expired"]


def next_allowed(
    now: int, wishes: Wishes, free_at: int, valid_until: int, transactional: bool = False
) -> Send | Hold | Suppress:
    """What to do at `now` with a message that may go before `valid_until` and whose limits have room from `free_at` on.
    O(1), whatever the hours are and however far away.
    """
    if valid_until <= now:
        return Suppress("expired")
    because: Because | None = "capped" if free_at > now else None
    at = max(now, free_at)
    if at >= valid_until:
        return Suppress("capped")
    loud = frozenset[int]() if transactional else hours_of(wishes.quiet)
    wanted = _EVERY_HOUR if transactional or wishes.preferred is None else frozenset((wishes.preferred,))
    steps: tuple[tuple[Because, frozenset[int]], ...] = (
        ("quiet_hours", _EVERY_HOUR - loud),
        ("preferred_hour", wanted - loud),
    )
    for step, hours in steps:
        then = at if hours == _EVERY_HOUR else calendar(wishes.zone).when(at, hours)
        if then is None or then >= valid_until:
            return Suppress(step)
        because = because or (step if then > at else None)
        at = then
    return Hold(at, because) if because else Send()


def never_mistakes(wishes: Wishes, place: str) -> Iterator[Refusal]:
    """Why no moment would ever do."""
    quiet = hours_of(wishes.quiet)
    if quiet == _EVERY_HOUR:
        yield must_be("always_quiet", f"{place}.quiet", "less than the whole day")
    elif wishes.preferred in quiet:
        yield must_be("never_holds", f"{place}.preferred", "outside quiet hours")
