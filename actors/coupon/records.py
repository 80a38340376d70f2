"""What the coupon domain writes down for ever: a line for each thing that happens to a coupon.

Field names are the contract with the log and with other programs: they are only added to, never renamed.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

Change = Literal["issued", "held", "released", "redeemed", "rolled_back", "expired", "transferred", "received"]


class LifeLine(msgspec.Struct, frozen=True, gc=False):
    """A record of a user: one change of one coupon. `code` is not written: it follows from serial and key (codes.py),
    and records are read by more people than may spend. `occasion`: the business occasion of an issue;
    `key`: the id of its code's key, unless the code is a public one. `other_user_id`: to whom it was handed over, or by
    whom; `origin`: what it was there, `segment.serial`.
    """

    offset: int
    at: str
    change: Change
    serial: int
    template: str
    entry: str
    version: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    occasion: str | UnsetType = UNSET
    valid_from: str | UnsetType = UNSET
    valid_until: str | UnsetType = UNSET
    order_id: str | UnsetType = UNSET
    discount: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    key: int | UnsetType = UNSET
    other_user_id: str | UnsetType = UNSET
    origin: str | UnsetType = UNSET
