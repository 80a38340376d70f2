"""Windowed counters against the plain list of all events, over weeks in which clocks change and people move."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest

from actors.calendar import Unit
from actors.windows import counters, window_edges
from actors.windows.counters import LAST_TIMES_MAX, MERGED_EVENTS_MAX, PARTS, QUARTER_MS, Counter
from actors.windows.window_edges import NEVER
from actors.windows.window_spec import (
    WINDOW_DAYS_MAX,
    WINDOW_EVENTS_MAX,
    Calendar,
    Count,
    CounterSpec,
    Days,
    DistinctDays,
    Ever,
    LastTime,
    Measure,
    Rolling,
    Sum,
    WindowSpec,
    counter,
)
from tests.window_oracle import PlainEvents, is_in
from tests.zones import DAY, HOUR, ZONES, ms, near_a_change

NOON = ms("2026-03-04T12:00")
UNITS: tuple[Unit, ...] = ("day", "week", "month", "quarter", "year")
BERLIN = "Europe/Berlin"


def _window(random: Random, zone: str) -> WindowSpec:
    return random.choice(
        [
            Rolling(random.choice([1_000, HOUR, 24 * HOUR, 7 * DAY, random.randrange(1_000, 30 * DAY)])),
            Days(random.randint(1, 30), zone),
            Calendar(random.choice(UNITS), zone),
            Ever(),
        ]
    )


def _measure(random: Random, zone: str) -> Measure:
    return random.choice([Count(), Sum("amount"), DistinctDays(zone), LastTime()])


def _moved(spec: CounterSpec, zone: str) -> CounterSpec:
    """The same, asked in another zone."""
    window, measure = spec.window, spec.measure
    if isinstance(window, Days | Calendar):
        window = msgspec.structs.replace(window, zone=zone)
    if isinstance(measure, DistinctDays):
        measure = DistinctDays(zone)
    return msgspec.structs.replace(spec, window=window, measure=measure)


def _pause(random: Random) -> int:
    length = random.choice([1, 1_000, QUARTER_MS, HOUR, 5 * HOUR, DAY, 4 * DAY])
    return random.choice([0, length, random.randrange(length + 1)])


class World:
    """One counter and the plain list, told the same."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        zone = random.choice(ZONES)
        other = random.choice([zone, zone, random.choice(ZONES)])
        net = random.random() < 0.6
        self.spec = counter("purchase", _measure(random, other), _window(random, zone), net=net)
        self.now = near_a_change(random, zone, 12 * DAY)
        self.counter, self.plain = Counter(), PlainEvents()

    def step(self) -> None:
        random = self.random
        self.now += _pause(random)
        match random.randrange(10):
            case 0 | 1 if self.spec.net:
                self._take_back()
            case 2 if self.spec.net or not isinstance(self.spec.measure, LastTime):
                self.spec = _moved(self.spec, random.choice(ZONES))
            case 3:
                self._restart()
            case _:
                self._add()

    def _add(self) -> None:
        amount = self.random.choice([0, -40, 40, 900]) if isinstance(self.spec.measure, Sum) else 1
        counters.add(self.counter, self.spec, self.now, amount)
        self.plain.events.append([self.now, amount])

    def _take_back(self) -> None:
        left = [event for event in self.plain.events if event[1]]
        if left:
            event = self.random.choice(left)
            whole = not isinstance(self.spec.measure, Sum) or self.random.random() < 0.5
            amount = event[1] if whole else self.random.randint(min(0, event[1]), max(0, event[1]))
            counters.take_back(self.counter, self.spec, event[0], self.now, amount)
            event[1] -= amount

    def _restart(self) -> None:
        for codec in (msgspec.msgpack, msgspec.json):
            self.counter = codec.decode(codec.encode(self.counter), type=Counter)

    def compare(self) -> None:
        counters.check(self.counter, self.spec)
        said, wanted = counters.value(self.counter, self.spec, self.now), self.plain.value(self.spec, self.now)
        assert said == wanted, f"{self.spec} at {self.now}: {said}, not {wanted}"
        assert counters.exact(self.counter, self.spec, self.now)
        self._compare_later(said)

    def _compare_later(self, said: int | None) -> None:
        then = counters.next_change(self.counter, self.spec, self.now)
        assert then > self.now
        for at in (
            min(then, self.now + 400 * DAY) - 1,
            self.random.randrange(self.now, min(then, self.now + 400 * DAY)),
        ):
            assert self.plain.value(self.spec, at) == said, f"{self.spec}: it changed by {at}, before {then}"
        if then != NEVER:
            after = self.plain.value(self.spec, then)
            assert after != said or isinstance(self.spec.measure, Sum), f"{self.spec}: nothing changed at {then}"
            assert counters.value(self.counter, self.spec, then) == after


