"""Caps: how much one user may earn within a window, and what of an accrual still fits.

`allow` answers and `use` writes down, so that what is refused afterwards for another reason has used nothing up. A cap
is on what was earned, not on what was kept: points that a refund takes back leave it used, or buying and returning
would earn without end within a day.

Calendar windows (day, week, month, year) begin and end at the programme's midnights; a sum and the window's first day
is all that is kept, and the count is exact. Rolling windows are kept in buckets: hours up to ROLLING_EXACT_H, whole UTC
days beyond, so that a year takes 367 buckets and not 8,784. A bucket counts as long as any instant of it lies in the
window. Points therefore never cease to count too early, but up to one bucket (an hour, a day) too late: where
precision ends, the cap is strict.

Where several caps apply, those that cut are asked first and the smallest rest counts; those that refuse judge what then
remains. Nothing is ever over any cap.

What is known of a cap goes when the programme no longer has it, and begins anew when its window becomes of another
kind. Only from a shorter calendar window to a longer that holds it the count is carried over.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.points.days import Days
from actors.points.rules import Cap
from actors.points.state import CapUse

HOUR_MS = 3_600_000
ROLLING_EXACT_H = 7 * 24
"""Rolling windows up to this length are counted by the hour."""
ROLLING_DAYS_MAX = 366
ROLLING_HOURS_MAX = ROLLING_DAYS_MAX * 24
BUCKETS_MAX = ROLLING_DAYS_MAX + 1
"""Of one cap. Its window may begin within one bucket and end within another."""
_LIFETIME = 0
"""The first day of a lifetime."""


class Allowed(msgspec.Struct, frozen=True):
    """`points` may be given, 0 among them. `cut`: every cap that would not have let all of them pass, and how much it
    took off; the largest of these was taken off.
    """

    points: int
    cut: tuple[tuple[str, int], ...] = ()


class CapRefused(msgspec.Struct, frozen=True):
    """Nothing may be given: the cap has only `left` points left and does not cut."""

    cap: str
    left: int


class Accrual(msgspec.Struct, frozen=True):
    """What caps must know of an accrual. `order`: what its order has earned before; None: it is of no order.
    `ordinary`: not a gift, a referral credit or an adjustment, which only caps that name their reason count.
    """

    points: int
    reason: str
    at: int
    order: int | None = None
    ordinary: bool = True


def allow(uses: dict[str, CapUse], caps: tuple[Cap, ...], days: Days, accrual: Accrual) -> Allowed | CapRefused:
    """How much of `accrual` may be given. Changes nothing. O(caps × buckets)."""
    left = [(cap, _left(uses.get(cap.id), cap, days, accrual)) for cap in _applying(caps, accrual)]
    cut = tuple((cap.id, accrual.points - rest) for cap, rest in left if cap.over == "cut" and rest < accrual.points)
    points = accrual.points - max((off for _, off in cut), default=0)
    refusing = [(rest, cap.id) for cap, rest in left if cap.over == "refuse" and rest < points]
    if refusing:
        rest, cap_id = min(refusing)
        return CapRefused(cap_id, rest)
    return Allowed(points, cut)


def use(uses: dict[str, CapUse], caps: tuple[Cap, ...], days: Days, accrual: Accrual) -> None:
    """Write down that `accrual.points` (those allowed) were given, and forget caps that are no more."""
    for gone in uses.keys() - {cap.id for cap in caps}:
        del uses[gone]
    if not accrual.points:
        return
    for cap in _applying(caps, accrual):
        if cap.per != "order":
            _use(uses.setdefault(cap.id, CapUse()), cap, days, accrual)


def check(uses: dict[str, CapUse]) -> None:
    """Raise AssertionError unless what is kept is within its limits and in order."""
    for cap_id, kept in uses.items():
        assert kept.used >= 0 and kept.window >= 0, f"cap {cap_id}: a negative number"
        assert len(kept.buckets) <= BUCKETS_MAX, f"cap {cap_id}: more than {BUCKETS_MAX} buckets"
        assert all(points > 0 for _, points in kept.buckets), f"cap {cap_id}: an empty bucket"
        numbers = [number for number, _ in kept.buckets]
        assert numbers == sorted(set(numbers)), f"cap {cap_id}: buckets out of order"


def _applying(caps: tuple[Cap, ...], accrual: Accrual) -> Iterator[Cap]:
    for cap in caps:
        counts = accrual.reason in cap.reasons if cap.reasons else accrual.ordinary
        if counts and (cap.per != "order" or accrual.order is not None):
            yield cap


def _left(kept: CapUse | None, cap: Cap, days: Days, accrual: Accrual) -> int:
    if cap.per == "order":
        used = accrual.order or 0
    elif kept is None:
        used = 0
    elif hours := _bucket_hours(cap):
        begin = _begin(cap, hours, accrual.at)
        used = sum([points for number, points in kept.buckets if number >= begin]) if kept.window == hours else 0
    else:
        used = kept.used if _carries(kept, _window(cap, days, accrual.at)) else 0
    return max(0, cap.points - used)


def _use(kept: CapUse, cap: Cap, days: Days, accrual: Accrual) -> None:
    hours = _bucket_hours(cap)
    if not hours:
        window = _window(cap, days, accrual.at)
        kept.used = accrual.points + (kept.used if _carries(kept, window) else 0)
        kept.window, kept.buckets = window, []
        return
    begin = _begin(cap, hours, accrual.at)
    buckets = [bucket for bucket in kept.buckets if bucket[0] >= begin] if kept.window == hours else []
    number, points = accrual.at // (hours * HOUR_MS), accrual.points
    if buckets and buckets[-1][0] >= number:  # a clock that stepped back does not open a bucket of its own
        number, before = buckets.pop()
        points += before
    kept.window, kept.used, kept.buckets = hours, 0, [*buckets, (number, points)]


def _carries(kept: CapUse, window: int) -> bool:
    """Whether what was counted since `kept.window` belongs to the calendar window that began at `window`. It may have
    begun later: a zone to the west turns the day back.
    """
    return not kept.buckets and kept.window >= window


def _window(cap: Cap, days: Days, at: int) -> int:
    match cap.per:
        case "week" | "month" | "year":
            return days.first_day(days.day(at), cap.per)
        case "lifetime":
            return _LIFETIME
        case _:
            return days.day(at)


def _bucket_hours(cap: Cap) -> int:
    """The length of a bucket, 0 where there are none."""
    hours = _rolling_hours(cap)
    return 0 if not hours else 1 if hours <= ROLLING_EXACT_H else 24


def _rolling_hours(cap: Cap) -> int:
    return cap.n if cap.per == "hours" else cap.n * 24 if cap.per == "days" else 0


def _begin(cap: Cap, hours: int, at: int) -> int:
    """The number of the oldest bucket with an instant in the window, which ends at `at` and does not hold its begin."""
    return (at - _rolling_hours(cap) * HOUR_MS + 1) // (hours * HOUR_MS)
