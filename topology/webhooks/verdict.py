"""What follows from an attempt: the call is done, done for, or made again later. Pure.

An attempt counts when the endpoint answers 2xx. Redirects are not followed: the list names who is called, and an answer
must not extend it. Everything else is made again, since a receiver that is mended after an hour should miss nothing;
but 410 says that nobody wants it any more. From attempt to attempt the wait grows threefold, by a quarter more or less
so that calls which failed together do not come back together. The last attempt is made when the 24 hours end.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

from actors.webhook.messages import CALLED_MS, FailureCode
from topology.webhooks.ports import Answered, Outcome

FIRST_MS = 5_000
FACTOR = 3
WAIT_MS_MAX = 4 * 3_600_000
GIVE_UP_MS = CALLED_MS
"""After the request."""
GRACE_MS = 60_000
"""A last attempt whose turn comes so much later is still made; a later one is not."""
PAUSE_MS_MAX = 3_600_000
"""An endpoint that asks for a pause gets so much for all its calls together, and each refused call what it asked."""
GONE = 410
ASKS_FOR_A_PAUSE = (429, 503)


class Delivered(msgspec.Struct, frozen=True):
    status: int


class Failed(msgspec.Struct, frozen=True):
    code: FailureCode
    detail: str


class Again(msgspec.Struct, frozen=True):
    """At `due`, and nobody's call to this endpoint before `pause_until` (ms since 1970 UTC; 0: no pause)."""

    due: int
    pause_until: int = 0


Verdict = Delivered | Failed | Again


def verdict(outcome: Outcome, attempts: int, asked_at: int, now: int, chance: float) -> Verdict:
    """After `attempts`, this one included, of a call that was asked for at `asked_at`. `chance`: drawn from 0 to 1."""
    end = asked_at + GIVE_UP_MS
    if isinstance(outcome, Answered):
        if 200 <= outcome.status < 300:
            return Delivered(outcome.status)
        if outcome.status == GONE:
            return Failed("gone", detail(outcome))
    if now >= end:
        return Failed("undelivered", detail(outcome))
    wait = min(FIRST_MS * FACTOR ** min(attempts - 1, 16), WAIT_MS_MAX)
    due = now + round(wait * (0.75 + chance / 2))
    pause = _pause_ms(outcome, now)
    return Again(min(max(due, now + pause), end), now + min(pause, PAUSE_MS_MAX) if pause else 0)


def expired(asked_at: int, now: int) -> bool:
    """Its turn came so late that it is not attempted any more."""
    return now > asked_at + GIVE_UP_MS + GRACE_MS


def detail(outcome: Outcome) -> str:
    """What an attempt came to, in a word for people and for metrics' labels: never what the endpoint wrote."""
    return f"status {outcome.status}" if isinstance(outcome, Answered) else outcome.why


def _pause_ms(outcome: Outcome, now: int) -> int:
    """What a Retry-After asks for: seconds, or a date, which is in GMT where it names no zone (RFC 9110). 0 when it
    asks for nothing we understand.
    """
    if not isinstance(outcome, Answered) or outcome.status not in ASKS_FOR_A_PAUSE:
        return 0
    text = outcome.retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * 1_000, GIVE_UP_MS)
    try:
        at = parsedate_to_datetime(text)
        moment = at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1_000
    except (ValueError, TypeError, OverflowError):
        return 0
    return max(0, min(round(moment) - now, GIVE_UP_MS))
