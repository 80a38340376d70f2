"""Windowed counters of one user: exact, small, and right whatever zone is asked for.

What is kept of an event is when it was and how much it counts: nothing else can be exact, since a rolling window lets
go of one event at a time, and a refund takes its order out of the very moment at which it came in. Windows of whole
days need less: since 1980 every day of every zone begins on a quarter of an hour of UTC, so events of the same quarter
enter and leave such windows together and are kept as one. No day of any calendar is written down. A counter may
therefore be asked in another zone from one moment to the next, and `kept_from` keeps what that zone may still need.

WINDOW_EVENTS_MAX bounds it. Beyond, neighbours are merged, at the time of the later:

- Days, calendar periods: those of one day. Nothing is lost, unless the zone changes afterwards: a day that was merged
  then counts with the one its last event lies in.
- Distinct days: those of one day too. As exact, but for an event that is taken back out of a merged day.
- Rolling counts and sums: those within the same PARTS-th of the window. None stops counting too early, but up to that
  part of the window too late; `exact` says whether that is so now.
- Ever: counts and sums are one number. Of distinct days the older half become a number; only a day that is taken back
  out of it, or a new zone, would show.
- Last times: of a counter that is net, the newest LAST_TIMES_MAX are kept, so that one that is taken back uncovers the
  one before it. Of others, one.

One user's counter takes, in MessagePack, 4 bytes empty and for each event 11 (rolling) or 7 (days), a sum 2 or more on
top; with 100 events 0.7 to 1.3 kB; `bytes_max` is what it can come to.

Whether a spec keeps within the bound, and up to which number a condition on it can be judged, is told before any event
comes: see `counter_mistakes`.

Points have windows of their own (points/caps.py, points/tiers.py): sums in buckets by the programme's days, hours at
the finest, for which being a little strict is good enough. Here a message would be sent to the wrong person.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby, pairwise

import msgspec

from actors.calendar import DAY_MS, LONGEST_DAYS, calendar
from actors.commands import Refusal, must_be
from actors.windows import window_edges
from actors.windows.window_edges import NEVER
from actors.windows.window_spec import (
    WINDOW_EVENTS_MAX,
    Calendar,
    Count,
    CounterSpec,
    Days,
    DistinctDays,
    Ever,
    LastTime,
    Rolling,
    Sum,
)

MERGED_EVENTS_MAX = 1_100
"""What merging must be able to bring them down to, or it would have to be done at every event."""
PARTS = 512
"""Of a rolling window, in which events are merged when there are too many."""
LAST_TIMES_MAX = 16
QUARTER_MS = 15 * 60_000
EDGE_DAYS = 4
"""That a counter of whole days keeps for the sake of other zones, at most."""
EVENT_BYTES_MAX = 19
"""Of one entry in MessagePack: an array of two whole numbers."""
HEAD_BYTES_MAX = 22
_DAY = timedelta(days=1)


class Counter(msgspec.Struct, array_like=True, gc=False):
    """`events` are [tick, how much], oldest first: a tick is a ms since 1970 of a rolling window or a last time, else a
    quarter of an hour since 1970. `before`: what is kept as a mere number. `merged`: the tick of the newest entry that
    stands for events of different moments (0 = none does).
    """

    events: list[tuple[int, int]] = []
    before: int = 0
    merged: int = 0


def add(counter: Counter, spec: CounterSpec, at: int, amount: int = 1) -> None:
    """An event at `at`, which is no earlier than those before it. `amount` is what a sum adds; else it is 1. O(log
    entries), but O(entries) when there are too many, which is once in many.
    """
    if isinstance(spec.window, Ever) and isinstance(spec.measure, Count | Sum):
        counter.before += amount
        return
    expire(counter, spec, at)
    _put(counter.events, at // _tick_ms(spec), amount)
    _bound(counter, spec)


def take_back(counter: Counter, spec: CounterSpec, came_at: int, now: int, amount: int = 1) -> None:
    """At `now`, `amount` of the event that came at `came_at` is undone: of a sum what was refunded, else 1 when it
    counts no more. No more may be taken of an event than it brought; what it brought is its keeper's to know. What has
    left the window changes nothing. O(entries).
    """
    if isinstance(spec.window, Ever) and isinstance(spec.measure, Count | Sum):
        counter.before -= amount
        return
    expire(counter, spec, now)
    # Of the events that a merged entry stands for, those that have left the window since can't be told any more.
    if isinstance(spec.window, Ever) or came_at >= window_edges.kept_from(spec.window, now):
        tick = came_at // _tick_ms(spec)
        at = _find(counter, spec, tick)
        # What comes to 0 is not kept: a sum's other part may have been there.
        if at is not None or isinstance(spec.measure, Sum):
            _put(counter.events, tick if at is None else counter.events[at][0], -amount)


def value(counter: Counter, spec: CounterSpec, now: int) -> int | None:
    """What the counter says at `now`, no earlier than its last event; None: there was no last time. O(entries)."""
    first = _first(counter, spec, now)
    match spec.measure:
        case Count() | Sum():
            return counter.before + sum([amount for _, amount in counter.events[first:]])
        case DistinctDays():
            return counter.before + sum(1 for _ in _last_of_days(counter, spec, first))
        case LastTime():
            return counter.events[-1][0] if first < len(counter.events) else None


def exact(counter: Counter, spec: CounterSpec, now: int) -> bool:
    """Whether `value` is exact; else something may count that left the window less than a PARTS-th of it ago."""
    merges = isinstance(spec.window, Rolling) and isinstance(spec.measure, Count | Sum)
    return not merges or counter.merged < window_edges.begins(spec.window, now)


def next_change(counter: Counter, spec: CounterSpec, now: int) -> int:
    """The moment after `now` up to which `value` cannot change by time alone; NEVER when it will not. At that moment
    something leaves the window: a count and a number of days fall, a last time goes, a sum changes unless what leaves
    comes to 0. O(log entries), for distinct days O(entries of the oldest).
    """
    first = _first(counter, spec, now)
    if first == len(counter.events):
        return NEVER
    match spec.measure:
        case DistinctDays():
            tick = next(_last_of_days(counter, spec, first))
        case LastTime():
            tick = counter.events[-1][0]
        case _:
            tick = counter.events[first][0]
    return window_edges.leaves(spec.window, tick * _tick_ms(spec))


def expire(counter: Counter, spec: CounterSpec, now: int) -> None:
    """Forget what no question at `now` or later can be about."""
    if counter.events and not isinstance(spec.window, Ever):
        del counter.events[: _from(counter, spec, window_edges.kept_from(spec.window, now))]


def counter_mistakes(spec: CounterSpec, place: str, want: int | None = None) -> Iterator[Refusal]:
    """Why a counter cannot be kept, or a condition that compares it with `want` not be judged, exactly."""
    if (entries := entries_max(spec)) > MERGED_EVENTS_MAX:
        wanted = (
            f"of fewer days: {entries} entries may have to be kept of at most window_events_max={WINDOW_EVENTS_MAX}"
        )
        yield must_be("window_events_max", place, wanted)
    counts = isinstance(spec.measure, Count) and isinstance(spec.window, Rolling)
    if want is not None and counts and want > WINDOW_EVENTS_MAX:
        wanted = f"compared with no more than window_events_max={WINDOW_EVENTS_MAX} in a rolling window"
        yield must_be("window_events_max", place, wanted)


def entries_max(spec: CounterSpec) -> int:
    """As far as merging can bring the entries of a counter, however many events come."""
    days = isinstance(spec.measure, DistinctDays)
    match spec.measure, spec.window:
        case LastTime(), _:
            return LAST_TIMES_MAX if spec.net else 1
        case _, Ever():
            return WINDOW_EVENTS_MAX // 2 if days else 0
        case _, Rolling(ms=ms):
            return ms // DAY_MS + 2 if days else PARTS + 1
        case _, Days(n=n, zone=zone):
            return (n + EDGE_DAYS) * _zones(spec, zone)
        case _, Calendar(unit=unit, zone=zone):
            return (LONGEST_DAYS[unit] + EDGE_DAYS) * _zones(spec, zone)


def bytes_max(spec: CounterSpec) -> int:
    """Of one user's counter in MessagePack, however many events come: until they are merged."""
    entries = entries_max(spec)
    if entries and not isinstance(spec.measure, LastTime):
        quarters = DAY_MS // QUARTER_MS if isinstance(spec.window, Days | Calendar) else WINDOW_EVENTS_MAX
        entries = min(entries * quarters, WINDOW_EVENTS_MAX)
    return HEAD_BYTES_MAX + EVENT_BYTES_MAX * entries


