"""How long somebody who gave wrong codes must wait before his next is looked at.

Two moments per guarded subject (a user, an API key, an address) say everything: when his mistakes are forgotten, and
until when he waits. A mistake moves the first by its weight times `forget_ms`, so what is left until then, in units of
`forget_ms`, is how many he has on his account; beyond `free` of them each doubles the wait. Who goes on guessing
comes to where a wait takes as long as a mistake takes to be forgotten, and gets no further: `weight · forget_ms` per
try in the long run, whatever he does in between.

A code that is mistyped weighs 1: it happens to customers, and who makes codes up without knowing how check characters
are reckoned makes 528 of those for one other. One with the right check characters that nobody was ever given weighs
UNKNOWN_WEIGHT, and so does a public code that there is not: neither comes of a slip of the finger alone.

A right code clears nothing, for everybody has one: a guesser would put his own between every two guesses. A try during
the wait is refused unread, tells nothing, and counts for nothing. In production the time is an entry's, which never
goes back.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.commands import Refusal
from actors.coupon.spelling import FIELD

MISTYPED_WEIGHT = 1
UNKNOWN_WEIGHT = 4

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DOUBLINGS_MAX = 20
"""Mistakes beyond the free ones that are remembered. What is above them only makes the way back longer."""


class GuardLimits(msgspec.Struct, frozen=True):
    """`free` mistakes without a wait; the next waits `first_wait_ms`, each further one twice as long."""

    free: int
    forget_ms: int
    first_wait_ms: int
    wait_max_ms: int


LIMITS: dict[Literal["user", "address", "key"], GuardLimits] = {
    "user": GuardLimits(10, HOUR_MS, 5 * SECOND_MS, 24 * HOUR_MS),
    "address": GuardLimits(200, MINUTE_MS, SECOND_MS, HOUR_MS),
    "key": GuardLimits(10_000, SECOND_MS, SECOND_MS, MINUTE_MS),
}
"""An address may be a school's, an API key is a whole shop's: they may err more often, and are never shut out for
long by what one of their people does."""


class Guard(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Milliseconds since 1970 UTC: mistakes are forgotten at `clear_at`; nothing is read before `wait_until`."""

    clear_at: int = 0
    wait_until: int = 0


def judge(guard: Guard, at_ms: int) -> int:
    """How many milliseconds are still to wait; 0: the code may be looked at. O(1)."""
    return max(0, guard.wait_until - at_ms)


def missed(guard: Guard, at_ms: int, weight: int, limits: GuardLimits) -> Guard:
    """After one more wrong code, which was looked at. O(1)."""
    most = (limits.free + DOUBLINGS_MAX) * limits.forget_ms
    clear_at = min(max(guard.clear_at, at_ms) + weight * limits.forget_ms, at_ms + most)
    over = -(-(clear_at - at_ms) // limits.forget_ms) - limits.free
    wait = min(limits.first_wait_ms << over - 1, limits.wait_max_ms) if over > 0 else 0
    return Guard(clear_at, max(guard.wait_until, at_ms + wait))


def forgotten(guard: Guard, at_ms: int) -> bool:
    """Whether `guard` says no more than a new one: it need not be kept."""
    return at_ms >= guard.clear_at and at_ms >= guard.wait_until


def too_many_attempts(wait_ms: int) -> Refusal:
    """What is answered instead of looking at the code."""
    text = f"code was wrong too often; the next is looked at in {wait_s(wait_ms)} s"
    return Refusal("too_many_attempts", FIELD, text)


def wait_s(wait_ms: int) -> int:
    """A wait as it is said, in whole seconds, none too short."""
    return -(-wait_ms // SECOND_MS)
