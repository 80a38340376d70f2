"""Counters have one form and one name for what they mean."""

from __future__ import annotations

import msgspec
import pytest

from actors.comparison import FieldTest
from actors.windows.window_spec import (
    Calendar,
    Count,
    CounterSpec,
    Days,
    DistinctDays,
    Ever,
    LastTime,
    Rolling,
    Sum,
    counter,
    key,
)

A, B = FieldTest("a", "=", 1), FieldTest("b", ">", 2.0)


def test_a_counter_has_one_name_in_whatever_order_its_filter_is_written() -> None:
    one, other = (counter("x", Count(), Rolling(60_000), where) for where in ((A, B, A), (B, A)))
    assert key(one) == key(other)
    assert len(key(one)) == 16


def test_a_counter_is_named_alike_for_ever() -> None:
    spec = counter("purchase_complete", Sum("order_value"), Rolling(30 * 86_400_000), (B,), net=True)
    assert key(spec) == "2462fde636df170e"


def test_counters_that_differ_in_anything_have_different_names() -> None:
    specs = [
        counter("x", measure, window, where, net)
        for measure in (Count(), Sum("v"), Sum("w"), DistinctDays("UTC"), DistinctDays("Asia/Tokyo"), LastTime())
        for window in (
            Rolling(1_000),
            Rolling(2_000),
            Days(1, "UTC"),
            Days(1, "Asia/Tokyo"),
            Calendar("day", "UTC"),
            Ever(),
        )
        for where in ((), (A,), (FieldTest("a", "=", True),), (FieldTest("a", "=", "1"),))
        for net in (False, True)
    ]
    assert len({key(spec) for spec in [*specs, counter("y", Count(), Ever())]}) == len(specs) + 1


@pytest.mark.parametrize("window", [Rolling(1_000), Days(30, "Asia/Shanghai"), Calendar("month", "UTC"), Ever()])
def test_a_counter_is_read_back_as_it_was_written(window: Rolling | Days | Calendar | Ever) -> None:
    spec = counter("x", DistinctDays("UTC"), window, (A, B))
    assert msgspec.json.decode(msgspec.json.encode(spec), type=CounterSpec) == spec