def _run(seed: int, steps: int = 40) -> None:
    world = World(seed)
    for _ in range(steps):
        world.step()
        world.compare()


@pytest.mark.parametrize("part", range(2))
def test_a_counter_says_what_the_plain_list_says_whatever_is_taken_back_and_whoever_moves(part: int) -> None:
    for seed in range(part * 200, part * 200 + 200):
        _run(seed)


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_a_counter_says_what_the_plain_list_says_in_many_worlds(part: int) -> None:
    for seed in range(10_000 + part * 2_000, 12_000 + part * 2_000):
        _run(seed, 60)


@pytest.mark.parametrize("zone", ZONES)
def test_an_event_is_in_a_window_exactly_from_its_begin_to_its_leaving(zone: str) -> None:
    random = Random(zone)
    for _ in range(400):
        window, at = _window(random, zone), near_a_change(random, zone, 3 * DAY)
        leaves = window_edges.leaves(window, at)
        for now in (at, min(leaves, at + 400 * DAY) - 1, min(leaves, at + 400 * DAY), at + _pause(random)):
            assert (now < leaves) == (window_edges.begins(window, now) <= at) == is_in(window, at, now)


def test_what_is_kept_reaches_as_far_back_as_the_same_window_of_any_zone() -> None:
    random = Random(7)
    for _ in range(2_000):
        zone, other = random.choice(ZONES), random.choice([*ZONES, "Etc/GMT+12", "Pacific/Kiritimati"])
        now, seed = near_a_change(random, zone, 40 * DAY), random.random()
        window, elsewhere = _window(Random(seed), zone), _window(Random(seed), other)
        later = now + _pause(random)
        assert window_edges.kept_from(window, now) <= window_edges.begins(elsewhere, later)


def test_since_1980_every_day_of_every_zone_begins_on_a_quarter_of_an_hour() -> None:
    for name in available_timezones():
        zone = ZoneInfo(name)
        for year in range(1980, 2038):
            for month in (1, 7):
                offset = datetime(year, month, 1, tzinfo=UTC).astimezone(zone).utcoffset()
                assert offset is not None and offset.total_seconds() * 1000 % QUARTER_MS == 0, (name, year)


def test_an_event_stops_counting_when_it_is_as_old_as_the_rolling_window_to_the_millisecond() -> None:
    spec, kept = counter("view", Count(), Rolling(HOUR)), Counter()
    counters.add(kept, spec, NOON)
    counters.add(kept, spec, NOON + 1)
    assert [counters.value(kept, spec, NOON + HOUR + n) for n in (-1, 0, 1)] == [2, 1, 0]
    assert counters.next_change(kept, spec, NOON + 1) == NOON + HOUR


def test_a_refund_takes_its_value_out_of_the_moment_at_which_its_order_came() -> None:
    spec, kept = counter("purchase", Sum("amount"), Rolling(30 * DAY), net=True), Counter()
    counters.add(kept, spec, NOON, 60_000)
    counters.add(kept, spec, NOON + 10 * DAY, 50_000)
    counters.take_back(kept, spec, NOON, NOON + 20 * DAY, 20_000)
    assert counters.value(kept, spec, NOON + 20 * DAY) == 90_000
    assert counters.value(kept, spec, NOON + 30 * DAY) == 50_000
    counters.take_back(kept, spec, NOON, NOON + 31 * DAY, 40_000)
    assert counters.value(kept, spec, NOON + 31 * DAY) == 50_000


