"""What a campaign asks about a user, as a tree of typed data: `all`, `any`, `not`, and leaves that compare one fact.

    {"type": "all", "of": [
        {"type": "tier", "op": "=", "value": "silver"},
        {"type": "sum", "event": "purchase_complete", "field": "order_value", "net": true, "within": {"days": 30},
         "op": ">=", "value": 100000},
        {"type": "not", "of": {"type": "did", "event": "add_to_cart", "but_not": [{"event": "purchase_complete"}],
         "within": {"seconds": 86400}}}]}

Strings such as ">= 1000" have no window, no unit and no type, and whoever takes them apart at every event takes them
apart differently one day; a tree is read once. Money is in minor units of the campaign's currency, days and periods
are those of its zone. What the leaves see, and what a missing value means, is said in judging.py and comparison.py.

Nothing here decides anything. Bounds of one field stand with the types, the rest is in checks.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from actors.calendar import DAY_MS, Unit
from actors.comparison import VALUES_MAX, FieldName, FieldTest, Op, Want, Whole
from actors.rule_words import Hours, Label, Labels, Weekdays
from actors.windows import window_spec
from actors.windows.window_spec import FILTER_TESTS_MAX, WINDOW_DAYS_MAX, EventName, WindowSpec

CONDITIONS_MAX = 64
"""Leaves in one campaign, all its conditions together."""
CONDITION_DEPTH_MAX = 8
EVENTS_MAX = 16
"""In one list of events."""
SECONDS_MAX = WINDOW_DAYS_MAX * DAY_MS // 1_000

Seconds = Annotated[int, Meta(ge=1, le=SECONDS_MAX)]
NumberOp = Literal["=", "!=", "<", "<=", ">", ">=", "in"]
Number = Whole | Annotated[tuple[Whole, ...], Meta(min_length=1, max_length=VALUES_MAX)]
"""A list with `in`, else one."""
Tests = Annotated[tuple[FieldTest, ...], Meta(max_length=FILTER_TESTS_MAX)]
"""All must hold."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of: the last `seconds`, to the millisecond; today and the `days` − 1 days before it, whole days; the present
    `calendar` period so far. None of them: ever.
    """

    seconds: Seconds | None = None
    days: Annotated[int, Meta(ge=1, le=WINDOW_DAYS_MAX)] | None = None
    calendar: Unit | None = None

    def spec(self, zone: str) -> WindowSpec:
        """The same for whoever counts; days and periods are those of `zone`."""
        if self.seconds is not None:
            return window_spec.Rolling(self.seconds * 1_000)
        if self.days is not None:
            return window_spec.Days(self.days, zone)
        return window_spec.Calendar(self.calendar, zone) if self.calendar else window_spec.Ever()


class EventMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of one kind whose own fields pass `where`."""

    event: EventName
    where: Tests = ()


class _Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class All(_Node, frozen=True, tag="all"):
    """Every one of them holds."""

    of: Annotated[tuple[Condition, ...], Meta(min_length=1, max_length=CONDITIONS_MAX)]


class Any(_Node, frozen=True, tag="any"):
    """One of them holds, or more."""

    of: Annotated[tuple[Condition, ...], Meta(min_length=1, max_length=CONDITIONS_MAX)]


class Not(_Node, frozen=True, tag="not"):
    """It does not hold."""

    of: Condition


class EventField(_Node, frozen=True, tag="event"):
    """A field of the event that triggered the campaign."""

    field: FieldName
    op: Op
    value: Want


class Count(_Node, frozen=True, tag="count"):
    """How many events; `net`: those of orders that were cancelled or wholly refunded do not count."""

    event: EventName
    op: NumberOp
    value: Number
    where: Tests = ()
    within: Window = Window()
    net: bool = False


class Sum(_Node, frozen=True, tag="sum"):
    """What a field of events comes to; `net` of refunds."""

    event: EventName
    field: FieldName
    op: NumberOp
    value: Number
    where: Tests = ()
    within: Window = Window()
    net: bool = False


class DistinctDays(_Node, frozen=True, tag="days"):
    """On how many days there was such an event. 7 of the last 7 days is seven days in a row."""

    event: EventName
    op: NumberOp
    value: Number
    where: Tests = ()
    within: Window = Window()


class Since(_Node, frozen=True, tag="since"):
    """How long ago the last such event was. Where there was none, the time is missing."""

    event: EventName
    op: Literal["<", "<=", ">", ">="]
    seconds: Seconds
    where: Tests = ()


class Did(_Node, frozen=True, tag="did"):
    """There was such an event, and since the last one none of `but_not`, all within the window."""

    event: EventName
    where: Tests = ()
    but_not: Annotated[tuple[EventMatch, ...], Meta(max_length=EVENTS_MAX)] = ()
    within: Window = Window()


class AfterTrigger(_Node, frozen=True, tag="after_trigger"):
    """There was such an event since what triggered the campaign: "has bought meanwhile", for `exit`."""

    event: EventName
    where: Tests = ()


class Cart(_Node, frozen=True, tag="cart"):
    """The live cart: its value in minor units, its lines, its pieces."""

    of: Literal["value", "lines", "pieces"]
    op: NumberOp
    value: Number


class CartHas(_Node, frozen=True, tag="cart_has"):
    """The live cart holds one of these products, or something of one of these categories."""

    products: Labels = ()
    categories: Labels = ()


class Tier(_Node, frozen=True, tag="tier"):
    """The id of the user's level, "" of who has none."""

    op: Literal["=", "!=", "in"]
    value: Annotated[str, Meta(max_length=64)] | Annotated[tuple[Label, ...], Meta(min_length=1, max_length=32)]


class Points(_Node, frozen=True, tag="points"):
    """The points that the user can spend."""

    op: NumberOp
    value: Number


class Coupons(_Node, frozen=True, tag="coupons"):
    """How many coupons the user holds that are not used up or over; of one template, or of any."""

    op: NumberOp
    value: Number
    template: Label | None = None


class Profile(_Node, frozen=True, tag="profile"):
    """A fact of the user's profile."""

    fact: FieldName
    op: Op
    value: Want


class Clock(_Node, frozen=True, tag="clock"):
    """The wall's clock in the campaign's zone."""

    weekdays: Weekdays = ()
    hours: Hours | None = None


Counted = Count | Sum | DistinctDays
Leaf = (
    EventField
    | Count
    | Sum
    | DistinctDays
    | Since
    | Did
    | AfterTrigger
    | Cart
    | CartHas
    | Tier
    | Points
    | Coupons
    | Profile
    | Clock
)
Condition = All | Any | Not | Leaf
