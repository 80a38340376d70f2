"""How many refusals a segment has seen in the present ten minutes, and the one moment at which they are too many.

Windows stand side by side (`at // WINDOW_MS`) instead of rolling: all there is to remember is two integers, and a
window says so once. So a burst over the edge of two windows may be up to twice the limit before it is told, and one
that lasts is told again every ten minutes, as it should be.
"""

from __future__ import annotations

import msgspec

WINDOW_S = 600
WINDOW_MS = WINDOW_S * 1_000


TOLD = -1
"""In place of a count: the window has had its alarm. It is kept and not computed, since the limit may have been another
when the alarm was raised, or not."""


class Refusals(msgspec.Struct, array_like=True, gc=False):
    """Of one segment: `count` of them in window number `window`, or TOLD."""

    format: int = 1
    window: int = 0
    count: int = 0


def told(refusals: Refusals, at: int) -> bool:
    """Whether the window of `at` has had its alarm: what more comes in it need not be counted."""
    return at // WINDOW_MS == refusals.window and refusals.count == TOLD


def count(refusals: Refusals, at: int, limit: int) -> int:
    """Count one at `at`. -> how many they are with the one too many, else 0. One of a window that is over is nothing
    any more.
    """
    window = at // WINDOW_MS
    if window > refusals.window:
        refusals.window, refusals.count = window, 0
    if window < refusals.window or refusals.count == TOLD:
        return 0
    refusals.count += 1
    if refusals.count <= limit:
        return 0
    too_many, refusals.count = refusals.count, TOLD
    return too_many


def check(refusals: Refusals) -> None:
    """Raise AssertionError unless it is one that counting can have made."""
    assert refusals.count >= TOLD and (refusals.window > 0) == (refusals.count != 0), refusals
