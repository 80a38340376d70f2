"""A sum dealt by largest remainder: the parts come to it, whatever the amounts."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from actors.dealing import dealt, split
from actors.money import AMOUNT_MAX

weights = st.lists(st.integers(0, AMOUNT_MAX), min_size=1, max_size=20)


def test_what_is_left_goes_to_the_largest_remainders_of_equal_ones_to_the_earlier() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(2, [3, 0, 3]) == [1, 0, 1]
    assert dealt([40, 70, 95, 95], 100, "floor") == [0, 1, 1, 1]


def test_the_sum_is_rounded_once_as_asked() -> None:
    assert [sum(dealt([5, 10], 10, rounding)) for rounding in ("floor", "half_up", "ceil")] == [1, 2, 2]


def test_without_weights_nobody_gets_anything() -> None:
    assert split(5, [0, 0]) == [0, 0]


@given(weights, st.data())
def test_parts_come_to_the_sum_are_within_one_of_their_share_and_never_more_than_their_weight(
    parts: list[int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, sum(parts)))
    found = split(total, parts)
    assert sum(found) == total
    for part, weight in zip(found, parts, strict=True):
        assert 0 <= part <= weight
        assert not sum(parts) or abs(part - Fraction(total * weight, sum(parts))) < 1
