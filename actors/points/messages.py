"""The words of the points domain: what it hears, what it says, what it writes down.

Field names are the contract with other programs (see docs/semantics.md) and with the log: they are only added to,
never renamed. What every effect carries besides (`event_type`, `schema_version`, `user_id`, `at`, `occurred_at`,
`cause`, `source_id`) is the envelope's and stands nowhere here.

Refused changes say all that the sender needs to understand them without our log: what was asked, what there is, and a
code.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

POINTS_MAX = 1_000_000_000
"""Points of one change."""
USER_ID_BYTES_MAX = 128
REASON_BYTES_MAX = 128
ORDER_ID_BYTES_MAX = 128

CHANGE = "points.change"
REFERRAL = "points.referral"
TIMER = "timer.points"

REFERRAL_REASON = "referral"
VALIDITY_REASON = "validity"
"""Why lots expire by themselves, and why a reminder says so."""
LOTS_MAX_REASON = "lots_max"

Change = Literal["increase", "decrease", "expire"]
CHANGES: tuple[Change, ...] = ("increase", "decrease", "expire")

RefusalCode = Literal["insufficient_points", "nothing_to_expire", "order_conflict", "already_referred"]


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


class PointsEarned(msgspec.Struct, frozen=True, gc=False):
    """`points.earned`. `expires_at`: from this moment on (RFC 3339) they can no longer be spent."""

    points: int
    balance: int
    reason: str
    order_id: str | None
    expires_at: str
    referred_user_id: str | None = None

    schema_version: ClassVar[int] = 1


class PointsSpent(msgspec.Struct, frozen=True, gc=False):
    """`points.spent`."""

    points: int
    balance: int
    reason: str
    order_id: str | None

    schema_version: ClassVar[int] = 1


class PointsExpired(msgspec.Struct, frozen=True, gc=False):
    """`points.expired`. `points` is what was taken; `requested` what the sender asked for, null when lots ran out of
    time.
    """

    points: int
    balance: int
    reason: str
    order_id: str | None
    requested: int | None = None

    schema_version: ClassVar[int] = 1


class PointsExpiring(msgspec.Struct, frozen=True, gc=False):
    """`points.expiring`: `points` of `balance` will expire at `expires_at`, at the end of the day `expires_on`
    (programme's zone, YYYY-MM-DD).
    """

    points: int
    balance: int
    reason: str
    order_id: str | None
    expires_at: str
    expires_on: str

    schema_version: ClassVar[int] = 1


class PointsRefused(msgspec.Struct, frozen=True, gc=False):
    """`points.refused`: nothing was changed. `points` is what was asked for, `detail` one English sentence."""

    points: int
    balance: int
    reason: str
    order_id: str | None
    change_type: str
    code: RefusalCode
    detail: str

    schema_version: ClassVar[int] = 1


class LotPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points of one lot: [origin (segment.epoch.offset of the entry that made it), points, expires (ms since 1970
    UTC)].
    """

    origin: str
    points: int
    expires: int


class LedgerLine(msgspec.Struct, frozen=True, gc=False):
    """A record: one change of a user's points, as it is kept for ever.

    `change`: `increase`, `decrease`, `expire`, or `merge`, which moves lots together and changes no balance (`points`
    0). `points` is never negative. `lots` are those made, taken from or merged: what leaves the state stays known
    here.
    """

    offset: int
    at: str
    change: str
    points: int
    balance: int
    reason: str
    order_id: str | None
    cause: str
    lots: tuple[LotPart, ...] = ()


class PublicLine(msgspec.Struct, frozen=True, gc=False):
    """What of a LedgerLine is shown to other programs: decode the record's JSON with this type."""

    offset: int
    at: str
    change: str
    points: int
    balance: int
    reason: str
    order_id: str | None
    cause: str
