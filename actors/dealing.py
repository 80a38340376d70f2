"""A sum dealt in whole units to those who have shares in it: by largest remainder, so that the parts come to the sum.

Rounding each part alone would make or lose units. Here the sum is rounded once; each part gets what is whole of it, and
what is left goes, one unit each, to the parts with the largest remainders, of equal ones to the earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Rounding = Literal["floor", "half_up", "ceil"]


def dealt(parts: Sequence[int], unit: int, rounding: Rounding) -> list[int]:
    """Whole numbers for so many `parts`, `unit` to one, that come to their rounded sum. O(parts × log parts).

    >>> dealt([40, 70, 95, 95], 100, "floor")
    [0, 1, 1, 1]
    """
    together = sum(parts)
    match rounding:
        case "floor":
            total = together // unit
        case "half_up":
            total = (2 * together + unit) // (2 * unit)
        case "ceil":
            total = -(-together // unit)
    whole = [part // unit for part in parts]
    if (left := total - sum(whole)) > 0:
        # Those with the largest remainder first; sorting is stable, so of equal ones the earlier.
        for index in sorted(range(len(parts)), key=lambda index: -(parts[index] % unit))[:left]:
            whole[index] += 1
    return whole


def split(total: int, weights: Sequence[int]) -> list[int]:
    """`total` by `weights`; no part is more than its weight as long as `total` is no more than all of them.

    >>> split(100, [1, 1, 1]), split(2, [3, 0, 3])
    ([34, 33, 33], [1, 0, 1])
    """
    together = sum(weights)
    return dealt([total * weight for weight in weights], together, "floor") if together else [0] * len(weights)
