"""Whether what a client claims can be so: its times, how long it looked, how far it read.

Whoever gives something away for a look of thirty seconds should know that the number comes from a program in the
user's hands. It is not refused, since something was done and the history shall tell it; it is flagged, and a rule may
ask for what has no flag.

A view cannot have lasted longer than its session. When that began nobody says: it is known from its first event, and
from the view which that event tells of. So the first claim of a session is believed, within `VIEW_MS_MAX`, and each
later one is held against the time that has passed since. Who has two pages open may be flagged unjustly, if the one
that was opened first is the last to be told of; a flag is a doubt and no verdict.

Times are the client's own where they are plausible: what a phone has gathered on a train comes all at once, and by our
clock each of its views would be longer than the whole ride.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.behaviour.behaviour import Behaviour
from supervision.domain import OCCURRED_AFTER_MS_MAX, OCCURRED_BEFORE_MS_MAX

VIEW_MS_MAX = 2 * 3600 * 1000
"""Nobody looks at one page for longer without going away."""
SESSION_IDLE_MS = 30 * 60 * 1000
"""What has no session's name goes on with what had none, if no more time has passed since."""
SLACK_MS = 5_000
"""Between a view and the time in which it was: clients round, and networks take their time."""

Flag = Literal["future", "late", "view_out_of_range", "too_long_view", "longer_than_session", "scroll_out_of_range"]


class Session(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last one of a user that was heard of: its name, empty where it has none, and its first and last moment in ms
    since 1970 UTC. Whoever wants to judge for himself keeps one and hands it to `judge`.
    """

    id: str = ""
    began_at: int = 0
    last_at: int = 0


class Judged(msgspec.Struct, frozen=True):
    """The session as it is with the behaviour, and what cannot be so."""

    session: Session
    flags: tuple[Flag, ...]


def judge(session: Session, behaviour: Behaviour, said_at: int, at: int) -> Judged:
    """What to think of `behaviour`, which came at `at` after `session`; `said_at` is its sender's time, 0 when unsaid.
    Pure.
    """
    flags: list[Flag] = []
    ahead = said_at - at if said_at else 0
    if ahead > OCCURRED_AFTER_MS_MAX:
        flags.append("future")
    elif ahead < -OCCURRED_BEFORE_MS_MAX:
        flags.append("late")
    when = at if flags else at + ahead
    view = behaviour.view_ms or 0
    if view < 0:
        flags.append("view_out_of_range")
    if view > VIEW_MS_MAX:
        flags.append("too_long_view")
    goes_on = _goes_on(session, behaviour.session, when)
    if goes_on and view > when - session.began_at + SLACK_MS:
        flags.append("longer_than_session")
    if behaviour.scroll is not None and not 0 <= behaviour.scroll <= 1:
        flags.append("scroll_out_of_range")
    if goes_on:
        return Judged(Session(session.id, session.began_at, max(session.last_at, when)), tuple(flags))
    began_at = when - view if 0 <= view <= VIEW_MS_MAX else when
    last_at = session.last_at if _same(session, behaviour.session, when) else when
    return Judged(Session(behaviour.session, began_at, last_at), tuple(flags))


def _goes_on(session: Session, id: str, when: int) -> bool:
    """Whether `when` lies in the session. What is older than all that was heard of it shows that it began earlier."""
    return session.began_at < when and _same(session, id, when)


def _same(session: Session, id: str, when: int) -> bool:
    return session.id == id and (bool(id) or abs(when - session.last_at) <= SESSION_IDLE_MS)
