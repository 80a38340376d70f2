"""The numbers of the batches that have come, as ranges: a job whose batches come in order is one range, however long it
is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

Ranges = list[tuple[int, int]]
"""(first, last) of each, in order, with gaps between them."""


def add(ranges: Ranges, number: int) -> None:
    """Put in a number that is not there. O(ranges)."""
    i = bisect_left(ranges, (number, number))
    first = last = number
    if i < len(ranges) and ranges[i][0] == number + 1:
        last = ranges.pop(i)[1]
    if i and ranges[i - 1][1] == number - 1:
        first = ranges.pop(i - 1)[0]
        i -= 1
    ranges.insert(i, (first, last))


def missing(ranges: Ranges, upto: int, limit: int) -> Sequence[int]:
    """The first `limit` of the numbers from 1 to `upto` that have not come."""
    found: list[int] = []
    after = 1
    for first, last in [*ranges, (upto + 1, upto + 1)]:
        found += range(after, min(first, upto + 1, after + limit - len(found)))
        after = last + 1
    return found


def check(ranges: Ranges) -> None:
    """Raise AssertionError unless they are in order and apart."""
    for (_, last), (first, _) in pairwise(ranges):
        assert last + 1 < first, ranges
    assert all(1 <= first <= last for first, last in ranges), ranges
