"""Tiers: which level a user has, since when, and when it will be lost.

What counts is points earned or money spent, net of refunds: a refund is taken out of the bucket of its order's own day,
as if those goods had never been bought. A level is reached at once, when the sum of the present window comes to its
`at`. How long it holds follows from the sums alone:

- Calendar windows: a level holds to the end of the period in which it was reached, and then period by period as long as
  the period just ended supports it. Who came to Gold in March 2026 has it to the end of 2027, and on 1 January 2028
  2027's sum decides, not an empty January: nobody falls to nothing each new year.
- Rolling windows: a level holds as long as the sum of the last `n` calendar days, today among them, supports it.
- Then `grace_days` more, in which the level is kept if the present sum comes to it again. Else it becomes the one that
  the sum then supports (calendar: the higher of the period just ended and the present one), several levels down if need
  be, and a calendar level that was dropped to holds to the end of that period.

So a refund in a calendar period takes no level before the period's end, whatever it leaves; one that comes later, when
its period has been judged, has that judged again and may take the level at once. Rolling, the level falls with the sum.
Grace is for those who buy less, not for goods that went back: it begins when the sums, net of refunds, stopped
supporting the level.

A granted level is a floor: the higher of it and the computed one holds, and events tell of what holds. A level with
`at` 0 is everybody's and nobody is told of it.

Nothing here reads a clock. `settle` does whatever has become due by `at`, each at its own moment; called every hour or
once in a year it says the same. All others settle first. A loss that was not foreseen, by a refund or a new programme,
happens when it is noticed. A new programme never takes a level earlier than the old one foresaw. What it calls by
another id is from then on the highest level that the sum supports, which is not told, as there is nothing to compare.
When `by` changes, the sums begin anew; when the window or the zone does, they stay on the days where they were counted,
and a refund looks for its order's day as the present zone has it.

Sums too old to matter are forgotten; a refund for one of them changes nothing, nor does one of an order that never
counted. Levels are in ascending order of `at`, their ids differ: programme.py sees to that.
"""

from __future__ import annotations

import copy
from bisect import bisect_right, insort
from itertools import pairwise
from typing import Literal

import msgspec

from actors.points.days import Days, next_first_day
from actors.points.rules import Level, Tiers
from actors.points.state import NEVER, Tier

ROLLING_DAYS_MAX = 1_096
"""Three years."""
GRACE_DAYS_MAX = 366
NOTICE_DAYS_MAX = 366
SUMS_MAX = ROLLING_DAYS_MAX + GRACE_DAYS_MAX
"""Buckets of one user: one for each day of the window and of the grace after it, calendar far fewer."""


class TierEvent(msgspec.Struct, frozen=True):
    """What became of the level that holds, at the moment `at`. `will_drop`: at `drops_at`, to `after` as it looks now,
    unless more comes.
    """

    kind: Literal["upgraded", "will_drop", "dropped"]
    before: str
    after: str
    at: int
    drops_at: int = 0


class UnknownLevel(msgspec.Struct, frozen=True):
    """The programme has no such level; nothing was granted."""

    level: str


class Shown(msgspec.Struct, frozen=True):
    """The level that holds, what has come together in the present window, what is `missing` to the `next` level ("",
    0: there is none), and when the level is lost unless more comes (0 = never).
    """

    level: str
    sum: int
    next: str
    missing: int
    drop_at: int
    floor: str
    floor_until: int


def holds(tier: Tier, rules: Tiers) -> str:
    """The id of the level that holds, of a tier that is settled."""
    return _id(rules, _rank_held(tier, rules))


def settle(tier: Tier, rules: Tiers, days: Days, at: int) -> list[TierEvent]:
    """Do what has become due by `at`. O(levels × buckets) when something has, else O(buckets)."""
    events = _run(tier, rules, days, at, 0) if _is_of(tier, rules) else []
    return events + _adopt(tier, rules, days, at) + _run(tier, rules, days, at, at)


