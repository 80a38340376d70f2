"""What a stop makes of messages: whom it holds, and how they are told that it is over.

A stop is no wish of the recipient's and no limit: it holds whatever would go out, transactional messages too, since
whoever presses the button does not want this channel to send at all. A message waits as it would for any other hour,
for as long as it is worth waiting, and is then suppressed.

Most of the time nothing is stopped and nobody waits. So who waits is not written down one by one: the segment knows
whether anybody does, and when something is lifted everybody is told, page by page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors import everyone
from actors.notification import directory
from actors.notification.directory import Directory
from actors.programmes.messages import ProgrammeActivated
from actors.stops import switches
from supervision.domain import Event, TimerDue
from supervision.entry import part_subject
from supervision.outputs import Arm, Emit, Output

FORMAT = 1
GO_ON = "notify.go_on"
"""Inward, to a user: look whether what waits may go."""
LIFTED = "lifted"
"""Key of the segment's timer, whose body is the user that the next page comes after."""


class Waiting(msgspec.Struct, array_like=True):
    """`anybody`: since everybody was last told to go on, somebody was held while something was stopped."""

    format: int = FORMAT
    anybody: bool = False


class GoOn(msgspec.Struct, frozen=True):
    """The body of GO_ON."""


def scopes(event: Event) -> tuple[str, ...]:
    """What is stopped at the event's place."""
    return event.shared.stops.stopped if event.shared is not None else ()


def companion(state: Any, event: Event) -> str:
    """As long as nothing is stopped, none."""
    about_segment = isinstance(state, Directory)
    concerns = isinstance(event.body, ProgrammeActivated) if about_segment else scopes(event)
    return part_subject(event.entry.segment, "waiting") if concerns else ""


def page(event: Event) -> tuple[str, int] | None:
    """What `Domain.page` asks."""
    body = event.body
    if not isinstance(body, TimerDue) or body.key != LIFTED:
        return None
    return body.body.decode(), everyone.USERS_HELD if body.held else everyone.USERS


def for_segment(segment: Directory, event: Event) -> Iterator[Output]:
    """The segment hears of a version of something, or tells the next page."""
    match event.body:
        case ProgrammeActivated() as said:
            directory.told(segment, said)
            before, segment.stops = segment.stops, switches.heard(segment.stops, said)
            if switches.lifted(before, segment.stops) and event.companion.anybody:
                event.companion.anybody = False
                yield _next(everyone.SUBJECTS, event.at)
        case TimerDue():
            for subject in everyone.users_of(event.page):
                yield Emit(GO_ON, GoOn(), subject=subject, same_depth=True)
            if (after := everyone.next_after(event.page)) is not None:
                yield _next(after, event.at)
        case _:
            raise TypeError(f"{event.entry.kind} is not about a segment")


def _next(after: str, at: int) -> Arm:
    return Arm(LIFTED, at, body=after.encode(), lane="bulk")
