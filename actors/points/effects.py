"""What the points domain says to the world.

Field names are the contract with other programs (see docs/semantics.md) and with the log: they are only added to, never
renamed. What every effect carries besides (`event_type`, `schema_version`, `user_id`, `at`, `occurred_at`, `cause`,
`source_id`) is the envelope's and stands nowhere here.

Refused changes say all that the sender needs to understand them without our log: what was asked, what there is, and a
code.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

VALIDITY_REASON = "validity"
"""Why lots expire by themselves, and why a reminder says so."""

RefusalCode = Literal[
    "insufficient_points", "nothing_to_expire", "order_conflict", "already_referred", "unknown_user", "unknown_wallet",
    "wallet_use", "cap_reached", "nothing_earned", "too_many_lots", "too_many_pending", "too_many_reservations",
    "too_many_changes", "reservation_exists", "unknown_reservation", "reservation_expired", "reservation_closed",
    "more_than_held", "ttl_too_long", "nothing_to_reverse", "exceeds_order", "unknown_item", "amount_unknown",
    "order_unknown", "currency_mismatch", "too_many_waiting", "gift_limit", "unknown_level", "already_signed_in",
    "no_sign_in_points", "in_the_past", "already_accepted", "too_many_points",
]  # fmt: skip


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