def check(counter: Counter, spec: CounterSpec) -> None:
    """Raise AssertionError unless entries are in order, none is empty, and there are no more than there may be."""
    ticks = [tick for tick, _ in counter.events]
    assert all(tick < later for tick, later in pairwise(ticks)), "entries out of order"
    assert all(amount for _, amount in counter.events), "an entry that counts nothing"
    assert isinstance(spec.measure, Sum) or all(amount > 0 for _, amount in counter.events), "a negative number"
    assert len(ticks) <= WINDOW_EVENTS_MAX, f"more than {WINDOW_EVENTS_MAX} entries"
    assert not counter.before or isinstance(spec.window, Ever), "a mere number in a window"


def _put(events: list[tuple[int, int]], tick: int, amount: int) -> None:
    at = bisect_left(events, tick, key=_tick)
    same = at < len(events) and events[at][0] == tick
    together = amount + (events[at][1] if same else 0)
    events[at : at + same] = [(tick, together)] if together else []


def _find(counter: Counter, spec: CounterSpec, tick: int) -> int | None:
    """The entry that stands for an event of `tick`: its own, or the one that it was merged into."""
    at = bisect_left(counter.events, tick, key=_tick)
    if at == len(counter.events):
        return None
    found = counter.events[at][0]
    same = found == tick or (found <= counter.merged and _cell(spec, found) == _cell(spec, tick))
    return at if same else None


