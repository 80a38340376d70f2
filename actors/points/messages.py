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
from msgspec import UNSET, UnsetType

POINTS_MAX = 1_000_000_000
"""Points of one change."""
USER_ID_BYTES_MAX = 128
REASON_BYTES_MAX = 128
ORDER_ID_BYTES_MAX = 128

CHANGE = "points.change"
REFERRAL = "points.referral"
TIMER = "timer.points"
AUDITED = "points.audited"

REFERRAL_REASON = "referral"
VALIDITY_REASON = "validity"
"""Why lots expire by themselves, and why a reminder says so."""
LOTS_MAX_REASON = "lots_max"

Change = Literal["increase", "decrease", "expire"]
CHANGES: tuple[Change, ...] = ("increase", "decrease", "expire")

RefusalCode = Literal[
    "insufficient_points", "nothing_to_expire", "order_conflict", "already_referred", "unknown_user", "unknown_wallet",
    "wallet_use", "cap_reached", "nothing_earned", "too_many_lots", "too_many_pending", "too_many_reservations",
    "too_many_changes", "reservation_exists", "unknown_reservation", "reservation_expired", "reservation_closed",
    "more_than_held", "ttl_too_long", "nothing_to_reverse", "exceeds_order", "unknown_item", "amount_unknown",
    "order_unknown", "currency_mismatch", "too_many_waiting", "gift_limit", "unknown_level", "already_signed_in",
    "no_sign_in_points", "in_the_past", "already_accepted", "too_many_points",
]  # fmt: skip


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


class Cut(msgspec.Struct, frozen=True, gc=False):
    """What a cap of the programme took away."""

    cap: str
    points: int


class PointsEarned(msgspec.Struct, frozen=True, gc=False):
    """`points.earned`. `expires_at`: from this moment on (RFC 3339) they can no longer be spent, null when that is not
    by date. `debt_paid`: so many of them paid a debt; `cut`: what caps took away; `programme`: the version of the
    rules, where rules gave the points; `from_user_id`: who gave them.
    """

    points: int
    balance: int
    reason: str
    order_id: str | None
    expires_at: str | None
    referred_user_id: str | None = None
    wallet: str | UnsetType = UNSET
    debt_paid: int | UnsetType = UNSET
    cut: tuple[Cut, ...] | UnsetType = UNSET
    programme: str | UnsetType = UNSET
    from_user_id: str | UnsetType = UNSET
    note: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsPending(msgspec.Struct, frozen=True, gc=False):
    """`points.pending`: earned, and spendable from `active_from` on; null: at `order_completed`."""

    points: int
    balance: int
    reason: str
    order_id: str | None
    active_from: str | None
    wallet: str | UnsetType = UNSET
    cut: tuple[Cut, ...] | UnsetType = UNSET
    programme: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsActivated(msgspec.Struct, frozen=True, gc=False):
    """`points.activated`: pending points can be spent now."""

    points: int
    balance: int
    reason: str
    order_id: str | None
    expires_at: str | None
    wallet: str | UnsetType = UNSET
    debt_paid: int | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsSpent(msgspec.Struct, frozen=True, gc=False):
    """`points.spent`."""

    points: int
    balance: int
    reason: str
    order_id: str | None
    wallet: str | UnsetType = UNSET
    note: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsReserved(msgspec.Struct, frozen=True, gc=False):
    """`points.reserved`: held until `until`, then free again."""

    points: int
    balance: int
    reservation_id: str
    order_id: str | None
    until: str
    wallet: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsConfirmed(msgspec.Struct, frozen=True, gc=False):
    """`points.confirmed`: `points` of a reservation are spent, `released` of it are free again."""

    points: int
    released: int
    balance: int
    reservation_id: str
    order_id: str | None
    wallet: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsReleased(msgspec.Struct, frozen=True, gc=False):
    """`points.released`: a reservation is over. `reason`: cancelled or expired."""

    points: int
    balance: int
    reason: str
    reservation_id: str
    order_id: str | None
    wallet: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsReversed(msgspec.Struct, frozen=True, gc=False):
    """`points.reversed`: a refund claimed `points`. Of these so many were still pending, in the order's own lots, in
    the rest of the balance; the rest is a debt or was waived. `returned` points that had been spent on the order are
    back.
    """

    points: int
    balance: int
    reason: str
    order_id: str | None
    from_pending: int
    from_lots: int
    from_balance: int
    debt: int
    written_off: int
    returned: int
    wallet: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsGifted(msgspec.Struct, frozen=True, gc=False):
    """`points.gifted`: the user gave points to `to_user_id`."""

    points: int
    balance: int
    to_user_id: str

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
    wallet: str | UnsetType = UNSET

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
    wallet: str | UnsetType = UNSET

    schema_version: ClassVar[int] = 1


