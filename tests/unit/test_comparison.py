"""One value against another: kinds are never mixed, and what is missing equals nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.comparison import FieldTest, Op, holds, passes, reduced, sorted_tests
from tests.any_campaign import scalars


@pytest.mark.parametrize(
    ("saw", "op", "want", "met"),
    [
        (30, ">=", 30, True),
        (30.5, ">", 30, True),
        (1, "=", 1.0, True),
        ("b", ">", "a", True),
        ("30", ">=", 30, False),
        ("30", "=", 30, False),
        (True, "=", 1, False),
        (True, "=", True, True),
        (True, ">", 0, False),
        (2, "in", (1, 2), True),
        (True, "in", (1, 2), False),
        (["tea", "cups"], "has", "tea", True),
        ([1], "has", True, False),
        ("tea", "has", "tea", False),
        ({"a": 1}, "=", "a", False),
        ([1], "<", 2, False),
    ],
)
def test_values_are_compared_with_their_like_only(saw: Any, op: Op, want: Any, met: bool) -> None:
    assert holds(saw, op, want) is met


@pytest.mark.parametrize("op", ["=", "<", "<=", ">", ">=", "has"])
def test_what_is_missing_meets_nothing_but_being_other(op: Op) -> None:
    assert not holds(None, op, 3)
    assert not holds(None, "in", (3,))
    assert holds(None, "!=", 3)


def test_an_events_fields_must_pass_all_tests() -> None:
    tests = (FieldTest("view_s", ">=", 30), FieldTest("flagged", "=", False))
    assert passes({"view_s": 31, "flagged": False}, tests)
    assert not passes({"view_s": 31, "flagged": True}, tests)
    assert not passes({"view_s": 31}, tests)
    assert passes({}, ())


def test_tests_that_mean_the_same_are_written_alike() -> None:
    one = (FieldTest("b", "in", (2, 1.0, 2)), FieldTest("a", "=", True), FieldTest("a", "=", True))
    other = (FieldTest("a", "=", True), FieldTest("b", "in", (1, 2)))
    assert sorted_tests(one) == sorted_tests(other) == other


def test_true_and_one_stay_two_values() -> None:
    tests = sorted_tests((FieldTest("a", "=", True), FieldTest("a", "=", 1)))
    assert [msgspec.json.encode(test.value) for test in tests] == [b"1", b"true"]
    assert len(reduced((True, 1, 1.0))) == 2


json = st.recursive(
    st.none() | scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
)
ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in", "has"])


@given(json, ops, scalars | st.lists(scalars, min_size=1).map(tuple))
def test_no_value_makes_a_comparison_raise(saw: Any, op: Op, want: Any) -> None:
    assert holds(saw, op, want) in (True, False)
    assert holds(saw, op, reduced(want)) == holds(saw, op, want)
