"""What becomes of a message to one user: whether it may go at all, when, and what waits for its moment.

The order of judgement is that of what it costs to be wrong: a message without a reason (he has bought), without a
right (he has not agreed) or without a way (the channel bounces) never goes, whatever the hour; one that is stopped
waits; only then limits, quiet hours and his preferred hour are asked, all at once (send_time.py). The same is asked
again when a held message's moment has come, since all of it may have changed; nothing is carried over but when the
message ends.

Whatever goes is counted in its two scopes, its channel and everything, whether or not a limit asks about them today:
a campaign that brings a limit of its own tomorrow means all that was sent, not only what was limited.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import msgspec

from actors.notification import bought, consent, held, reach
from actors.notification.held import Dropped, Due, Held, Pointless
from actors.notification.messages import KEPT_MAX, SendNotification
from actors.notification.policy import Policy, in_zone, scopes_of
from actors.notification.recipient import Recipient
from actors.notification.send_time import Hold, Send, Suppress, Wishes, next_allowed
from actors.rule_words import hours_of
from actors.stops.stops import stops_message
from actors.windows import slots
from actors.windows.slots import Limit, Slot
from actors.windows.window_edges import NEVER

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SendNotification).decode


def pointless(recipient: Recipient, policy: Policy, asked: SendNotification) -> Pointless | None:
    """Why it must not go at any time; None where it may at some."""
    since = asked.unless.bought
    if since is not None and bought.since(recipient.bought, since.changed_at, since.products):
        return Pointless("bought")
    if not consent.allowed(recipient.consents, asked.channel, asked.category, policy.consent):
        return Pointless("no_consent")
    if reach.bounces(recipient.reach, asked.channel):
        return Pointless("bounced")
    return None


def ends_at(policy: Policy, asked: SendNotification, at: int) -> int:
    """When a message that is asked for at `at` has waited too long."""
    valid_s = policy.valid_for_s if asked.valid_for_s is None else asked.valid_for_s
    return min(at + valid_s * 1000, NEVER)


def when(
    recipient: Recipient,
    policy: Policy,
    asked: SendNotification,
    at: int,
    valid_until: int,
    stopped: Collection[str] = (),
) -> Send | Hold | Suppress:
    """What to do at `at` with a message that is not pointless; `stopped`: scopes. O(limits)."""
    if _stops(stopped, asked):
        return Hold(valid_until, "stopped") if valid_until > at else Suppress("stopped")
    full = slots.capped(recipient.slots, _limits(recipient, policy, asked), at)
    free_at = full.free_at if full else 0
    return next_allowed(at, _wishes(recipient, policy), free_at, valid_until, asked.transactional)


def count(recipient: Recipient, policy: Policy, asked: SendNotification, at: int) -> None:
    """It goes out at `at`, when `when` has said that it may."""
    limits = _limits(recipient, policy, asked)
    slot = slots.reserve(recipient.slots, limits, at, scopes_of(asked.channel), KEPT_MAX)
    assert isinstance(slot, Slot), f"sent beyond {slot}"


def wait(recipient: Recipient, asked: SendNotification, place: int, at: int, valid_until: int) -> list[Dropped]:
    """Put what `place` asked for among those that wait; what is dropped may be the message itself."""
    kept = Held(place, asked.priority, at, valid_until, msgspec.Raw(_encode(asked)))
    return held.hold(recipient.queue, kept, at)


def next_due(recipient: Recipient, policy: Policy, at: int, stopped: Collection[str] = ()) -> Due:
    """The first of those that wait that may go at `at`; after it has been counted, ask again. What ends while it is
    stopped ends because of that.
    """
    found = held.due(recipient.queue, at, partial(_judged, recipient, policy, at, stopped))
    if not stopped or not found.dropped:
        return found
    dropped = [
        Dropped(one.held, "stopped") if one.because == "expired" and _stops(stopped, asked_for(one.held)) else one
        for one in found.dropped
    ]
    return msgspec.structs.replace(found, dropped=dropped)


def asked_for(waited: Held) -> SendNotification:
    """What was asked for by a message that waited."""
    return _decode(waited.message)


def _judged(
    recipient: Recipient, policy: Policy, at: int, stopped: Collection[str], one: Held
) -> Send | Hold | Suppress | Pointless:
    asked = asked_for(one)
    never = pointless(recipient, policy, asked)
    return never or when(recipient, policy, asked, at, one.valid_until, stopped)


def _stops(stopped: Collection[str], asked: SendNotification) -> bool:
    return stops_message(stopped, asked.channel, asked.campaign_id)


def _limits(recipient: Recipient, policy: Policy, asked: SendNotification) -> list[Limit]:
    """All of the scopes that it counts in, so that they are asked together."""
    scopes = scopes_of(asked.channel)
    of_it: list[Limit] = [limit for limit in (*policy.limits, *asked.limits) if limit.scope in scopes]
    return in_zone(of_it, recipient.zone or policy.zone) if of_it else of_it


def _wishes(recipient: Recipient, policy: Policy) -> Wishes:
    """A preference within quiet hours could never be met, so it is none."""
    preferred = recipient.preferred if policy.preferred_hours else None
    if preferred in hours_of(policy.quiet):
        preferred = None
    return Wishes(recipient.zone or policy.zone, policy.quiet, preferred)
