"""Lots with where they came from: the line of the records that made each, looked up by the entry it names.

A lot knows the place of its entry and nothing more, since it is read for every event; order, reason, items and rules
stand in the record of that entry for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from actors.points import view
from actors.points.programme import MAIN_NAME
from actors.points.records import PublicItem, PublicLine
from actors.points.state import NEVER
from actors.points.view import LotSeen, WalletSeen
from gateway.balances import shown
from supervision.store import Reader

LINES_AT_ONCE = 8
"""Most entries write one line or two."""

Key = tuple[str, int, int, int]


class OriginLot(msgspec.Struct, frozen=True):
    """`origin` is the place of the entry that made it; `at`, `change`, `reason`, `order_id`, `programme`, `items` and
    `other_user_id` are its record's. A lot made of several merged ones has the oldest one's.
    """

    wallet: str
    points: int
    expires_at: str | None
    origin: str
    at: str | None = None
    change: str | None = None
    reason: str | None = None
    order_id: str | None = None
    programme: str | UnsetType = UNSET
    items: tuple[PublicItem, ...] | UnsetType = UNSET
    other_user_id: str | UnsetType = UNSET


Placed = tuple[str, LotSeen]
"""A lot and its wallet."""


def placed(wallets: Mapping[str, WalletSeen]) -> list[Placed]:
    """All lots of all wallets."""
    return [(name, lot) for name, wallet in wallets.items() for lot in wallet.lots]


def key(row: Placed) -> Key:
    """Its place in the order in which lots are shown: `main` first, then soonest to expire first."""
    name, lot = row
    return "" if name == MAIN_NAME else name, lot.expires or NEVER, lot.epoch, lot.offset


class Origins:
    """The records of one subject, asked by entry."""

    def __init__(self, reader: Reader, segment: int, domain: str, subject: str) -> None:
        self._reader = reader
        self._segment = segment
        self._domain = domain
        self._subject = subject

    def lot(self, row: Placed) -> OriginLot:
        """The lot with its record. O(lines of that entry)."""
        wallet, lot = row
        origin = f"{self._segment}.{lot.epoch}.{lot.offset}"
        line = self._line(origin, lot.offset, wallet)
        if line is None:
            return OriginLot(wallet, lot.points, shown(lot.expires), origin)
        return OriginLot(
            wallet, lot.points, shown(lot.expires), origin, line.at, line.change, line.reason, line.order_id,
            line.programme, line.items, line.other_user_id,
        )  # fmt: skip

    def _line(self, origin: str, offset: int, wallet: str) -> PublicLine | None:
        before = (offset + 1, 0)
        while True:
            rows = self._reader.records(self._segment, self._domain, self._subject, before, LINES_AT_ONCE)
            for row in rows:
                if row.offset != offset:
                    return None
                line = view.line(row.body)
                if line.wallet == wallet and line.change != "merge" and any(lot.origin == origin for lot in line.lots):
                    return line
            if len(rows) < LINES_AT_ONCE:
                return None
            before = rows[-1].offset, rows[-1].n
