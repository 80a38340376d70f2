"""The template of coupons as data: everything a marketing operator may decide about them, in typed, immutable structs.

A template is JSON on the outside (`PUT /v1/coupon-templates/{id}`), these structs inside. Amounts are integers of minor
units of `currency`, percentages rationals written "12.5" or "100/3", moments RFC 3339. A limit that is not given (null)
is none. What is not said has the default that stands here; a default, once released, is never changed, since templates
in the log rely on it.

The bounds of single fields stand with the types. Those that need two fields to be seen together are in checks.py. What
a template comes to for an order is worked out in discount.py, and for several coupons together in stacking.py.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from actors.money import AMOUNT_MAX
from actors.rule_words import Amount, Exclude, Hours, Id, Label, Labels, Rational, Weekdays

STEPS_MAX = 32
TIMES_MAX = 1_000
"""How often one coupon gives its reduction for one order."""
PIECES_MAX = 1_000
"""Of a gift, or the n of an n-th item."""
STOCK_MAX = 1_000_000_000
VALID_DAYS_MAX = 3_650
PER_USER_MAX = 10_000
PRIORITY_MAX = 1_000
TAGS_MAX = 32
USES_MAX = STOCK_MAX

Money = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
"""Minor units, more than nothing."""
Times = Annotated[int, Meta(ge=1, le=TIMES_MAX)]
Pieces = Annotated[int, Meta(ge=1, le=PIECES_MAX)]
Stock = Annotated[int, Meta(ge=1, le=STOCK_MAX)]
PerUser = Annotated[int, Meta(ge=1, le=PER_USER_MAX)]
# `$` alone lets a line break pass behind it.
Prefix = Annotated[str, Meta(pattern=r"^([A-Z0-9]{1,12})?$(?!\n)")]
PublicCode = Annotated[str, Meta(pattern=r"^([^\W_]{3,19})?$(?!\n)")]
"""Letters and digits of any script; generated codes are longer."""


class _Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Fixed(_Kind, frozen=True, tag="fixed"):
    """`amount` off."""

    amount: Money


class Percent(_Kind, frozen=True, tag="percent"):
    """`percent` off, rounded down, at most `maximum`."""

    percent: Rational
    maximum: Money | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `at_least` on, `off`."""

    at_least: Money
    off: Money


class FullReduction(_Kind, frozen=True, tag="full_reduction"):
    """满减. Steps from low to high, of which the highest that is reached counts: "from 300 off 50, from 500 off 100".
    A single step may count several times: "every 200 off 30, at most `times_max` times".
    """

    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=STEPS_MAX)]
    times_max: Times = 1


class FreeShipping(_Kind, frozen=True, tag="free_shipping"):
    """The order's `shipping` off, at most `maximum`."""

    maximum: Money | None = None


class Gift(_Kind, frozen=True, tag="gift"):
    """`quantity` pieces of `product` for nothing. The shop puts them into the order, since it alone knows what they
    cost and whether there are any; the coupon takes their price off. They do not count towards a minimum, and need not
    be among what the coupon is for.
    """

    product: Label
    quantity: Pieces = 1


class NthItem(_Kind, frozen=True, tag="nth_item"):
    """For every `n` pieces one has `percent` off, at most `times_max` of them: the cheapest. Pieces that cost nothing
    do not take part."""

    n: Annotated[int, Meta(ge=2, le=PIECES_MAX)]
    percent: Rational = "100"
    times_max: Times = 1


Kind = Fixed | Percent | FullReduction | FreeShipping | Gift | NthItem


class Valid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When coupons are valid; at least one of `ends` and `days` must be given, and both hold. From `begins` (or the
    issue, if later) up to, not including, `ends`; until the end of the day `days` after the one it became valid; only
    on `weekdays` and in `hours`. Days, weekdays and hours are those of the template's zone.
    """

    begins: str | None = None
    ends: str | None = None
    days: Annotated[int, Meta(ge=1, le=VALID_DAYS_MAX)] | None = None
    weekdays: Weekdays = ()
    hours: Hours | None = None


class PerUserLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Coupons of this template that one user may be given: ever, and per calendar day and month of its zone."""

    total: PerUser | None = None
    per_day: PerUser | None = None
    per_month: PerUser | None = None


class Stacking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be used together on one order: of a `group` one coupon, and an `exclusive` one alone. Without a group
    the template is one of its own, so that two coupons of one template never combine. Higher `priority` is computed
    first.
    """

    group: Id | None = None
    exclusive: bool = False
    priority: Annotated[int, Meta(ge=0, le=PRIORITY_MAX)] = 0


class CodeRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`prefix` of generated codes. `public`: a code that everybody may use, in capitals, `uses` times in all.
    `imported`: it takes codes that the shop brings, each for one use.
    """

    prefix: Prefix = ""
    public: PublicCode = ""
    uses: Annotated[int, Meta(ge=1, le=USES_MAX)] | None = None
    imported: bool = False


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole template. An item is one the coupon is for when it is of one of `categories` (none: any), is one of
    `products` (none: any), and is not excluded. `minimum_amount` is what such items must come to, before any coupon.
    `budget`: discounts of all its coupons together. `transferable`: who has a coupon may hand it over to
    another user, as the newest version says.
    """

    name: Label
    kind: Kind
    valid: Valid
    currency: Annotated[str, Meta(max_length=3)] = "CNY"
    zone: Annotated[str, Meta(max_length=64)] = "UTC"
    minimum_amount: Amount = 0
    categories: Labels = ()
    products: Labels = ()
    exclude: Exclude = Exclude()
    stock: Stock | None = None
    budget: Money | None = None
    per_user: PerUserLimits = PerUserLimits()
    stacking: Stacking = Stacking()
    transferable: bool = False
    code: CodeRules = CodeRules()
    activity_id: Label | None = None
    tags: Annotated[tuple[Label, ...], Meta(max_length=TAGS_MAX)] = ()


def discount_max(kind: Kind) -> int | None:
    """The most that one coupon takes off, None where the kind knows no bound."""
    match kind:
        case Fixed(amount=amount):
            return amount
        case Percent(maximum=maximum) | FreeShipping(maximum=maximum):
            return maximum
        case FullReduction(steps=steps, times_max=times):
            return steps[-1].off * times
        case Gift() | NthItem():
            return None
