"""What makes a well-typed condition make sense: operators that fit their values, windows that say one thing, events
whose fields there are, comparisons that can hold.

A comparison that can never hold is refused as if it were a typing error, which it mostly is. One that always holds does
no harm; it is only told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

import msgspec

from actors.campaign import conditions, walking
from actors.campaign.conditions import (
    AfterTrigger,
    All,
    Cart,
    CartHas,
    Clock,
    Condition,
    Count,
    Coupons,
    Did,
    DistinctDays,
    EventField,
    Leaf,
    Not,
    Points,
    Profile,
    Since,
    Sum,
    Tier,
    Window,
)
from actors.campaign.contradictions import Comparison, Range, always_holds, can_hold
from actors.commands import Refusal, must_be
from actors.comparison import FieldTest, Op, Want
from actors.rule_words import hours_mistakes, labels_mistakes
from actors.windows.window_spec import WINDOW_EVENTS_MAX

NEVER_HOLDS, NO_MEANING = "never_holds", "no_meaning"
_ORDERED = ("<", "<=", ">", ">=")
_LONGEST = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""In days."""

Matching = Count | Sum | DistinctDays | Since | Did | AfterTrigger
"""Leaves about events in general."""


class _Compared(NamedTuple):
    """A comparison of `subject`, a name for what is compared; `value` is the place of what it is compared with."""

    subject: bytes
    test: Comparison
    whole: Range | None
    place: str
    value: str


def mistakes(condition: Condition, place: str, has_event: bool) -> Iterator[Refusal]:
    """Of a whole condition. `has_event`: there is an event at hand, whose fields may be asked for."""
    for node in walking.nodes(condition, place):
        match node.condition:
            case All(of=of):
                yield from _contradictions(_compared_in(of, node.place))
            case conditions.Any() | Not():
                pass
            case EventField() if not has_event:
                wanted = "of a campaign whose trigger is of type event or no_action: no other has an event's fields"
                yield must_be(NO_MEANING, node.place, wanted)
            case _:
                yield from _leaf(node.condition, node.place)


def idle(condition: Condition, place: str) -> Iterator[Refusal]:
    """Comparisons that hold whatever happens, which harms nobody."""
    for node in walking.nodes(condition, place):
        compared = _compared(node.condition, node.place)
        if compared and compared.whole and always_holds(compared.test, compared.whole):
            yield Refusal("always_holds", node.place, f"{node.place} always holds")


def tests_mistakes(tests: Iterable[FieldTest], place: str) -> Iterator[Refusal]:
    """Of a filter of events."""
    compared: list[_Compared] = []
    for index, test in enumerate(tests):
        here = f"{place}[{index}]"
        bad = list(_fits(test.op, test.value, f"{here}.value"))
        yield from bad
        if not bad and test.op != "has":
            compared.append(
                _Compared(test.field.encode(), Comparison(test.op, test.value), None, here, f"{here}.value")
            )
    yield from _contradictions(compared)


def window_mistakes(window: Window, place: str) -> Iterator[Refusal]:
    given = [name for name in ("seconds", "days", "calendar") if getattr(window, name) is not None]
    if len(given) > 1:
        yield must_be("exclusive", f"{place}.{given[1]}", f"absent beside {given[0]}: a window is one of them")


def _leaf(leaf: Leaf, place: str) -> Iterator[Refusal]:
    match leaf:
        case Clock(weekdays=weekdays, hours=hours):
            if not weekdays and not hours:
                yield must_be("missing", f"{place}.weekdays", "there, or else hours")
            yield from hours_mistakes(hours, f"{place}.hours")
        case CartHas(products=products, categories=categories):
            if not products and not categories:
                yield must_be("missing", f"{place}.products", "there, or else categories")
            yield from labels_mistakes(products, f"{place}.products")
            yield from labels_mistakes(categories, f"{place}.categories")
        case Count() | Sum() | DistinctDays() | Since() | Did() | AfterTrigger():
            yield from _matching(leaf, place)
        case _:
            pass
    yield from _comparison(leaf, place)


