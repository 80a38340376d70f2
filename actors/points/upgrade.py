"""An account as it was written before there were wallets and books (format 1), read as what it is now.

    [1, lots, expiry_armed, reminder_armed, reminded]

Its lots stay. The two timers it had may fire yet, and are a reason to look like any other. What came and went before
is not in it, so the books begin here: what it has counts as issued. Whoever has an account has been a customer: one
order is counted, so that a bonus for the first order does not go to all the old ones.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.points import lots as lots_
from actors.points.state import Account, Books, Lot, Wallet


class _First(msgspec.Struct, array_like=True):
    format: int
    lots: list[Lot]
    expiry_armed: int
    reminder_armed: int
    reminded: int


def upgrade(fields: list[Any]) -> Account:
    """The account whose fields, as they were stored, are `fields`. Raises ValueError for what no version wrote."""
    if fields[0] != 1:
        raise ValueError(f"no points account was ever written in format {fields[0]}")
    old = msgspec.convert(fields, _First)
    main = Wallet(old.lots, reminded=old.reminded, books=Books(issued=lots_.total(old.lots)))
    return Account(main=main, orders=1)
