"""What the points domain hears besides its commands (inputs.py): the seed's `points_change`, and what its own entries
tell it inwardly; and the limits that all its words keep.

Field names are the contract with other programs (see docs/semantics.md) and with the log: they are only added to, never
renamed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

POINTS_MAX = 1_000_000_000
"""Points of one change."""
USER_ID_BYTES_MAX = 128
REASON_BYTES_MAX = 128

CHANGE = "points.change"
REFERRAL = "points.referral"
AUDITED = "points.audited"
ANSWERED = "points.answered"

REFERRAL_REASON = "referral"

Change = Literal["increase", "decrease", "expire"]
CHANGES: tuple[Change, ...] = ("increase", "decrease", "expire")


class PointsChange(msgspec.Struct, frozen=True, gc=False):
    """The message `points_change`: someone tells us that a user's points change. Fields we do not know are ignored
    here and stay in the entry's bytes. `change_type` is one of CHANGES once the door has passed it.
    """

    event_type: str
    user_id: str
    change_type: str
    points: int
    reason: str
    order_id: str | None = None
    timestamp: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def refers(self) -> bool:
        """Whether a referrer gets points too."""
        return self.reason == REFERRAL_REASON and self.change_type == "increase"


class ReferralMetadata(msgspec.Struct, frozen=True, gc=False):
    """What `metadata` must hold when `reason` is `referral`. `referrer_points` None: as many as the referred user
    gets.
    """

    referrer_id: str
    referrer_points: int | None = None


class ReferralCredit(msgspec.Struct, frozen=True, gc=False):
    """`points.referral`, inward: the subject brought `referred_user_id` to us and gets `points` for it."""

    points: int
    referred_user_id: str
    order_id: str | None = None


class RequestAnswered(msgspec.Struct, frozen=True, gc=False):
    """`points.answered`, inward: what came of a request that named itself `reference`. `code`: why it was refused,
    else empty.
    """

    reference: str
    code: str = ""


class BooksAudited(msgspec.Struct, frozen=True, gc=False):
    """`points.audited`, inward, about a segment: what an audit of its books came to. What is wrong between segments is
    told of segment 0. `told` are the first findings, a line each.
    """

    records: int
    users: int
    findings: int
    told: tuple[str, ...] = ()
