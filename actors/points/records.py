"""What the points domain writes down for ever, and the form in which others are shown it.

Field names are the contract with the log and with other programs (see docs/semantics.md): they are only added to, never
renamed.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

LOTS_MAX_REASON = "lots_max"
"""Why lots were merged."""


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