def _matching(leaf: Matching, place: str) -> Iterator[Refusal]:
    yield from tests_mistakes(leaf.where, f"{place}.where")
    match leaf:
        case Count() | Sum() | DistinctDays() | Did():
            yield from window_mistakes(leaf.within, f"{place}.within")
        case _:
            pass
    match leaf:
        case DistinctDays(within=Window(seconds=int())):
            wanted = "absent: days are counted in days, a calendar period or ever"
            yield must_be(NO_MEANING, f"{place}.within.seconds", wanted)
        case Did(but_not=but_not):
            for index, one in enumerate(but_not):
                yield from tests_mistakes(one.where, f"{place}.but_not[{index}].where")
        case Count(within=Window(seconds=int()), value=value):
            if max(value if isinstance(value, tuple) else (value,)) > WINDOW_EVENTS_MAX:
                wanted = f"at most window_events_max, {WINDOW_EVENTS_MAX}, with a window of seconds"
                yield must_be("window_events_max", f"{place}.value", wanted)
        case _:
            pass


def _comparison(leaf: Leaf, place: str) -> Iterator[Refusal]:
    match leaf:
        case Clock() | CartHas() | Did() | AfterTrigger() | Since():
            return
        case _:
            misfit = list(_fits(leaf.op, leaf.value, f"{place}.value"))
            yield from misfit
    compared = None if misfit else _compared(leaf, place)
    if compared and not can_hold([compared.test], compared.whole):
        yield must_be(NEVER_HOLDS, compared.value, f"something that {leaf.op} can hold for, not {leaf.value}")


def _fits(op: Op, value: Want, place: str) -> Iterator[Refusal]:
    if (op == "in") != isinstance(value, tuple):
        yield must_be("wrong_type", place, "a list" if op == "in" else f"a single value with {op}")
    elif op in _ORDERED and isinstance(value, bool):
        yield must_be("wrong_type", place, f"a number or a text with {op}")


def _compared_in(of: Iterable[Condition], place: str) -> Iterator[_Compared]:
    """What an `all` compares, with those directly within it."""
    for index, one in enumerate(of):
        here = f"{place}.of[{index}]"
        if isinstance(one, All):
            yield from _compared_in(one.of, here)
        elif (compared := _compared(one, here)) and can_hold([compared.test], compared.whole):
            yield compared


def _contradictions(all_of: Iterable[_Compared]) -> Iterator[Refusal]:
    by_subject: dict[bytes, list[_Compared]] = {}
    for one in all_of:
        by_subject.setdefault(one.subject, []).append(one)
    for same in by_subject.values():
        for number in range(2, len(same) + 1):
            if not can_hold([one.test for one in same[:number]], same[0].whole):
                others = ", ".join(one.place for one in same[: number - 1])
                yield must_be(NEVER_HOLDS, same[number - 1].place, f"able to hold together with {others}")
                break


def _compared(condition: Condition, place: str) -> _Compared | None:
    match condition:
        case All() | conditions.Any() | Not() | Clock() | CartHas() | Did() | AfterTrigger():
            return None
        case Since(op=op, seconds=seconds):
            return _Compared(_subject(condition), Comparison(op, seconds), None, place, f"{place}.seconds")
        case _:
            if condition.op == "has" or list(_fits(condition.op, condition.value, "")):
                return None
            test = Comparison(condition.op, cast("Want", condition.value))
            return _Compared(_subject(condition), test, _whole(condition), place, f"{place}.value")


def _subject(leaf: Leaf) -> bytes:
    plain: dict[str, Any] = msgspec.to_builtins(leaf)
    what = {name: value for name, value in plain.items() if name not in ("op", "value", "seconds")}
    return msgspec.json.encode(what, order="sorted")


def _whole(
    leaf: EventField | Count | Sum | DistinctDays | Cart | Tier | Points | Coupons | Profile,
) -> Range | None:
    """The range of a fact that is a whole number."""
    match leaf:
        case EventField() | Profile() | Tier():
            return None
        case Sum():
            return Range()
        case DistinctDays(within=within):
            return Range(0, within.days or (_LONGEST[within.calendar] if within.calendar else None))
        case Count() | Cart() | Points() | Coupons():
            return Range(0)
