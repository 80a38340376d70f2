"""The programme of points as data: everything a marketing operator may decide, in typed, immutable structs.

A programme is JSON on the outside (`PUT /v1/points/programme`), these structs inside. It is content-addressed: its
version is the hash of its canonical form, so the same rules are the same version wherever they are read. Rates are
rationals, written "3/2" or "1.5", never floats. What is not said has the default that stands here.

Nothing here decides anything: earning.py, expiry.py, caps.py, tiers.py and sign_in.py do.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition; all that is given must hold. `weekdays` 1 (Monday) to 7, `hours` [from, to) in the programme's zone.
    `categories` and `products` are about the item, the others about the order and its user.
    """

    tiers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    hours: tuple[int, int] | None = None
    first_order: bool = False
    birthday: Literal["day", "week", "month"] | None = None
    """In the user's own zone: that day, the 7 days around it (3 before, 3 after), its month. 29 February is the 28th
    in other years."""
    amount_min: int = 0
    """Of the order, minor units."""


class Multiplier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`factor` times the base where `when` holds; a rational."""

    id: str
    factor: str
    when: When = When()


class Bonus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`points` once for the order where `when` holds (for conditions about items: when one item meets them)."""

    id: str
    points: int
    when: When = When()


class Exclude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items that earn nothing."""

    categories: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class Earn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order earns: for each item amount × `rate` points per major unit × the multipliers, summed, rounded once
    for the order and dealt to the items by largest remainder; then the bonuses.

    `combine`: which multipliers count for an item where several hold: the highest, or all of them multiplied.
    """

    rate: str = "1"
    rounding: Literal["floor", "half_up", "ceil"] = "floor"
    combine: Literal["highest", "multiply"] = "highest"
    multipliers: tuple[Multiplier, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    exclude: Exclude = Exclude()


class Expiry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When points end. `days`: at the end of the day `n` days after they became active; `months`, `quarters`, `years`:
    at the end of the calendar month, quarter, year that is `n` after the present one (0 = this one); `sliding`: at the
    end of the day `n` days after the owner's last activity; `never`.
    """

    kind: Literal["days", "months", "quarters", "years", "sliding", "never"] = "days"
    n: int = 365


class Pend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When what an order earned can be spent: at once, `days` later (same time of day), or at `order_completed`."""

    until: Literal["now", "days", "order_completed"] = "now"
    days: int = 0


class Refund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a refund does when points it claims have been spent: waive them (`only_pending`), take others as far as
    there are (`within_balance`), or leave a debt that later earnings pay first (`allow_negative`).
    `grace_days`: points that were spent on a refunded order and have expired meanwhile live so long again (0 = not).
    `wait_days`: how long a refund waits for its order.
    """

    policy: Literal["only_pending", "within_balance", "allow_negative"] = "within_balance"
    grace_days: int = 0
    wait_days: int = 7


class WalletRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one wallet; what is None is as the programme says. `uses`: reasons a redemption from it may have (empty: any).
    `reasons`: accruals of these reasons come into this wallet when they name none.
    """

    expiry: Expiry | None = None
    refund: Refund | None = None
    uses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `points` earned per user within the window. `days` and `hours` are rolling with `n` of them, the others
    calendar (week: from Monday), in the programme's zone. `reasons`: only accruals of these count (empty: all, gifts,
    referral credits and adjustments excepted). `over`: give what still fits, or refuse.
    """

    id: str
    points: int
    per: Literal["order", "day", "week", "month", "year", "lifetime", "days", "hours"] = "day"
    n: int = 1
    reasons: tuple[str, ...] = ()
    over: Literal["cut", "refuse"] = "cut"


class SignInRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`points` for each day; `streak` maps "how many days in a row" to points on top; after the largest the count
    begins anew. No points: signing in earns nothing.
    """

    points: int = 0
    streak: dict[str, int] = {}


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at`: what must have come together (points, or minor units) for this level."""

    id: str
    at: int


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Levels from low to high. `by`: points earned, or money spent, both net of refunds. Window: a calendar `month`,
    `quarter` or `year`, or rolling `days` (`n` of them, by whole days). A level is reached at once. It is lost at the
    period's end (rolling: when the sum falls below) and `grace_days` later, unless regained; said `notice_days` before.
    """

    levels: tuple[Level, ...] = ()
    by: Literal["points", "money"] = "points"
    window: Literal["month", "quarter", "year", "days"] = "year"
    n: int = 365
    grace_days: int = 0
    notice_days: int = 7


class Gifts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Daily limits of the giver, in the programme's zone; 0 = no gifts at all."""

    per_day: int = 10
    points_per_day: int = 100_000


class Referral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`points_max`: to the referrer for one referral, what is more is cut. `per_user_max`: so many referrals of one
    referrer earn (0 = any number)."""

    points_max: int = 1_000_000_000
    per_user_max: int = 0


class Reserve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ttl_s_default: int = 900
    ttl_s_max: int = 7 * 24 * 3600


class Alarms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """0 = no such alarm. `jump_points`: more than so many came within an hour; `debt_points`: a debt rose above."""

    jump_points: int = 0
    debt_points: int = 0


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole programme."""

    zone: str = "UTC"
    currency: str = "CNY"
    earn: Earn = Earn()
    expiry: Expiry = Expiry()
    reminder_days: int = 7
    """Before an expiry, at 10:00 of the programme's zone; 0 = none."""
    pending: Pend = Pend()
    refund: Refund = Refund()
    wallets: dict[str, WalletRules] = {}
    caps: tuple[Cap, ...] = ()
    sign_in: SignInRules = SignInRules()
    tiers: Tiers = Tiers()
    gifts: Gifts = Gifts()
    referral: Referral = Referral()
    reserve: Reserve = Reserve()
    alarms: Alarms = Alarms()
    lots_max: int = 2_000