def count(tier: Tier, rules: Tiers, days: Days, amount: int, at: int) -> list[TierEvent]:
    """`amount` (points, or minor units) has come at `at`."""
    events = settle(tier, rules, days, at)
    if not rules.levels or not amount:
        return events
    _forget(tier, rules, days, at)
    _add(tier.sums, _bucket(rules, days, days.day(at)), amount)
    events += _rise(tier, rules, days, at)
    tier.drop_at = max(tier.drop_at, _lost_at(tier, rules, days))
    return events + _run(tier, rules, days, at, at)


def uncount(tier: Tier, rules: Tiers, days: Days, amount: int, ordered_at: int, at: int) -> list[TierEvent]:
    """`amount` of what came at `ordered_at` has been refunded at `at`."""
    events = settle(tier, rules, days, at)
    if not rules.levels:
        return events
    before = _lost_at(tier, rules, days)
    day = days.day(ordered_at)
    _take(tier.sums, _bucket(rules, days, day), day, amount)
    after = _lost_at(tier, rules, days)
    if after < before:
        tier.drop_at = after
    return events + _run(tier, rules, days, at, at)


def grant(
    tier: Tier, rules: Tiers, days: Days, level: str, until: int | None, at: int
) -> list[TierEvent] | UnknownLevel:
    """No less than `level` from now to `until` (None: for good). Replaces what was granted before; "" ends it."""
    if level and _rank(rules, level) < 0:
        return UnknownLevel(level)
    events = settle(tier, rules, days, at)
    before = _rank_held(tier, rules)
    tier.floor, tier.floor_until = level, (NEVER if until is None else until) if level else 0
    if tier.floor_until <= at:
        tier.floor, tier.floor_until = "", 0
    return events + _told(tier, rules, before, at) + _run(tier, rules, days, at, at)


def next_due(tier: Tier, rules: Tiers, days: Days) -> int:
    """When (ms) there will be something to settle, of a tier that is settled; 0 = never, unless more comes."""
    moments = [moment for moment in (tier.drop_at, tier.floor_until, _notice_at(tier, rules, days)) if moment]
    due = min(moments, default=NEVER)
    return due if due < NEVER else 0


def shown(tier: Tier, rules: Tiers, days: Days, at: int) -> Shown:
    """What a person may see of a tier; settles a copy, not the tier."""
    seen = copy.copy(tier)
    seen.sums = list(tier.sums)
    settle(seen, rules, days, at)
    rank, together = _rank_held(seen, rules), _present(seen, rules, days, days.day(at))
    following = rules.levels[rank + 1] if rank + 1 < len(rules.levels) else None
    return Shown(
        _id(rules, rank),
        together,
        following.id if following else "",
        following.at - together if following else 0,
        _loss(seen, rules),
        seen.floor,
        seen.floor_until if seen.floor_until < NEVER else 0,
    )


def check(tier: Tier) -> None:
    """Raise AssertionError unless sums are in order and few, and what belongs together is there together."""
    assert all(amount > 0 for _, amount in tier.sums), "an empty bucket"
    assert all(day < following for (day, _), (following, _) in pairwise(tier.sums)), "buckets out of order"
    assert len(tier.sums) <= SUMS_MAX, f"more than {SUMS_MAX} buckets"
    assert bool(tier.level) == bool(tier.drop_at) == bool(tier.since), "a level without its dates"
    assert bool(tier.floor) == bool(tier.floor_until), "a floor without its end"


def _run(tier: Tier, rules: Tiers, days: Days, at: int, known: int) -> list[TierEvent]:
    """All that is due by `at`, in its order, nothing of it before `known`, the moment of its cause. Each step ends a
    level, a floor or a notice, so there are few.
    """
    events: list[TierEvent] = []
    while True:
        ends = min(tier.drop_at or NEVER, tier.floor_until or NEVER)
        notice = _notice_at(tier, rules, days, known) or NEVER
        if min(ends, notice) > at:
            return events
        known = max(known, min(ends, notice))
        if notice < ends:
            events.append(_warn(tier, rules, days, known))
        else:
            events += _end(tier, rules, days, ends, known)


