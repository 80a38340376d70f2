"""Whether a condition of the programme holds for an order, for one of its items, and if not, why.

The answer is a code, empty when the condition holds: "why did she not get the double points?" is the commonest question
about any programme, and must not be worked out a second time by other code. Of several reasons the first is said, in
the order of MISSES.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from actors.calendar import Calendar, anniversary, calendar
from actors.orders import Order, OrderItem
from actors.points.rules import When
from actors.points.state import Account, Facts
from actors.rule_words import Exclude, hours_of

Miss = Literal[
    "",
    "tier",
    "weekday",
    "hour",
    "amount_min",
    "not_first_order",
    "birthday_unknown",
    "not_birthday",
    "product",
    "category",
    "no_item",
    "not_highest",
    "excluded_product",
    "excluded_category",
]
"""Why a rule did not count. Of the order: what its user or its time is not. `no_item`: none of the items meets the
condition. Of an item: it is none of these products or categories, a higher multiplier counts, or it is excluded."""

_WEEK_AROUND = 3
"""Days before and after a birthday."""


class Who(msgspec.Struct, frozen=True, gc=False):
    """What rules ask of a user at the time of the order. `zone` empty (or no longer known): the programme's.
    `birthday` MM-DD, empty when nobody said.
    """

    tier: str = ""
    first_order: bool = False
    zone: str = ""
    birthday: str = ""


def who_is(account: Account, tier: str) -> Who:
    """The owner of `account`, whose level is `tier`."""
    facts = account.facts or Facts()
    return Who(tier, not account.orders, facts.zone, facts.birthday)


class Scene(msgspec.Struct, frozen=True):
    """An order with its circumstances: the moment `at`, and what the wall shows then in the programme's zone."""

    order: Order
    who: Who
    at: int
    local: datetime
    programmes: Calendar


def scene(order: Order, who: Who, at: int, programmes: Calendar) -> Scene:
    return Scene(order, who, at, programmes.local(at), programmes)


class Condition:
    """A compiled `When`. Immutable; shared by threads."""

    def __init__(self, when: When) -> None:
        self._when = when
        self._tiers = frozenset(when.tiers)
        self._weekdays = frozenset(when.weekdays)
        self._hours = hours_of(when.hours)
        self._products = frozenset(when.products)
        self._categories = frozenset(when.categories)
        self.about_items = bool(when.products or when.categories)

    def order_miss(self, scene: Scene) -> Miss:
        """Why it does not hold for the order and its user."""
        when = self._when
        if self._tiers and scene.who.tier not in self._tiers:
            return "tier"
        if self._weekdays and scene.local.isoweekday() not in self._weekdays:
            return "weekday"
        if self._hours and scene.local.hour not in self._hours:
            return "hour"
        if scene.order.amount < when.amount_min:
            return "amount_min"
        if when.first_order and not scene.who.first_order:
            return "not_first_order"
        return _birthday_miss(when.birthday, scene) if when.birthday else ""

    def item_miss(self, item: OrderItem) -> Miss:
        """Why it does not hold for the item, the order aside. O(1)."""
        if self._products and item.product not in self._products:
            return "product"
        if self._categories and item.category not in self._categories:
            return "category"
        return ""


class Exclusion:
    """A compiled `Exclude`. Immutable; shared by threads."""

    def __init__(self, exclude: Exclude) -> None:
        self._products = frozenset(exclude.products)
        self._categories = frozenset(exclude.categories)

    def miss(self, item: OrderItem) -> Miss:
        """Why the item earns nothing, empty when it earns. O(1)."""
        if item.product in self._products:
            return "excluded_product"
        return "excluded_category" if item.category in self._categories else ""


def _users(zone: str, programmes: Calendar) -> Calendar:
    try:
        return calendar(zone) if zone else programmes
    except ValueError:
        return programmes  # a zone that the database has lost since


def _birthday_miss(kind: Literal["day", "week", "month"], scene: Scene) -> Miss:
    if not scene.who.birthday:
        return "birthday_unknown"
    month, day = map(int, scene.who.birthday.split("-"))
    today = _users(scene.who.zone, scene.programmes).day(scene.at)
    match kind:
        case "day":
            holds = anniversary(month, day, today.year) == today
        case "week":
            years = (today.year - 1, today.year, today.year + 1)
            holds = any(abs((anniversary(month, day, year) - today).days) <= _WEEK_AROUND for year in years)
        case "month":
            holds = month == today.month
    return "" if holds else "not_birthday"
