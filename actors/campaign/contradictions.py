"""Whether comparisons of one fact can hold together at all.

"At least 10 and less than 5" never holds, and "more than 5 and less than 6" does not for whole numbers. What is found
here costs its author a minute; what is not found is a campaign that nobody is ever in, and nobody wonders.

Only comparisons of the same fact are seen together: that a count of 3 needs one of at least 2 elsewhere, or that two
windows lie in each other, is not worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from actors.comparison import Op, Want, holds

_INVERSE: dict[Op, Op] = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Comparison(NamedTuple):
    op: Op
    value: Want


class Range(NamedTuple):
    """Of a fact that is a whole number: from `low` to `high`; None: no end."""

    low: int | None = None
    high: int | None = None


def can_hold(tests: Sequence[Comparison], whole: Range | None = None) -> bool:
    """Whether there is a value that passes all `tests`; `whole`: it is a whole number in this range. O(tests × values).

    >>> can_hold([Comparison(">", 5), Comparison("<", 6)]), can_hold([Comparison(">", 5), Comparison("<", 6)], Range(0))
    (True, False)
    """
    tests = [*tests, *_implied(whole)]
    fixed = next((test for test in tests if test.op in ("=", "in")), None)
    if fixed is not None:
        values = fixed.value if isinstance(fixed.value, tuple) else (fixed.value,)
        return any(_passes(value, tests) and (not whole or isinstance(value, int)) for value in values)
    bounds = [test for test in tests if test.op in ("<", "<=", ">", ">=")]
    if not bounds:
        return True
    if len({isinstance(test.value, str) for test in bounds}) > 1:
        return False
    return _between(bounds, tests, whole is not None)


def always_holds(test: Comparison, whole: Range) -> bool:
    """Whether a whole number of this range passes, whatever it is."""
    inverse = _INVERSE.get(test.op)
    return inverse is not None and not can_hold([Comparison(inverse, test.value)], whole)


def _implied(whole: Range | None) -> list[Comparison]:
    ends: list[tuple[Op, int | None]] = [(">=", whole.low), ("<=", whole.high)] if whole else []
    return [Comparison(op, end) for op, end in ends if end is not None]


def _passes(value: Any, tests: Sequence[Comparison]) -> bool:
    # What `has` asks is a list, and equals no single value.
    return all(holds(value, test.op, test.value) for test in tests)


def _between(bounds: Sequence[Comparison], tests: Sequence[Comparison], whole: bool) -> bool:
    closed = [_closed(test) for test in bounds] if whole else list(bounds)
    lows = [test for test in closed if test.op in (">", ">=")]
    highs = [test for test in closed if test.op in ("<", "<=")]
    if not lows or not highs:
        return True
    # Of equal bounds the strict one is the narrower.
    low = max(lows, key=lambda test: (cast("Any", test.value), test.op == ">"))
    high = min(highs, key=lambda test: (cast("Any", test.value), test.op == "<="))
    least, most = cast("Any", low.value), cast("Any", high.value)
    if least == most:
        return low.op == ">=" and high.op == "<=" and _passes(least, tests)
    if whole and most - least < len(tests):
        return any(_passes(value, tests) for value in range(least, most + 1))
    return least < most


def _closed(test: Comparison) -> Comparison:
    """The same for whole numbers, the bound included."""
    value = cast("int", test.value)
    match test.op:
        case ">":
            return Comparison(">=", value + 1)
        case "<":
            return Comparison("<=", value - 1)
        case _:
            return test