def _end(tier: Tier, rules: Tiers, days: Days, ends: int, at: int) -> list[TierEvent]:
    """What ends at `ends`, the level or the floor, ends at `at`."""
    before = _rank_held(tier, rules)
    if tier.drop_at == ends:
        _set_level(tier, rules, days, _supported(tier, rules, days, at), at)
    else:
        tier.floor, tier.floor_until = "", 0
    return _told(tier, rules, before, at)


def _is_of(tier: Tier, rules: Tiers) -> bool:
    """Whether the tier's words are the programme's. (Where they are not, no loss can be judged before `_adopt`.)"""
    return all(_rank(rules, level) >= 0 for level in (tier.level, tier.floor) if level) and tier.by in ("", rules.by)


def _adopt(tier: Tier, rules: Tiers, days: Days, at: int) -> list[TierEvent]:
    """Come under `rules`, which may be new."""
    if not rules.levels:
        tier.level, tier.since, tier.drop_at, tier.sums = "", 0, 0, []
    if tier.by != rules.by:
        tier.by, tier.sums = rules.by, []
    if tier.floor and _rank(rules, tier.floor) < 0:
        tier.floor, tier.floor_until = "", 0
    if tier.level and _rank(rules, tier.level) <= _everybody(rules):
        _set_level(tier, rules, days, _supported(tier, rules, days, at), at)
    events = _rise(tier, rules, days, at)
    if tier.level:
        tier.drop_at = max(tier.drop_at, _lost_at(tier, rules, days))
    return events


def _rise(tier: Tier, rules: Tiers, days: Days, at: int) -> list[TierEvent]:
    before, supported = _rank_held(tier, rules), _supported(tier, rules, days, at)
    if supported <= max(_rank(rules, tier.level), _everybody(rules)):
        return []
    _set_level(tier, rules, days, supported, at)
    return _told(tier, rules, before, at)


def _set_level(tier: Tier, rules: Tiers, days: Days, rank: int, at: int) -> None:
    reached = rank > _everybody(rules)
    tier.level, tier.since = (rules.levels[rank].id, at) if reached else ("", 0)
    tier.drop_at = _lost_at(tier, rules, days)


def _told(tier: Tier, rules: Tiers, before: int, at: int) -> list[TierEvent]:
    """The event when what holds is no longer `before`."""
    after = _rank_held(tier, rules)
    if after == before:
        return []
    tier.warned = 0
    return [TierEvent("upgraded" if after > before else "dropped", _id(rules, before), _id(rules, after), at)]


def _warn(tier: Tier, rules: Tiers, days: Days, at: int) -> TierEvent:
    """Say that the level will be lost, and to which, should nothing more come."""
    lost = _loss(tier, rules)
    tier.warned = lost
    later = copy.copy(tier)
    _run(later, rules, days, lost, at)
    return TierEvent("will_drop", holds(tier, rules), holds(later, rules), at, lost)


def _notice_at(tier: Tier, rules: Tiers, days: Days, known: int = 0) -> int:
    """When the next loss is to be announced; 0 = not: it has been, or it was `known` too late for that."""
    lost = _loss(tier, rules)
    if not lost or lost == tier.warned or not rules.notice_days:
        return 0
    notice = days.start_of(days.day(lost) - rules.notice_days)
    return notice if max(notice, known) < lost else 0


def _loss(tier: Tier, rules: Tiers) -> int:
    """When what holds is lost unless more comes: the level and the floor may both hold it up. 0 = never."""
    rank = _rank_held(tier, rules)
    if rank <= _everybody(rules):
        return 0
    by_level = tier.drop_at if _rank(rules, tier.level) == rank else 0
    by_floor = tier.floor_until if _rank(rules, tier.floor) == rank else 0
    lost = max(by_level, by_floor)
    return lost if lost < NEVER else 0


def _lost_at(tier: Tier, rules: Tiers, days: Days) -> int:
    """When the computed level is lost, by what is known of it; 0 when there is none."""
    if not tier.level:
        return 0
    since = days.day(tier.since)
    at = rules.levels[_rank(rules, tier.level)].at
    day = _falls_rolling(tier, rules, at, since) if rules.window == "days" else _falls(tier, rules, days, at, since)
    return days.start_of(day + rules.grace_days)


