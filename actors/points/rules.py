"""The programme of points as data: everything a marketing operator may decide, in typed, immutable structs.

A programme is JSON on the outside (`PUT /v1/points/programme`), these structs inside. It is content-addressed: its
version is the hash of its canonical form, so the same rules are the same version wherever they are read. Rates are
rationals, written "3/2" or "1.5", never floats. What is not said has the default that stands here; a default, once
released, is never changed, since programmes in the log rely on it.

The bounds of single fields stand with the types. Those that need two fields to be seen together are in checks.py.
Nothing here decides anything: earning.py, expiry.py, caps.py, tiers.py and sign_in.py do.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from actors.money import AMOUNT_MAX
from actors.points.messages import POINTS_MAX
from actors.rule_words import Amount, Exclude, Hours, Id, Labels, Rational, Weekdays

MULTIPLIERS_MAX = 100
BONUSES_MAX = 100
WALLETS_MAX = 16
CAPS_MAX = 32
LEVELS_MAX = 32
STREAKS_MAX = 32
DAYS_MAX = 366
"""Of a grace, a notice, a wait, a pending time, a streak."""
VALID_DAYS_MAX = 36_500
LOTS_MAX_MAX = 10_000
"""An account of so many lots takes about 250 KB, a quarter of what the engine lets a state have."""
TTL_S_MAX = 30 * 24 * 3600

# `$` alone lets a line break pass behind it.
WalletName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
StreakDays = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,2}$(?!\n)")]
Points = Annotated[int, Meta(ge=1, le=POINTS_MAX)]
PointsOrNone = Annotated[int, Meta(ge=0, le=POINTS_MAX)]
Days = Annotated[int, Meta(ge=0, le=DAYS_MAX)]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition; all that is given must hold. `weekdays` 1 (Monday) to 7, `hours` [from, to) in the programme's zone;
    [22, 2] goes over midnight, and the weekday is that of the moment itself. `categories` and `products` are about the
    item, the others about the order and its user.
    """

    tiers: Labels = ()
    categories: Labels = ()
    products: Labels = ()
    weekdays: Weekdays = ()
    hours: Hours | None = None
    first_order: bool = False
    birthday: Literal["day", "week", "month"] | None = None
    """In the user's own zone: that day, the 7 days around it (3 before, 3 after), its month. 29 February is the 28th
    in other years."""
    amount_min: Amount = 0
    """Of the order, minor units."""


class Multiplier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`factor` times the base where `when` holds; a rational."""

    id: Id
    factor: Rational
    when: When = When()


class Bonus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`points` once for the order where `when` holds (for conditions about items: when one item meets them)."""

    id: Id
    points: Points
    when: When = When()


class Earn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order earns: for each item amount × `rate` points per major unit × the multipliers, summed, rounded once
    for the order and dealt to the items by largest remainder; then the bonuses.

    `combine`: which multipliers count for an item where several hold: the highest of these (which may be below 1), or
    all of them multiplied. An excluded item earns nothing and meets no condition of a bonus.
    """

    rate: Rational = "1"
    rounding: Literal["floor", "half_up", "ceil"] = "floor"
    combine: Literal["highest", "multiply"] = "highest"
    multipliers: Annotated[tuple[Multiplier, ...], Meta(max_length=MULTIPLIERS_MAX)] = ()
    bonuses: Annotated[tuple[Bonus, ...], Meta(max_length=BONUSES_MAX)] = ()
    exclude: Exclude = Exclude()


class Expiry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When points end. `days`: at the end of the day `n` days after they became active; `months`, `quarters`, `years`:
    at the end of the calendar month, quarter, year that is `n` after the present one (0 = this one); `sliding`: at the
    end of the day `n` days after the owner last earned, used or was given points; `never` (and then no `n`).
    """

    kind: Literal["days", "months", "quarters", "years", "sliding", "never"] = "days"
    n: Annotated[int, Meta(ge=0, le=VALID_DAYS_MAX)] = 365


class Pend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When what an order earned can be spent: at once, `days` later (same time of day), or at `order_completed`."""

    until: Literal["now", "days", "order_completed"] = "now"
    days: Days = 0


class Refund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a refund does when points it claims have been spent: waive them (`only_pending`), take others as far as
    there are (`within_balance`), or leave a debt that later earnings pay first (`allow_negative`).
    `grace_days`: points that were spent on a refunded order and have expired meanwhile live so long again (0 = not).
    `wait_days`: how long a refund waits for its order.
    """

    policy: Literal["only_pending", "within_balance", "allow_negative"] = "within_balance"
    grace_days: Days = 0
    wait_days: Days = 7


class WalletRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one wallet (`main` may be named too); what is None is as the programme says. `uses`: what its points may go
    for (empty: anything): reasons of redemptions, `reserve`, `gift`. `reasons`: accruals of these reasons come into
    this wallet when they name none.
    """

    expiry: Expiry | None = None
    refund: Refund | None = None
    uses: Labels = ()
    reasons: Labels = ()


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `points` earned per user within the window. `days` and `hours` are rolling with `n` of them, the others
    calendar (week: from Monday), in the programme's zone. `reasons`: only accruals of these count (empty: all, gifts,
    referral credits and adjustments excepted). `over`: give what still fits, or refuse.
    """

    id: Id
    points: Points
    per: Literal["order", "day", "week", "month", "year", "lifetime", "days", "hours"] = "day"
    n: Annotated[int, Meta(ge=1, le=DAYS_MAX * 24)] = 1
    reasons: Labels = ()
    over: Literal["cut", "refuse"] = "cut"


class SignInRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`points` for each day; `streak` maps "how many days in a row" to points on top; after the largest the count
    begins anew. No points: signing in earns nothing.
    """

    points: PointsOrNone = 0
    streak: Annotated[dict[StreakDays, Points], Meta(max_length=STREAKS_MAX)] = {}


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at`: what must have come together (points, or minor units) for this level."""

    id: Id
    at: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]


class Tiers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Levels from low to high. `by`: points earned, or money spent, both net of refunds. Window: a calendar `month`,
    `quarter` or `year`, or rolling `days` (`n` of them, by whole days). A level is reached at once. It is lost at the
    period's end (rolling: when the sum falls below) and `grace_days` later, unless regained; said `notice_days` before.
    """

    levels: Annotated[tuple[Level, ...], Meta(max_length=LEVELS_MAX)] = ()
    by: Literal["points", "money"] = "points"
    window: Literal["month", "quarter", "year", "days"] = "year"
    n: Annotated[int, Meta(ge=1, le=2 * DAYS_MAX)] = 365
    grace_days: Days = 0
    notice_days: Days = 7


class Gifts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Daily limits of the giver, in the programme's zone; 0 = no gifts at all."""

    per_day: Annotated[int, Meta(ge=0, le=10_000)] = 10
    points_per_day: PointsOrNone = 100_000


class Referral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`points_max`: to the referrer for one referral, what is more is cut. `per_user_max`: so many referrals of one
    referrer earn (0 = any number)."""

    points_max: PointsOrNone = POINTS_MAX
    per_user_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class Reserve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ttl_s_default: Annotated[int, Meta(ge=1, le=TTL_S_MAX)] = 900
    ttl_s_max: Annotated[int, Meta(ge=1, le=TTL_S_MAX)] = 7 * 24 * 3600


class Alarms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """0 = no such alarm. `jump_points`: more than so many came within an hour; `debt_points`: a debt rose above."""

    jump_points: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)] = 0
    debt_points: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)] = 0


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole programme."""

    zone: Annotated[str, Meta(max_length=64)] = "UTC"
    currency: Annotated[str, Meta(max_length=3)] = "CNY"
    earn: Earn = Earn()
    expiry: Expiry = Expiry()
    reminder_days: Annotated[int, Meta(ge=0, le=VALID_DAYS_MAX)] = 7
    """Before an expiry, at 10:00 of the programme's zone; 0 = none."""
    pending: Pend = Pend()
    refund: Refund = Refund()
    wallets: Annotated[dict[WalletName, WalletRules], Meta(max_length=WALLETS_MAX)] = {}
    caps: Annotated[tuple[Cap, ...], Meta(max_length=CAPS_MAX)] = ()
    sign_in: SignInRules = SignInRules()
    tiers: Tiers = Tiers()
    gifts: Gifts = Gifts()
    referral: Referral = Referral()
    reserve: Reserve = Reserve()
    alarms: Alarms = Alarms()
    lots_max: Annotated[int, Meta(ge=2, le=LOTS_MAX_MAX)] = 2_000
