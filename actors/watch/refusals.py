"""How many refusals a segment has seen in the present ten minutes, and the one moment at which they are too many.

Windows stand side by side (`at // WINDOW_MS`) instead of rolling: all there is to remember is two integers, and a
window says so once. So a burst over the edge of two windows may be up to twice the limit before it is told, and one
that lasts is told again every ten minutes, as it should be.
"""

from __future__ import annotations

import msgspec

WINDOW_S = 600
WINDOW_MS = WINDOW_S * 1_000


class Refusals(msgspec.Struct, array_like=True, gc=False):
    """Of one segment: `count` of them in window number `window`."""

    format: int = 1
    window: int = 0
    count: int = 0


def told(refusals: Refusals, at: int, limit: int) -> bool:
    """Whether the window of `at` has had its alarm: what more comes in it need not be counted."""
    return at // WINDOW_MS == refusals.window and refusals.count > limit


def count(refusals: Refusals, at: int, limit: int) -> bool:
    """Count one at `at`; whether it is the one too many. One of a window that is over is nothing any more."""
    window = at // WINDOW_MS
    if window < refusals.window:
        return False
    if window > refusals.window:
        refusals.window, refusals.count = window, 0
    refusals.count += 1
    return refusals.count == limit + 1


def check(refusals: Refusals) -> None:
    """Raise AssertionError unless it is one that counting can have made."""
    assert refusals.count >= 0 and (refusals.window > 0) == (refusals.count > 0), refusals