def test_what_came_to_nothing_in_its_quarter_of_an_hour_can_still_be_taken_back_in_part() -> None:
    spec, kept = counter("purchase", Sum("amount"), Days(7, BERLIN), net=True), Counter()
    counters.add(kept, spec, NOON, 500)
    counters.add(kept, spec, NOON + 1, -500)
    counters.take_back(kept, spec, NOON, NOON + DAY, 200)
    assert counters.value(kept, spec, NOON + DAY) == -200


def test_a_last_time_that_is_taken_back_uncovers_the_one_before_as_far_as_they_are_kept() -> None:
    spec, kept = counter("purchase", LastTime(), Ever(), net=True), Counter()
    for n in range(LAST_TIMES_MAX + 5):
        counters.add(kept, spec, NOON + n)
    for n in reversed(range(5, LAST_TIMES_MAX + 5)):
        assert counters.value(kept, spec, NOON + DAY) == NOON + n
        counters.take_back(kept, spec, NOON + n, NOON + DAY)
    assert counters.value(kept, spec, NOON + DAY) is None


def test_a_last_time_that_is_not_net_is_one_entry() -> None:
    spec, kept = counter("view", LastTime(), Ever()), Counter()
    for n in range(50):
        counters.add(kept, spec, NOON + n)
    assert kept.events == [(NOON + 49, 1)]


def test_who_flies_west_on_the_first_gets_the_old_month_back() -> None:
    shanghai = counter("purchase", Count(), Calendar("month", "Asia/Shanghai"))
    york, kept = _moved(shanghai, "America/New_York"), Counter()
    for text in ("2026-03-02T12:00", "2026-03-15T12:00", "2026-03-31T17:00"):
        counters.add(kept, shanghai, ms(text))
    now = ms("2026-04-01T02:00")
    assert (counters.value(kept, shanghai, now), counters.value(kept, york, now)) == (1, 3)


@pytest.mark.parametrize(
    ("window", "measure"),
    [
        (Days(30, BERLIN), Count()),
        (Days(30, BERLIN), Sum("amount")),
        (Days(14, BERLIN), DistinctDays(BERLIN)),
        (Days(14, BERLIN), DistinctDays("America/New_York")),
        (Calendar("month", BERLIN), Sum("amount")),
        (Calendar("week", BERLIN), DistinctDays(BERLIN)),
        (Rolling(30 * DAY), DistinctDays(BERLIN)),
        (Ever(), Count()),
    ],
)  # fmt: skip
def test_beyond_the_bound_counters_of_days_stay_exact(
    window: WindowSpec, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "WINDOW_EVENTS_MAX", 80)
    monkeypatch.setattr(counters, "MERGED_EVENTS_MAX", 70)
    spec = counter("view", measure, window)
    assert not list(counters.counter_mistakes(spec, "if"))
    for seed in range(3):
        random, kept, plain = Random(seed), Counter(), PlainEvents()
        now, most = near_a_change(random, BERLIN, 20 * DAY), 0
        for _ in range(400):
            now += random.randrange(3 * HOUR)
            amount = random.randint(1, 9) if isinstance(measure, Sum) else 1
            counters.add(kept, spec, now, amount)
            plain.events.append([now, amount])
            most = max(most, len(kept.events))
            counters.check(kept, spec)
            if random.random() < 0.1:
                at = now + _pause(random)
                assert counters.value(kept, spec, at) == plain.value(spec, at)
        assert most == (0 if isinstance(window, Ever) else 80)


