"""Comparisons that cannot hold together are found, and none is taken for one that can."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.campaign.contradictions import Comparison, Range, always_holds, can_hold
from actors.comparison import Op, holds
from tests.any_campaign import numbers, orders

COUNT = Range(0)


@pytest.mark.parametrize(
    ("tests", "whole", "can"),
    [
        ([(">=", 10), ("<", 5)], None, False),
        ([(">=", 10), ("<=", 10)], None, True),
        ([(">=", 10), ("<=", 10), ("!=", 10)], None, False),
        ([(">", 10), ("<=", 10)], None, False),
        ([(">", 5), ("<", 6)], None, True),
        ([(">", 5), ("<", 6)], COUNT, False),
        ([(">=", 5), ("<", 7), ("!=", 5), ("!=", 6)], COUNT, False),
        ([("=", 3), ("=", 4)], None, False),
        ([("in", (1, 2)), (">", 2)], None, False),
        ([("in", (1, 2)), (">", 1)], None, True),
        ([("=", "gold"), ("=", "silver")], None, False),
        ([(">", "a"), ("<", "b")], None, True),
        ([(">", "a"), ("<", 3)], None, False),
        ([("<", 0)], COUNT, False),
        ([(">=", 31)], Range(0, 30), False),
        ([("=", 2.5)], COUNT, False),
        ([("!=", 3)], None, True),
        ([], COUNT, True),
    ],
)
def test_what_can_hold_together_is_known(tests: Any, whole: Range | None, can: bool) -> None:
    assert can_hold([Comparison(*test) for test in tests], whole) is can


@pytest.mark.parametrize(
    ("op", "value", "always"),
    [(">=", 0, True), (">=", 1, False), ("<=", 30, True), ("!=", -1, True), ("in", (0,), False)],
)
def test_what_holds_whatever_happens_is_known(op: Op, value: Any, always: bool) -> None:
    assert always_holds(Comparison(op, value), Range(0, 30)) is always


@given(st.lists(st.builds(Comparison, orders, numbers), max_size=4))
def test_of_whole_numbers_it_says_what_trying_all_says(tests: list[Comparison]) -> None:
    tried = any(all(holds(value, *test) for test in tests) for value in range(-10, 20))
    assert can_hold(tests, Range(-10, 19)) is tried
