"""Tiers: reached at once, lost at the end, and the same whoever looks how often."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.points import tiers
from actors.points.days import Days, Period
from actors.points.rules import Level, Tiers
from actors.points.state import Tier
from actors.points.tiers import GRACE_DAYS_MAX, ROLLING_DAYS_MAX, SUMS_MAX, TierEvent, UnknownLevel
from tests.calendar_days import DAY, HOUR, UtcDays, ZoneDays, ms, ordinal

UTC_DAYS = UtcDays()
BERLIN = ZoneDays("Europe/Berlin")
LEVELS = (Level("silver", 100), Level("gold", 300), Level("platinum", 1_000))
YEAR = Tiers(LEVELS)
GRACE = Tiers(LEVELS, grace_days=31)
ROLLING = Tiers(LEVELS, window="days", n=30)


def counted(rules: Tiers, *amounts: tuple[str, int], days: Days = UTC_DAYS) -> Tier:
    tier = Tier()
    for at, amount in amounts:
        tiers.count(tier, rules, days, amount, ms(at))
        tiers.check(tier)
    return tier


def settled(tier: Tier, rules: Tiers, at: str, days: Days = UTC_DAYS) -> list[TierEvent]:
    events = tiers.settle(tier, rules, days, ms(at))
    tiers.check(tier)
    return events


def test_a_level_is_reached_at_once_and_several_in_one_go() -> None:
    tier = Tier()
    at = ms("2026-03-04T12:00")
    assert tiers.count(tier, YEAR, UTC_DAYS, 99, at) == []
    assert tiers.count(tier, YEAR, UTC_DAYS, 1, at + 1) == [TierEvent("upgraded", "", "silver", at + 1)]
    assert tiers.count(tier, YEAR, UTC_DAYS, 900, at + 2) == [TierEvent("upgraded", "silver", "platinum", at + 2)]


def test_a_level_holds_through_the_period_after_the_one_that_supports_it_and_then_that_one_decides() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350), ("2027-06-01T12:00", 120))
    assert settled(tier, YEAR, "2027-12-24T23:59:59.999") == []
    assert settled(tier, YEAR, "2027-12-25T00:00") == [
        TierEvent("will_drop", "gold", "silver", ms("2027-12-25"), ms("2028-01-01"))
    ]
    assert settled(tier, YEAR, "2027-12-31T23:59:59.999") == []
    assert settled(tier, YEAR, "2028-01-01T00:00") == [TierEvent("dropped", "gold", "silver", ms("2028-01-01"))]
    assert tier.drop_at == ms("2029-01-01")


def test_a_level_is_kept_by_a_period_that_comes_to_it_again_and_no_loss_is_announced() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350), ("2027-06-01T12:00", 299))
    assert tier.drop_at == ms("2028-01-01")
    assert tiers.count(tier, YEAR, UTC_DAYS, 1, ms("2027-12-20T12:00")) == []
    assert tier.drop_at == ms("2029-01-01")
    assert settled(tier, YEAR, "2028-06-01T00:00") == []


def test_within_the_grace_a_level_can_be_regained() -> None:
    tier = counted(GRACE, ("2026-03-04T12:00", 350))
    assert [event.kind for event in settled(tier, GRACE, "2028-01-31T12:00")] == ["will_drop"]
    assert tier.drop_at == ms("2028-02-01")
    assert tiers.count(tier, GRACE, UTC_DAYS, 300, ms("2028-01-31T23:00")) == []
    assert settled(tier, GRACE, "2029-12-01T00:00") == []
    assert tier.level == "gold"


def test_after_the_grace_the_higher_of_the_period_just_ended_and_the_present_one_decides() -> None:
    tier = counted(GRACE, ("2026-03-04T12:00", 1_000), ("2027-06-01T12:00", 120), ("2028-01-10T12:00", 310))
    dropped = [event for event in settled(tier, GRACE, "2028-02-01T00:00") if event.kind == "dropped"]
    assert dropped == [TierEvent("dropped", "platinum", "gold", ms("2028-02-01"))]
    assert tier.drop_at == ms("2030-02-01")


def test_a_rolling_level_falls_with_the_sum_of_whole_days() -> None:
    tier = counted(ROLLING, ("2026-03-04T23:00", 60), ("2026-03-10T01:00", 60))
    assert tier.drop_at == ms("2026-04-03")
    assert settled(tier, ROLLING, "2026-04-10T00:00") == [
        TierEvent("will_drop", "silver", "", ms("2026-03-27"), ms("2026-04-03")),
        TierEvent("dropped", "silver", "", ms("2026-04-03")),
    ]


def test_a_rolling_level_has_its_grace_and_drops_to_what_the_sum_then_supports() -> None:
    rules = Tiers(LEVELS, window="days", n=30, grace_days=10, notice_days=0)
    tier = counted(rules, ("2026-03-01T12:00", 300), ("2026-04-05T12:00", 150))
    assert tier.level == "gold" and tier.drop_at == ms("2026-04-10")
    assert settled(tier, rules, "2026-04-10T00:00") == [TierEvent("dropped", "gold", "silver", ms("2026-04-10"))]
    assert tier.drop_at == ms("2026-05-15")


def test_a_refund_is_taken_out_of_the_period_of_its_order_and_no_level_is_lost_before_that_ends() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350))
    refunded = ms("2026-12-28T12:00")
    assert tiers.uncount(tier, YEAR, UTC_DAYS, 350, ms("2026-03-04T12:00"), refunded) == [
        TierEvent("will_drop", "gold", "", refunded, ms("2027-01-01"))
    ]
    assert settled(tier, YEAR, "2027-01-01T00:00") == [TierEvent("dropped", "gold", "", ms("2027-01-01"))]


def test_a_refund_in_a_later_period_has_that_period_judged_again() -> None:
    tier = counted(YEAR, ("2026-12-30T12:00", 350), ("2027-01-02T12:00", 10))
    refunded = ms("2027-01-05T12:00")
    assert tiers.uncount(tier, YEAR, UTC_DAYS, 200, ms("2026-12-30T12:00"), refunded) == [
        TierEvent("dropped", "gold", "silver", refunded)
    ]


def test_a_refund_takes_a_rolling_level_with_the_sum() -> None:
    tier = counted(ROLLING, ("2026-03-04T12:00", 350), ("2026-03-05T12:00", 50))
    refunded = ms("2026-03-06T12:00")
    assert tiers.uncount(tier, ROLLING, UTC_DAYS, 300, ms("2026-03-04T12:00"), refunded) == [
        TierEvent("dropped", "gold", "silver", refunded)
    ]
    assert tier.sums == [(ordinal("2026-03-04"), 50), (ordinal("2026-03-05"), 50)]


@pytest.mark.parametrize("rules", [YEAR, ROLLING])
def test_a_refund_of_what_never_counted_or_is_forgotten_changes_nothing(rules: Tiers) -> None:
    tier = counted(rules, ("2023-03-04T12:00", 350), ("2026-03-04T12:00", 350))
    before = msgspec.msgpack.encode(tier)
    for ordered in ("2023-03-04T12:00", "2025-03-03T12:00", "2026-03-20T12:00")[: 3 if rules is ROLLING else 2]:
        assert tiers.uncount(tier, rules, UTC_DAYS, 350, ms(ordered), ms("2026-03-20T12:00")) == []
        assert msgspec.msgpack.encode(tier) == before


def test_a_loss_is_announced_once_and_again_only_when_it_has_moved() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350))
    ordered, refunded = ms("2027-12-26T12:00"), ms("2027-12-27T12:00")
    assert [event.kind for event in settled(tier, YEAR, "2027-12-26T00:00")] == ["will_drop"]
    assert tiers.count(tier, YEAR, UTC_DAYS, 300, ordered) == []
    assert tiers.uncount(tier, YEAR, UTC_DAYS, 300, ordered, refunded) == []
    assert tier.drop_at == ms("2028-01-01")


def test_rolling_sums_that_lie_exactly_the_window_apart_never_meet() -> None:
    tier = counted(ROLLING, ("2026-03-04T12:00", 60), ("2026-04-03T12:00", 60))
    assert tier.level == ""
    rules = Tiers(LEVELS, window="days", n=30, grace_days=5)
    tier = counted(rules, ("2026-03-04T12:00", 100), ("2026-04-03T12:00", 60))
    assert tier.drop_at == ms("2026-04-08")
    tier = counted(rules, ("2026-03-04T12:00", 100), ("2026-03-05T12:00", 40), ("2026-04-03T12:00", 60))
    assert tier.drop_at == ms("2026-04-09")


def test_the_grace_of_a_level_whose_goods_went_back_begins_when_it_was_reached() -> None:
    rules = Tiers(LEVELS, window="days", n=2, grace_days=10, notice_days=0)
    tier = counted(rules, ("2026-03-01T12:00", 100), ("2026-03-20T12:00", 300))
    assert tier.level == "gold"
    tiers.uncount(tier, rules, UTC_DAYS, 300, ms("2026-03-20T12:00"), ms("2026-03-21T12:00"))
    assert tier.level == "gold" and tier.drop_at == ms("2026-03-30")


def test_a_level_that_was_both_reached_and_granted_is_lost_with_the_later_of_the_two() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350))
    at, until = ms("2026-04-01T12:00"), ms("2028-07-01T12:00")
    assert tiers.grant(tier, YEAR, UTC_DAYS, "gold", until, at) == []
    assert tiers.shown(tier, YEAR, UTC_DAYS, at).drop_at == until
    assert settled(tier, YEAR, "2028-07-02") == [
        TierEvent("will_drop", "gold", "", ms("2028-06-24"), until),
        TierEvent("dropped", "gold", "", until),
    ]


def test_a_granted_level_is_a_floor_until_its_end() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 100))
    at, until = ms("2026-04-01T12:00"), ms("2026-07-01T12:00")
    assert tiers.grant(tier, YEAR, UTC_DAYS, "gold", until, at) == [TierEvent("upgraded", "silver", "gold", at)]
    assert tiers.count(tier, YEAR, UTC_DAYS, 50, at + 1) == []
    assert tiers.next_due(tier, YEAR, UTC_DAYS) == ms("2026-06-24")
    assert settled(tier, YEAR, "2026-07-01T12:00") == [
        TierEvent("will_drop", "gold", "silver", ms("2026-06-24"), until),
        TierEvent("dropped", "gold", "silver", until),
    ]


def test_who_earns_more_than_the_floor_has_that_and_falls_back_on_the_floor() -> None:
    tier = Tier()
    tiers.grant(tier, YEAR, UTC_DAYS, "silver", None, ms("2026-01-01"))
    at = ms("2026-03-04T12:00")
    assert tiers.count(tier, YEAR, UTC_DAYS, 350, at) == [TierEvent("upgraded", "silver", "gold", at)]
    assert settled(tier, YEAR, "2040-01-01") == [
        TierEvent("will_drop", "gold", "silver", ms("2027-12-25"), ms("2028-01-01")),
        TierEvent("dropped", "gold", "silver", ms("2028-01-01")),
    ]
    assert tiers.next_due(tier, YEAR, UTC_DAYS) == 0


def test_a_grant_replaces_the_one_before_and_can_be_taken_back() -> None:
    tier, at = Tier(), ms("2026-01-01")
    tiers.grant(tier, YEAR, UTC_DAYS, "platinum", None, at)
    assert tiers.grant(tier, YEAR, UTC_DAYS, "gold", None, at) == [TierEvent("dropped", "platinum", "gold", at)]
    assert tiers.grant(tier, YEAR, UTC_DAYS, "", None, at) == [TierEvent("dropped", "gold", "", at)]
    assert tiers.grant(tier, YEAR, UTC_DAYS, "gold", at, at) == []
    assert tiers.grant(tier, YEAR, UTC_DAYS, "golden", None, at) == UnknownLevel("golden")
    assert tier == Tier(by="points")


def test_the_level_that_needs_nothing_is_everybodys_and_nobody_is_told() -> None:
    rules = Tiers((Level("bronze", 0), *LEVELS))
    assert tiers.holds(Tier(), rules) == "bronze"
    tier, at = Tier(), ms("2026-03-04T12:00")
    assert tiers.count(tier, rules, UTC_DAYS, 10, at) == []
    assert tiers.count(tier, rules, UTC_DAYS, 90, at) == [TierEvent("upgraded", "bronze", "silver", at)]
    assert settled(tier, rules, "2029-01-01")[-1] == TierEvent("dropped", "silver", "bronze", ms("2028-01-01"))
    assert tiers.next_due(tier, rules, UTC_DAYS) == 0


def test_a_period_ends_at_midnight_where_the_programme_lives() -> None:
    rules = Tiers(LEVELS, window="month", notice_days=0)
    tier = counted(rules, ("2026-02-28T23:30", 100), days=BERLIN)  # the first of March in Berlin
    assert settled(tier, rules, "2026-04-30T21:59:59.999", BERLIN) == []
    assert settled(tier, rules, "2026-04-30T22:00", BERLIN) == [
        TierEvent("dropped", "silver", "", ms("2026-04-30T22:00"))
    ]


@pytest.mark.parametrize(
    ("window", "ends"), [("month", "2024-04-01"), ("quarter", "2024-07-01"), ("year", "2026-01-01")]
)
def test_what_was_reached_on_the_29th_of_february_ends_with_the_period_after(window: Any, ends: str) -> None:
    tier = counted(Tiers(LEVELS, window=window), ("2024-02-29T12:00", 100))
    assert tier.drop_at == ms(ends)


def test_a_level_the_programme_no_longer_has_becomes_the_highest_that_the_sum_supports() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350))
    renamed = Tiers((Level("basic", 50), Level("golden", 300)))
    assert settled(tier, renamed, "2026-04-01") == []
    assert tiers.holds(tier, renamed) == "golden" and tier.since == ms("2026-04-01")


def test_a_floor_the_programme_no_longer_has_is_gone() -> None:
    tier = Tier()
    tiers.grant(tier, YEAR, UTC_DAYS, "gold", None, ms("2026-01-01"))
    assert settled(tier, Tiers((Level("basic", 50),)), "2026-04-01") == []
    assert tier == Tier(by="points")


def test_a_new_programme_takes_no_level_earlier_than_the_old_one_foresaw() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350))
    dearer = Tiers((Level("silver", 100), Level("gold", 5_000)), window="month")
    assert settled(tier, dearer, "2027-12-24") == []
    assert settled(tier, dearer, "2028-01-01")[-1] == TierEvent("dropped", "gold", "", ms("2028-01-01"))


def test_a_new_programme_that_asks_for_less_gives_the_higher_level_at_once() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 250))
    cheaper = Tiers((Level("silver", 100), Level("gold", 200)))
    at = ms("2026-04-01")
    assert settled(tier, cheaper, "2026-04-01") == [TierEvent("upgraded", "silver", "gold", at)]


def test_points_are_never_added_to_money() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 299))
    money = Tiers(LEVELS, by="money")
    assert tiers.count(tier, money, UTC_DAYS, 99, ms("2026-04-01")) == []
    assert tier.sums == [(ordinal("2026-01-01"), 99)] and tier.level == "silver"


def test_a_programme_without_levels_keeps_nothing() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 299))
    assert tiers.count(tier, Tiers(), UTC_DAYS, 99, ms("2026-04-01")) == []
    assert tier == Tier(by="points")
    assert tiers.uncount(tier, Tiers(), UTC_DAYS, 99, ms("2026-04-01"), ms("2026-04-01")) == []


def test_what_is_shown_is_as_of_the_moment_and_changes_nothing() -> None:
    tier = counted(YEAR, ("2026-03-04T12:00", 350), ("2027-06-01T12:00", 120))
    before = msgspec.msgpack.encode(tier)
    shown = tiers.shown(tier, YEAR, UTC_DAYS, ms("2027-07-01"))
    assert shown == tiers.Shown("gold", 120, "platinum", 880, ms("2028-01-01"), "", 0)
    later = tiers.shown(tier, YEAR, UTC_DAYS, ms("2028-01-01"))
    assert later == tiers.Shown("silver", 0, "gold", 300, ms("2029-01-01"), "", 0)
    assert msgspec.msgpack.encode(tier) == before


@pytest.mark.parametrize("window", ["days", "month"])
def test_the_longest_window_and_grace_take_no_more_sums_than_there_may_be(window: Any) -> None:
    rules = Tiers((Level("silver", 10**9),), window=window, n=ROLLING_DAYS_MAX, grace_days=GRACE_DAYS_MAX)
    tier, most = Tier(), 0
    for day in range(SUMS_MAX + 40):
        tiers.count(tier, rules, UTC_DAYS, 1, ms("2026-01-01T12:00") + day * DAY)
        most = max(most, len(tier.sums))
    tiers.check(tier)
    assert most == (SUMS_MAX if window == "days" else 15)


RULES = st.builds(
    Tiers,
    st.lists(st.integers(0, 60), min_size=1, max_size=3, unique=True).map(
        lambda needs: tuple(Level(f"l{i}", at) for i, at in enumerate(sorted(needs)))
    ),
    st.just("points"),
    st.sampled_from(["month", "quarter", "days"]),
    st.integers(1, 40),
    st.one_of(st.just(0), st.integers(1, 50)),
    st.integers(0, 40),
)
ORDERS = st.lists(
    st.tuples(st.one_of(st.integers(0, 2 * HOUR), st.integers(0, 50 * DAY)), st.integers(1, 50), st.booleans()),
    max_size=14,
)
CALENDARS = st.sampled_from([UTC_DAYS, BERLIN])
BEGIN = ms("2026-02-10T09:30")
MANY = settings(max_examples=300, deadline=None)


class Plain:
    """The rules of tiers, day by day over plain lists: every day of the grace is looked at, nothing is foreseen."""

    def __init__(self, rules: Tiers, days: Days) -> None:
        self.rules, self.days = rules, days
        self.orders: list[list[int]] = []
        self.rank = self.everybody = 0 if rules.levels[0].at == 0 else -1
        self.since = 0
        self.today = days.day(BEGIN)
        self.told: list[tuple[str, str, str, int]] = []

    def go_to(self, at: int) -> None:
        while self.today < self.days.day(at):
            self.today += 1
            self._lose(self.days.start_of(self.today))

    def order(self, amount: int, at: int) -> None:
        self.go_to(at)
        self.orders.append([self.today, amount])
        if self._supported() > self.rank:
            self._become(self._supported(), at)

    def refund(self, number: int, amount: int, at: int) -> None:
        self.go_to(at)
        self.orders[number][1] -= amount
        self._lose(at)

    def _lose(self, at: int) -> None:
        grace = range(self.today - self.rules.grace_days, self.today + 1)
        if self.rank > self.everybody and not any(self._backed(day) for day in grace):
            self._become(self._supported(), at)

    def _become(self, rank: int, at: int) -> None:
        name = {-1: ""} | {rank: level.id for rank, level in enumerate(self.rules.levels)}
        self.told.append(("upgraded" if rank > self.rank else "dropped", name[self.rank], name[rank], at))
        self.rank, self.since = rank, self.today

    def _backed(self, day: int) -> bool:
        if day < self.since:
            return True
        if self.rules.window != "days" and self._period(day) == self._period(self.since):
            return True
        return max(self._sums(day)) >= self.rules.levels[self.rank].at

    def _supported(self) -> int:
        return max(
            (rank for rank, level in enumerate(self.rules.levels) if max(self._sums(self.today)) >= level.at),
            default=-1,
        )

    def _sums(self, day: int) -> list[int]:
        """The sums that speak for a level on `day`."""
        if self.rules.window == "days":
            return [sum(amount for ordered, amount in self.orders if day - self.rules.n < ordered <= day)]
        periods = [self._period(day), self._period(self._period(day) - 1)]
        return [sum(amount for ordered, amount in self.orders if self._period(ordered) == one) for one in periods]

    def _period(self, day: int) -> int:
        per: Period = "month" if self.rules.window == "month" else "quarter"
        return self.days.first_day(day, per)


@MANY
@given(RULES, ORDERS, CALENDARS)
def test_levels_are_as_the_rules_say_when_walked_day_by_day(
    rules: Tiers, steps: list[tuple[int, int, bool]], days: Days
) -> None:
    tier, plain, at, told = Tier(), Plain(rules, days), BEGIN, list[TierEvent]()
    ordered = list[int]()
    for pause, amount, refund in [*steps, (150 * DAY, 1, False)]:
        at += pause
        if refund and ordered:
            number = amount % len(ordered)
            part = min(amount, plain.orders[number][1])
            plain.refund(number, part, at)
            told += tiers.uncount(tier, rules, days, part, ordered[number], at)
        else:
            plain.order(amount, at)
            ordered.append(at)
            told += tiers.count(tier, rules, days, amount, at)
        tiers.check(tier)
        assert tiers.holds(tier, rules) == (rules.levels[plain.rank].id if plain.rank >= 0 else "")
    assert [(e.kind, e.before, e.after, e.at) for e in told if e.kind != "will_drop"] == plain.told


Step = tuple[int, int, bool]


def took_place(tier: Tier, rules: Tiers, days: Days, step: Step, at: int) -> list[TierEvent]:
    """A refund of something long ago, a grant for some days, or an order."""
    _, amount, refund = step
    if refund and amount % 2:
        return tiers.uncount(tier, rules, days, amount, at - amount * DAY, at)
    if refund:
        granted = tiers.grant(tier, rules, days, rules.levels[-1].id, at + amount * 30 * HOUR, at)
        assert isinstance(granted, list)
        return granted
    return tiers.count(tier, rules, days, amount, at)


@MANY
@given(RULES, ORDERS, CALENDARS, st.integers(20, 40 * 24))
def test_who_looks_all_the_time_or_once_at_the_end_hears_the_same(
    rules: Tiers, steps: list[Step], days: Days, every: int
) -> None:
    seldom, often = Tier(), Tier()
    said_seldom, said_often = list[TierEvent](), list[TierEvent]()
    looked = at = BEGIN
    for step in [*steps, (200 * DAY, 0, False)]:
        at += step[0]
        while looked < at:
            said_often += tiers.settle(often, rules, days, looked)
            looked += every * HOUR
        said_often += took_place(often, rules, days, step, at)
        said_seldom += took_place(seldom, rules, days, step, at)
        tiers.check(often)
    assert said_seldom == said_often
    assert seldom == often
    assert [event.at for event in said_often] == sorted(event.at for event in said_often)
    again = copy.deepcopy(often)
    assert tiers.settle(again, rules, days, at) == [] and again == often


def test_who_looks_every_hour_for_two_years_hears_what_who_looks_once_hears() -> None:
    rules = Tiers(LEVELS, window="quarter", grace_days=20)
    seldom, often, said = Tier(), Tier(), list[TierEvent]()
    for tier in (seldom, often):
        tiers.count(tier, rules, UTC_DAYS, 350, BEGIN)
        tiers.count(tier, rules, UTC_DAYS, 150, BEGIN + 80 * DAY)
    for hour in range(2 * 365 * 24):
        said += tiers.settle(often, rules, UTC_DAYS, BEGIN + 80 * DAY + hour * HOUR)
    assert said == tiers.settle(seldom, rules, UTC_DAYS, BEGIN + (80 + 2 * 365) * DAY)
    assert [(event.kind, event.before, event.after) for event in said] == [
        ("will_drop", "gold", "silver"), ("dropped", "gold", "silver"),
        ("will_drop", "silver", ""), ("dropped", "silver", ""),
    ]  # fmt: skip


@MANY
@given(RULES, ORDERS, CALENDARS)
def test_the_timer_fires_when_something_is_due_and_not_before(
    rules: Tiers, steps: list[tuple[int, int, bool]], days: Days
) -> None:
    tier, at = Tier(), BEGIN
    for pause, amount, _ in steps:
        at += pause
        tiers.count(tier, rules, days, amount, at)
    while due := tiers.next_due(tier, rules, days):
        assert due > at
        before = copy.deepcopy(tier)
        assert tiers.settle(tier, rules, days, due - 1) == [] and tier == before
        assert tiers.settle(tier, rules, days, due)
        at = due
    assert tiers.holds(tier, rules) == tiers.holds(Tier(), rules)


@MANY
@given(RULES, ORDERS, CALENDARS)
def test_no_level_is_dropped_that_was_not_announced_in_time_unless_a_refund_took_it(
    rules: Tiers, steps: list[tuple[int, int, bool]], days: Days
) -> None:
    tier, at, told = Tier(), BEGIN, list[TierEvent]()
    for pause, amount, _ in [*steps, (200 * DAY, 1, False)]:
        at += pause
        told += tiers.count(tier, rules, days, amount, at)
    rank = {"": -1} | {level.id: rank for rank, level in enumerate(rules.levels)}
    for i, event in enumerate(told):
        if event.kind == "dropped" and rules.notice_days:
            said = told[i - 1]
            assert (said.kind, said.before, said.drops_at) == ("will_drop", event.before, event.at)
            assert rank[said.after] <= rank[event.after], "what came meanwhile makes the fall less deep"
