"""What one user has of coupons, as the reference model keeps it: plain lists, nothing shared with production.

How many of a template somebody had is the length of a list of days; what is due next is found by looking at everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from simulation.points_calendar import DAY_MS, day_of

REMIND_MS = DAY_MS
GUARD_FREE = 10
"""Mistakes without a wait."""
GUARD_FORGET_MS = 3_600_000
GUARD_FIRST_MS = 5_000
GUARD_WAIT_MS_MAX = 24 * 3_600_000
MISTAKE = {"bad_check_character": 1, "unknown_code": 4}
"""What each weighs."""

Place = tuple[int, int]
"""Segment and serial: which coupon it is, all over the house."""


class Coupon:
    """`rules`: the template as it was; `public`: taken by a public code; `end`: empty as long as it is in a purse."""

    def __init__(
        self, place: Place, user: str, template: str, rules: Mapping[str, Any], until: int, day: int, public: bool
    ) -> None:
        self.place, self.user, self.template, self.rules = place, user, template, rules
        self.until, self.day, self.public = until, day, public
        self.begins = 0
        self.code = ""
        self.reminded = False
        self.hold: tuple[str, int, int, int] | None = None
        """(order, until, discount, when it was held)."""
        self.end = ""
        self.to = ""
        """Whom it was handed over to, or is on its way to."""
        self.first = ""
        """Whom it was issued to, where that is somebody else."""

    @property
    def name(self) -> Place | str:
        """What is meant by its code: many have the same public one."""
        return self.rules["code"]["public"] if self.public else self.place

    def due(self) -> int:
        """When time does something to it."""
        if self.hold:
            return self.hold[1]
        return self.until if self.reminded else self.until - REMIND_MS


class Use:
    """Of a coupon with an order: what it took off each product."""

    def __init__(self, coupon: Coupon, off: Mapping[str, int], amount: int) -> None:
        self.coupon, self.off, self.amount = coupon, off, amount

    @property
    def discount(self) -> int:
        return sum(self.off.values())


class Purse:
    """`believes`: what its owner's timer was last set to; `armed`: (due, gen) of it as long as it stands."""

    def __init__(self) -> None:
        self.coupons: dict[int, Coupon] = {}
        self.days: dict[str, list[int]] = {}
        """Template -> the day of each coupon that was ever got, and not given back."""
        self.orders: dict[str, list[Use]] = {}
        self.issued: dict[tuple[str, str], list[Coupon]] = {}
        """(template, occasion) -> what was issued for it."""
        self.waiting: Counter[str] = Counter()
        self.believes = 0
        self.armed: tuple[int, int] | None = None
        self.guard = (0, 0)
        """When all mistakes are forgotten, and until when the next code has to wait."""

    def due(self) -> int:
        return min([coupon.due() for coupon in self.coupons.values() if not coupon.to], default=0)

    def first_due(self, at: int) -> list[Coupon]:
        """Those of one template that are due, soonest first."""
        due = sorted((c for c in self.coupons.values() if c.due() <= at and not c.to), key=lambda c: (c.due(), c.place))
        return [coupon for coupon in due if coupon.template == due[0].template]

    def over_limit(self, template: str, rules: Mapping[str, Any], number: int, at: int) -> bool:
        """Whether `number` more are too many for one user."""
        had, limits = self.days.get(template, []), rules.get("per_user", {})
        today = day_of(rules.get("zone", "UTC"), at)
        counts = {
            "total": len(had),
            "per_day": sum(day == today for day in had),
            "per_month": sum(month(day) == month(today) for day in had),
        }
        return any(counts[name] + number > limits[name] for name in counts if limits.get(name) is not None)

    def missed(self, code: str, at: int) -> None:
        """A wrong code of this kind was looked at."""
        weight = MISTAKE.get(code, 0)
        if not weight:
            return
        clear, wait = self.guard
        clear = min(max(clear, at) + weight * GUARD_FORGET_MS, at + (GUARD_FREE + 20) * GUARD_FORGET_MS)
        over = -((at - clear) // GUARD_FORGET_MS) - GUARD_FREE
        longer = min(GUARD_FIRST_MS * 2 ** (over - 1), GUARD_WAIT_MS_MAX) if over > 0 else 0
        self.guard = clear, max(wait, at + longer)


def month(day: int) -> tuple[int, int]:
    on = date.fromordinal(day)
    return on.year, on.month