def _falls(tier: Tier, rules: Tiers, days: Days, at: int, since: int) -> int:
    """The first day on which no calendar period supports the level any more."""
    assert rules.window != "days"
    falls = next_first_day(days, since, rules.window)
    for first in {days.first_day(day, rules.window) for day, _ in tier.sums}:
        ended = next_first_day(days, first, rules.window)
        if _between(tier, first, ended) >= at:
            falls = max(falls, next_first_day(days, ended, rules.window))
    return falls


def _falls_rolling(tier: Tier, rules: Tiers, at: int, since: int) -> int:
    """The first day on which the rolling sum no longer supports the level.

    The last window that does begins with a bucket: the newest with which the `n` days come to `at`.
    """
    sums, end, together = tier.sums, len(tier.sums), 0
    for day, amount in reversed(sums):
        together += amount
        while sums[end - 1][0] >= day + rules.n:
            end -= 1
            together -= sums[end][1]
        if together >= at:
            return max(since, day + rules.n)
    return since


def _supported(tier: Tier, rules: Tiers, days: Days, at: int) -> int:
    """The rank of the highest level that the sums support at `at`."""
    day = days.day(at)
    together = _present(tier, rules, days, day)
    if rules.window != "days":
        first = days.first_day(day, rules.window)
        together = max(together, _between(tier, days.first_day(first - 1, rules.window), first))
    return bisect_right(rules.levels, together, key=_level_at) - 1


def _present(tier: Tier, rules: Tiers, days: Days, day: int) -> int:
    """What has come together in the window that holds `day`."""
    return _between(tier, day - rules.n + 1 if rules.window == "days" else days.first_day(day, rules.window), day + 1)


def _between(tier: Tier, first: int, end: int) -> int:
    return sum([amount for day, amount in tier.sums if first <= day < end])


def _bucket(rules: Tiers, days: Days, day: int) -> int:
    """The first day of the bucket that holds `day`."""
    return day if rules.window == "days" else days.first_day(day, rules.window)


def _add(sums: list[tuple[int, int]], bucket: int, amount: int) -> None:
    i = bisect_right(sums, bucket, key=_day) - 1
    if i >= 0 and sums[i][0] == bucket:
        sums[i] = (bucket, sums[i][1] + amount)
    else:
        insort(sums, (bucket, amount))


def _take(sums: list[tuple[int, int]], first: int, day: int, amount: int) -> None:
    """Take `amount` out of the newest bucket from `first` to `day`, if there is one, and no more than it has."""
    i = bisect_right(sums, day, key=_day) - 1
    if i < 0 or sums[i][0] < first:
        return
    rest = sums[i][1] - amount
    sums[i : i + 1] = [(sums[i][0], rest)] if rest > 0 else []


def _forget(tier: Tier, rules: Tiers, days: Days, at: int) -> None:
    """Let go of sums that can neither support a level nor keep one in its grace."""
    day = days.day(at) - rules.grace_days
    if rules.window == "days":
        oldest = day - rules.n + 1
    else:
        oldest = days.first_day(days.first_day(day, rules.window) - 1, rules.window)
    gone = bisect_right(tier.sums, oldest - 1, key=_day)
    del tier.sums[:gone]


def _rank_held(tier: Tier, rules: Tiers) -> int:
    return max(_rank(rules, tier.level), _rank(rules, tier.floor), _everybody(rules))


def _rank(rules: Tiers, level: str) -> int:
    """-1 for none, and for one the programme does not know."""
    return next((rank for rank, known in enumerate(rules.levels) if known.id == level), -1)


def _everybody(rules: Tiers) -> int:
    """The rank of the level that needs nothing, -1 when all need something."""
    return 0 if rules.levels and rules.levels[0].at <= 0 else -1


def _id(rules: Tiers, rank: int) -> str:
    return rules.levels[rank].id if rank >= 0 else ""


def _level_at(level: Level) -> int:
    return level.at


def _day(bucket: tuple[int, int]) -> int:
    return bucket[0]
