"""The numbers of batches as ranges, beside a plain set of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.coupon_jobs.numbers import Ranges, add, check, missing


@given(st.lists(st.integers(1, 30), unique=True), st.integers(0, 35), st.integers(1, 40))
def test_ranges_know_what_a_set_knows(order: list[int], upto: int, limit: int) -> None:
    ranges: Ranges = []
    for number in order:
        add(ranges, number)
        check(ranges)
    wanted = [number for number in range(1, upto + 1) if number not in order]
    assert list(missing(ranges, upto, limit)) == wanted[:limit]


def test_a_million_numbers_in_order_are_one_range() -> None:
    ranges: Ranges = []
    for number in range(1, 1_000_001):
        add(ranges, number)
    assert ranges == [(1, 1_000_000)]
