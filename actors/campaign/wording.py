"""What a leaf of a condition wants, in one short line, for whoever asks why.

    sum of order_value of purchase_complete in 30 days, net >= 100000

The line is made when a campaign is compiled, never while one is judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from actors.campaign.conditions import (
    AfterTrigger,
    Cart,
    CartHas,
    Clock,
    Count,
    Coupons,
    Did,
    DistinctDays,
    EventField,
    EventMatch,
    Leaf,
    Points,
    Profile,
    Since,
    Sum,
    Tier,
    Window,
)
from actors.comparison import FieldTest

VALUES_SHOWN_MAX = 8


def words(leaf: Leaf) -> str:
    """What `leaf` wants."""
    match leaf:
        case Clock(weekdays=weekdays, hours=hours):
            parts = [f"weekday in {_value(weekdays)}"] if weekdays else []
            return " and ".join([*parts, f"hour from {hours[0]} to {hours[1]}"] if hours else parts)
        case Did(but_not=but_not):
            then = f" and since then no {' or '.join(_events(one) for one in but_not)}" if but_not else ""
            return f"{_events(leaf)}{then}{_within(leaf.within)}"
        case AfterTrigger():
            return f"{_events(leaf)} since the trigger"
        case CartHas(products=products, categories=categories):
            return f"cart has one of {_value((*products, *categories))}"
        case Since(op=op, seconds=seconds):
            return f"seconds since the last {_events(leaf)} {op} {seconds}"
        case _:
            return f"{_subject(leaf)} {leaf.op} {_value(leaf.value)}"


def _subject(leaf: EventField | Count | Sum | DistinctDays | Cart | Tier | Points | Coupons | Profile) -> str:
    match leaf:
        case EventField(field=field):
            return f"event.{field}"
        case Count():
            return f"count of {_events(leaf)}{_within(leaf.within)}{', net' if leaf.net else ''}"
        case Sum(field=field):
            return f"sum of {field} of {_events(leaf)}{_within(leaf.within)}{', net' if leaf.net else ''}"
        case DistinctDays():
            return f"days with {_events(leaf)}{_within(leaf.within)}"
        case Cart(of=of):
            return f"cart.{of}"
        case Tier():
            return "tier"
        case Points():
            return "points"
        case Coupons(template=template):
            return f"coupons of {template}" if template else "coupons"
        case Profile(fact=fact):
            return f"profile.{fact}"


def _events(match: EventMatch | Count | Sum | DistinctDays | Since | Did | AfterTrigger) -> str:
    return f"{match.event}[{_tests(match.where)}]" if match.where else match.event


def _tests(tests: Iterable[FieldTest]) -> str:
    return ", ".join(f"{test.field} {test.op} {_value(test.value)}" for test in tests)


def _within(window: Window) -> str:
    if window.seconds is not None:
        return f" in {window.seconds} s"
    if window.days is not None:
        return f" in {window.days} days"
    return f" in this {window.calendar}" if window.calendar else ""


def _value(value: Any) -> str:
    if not isinstance(value, tuple):
        return _one(value)
    values = cast("tuple[Any, ...]", value)
    shown = [_one(one) for one in values[:VALUES_SHOWN_MAX]]
    return f"[{', '.join([*shown, '…'] if len(values) > VALUES_SHOWN_MAX else shown)}]"


def _one(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
