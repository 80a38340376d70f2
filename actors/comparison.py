"""One value against another, as conditions and filters of events compare them.

What is compared comes from outside as JSON, so nothing may raise: values of different kinds ("5" and 5, true and 1) are
neither equal nor in any order, and a test that needs an order of them does not hold. A value that is missing (None)
equals nothing: only `!=` holds for it. Negation is two-valued: `not (x < 5)` holds where x is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from actors.rule_words import LABEL_BYTES_MAX

Op = Literal["=", "!=", "<", "<=", ">", ">=", "in", "has"]
"""`in`: the value is one of a list. `has`: the value is a list that holds this."""
NUMBER_MAX = 10**15
"""As far as numbers in rules go, either side of 0; amounts of money go as far."""
VALUES_MAX = 1_000
"""Of an `in`."""

Text = Annotated[str, Meta(max_length=LABEL_BYTES_MAX)]
Whole = Annotated[int, Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]
Real = Annotated[float, Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]
Scalar = bool | Whole | Real | Text
Want = Scalar | Annotated[tuple[Scalar, ...], Meta(min_length=1, max_length=VALUES_MAX)]
"""A list with `in`, else one value."""
FieldName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$(?!\n)")]
"""Of an event or of a profile."""


class FieldTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether an event's own field compares so. Money is in minor units, as the event's entry has it."""

    field: FieldName
    op: Op
    value: Want


def holds(saw: Any, op: Op, want: Want) -> bool:
    """Whether `saw` (JSON, None when missing) compares so with `want`. O(1), but O(its length) for a list.

    >>> holds(30, ">=", 30), holds("30", ">=", 30), holds(None, "!=", 30), holds(True, "=", 1)
    (True, False, True, False)
    """
    match op:
        case "=":
            return _equal(saw, want)
        case "!=":
            return not _equal(saw, want)
        case "in":
            return any(_equal(saw, one) for one in want) if isinstance(want, tuple) else False
        case "has":
            return any(_equal(one, want) for one in cast("list[Any]", saw)) if isinstance(saw, list | tuple) else False
        case _:
            return _in_order(saw, want) and _ordered(saw, op, want)


def passes(fields: Mapping[str, Any], tests: tuple[FieldTest, ...]) -> bool:
    """Whether an event's `fields` meet all `tests`."""
    return all(holds(fields.get(test.field), test.op, test.value) for test in tests)


def reduced(want: Any) -> Any:
    """The one way to write what means the same: 1 for 1.0, and the list of an `in` sorted, each value once.

    >>> reduced(3.0), reduced((2, 1.0, 1, True))
    (3, (1, 2, True))
    """
    if isinstance(want, tuple):
        return tuple(
            sorted({_json(one): one for one in map(reduced, cast("tuple[Any, ...]", want))}.values(), key=_json)
        )
    return int(want) if isinstance(want, float) and want.is_integer() else want


def sorted_tests(tests: tuple[FieldTest, ...]) -> tuple[FieldTest, ...]:
    """The same tests in the one form that means this: their order says nothing."""
    plain = [FieldTest(test.field, test.op, reduced(test.value)) for test in tests]
    return tuple(sorted({_json(test): test for test in plain}.values(), key=_json))


def _equal(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _in_order(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    return any(isinstance(one, kind) and isinstance(other, kind) for kind in (int | float, str))


def _ordered(saw: Any, op: Op, want: Any) -> bool:
    match op:
        case "<":
            return saw < want
        case "<=":
            return saw <= want
        case ">":
            return saw > want
        case _:
            return saw >= want


_json = msgspec.json.Encoder(order="deterministic").encode
