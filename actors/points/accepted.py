"""What a used-up business key remembers, and what it says to the next message that comes under it.

Only an accepted change uses a key up: a spend refused yesterday may be tried again today under its order. A resend
says the same and is nothing; one that says something else is a contradiction that its sender must hear of, since one
of the two messages is wrong and we cannot know which.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from actors.points.messages import PointsChange, ReferralMetadata
from supervision.outputs import business_key

_metadata = msgspec.json.Decoder(ReferralMetadata)


class Accepted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The value of a key: what was accepted, and the place (segment.epoch.offset) of the entry that said it."""

    format: int
    place: str
    points: int
    referrer_id: str = ""
    referrer_points: int = 0

    def same_as(self, other: Accepted) -> bool:
        return (self.points, self.referrer_id, self.referrer_points) == (
            other.points,
            other.referrer_id,
            other.referrer_points,
        )


FORMAT = 1

_key = lru_cache(maxsize=1_024)(business_key)
"""Each key is asked for when a batch is loaded and again when it is used up: a batch of 256 entries fits twice."""

encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Accepted)


def decode(value: bytes) -> Accepted:
    return _decoder.decode(value)


def accepted(change: PointsChange, place: str) -> Accepted:
    """What accepting `change`, heard at `place`, would write down."""
    if not change.refers:
        return Accepted(FORMAT, place, change.points)
    referral = _metadata.decode(change.metadata)
    referrer_points = change.points if referral.referrer_points is None else referral.referrer_points
    return Accepted(FORMAT, place, change.points, referral.referrer_id, referrer_points)


def order_key(change: PointsChange) -> bytes | None:
    """(user, change type, reason, order); None without an order id, when the message's id alone decides."""
    if not change.order_id:
        return None
    return _key("order", change.user_id, change.change_type, change.reason, change.order_id)


def referral_key(change: PointsChange) -> bytes | None:
    """One for each referred user, whoever referred them; None when this is no referral."""
    return _key("referral", change.user_id) if change.refers else None
