"""Messages of one user that wait for their moment: which goes next, which is dropped, when to look again.

What waits is in order of priority, then of when it came. Whenever a limit may have room (a slot came back, a timer is
due), the first that may go now goes; one that may not, because its own channel is full or it waits for another hour,
does not stand in the way of those behind it. No room is kept for it meanwhile: who comes later and may go, goes.

The queue is short by name: nobody wants more from a shop in a few days than HELD_MAX messages that were worth a delay.
When it is full, the least important goes, and of these the last to come: it may be the one that has just come.
Whatever leaves without being sent leaves with a reason.

A message is sent once if `due` and the taking of what it says are one reaction: ask, send, ask again, since what was
sent has used a slot up.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import msgspec

from actors.notification.send_time import Because, Hold, Send, Suppress
from actors.windows.window_edges import NEVER

HELD_MAX = 32
"""Messages of one user."""

Reason = Because | Literal["expired", "held_full", "bought", "no_consent", "bounced"]


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message, by the place (offset) of the entry that asked for it. The higher `priority` goes first. `message` is
    whatever its keeper needs to send it, encoded.
    """

    place: int
    priority: int
    at: int
    valid_until: int
    message: msgspec.Raw


class Queue(msgspec.Struct, array_like=True, gc=False):
    """In the order in which they go."""

    held: list[Held] = []


class Dropped(msgspec.Struct, frozen=True):
    held: Held
    because: Reason


class Due(msgspec.Struct, frozen=True):
    """`send` has been taken out and may go now, as may not any before it. `wake_at`: when to ask again should nothing
    change (NEVER: nothing waits).
    """

    send: Held | None
    dropped: list[Dropped]
    wake_at: int


class Pointless(msgspec.Struct, frozen=True):
    """There is no longer a reason to send it, no right to, or no way."""

    because: Literal["bought", "no_consent", "bounced"]


Judge = Callable[[Held], Send | Hold | Suppress | Pointless]
"""What send_time.py says of it now, where it is not pointless."""


def hold(queue: Queue, message: Held, now: int) -> list[Dropped]:
    """Put it among those that wait. What is dropped may be the message itself. O(HELD_MAX)."""
    insort(queue.held, message, key=_order)
    dropped = _expired(queue, now)
    if len(queue.held) > HELD_MAX:
        dropped.append(Dropped(queue.held.pop(), "held_full"))
    return dropped


def due(queue: Queue, now: int, judge: Judge) -> Due:
    """The first that may go now, out of the queue with all that may not any more. O(HELD_MAX)."""
    dropped, wake_at = _expired(queue, now), NEVER
    stay: list[Held] = []
    for index, held in enumerate(queue.held):
        match judge(held):
            case Send():
                queue.held = stay + queue.held[index + 1 :]
                return Due(held, dropped, now)
            case Suppress(because=because) | Pointless(because=because):
                dropped.append(Dropped(held, because))
            case Hold(until=until):
                stay.append(held)
                wake_at = min(wake_at, until)
    queue.held = stay
    return Due(None, dropped, wake_at)


def check(queue: Queue) -> None:
    """Raise AssertionError unless there are few, in their order, each once."""
    assert len(queue.held) <= HELD_MAX, f"more than {HELD_MAX} messages held"
    assert all(_order(one) < _order(later) for one, later in pairwise(queue.held)), "messages out of order"


def _expired(queue: Queue, now: int) -> list[Dropped]:
    gone = [Dropped(held, "expired") for held in queue.held if held.valid_until <= now]
    if gone:
        queue.held = [held for held in queue.held if held.valid_until > now]
    return gone


def _order(held: Held) -> tuple[int, int, int]:
    return -held.priority, held.at, held.place