@pytest.mark.parametrize("measure", [Count(), Sum("amount")])
def test_beyond_the_bound_a_rolling_counter_lets_go_too_late_by_less_than_a_part_and_never_too_early(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "WINDOW_EVENTS_MAX", 40)
    monkeypatch.setattr(counters, "PARTS", 16)
    inexact = 0
    for seed in range(8):
        random, kept, plain = Random(seed), Counter(), PlainEvents()
        length = random.choice([HOUR, DAY, 7 * DAY, random.randrange(10_000, DAY)])
        spec, longer = (counter("view", measure, Rolling(more)) for more in (length, length + -(-length // 16) - 1))
        now = NOON
        for _ in range(300):
            now += random.choice([0, length // 400, length // 40, random.randrange(length // 80)])
            if random.random() < 0.2 and (back := [event for event in plain.within(spec.window, now) if event[1]]):
                event = random.choice(back)
                counters.take_back(kept, spec, event[0], now, event[1])
                event[1] = 0
                # What has left the window can't be taken back any more, whoever tries.
                for at, amount in plain.within(longer.window, now):
                    if amount and at <= now - length:
                        counters.take_back(kept, spec, at, now, amount)
            else:
                amount = random.randint(1, 9) if isinstance(measure, Sum) else 1
                counters.add(kept, spec, now, amount)
                plain.events.append([now, amount])
            counters.check(kept, spec)
            said, least, most = counters.value(kept, spec, now), plain.value(spec, now), plain.value(longer, now)
            assert said is not None and least is not None and most is not None
            assert least <= said <= most
            assert said == least or not counters.exact(kept, spec, now)
            inexact += said != least
        assert counters.exact(kept, spec, now + 2 * length)
    assert inexact > 20


def test_distinct_days_for_ever_become_a_number_when_there_are_too_many() -> None:
    spec, kept = counter("sign_in", DistinctDays(BERLIN), Ever()), Counter()
    days = WINDOW_EVENTS_MAX + 700
    for day in range(days):
        for hour in (0, 9):
            counters.add(kept, spec, NOON + day * DAY + hour * HOUR)
    counters.check(kept, spec)
    assert counters.value(kept, spec, NOON + days * DAY) == days
    assert kept.before >= WINDOW_EVENTS_MAX // 2
    counters.take_back(kept, spec, NOON, NOON + days * DAY)
    counters.take_back(kept, spec, NOON + (days - 1) * DAY, NOON + days * DAY)
    counters.take_back(kept, spec, NOON + (days - 1) * DAY + 9 * HOUR, NOON + days * DAY)
    assert counters.value(kept, spec, NOON + days * DAY) == days - 1


@pytest.mark.parametrize(
    ("spec", "step"),
    [
        (counter("view", Count(), Rolling(30 * DAY)), 60_000),
        (counter("view", Sum("amount"), Rolling(WINDOW_DAYS_MAX * DAY)), DAY // 3),
        (counter("view", DistinctDays(BERLIN), Rolling(WINDOW_DAYS_MAX * DAY)), DAY // 3),
        (counter("view", Count(), Days(WINDOW_DAYS_MAX, BERLIN)), DAY // 3),
        (counter("view", DistinctDays("Asia/Shanghai"), Calendar("year", BERLIN)), HOUR),
        (counter("view", DistinctDays(BERLIN), Ever()), DAY // 3),
    ],
)  # fmt: skip
def test_the_bound_is_reached_and_kept_and_bytes_with_it(spec: CounterSpec, step: int) -> None:
    assert not list(counters.counter_mistakes(spec, "if"))
    kept, most, largest = Counter(), 0, 0
    for n in range(3 * WINDOW_EVENTS_MAX):
        counters.add(kept, spec, NOON + n * step, 10**15 if isinstance(spec.measure, Sum) else 1)
        if len(kept.events) > most:
            most, largest = len(kept.events), len(msgspec.msgpack.encode(kept))
    counters.check(kept, spec)
    assert most == WINDOW_EVENTS_MAX
    assert largest <= counters.bytes_max(spec)


def test_a_spec_that_nobody_checked_keeps_the_bound_and_forgets_its_oldest_days() -> None:
    spec, kept = counter("view", DistinctDays("Asia/Shanghai"), Days(WINDOW_DAYS_MAX, BERLIN)), Counter()
    assert [no.code for no in counters.counter_mistakes(spec, "if")] == ["window_events_max"]
    for n in range(WINDOW_EVENTS_MAX + 400):
        counters.add(kept, spec, NOON + n * 12 * HOUR)
        counters.check(kept, spec)
    now = NOON + n * 12 * HOUR
    value = counters.value(kept, spec, now)
    assert value is not None and MERGED_EVENTS_MAX // 2 <= value < WINDOW_DAYS_MAX


def test_what_cannot_be_judged_exactly_is_said_at_check_time_with_the_limit() -> None:
    rolling = counter("view", Count(), Rolling(DAY))
    (no,) = counters.counter_mistakes(rolling, "if.count", WINDOW_EVENTS_MAX + 1)
    assert (no.code, no.field) == ("window_events_max", "if.count")
    assert f"window_events_max={WINDOW_EVENTS_MAX}" in no.message
    assert not list(counters.counter_mistakes(rolling, "if.count", WINDOW_EVENTS_MAX))
    assert not list(counters.counter_mistakes(counter("view", Count(), Days(1, BERLIN)), "if.count", 10**6))
    two_zones = DistinctDays("Asia/Shanghai")
    assert not list(counters.counter_mistakes(counter("view", two_zones, Days(546, BERLIN)), "if"))
    (no,) = counters.counter_mistakes(counter("view", two_zones, Days(547, BERLIN)), "if")
    assert "1102 entries" in no.message


def test_until_the_bound_a_rolling_counter_is_exact() -> None:
    spec, kept = counter("view", Count(), Rolling(DAY)), Counter()
    for n in range(WINDOW_EVENTS_MAX):
        counters.add(kept, spec, NOON + n)
    assert counters.exact(kept, spec, NOON + WINDOW_EVENTS_MAX)
    counters.add(kept, spec, NOON + WINDOW_EVENTS_MAX)
    assert not counters.exact(kept, spec, NOON + WINDOW_EVENTS_MAX)
    assert counters.value(kept, spec, NOON + WINDOW_EVENTS_MAX) == WINDOW_EVENTS_MAX + 1
    assert len(kept.events) <= PARTS + 1


def test_bytes_per_user() -> None:
    """Prints (`-s`) how many bytes the counter of one user takes with so many events, one every seven hours."""
    specs = {
        "count, rolling 30 d": counter("view", Count(), Rolling(30 * DAY)),
        "sum, rolling 30 d": counter("purchase", Sum("amount"), Rolling(30 * DAY), net=True),
        "count, 30 days": counter("view", Count(), Days(30, BERLIN)),
        "distinct days, 30 days": counter("sign_in", DistinctDays(BERLIN), Days(30, BERLIN)),
        "sum, calendar month": counter("purchase", Sum("amount"), Calendar("month", BERLIN), net=True),
        "last time": counter("purchase", LastTime(), Ever()),
        "sum, ever": counter("purchase", Sum("amount"), Ever(), net=True),
    }
    print(f"\n{'bytes with events':26}" + "".join(f"{events:>8}" for events in (0, 1, 10, 100)))
    for name, spec in specs.items():
        sizes = [_bytes(spec, events) for events in (0, 1, 10, 100)]
        print(f"{name:26}" + "".join(f"{size:>8}" for size in sizes))
        assert sizes[0] == 4
        assert sizes[1] <= 22
        assert sizes[2] <= 4 + 10 * 16
        assert max(sizes) <= counters.bytes_max(spec)


def _bytes(spec: CounterSpec, events: int) -> int:
    kept, begin = Counter(), ms("2026-03-02T12:00")
    for n in range(events):
        counters.add(kept, spec, begin + n * 7 * HOUR, 25_900 if isinstance(spec.measure, Sum) else 1)
    return len(msgspec.msgpack.encode(kept))
