"""A user's purse: the coupons that are still of use, and how many of each template the user ever got.

A coupon that is used up leaves the purse; what it was stands with its order (order_coupons.py), in case that is taken
back, and in the records for ever. So a purse is as small as what its owner has to spend.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.coupon.guard import Guard
from actors.coupon.narrowing import Terms
from actors.coupon.spelling import SUBJECT

FORMAT = 2
"""Format 1 knew no coupon that is handed over."""
COUPONS_MAX = 200
"""In one purse, when another is issued."""
PURSE_MAX = 2 * COUPONS_MAX
"""In one purse, when a use is rolled back: what was used has made room for others meanwhile."""
TEMPLATES_MAX = 1_000
"""Of which it is counted how many coupons one user got: those that are not over (issuing.py) are not forgotten."""


class Hold(msgspec.Struct, array_like=True, gc=False):
    """For one order since `at` until `until`. `discount` minor units of the template's budget are taken for it."""

    order_id: str
    until: int
    discount: int
    at: int


class Coupon(msgspec.Struct, array_like=True, gc=False):
    """One coupon. `version`: of the template, by which it is judged; `key`: the id of the key of its code. `public`: it
    was taken by a public or imported code, and goes back to the template when it is not used; an imported code is the
    `source`, as the subject it is. `first`: whom it was issued to, where that is somebody else.
    """

    serial: int
    key: int
    template: str
    version: str
    source: str
    terms: Terms
    public: bool = False
    reminded: bool = False
    hold: Hold | None = None
    first: str = ""

    @property
    def imported(self) -> str:
        """The code by which it was taken, when the shop had brought that; else empty."""
        return self.source.removeprefix(SUBJECT) if self.public and self.source.startswith(SUBJECT) else ""


class Uses(msgspec.Struct, array_like=True, gc=False):
    """How many coupons of one template the user got: ever, on the day `day` and in the month `month` (ordinals)."""

    ever: int = 0
    day: int = 0
    of_day: int = 0
    month: int = 0
    of_month: int = 0


class Purse(msgspec.Struct, array_like=True):
    """`coupons` by serial, `uses` by template. `armed`: what the timer is set to, 0 = none. `waiting`: how many of the
    user's commands wait for a template's answer; what comes meanwhile about it waits behind them. `leaving`: coupons on
    their way to another user, by serial; they are here until he has said that he has them.
    """

    format: int = FORMAT
    coupons: dict[int, Coupon] = {}
    uses: dict[str, Uses] = {}
    armed: int = 0
    guard: Guard | None = None
    waiting: dict[str, int] = {}
    leaving: dict[int, str] = {}


def upgrade(fields: list[Any]) -> Purse:
    """The purse whose fields, as they were stored, are `fields`. Raises ValueError for what no version wrote."""
    if fields[0] != 1:
        raise ValueError(f"no purse was ever written in format {fields[0]}")
    return msgspec.convert([FORMAT, *fields[1:]], Purse)


def staying(purse: Purse) -> Iterator[Coupon]:
    """The coupons to which time does something: what is on its way ends where it comes to."""
    return (coupon for serial, coupon in purse.coupons.items() if serial not in purse.leaving)


def next_due(coupon: Coupon, remind_ms: int) -> int:
    """When time next does something to the coupon: the end of its hold, else its reminder, else its own end."""
    if coupon.hold is not None:
        return coupon.hold.until
    if not coupon.reminded:
        return coupon.terms.valid_until - remind_ms
    return coupon.terms.valid_until


def check(purse: Purse) -> None:
    """Raise AssertionError unless the purse is one that reactions can have made."""
    assert len(purse.coupons) <= PURSE_MAX and len(purse.uses) <= TEMPLATES_MAX + PURSE_MAX, "the purse is too full"
    for serial, coupon in purse.coupons.items():
        assert coupon.serial == serial and coupon.template, coupon
        assert coupon.template in purse.uses, f"{coupon.template} was never counted"
        assert coupon.hold is None or coupon.hold.discount >= 0, coupon
    for uses in purse.uses.values():
        assert 0 <= uses.of_day <= uses.ever and uses.of_day <= uses.of_month <= uses.ever, uses
    assert all(number > 0 for number in purse.waiting.values()), purse.waiting
    for serial, to in purse.leaving.items():
        assert to and purse.coupons[serial].hold is None, f"{serial} cannot leave"
    assert purse.armed or not any(staying(purse)), "nobody looks after the coupons"
