"""The alarm that asks whether so many points in so short a time can be right.

It judges nothing and refuses nothing; caps do. More than `jump_points` within an hour raises it, once: the next alarm
comes after the sum has been at or below the bound again. The hour rolls, in buckets of ten minutes, and a bucket counts
as long as any instant of it lies within the hour: an hour's jump is never missed, one over seventy minutes may be
taken for it. Without a bound nothing is kept.
"""

from __future__ import annotations

import msgspec

from actors.points.rules import Alarms
from actors.points.state import Jump

WINDOW_MS = 3_600_000
BUCKET_MS = 600_000
BUCKETS_MAX = WINDOW_MS // BUCKET_MS + 1


class Jumped(msgspec.Struct, frozen=True):
    """`points` came in the hour before `at`, more than `bound`."""

    points: int
    bound: int
    at: int


def came(jump: Jump, rules: Alarms, points: int, at: int) -> Jumped | None:
    """Count `points` that came at `at`; an alarm when they bring the sum above the bound. O(BUCKETS_MAX)."""
    bound = rules.jump_points
    if not bound:
        jump.buckets = []
        return None
    begin = (at - WINDOW_MS + 1) // BUCKET_MS
    recent = [bucket for bucket in jump.buckets if bucket[0] >= begin]
    before = sum([came for _, came in recent])
    number, together = at // BUCKET_MS, points
    if recent and recent[-1][0] >= number:
        number, already = recent.pop()
        together += already
    jump.buckets = [*recent, (number, together)]
    return Jumped(before + points, bound, at) if before <= bound < before + points else None


def check(jump: Jump) -> None:
    """Raise AssertionError unless the buckets are few and in order."""
    numbers = [number for number, _ in jump.buckets]
    assert len(numbers) <= BUCKETS_MAX and numbers == sorted(set(numbers)), jump