def _bound(counter: Counter, spec: CounterSpec) -> None:
    if isinstance(spec.measure, LastTime):
        del counter.events[: -(LAST_TIMES_MAX if spec.net else 1)]
    elif len(counter.events) > WINDOW_EVENTS_MAX:
        _merge(counter, spec)
        if isinstance(spec.window, Ever):
            older = max(0, len(counter.events) - WINDOW_EVENTS_MAX // 2)
            counter.before += older
            del counter.events[:older]
        elif len(counter.events) > MERGED_EVENTS_MAX:  # of a spec that counter_mistakes would not have let pass
            del counter.events[:-MERGED_EVENTS_MAX]


def _merge(counter: Counter, spec: CounterSpec) -> None:
    """Make one entry of those in each cell, at the time of the last."""
    merged: list[tuple[int, int]] = []
    for _, group in groupby(counter.events, key=lambda event: _cell(spec, event[0])):
        entries = list(group)
        if len(entries) > 1:
            counter.merged = entries[-1][0]
        if together := sum([amount for _, amount in entries]):
            merged.append((entries[-1][0], together))
    counter.events = merged


def _cell(spec: CounterSpec, tick: int) -> tuple[int, int]:
    """What entries have in common that are merged."""
    at, window, measure = tick * _tick_ms(spec), spec.window, spec.measure
    counted = calendar(measure.zone).ordinal(at) if isinstance(measure, DistinctDays) else 0
    match window:
        case Rolling():
            return (0 if counted else at // -(-window.ms // PARTS)), counted
        case Days() | Calendar():
            return calendar(window.zone).ordinal(at), counted
        case Ever():
            return 0, counted


def _last_of_days(counter: Counter, spec: CounterSpec, first: int) -> Iterator[int]:
    """The last tick of each day on which something was, from entry `first` on."""
    assert isinstance(spec.measure, DistinctDays)
    zone, tick_ms = calendar(spec.measure.zone), _tick_ms(spec)
    ends, last = 0, None
    for tick, _ in counter.events[first:]:
        if tick * tick_ms >= ends:
            if last is not None:
                yield last
            ends = zone.begins(zone.day(tick * tick_ms) + _DAY)
        last = tick
    if last is not None:
        yield last


def _first(counter: Counter, spec: CounterSpec, now: int) -> int:
    """The index of the first entry that is in the window at `now`."""
    if not counter.events or isinstance(spec.window, Ever):
        return 0
    return _from(counter, spec, window_edges.begins(spec.window, now))


def _from(counter: Counter, spec: CounterSpec, moment: int) -> int:
    """The index of the first entry at `moment` or later."""
    return bisect_left(counter.events, -(-moment // _tick_ms(spec)), key=_tick)


def _tick_ms(spec: CounterSpec) -> int:
    return 1 if isinstance(spec.window, Rolling) or isinstance(spec.measure, LastTime) else QUARTER_MS


def _zones(spec: CounterSpec, zone: str) -> int:
    """In how many zones days are told apart."""
    return 2 if isinstance(spec.measure, DistinctDays) and spec.measure.zone != zone else 1


def _tick(event: tuple[int, int]) -> int:
    return event[0]