class PointsRefused(msgspec.Struct, frozen=True, gc=False):
    """`points.refused`: nothing was changed. `points` is what was asked for (0 where that makes no sense), `detail` one
    English sentence, `change_type` which kind of request it was.
    """

    points: int
    balance: int
    reason: str
    order_id: str | None
    change_type: str
    code: RefusalCode
    detail: str
    wallet: str | UnsetType = UNSET
    """Whose `balance` it is."""

    schema_version: ClassVar[int] = 1


class TierMoved(msgspec.Struct, frozen=True, gc=False):
    """`tier.upgraded`, `tier.dropped`: from one level to another (empty: none)."""

    level: str
    before: str

    schema_version: ClassVar[int] = 1


class TierWillDrop(msgspec.Struct, frozen=True, gc=False):
    """`tier.will_drop`: `level` is lost at `drop_at`, down to `next_level` (empty: none), unless more comes."""

    level: str
    next_level: str
    drop_at: str

    schema_version: ClassVar[int] = 1


class Alarm(msgspec.Struct, frozen=True, gc=False):
    """`engine.alarm` about a user's points: somebody should look. `value` exceeded `limit`."""

    alarm: Literal["points_jump", "debt_over_limit", "ledger_proof_failed"]
    value: int
    limit: int

    schema_version: ClassVar[int] = 1


class BooksAudited(msgspec.Struct, frozen=True, gc=False):
    """`points.audited`, inward, about a segment: what an audit of its books came to. What is wrong between segments is
    told of segment 0. `told` are the first findings, a line each.
    """

    records: int
    users: int
    findings: int
    told: tuple[str, ...] = ()


class AuditLine(msgspec.Struct, frozen=True, gc=False):
    """A record of a segment: an audit, at the time of its entry."""

    offset: int
    at: str
    records: int
    users: int
    findings: int
    told: tuple[str, ...]


class LotPart(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points of one lot: [origin (segment.epoch.offset of the entry that made it), points, expires (ms since 1970
    UTC)].
    """

    origin: str
    points: int
    expires: int


class LedgerLine(msgspec.Struct, frozen=True, gc=False):
    """A record: one change of a user's points, as it is kept for ever.

    `change`: what kind of change; `merge` moves lots together and changes no balance (`points` 0). `points` is never
    negative. `balance` is what `wallet` has to spend afterwards. `lots` are those made, taken from or merged: what
    leaves the state stays known here. `moves` is by how much each term of the books changed, zeroes left out: the sums
    over all lines are the books of the state, which an audit compares.
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
    moves: dict[str, int] = {}
    wallet: str | UnsetType = UNSET
    reservation_id: str | UnsetType = UNSET
    programme: str | UnsetType = UNSET
    items: tuple[ItemLine, ...] | UnsetType = UNSET
    note: str | UnsetType = UNSET
    other_user_id: str | UnsetType = UNSET


class ItemLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """[product, points it earned, ids of the rules that counted]."""

    product: str
    points: int
    rules: tuple[str, ...]


class Programmed(msgspec.Struct, frozen=True, gc=False):
    """`programme.activated`, about a segment: from here on this version of the programme counts. `body` is its JSON."""

    name: str
    number: int
    version: str
    body: str


class PublicLot(msgspec.Struct, frozen=True, gc=False):
    """A LotPart as it is shown. `expires_at` null: never, or not by date."""

    origin: str
    points: int
    expires_at: str | None


class PublicItem(msgspec.Struct, frozen=True, gc=False):
    """An ItemLine as it is shown."""

    product: str
    points: int
    rules: tuple[str, ...]


class PublicLine(msgspec.Struct, frozen=True, gc=False):
    """What of a LedgerLine is shown to other programs (view.line); what it does not have is left out."""

    offset: int
    at: str
    change: str
    points: int
    balance: int
    reason: str
    order_id: str | None
    cause: str
    wallet: str
    moves: dict[str, int]
    lots: tuple[PublicLot, ...]
    reservation_id: str | UnsetType = UNSET
    programme: str | UnsetType = UNSET
    items: tuple[PublicItem, ...] | UnsetType = UNSET
    note: str | UnsetType = UNSET
    other_user_id: str | UnsetType = UNSET
