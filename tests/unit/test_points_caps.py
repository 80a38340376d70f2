"""Caps: what of an accrual still fits, checked against the plain list of all that was given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.points import caps
from actors.points.caps import (
    BUCKETS_MAX,
    ROLLING_DAYS_MAX,
    ROLLING_EXACT_H,
    ROLLING_HOURS_MAX,
    Accrual,
    Allowed,
    CapRefused,
)
from actors.points.days import Days
from actors.points.rules import Cap
from actors.points.state import CapUse
from tests.calendar_days import DAY, HOUR, UtcDays, ZoneDays, ms

UTC_DAYS = UtcDays()
BERLIN = ZoneDays("Europe/Berlin")
NOON = ms("2026-03-04T12:00")


def give(
    uses: dict[str, CapUse], rules: tuple[Cap, ...], points: int, at: int, days: Days = UTC_DAYS, **more: Any
) -> Allowed | CapRefused:
    """Ask, and take what is allowed."""
    answer = caps.allow(uses, rules, days, Accrual(points, "order", at, **more))
    if isinstance(answer, Allowed):
        caps.use(uses, rules, days, Accrual(answer.points, "order", at, **more))
        caps.check(uses)
    return answer


def test_a_cap_that_cuts_gives_what_still_fits_and_says_how_much_it_took_off() -> None:
    uses, rules = dict[str, CapUse](), (Cap("daily", 100),)
    assert give(uses, rules, 70, NOON) == Allowed(70)
    assert give(uses, rules, 70, NOON) == Allowed(30, (("daily", 40),))
    assert give(uses, rules, 70, NOON) == Allowed(0, (("daily", 70),))


def test_a_cap_that_refuses_gives_all_or_nothing_and_says_what_is_left() -> None:
    uses, rules = dict[str, CapUse](), (Cap("daily", 100, over="refuse"),)
    assert give(uses, rules, 70, NOON) == Allowed(70)
    assert give(uses, rules, 31, NOON) == CapRefused("daily", 30)
    assert give(uses, rules, 30, NOON) == Allowed(30)


def test_of_several_caps_the_smallest_rest_counts_and_each_that_cuts_is_named() -> None:
    rules = (Cap("daily", 100), Cap("weekly", 60, "week"), Cap("lifetime", 500, "lifetime"))
    assert give({}, rules, 150, NOON) == Allowed(60, (("daily", 50), ("weekly", 90)))


def test_what_the_others_cut_can_make_it_fit_under_a_cap_that_refuses() -> None:
    rules = (Cap("daily", 50), Cap("weekly", 60, "week", over="refuse"), Cap("yearly", 55, "year", over="refuse"))
    assert give({}, rules, 80, NOON) == Allowed(50, (("daily", 30),))
    assert give({}, rules[1:], 80, NOON) == CapRefused("yearly", 55)


def test_asking_uses_nothing_up() -> None:
    uses, rules = dict[str, CapUse](), (Cap("daily", 100),)
    for _ in range(3):
        assert caps.allow(uses, rules, UTC_DAYS, Accrual(100, "order", NOON)) == Allowed(100)
    assert uses == {}


def test_a_cap_of_an_order_counts_what_that_order_has_earned_and_leaves_others_alone() -> None:
    rules = (Cap("each", 100, "order"),)
    assert give({}, rules, 150, NOON, order=0) == Allowed(100, (("each", 50),))
    assert give({}, rules, 150, NOON, order=80) == Allowed(20, (("each", 130),))
    assert give({}, rules, 150, NOON) == Allowed(150)


def test_a_cap_with_reasons_counts_these_and_one_without_counts_what_is_ordinary() -> None:
    uses, rules = dict[str, CapUse](), (Cap("all", 100), Cap("reviews", 20, reasons=("review", "referral")))
    assert caps.allow(uses, rules, UTC_DAYS, Accrual(50, "order", NOON)) == Allowed(50)
    assert caps.allow(uses, rules, UTC_DAYS, Accrual(50, "review", NOON)) == Allowed(20, (("reviews", 30),))
    assert caps.allow(uses, rules, UTC_DAYS, Accrual(200, "gift", NOON, ordinary=False)) == Allowed(200)
    referral = Accrual(200, "referral", NOON, ordinary=False)
    assert caps.allow(uses, rules, UTC_DAYS, referral) == Allowed(20, (("reviews", 180),))
    caps.use(uses, rules, UTC_DAYS, Accrual(20, "referral", NOON, ordinary=False))
    assert set(uses) == {"reviews"}


@pytest.mark.parametrize(
    ("per", "last", "first"),
    [
        ("day", "2026-03-29T21:59:59.999", "2026-03-29T22:00"),
        ("week", "2026-10-25T22:59:59.999", "2026-10-25T23:00"),
        ("month", "2026-10-31T22:59:59.999", "2026-10-31T23:00"),
        ("year", "2026-12-31T22:59:59.999", "2026-12-31T23:00"),
    ],
)
def test_a_calendar_cap_begins_anew_at_midnight_where_the_programme_lives(per: Any, last: str, first: str) -> None:
    uses, rules = dict[str, CapUse](), (Cap("c", 10, per),)
    assert give(uses, rules, 10, ms(last) - HOUR, BERLIN) == Allowed(10)
    assert give(uses, rules, 10, ms(last), BERLIN) == Allowed(0, (("c", 10),))
    assert give(uses, rules, 10, ms(first), BERLIN) == Allowed(10)


def test_the_day_of_25_hours_is_one_day() -> None:
    uses, rules = dict[str, CapUse](), (Cap("c", 10),)
    assert give(uses, rules, 10, ms("2026-10-24T22:00"), BERLIN) == Allowed(10)
    assert give(uses, rules, 1, ms("2026-10-25T22:59"), BERLIN) == Allowed(0, (("c", 1),))
    assert give(uses, rules, 1, ms("2026-10-25T23:00"), BERLIN) == Allowed(1)


def test_a_lifetime_has_no_end() -> None:
    uses, rules = dict[str, CapUse](), (Cap("c", 10, "lifetime"),)
    assert give(uses, rules, 10, 0) == Allowed(10)
    assert give(uses, rules, 1, ms("2199-12-31T12:00")) == Allowed(0, (("c", 1),))


def test_rolling_hours_let_go_an_hour_too_late_at_most_and_never_too_early() -> None:
    rules = (Cap("c", 10, "hours", 24),)
    for given_at in (NOON, NOON + 1, NOON + HOUR - 1):
        uses = dict[str, CapUse]()
        give(uses, rules, 10, given_at)
        assert give(uses, rules, 1, given_at + DAY - 1) == Allowed(0, (("c", 1),))
        assert give(uses, rules, 1, given_at + DAY + HOUR) == Allowed(1)


def test_the_last_instant_of_a_bucket_leaves_the_window_to_the_millisecond() -> None:
    uses, rules = dict[str, CapUse](), (Cap("c", 10, "hours", 24),)
    give(uses, rules, 10, NOON - 1)
    assert give(uses, rules, 1, NOON - 2 + DAY) == Allowed(0, (("c", 1),))
    assert give(uses, rules, 1, NOON - 1 + DAY) == Allowed(1)


def test_rolling_days_beyond_a_week_are_counted_by_the_day_and_as_strictly() -> None:
    rules = (Cap("c", 10, "days", 30),)
    uses = dict[str, CapUse]()
    give(uses, rules, 10, NOON)
    assert give(uses, rules, 1, NOON + 30 * DAY - 1) == Allowed(0, (("c", 1),))
    assert give(uses, rules, 1, NOON + 31 * DAY) == Allowed(1)


@pytest.mark.parametrize(
    ("cap", "step", "most"),
    [
        (Cap("c", 10**9, "hours", ROLLING_EXACT_H), HOUR // 4, ROLLING_EXACT_H + 1),
        (Cap("c", 10**9, "days", ROLLING_DAYS_MAX), DAY // 2, BUCKETS_MAX),
        (Cap("c", 10**9, "hours", ROLLING_HOURS_MAX), DAY // 2, BUCKETS_MAX),
    ],
)
def test_the_longest_window_takes_as_many_buckets_as_there_may_be(cap: Cap, step: int, most: int) -> None:
    uses, reached = dict[str, CapUse](), 0
    for n in range(900):
        give(uses, (cap,), 1, NOON + n * step + 1)
        reached = max(reached, len(uses["c"].buckets))
    assert reached == most


def test_what_is_known_of_a_cap_goes_with_it() -> None:
    uses = dict[str, CapUse]()
    give(uses, (Cap("old", 100), Cap("kept", 100)), 10, NOON)
    give(uses, (Cap("kept", 100), Cap("new", 100)), 10, NOON)
    assert {cap: kept.used for cap, kept in uses.items()} == {"kept": 20, "new": 10}
    give(uses, (), 0, NOON)
    assert uses == {}


def test_a_cap_whose_window_becomes_longer_keeps_what_lies_in_it_and_other_changes_begin_anew() -> None:
    daily, weekly, rolling = Cap("c", 10), Cap("c", 10, "week"), Cap("c", 10, "days", 7)
    thirty, ever = Cap("c", 10, "days", 30), Cap("c", 10, "lifetime")
    for old, new, left in [
        (daily, weekly, 3), (weekly, ever, 3), (weekly, daily, 10), (daily, rolling, 10), (rolling, daily, 10),
        (rolling, thirty, 10), (thirty, rolling, 10), (rolling, ever, 10), (ever, daily, 10),
    ]:  # fmt: skip
        uses = dict[str, CapUse]()
        give(uses, (old,), 7, NOON)
        answer = give(uses, (new,), 11, NOON + HOUR)
        assert isinstance(answer, Allowed) and answer.points == left, (old, new)


def test_a_day_that_comes_back_with_a_new_zone_keeps_what_it_has_used() -> None:
    uses, rules = dict[str, CapUse](), (Cap("c", 10),)
    give(uses, rules, 7, ms("2026-03-04T01:00"), ZoneDays("Asia/Shanghai"))
    assert give(uses, rules, 7, ms("2026-03-04T02:00"), ZoneDays("America/New_York")) == Allowed(3, (("c", 4),))


KINDS = st.builds(
    Cap,
    st.just("c"),
    st.integers(0, 60),
    st.sampled_from(["day", "week", "month", "year", "lifetime", "days", "hours"]),
    st.integers(1, 12),
    st.sampled_from([(), ("order",), ("review",)]),
)
ACCRUALS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 3 * HOUR), st.integers(0, 20 * DAY)),
        st.integers(1, 40),
        st.sampled_from(["order", "review"]),
    ),
    max_size=30,
)
Given = list[tuple[int, int, str]]
"""(at, points, reason) of all that was given."""


def left(cap: Cap, days: Days, at: int, given: Given, looking_back: int = 0) -> int:
    """What `cap` has left at `at`, by the plain list; a rolling window begins `looking_back` ms earlier."""
    match cap.per:
        case "lifetime":
            begin = 0
        case "week" | "month" | "year":
            begin = days.start_of(days.first_day(days.day(at), cap.per))
        case "days" | "hours":
            begin = at - cap.n * (DAY if cap.per == "days" else HOUR) + 1 - looking_back
        case _:
            begin = days.start_of(days.day(at))
    used = sum(points for when, points, reason in given if when >= begin and reason in (cap.reasons or (reason,)))
    assert used <= cap.points or looking_back, "the cap was exceeded"
    return max(0, cap.points - used)


@settings(max_examples=300, deadline=None)
@given(KINDS, ACCRUALS, st.sampled_from([UTC_DAYS, BERLIN]))
def test_a_cap_leaves_what_the_plain_list_says_and_a_rolling_one_is_strict_by_less_than_a_bucket(
    cap: Cap, accruals: Given, days: Days
) -> None:
    uses, given, at = dict[str, CapUse](), Given(), NOON
    bucket = DAY if cap.per == "days" and cap.n > 7 else HOUR if cap.per in ("days", "hours") else 0
    for pause, points, reason in accruals:
        at += pause
        answer = caps.allow(uses, (cap,), days, Accrual(points, reason, at))
        assert isinstance(answer, Allowed)
        if cap.reasons and reason not in cap.reasons:
            assert answer == Allowed(points)
        else:
            strictest = min(points, left(cap, days, at, given, max(0, bucket - 1)))
            assert strictest <= answer.points <= min(points, left(cap, days, at, given))
        caps.use(uses, (cap,), days, Accrual(answer.points, reason, at))
        caps.check(uses)
        given.append((at, answer.points, reason))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(KINDS, st.booleans()), min_size=1, max_size=4), ACCRUALS)
def test_several_caps_say_together_what_each_says_alone(drawn: list[tuple[Cap, bool]], accruals: Given) -> None:
    cutting = tuple(Cap(f"c{i}", c.points, c.per, c.n, c.reasons) for i, (c, cuts) in enumerate(drawn) if cuts)
    refusing = tuple(
        Cap(f"r{i}", c.points, c.per, c.n, c.reasons, "refuse") for i, (c, cuts) in enumerate(drawn) if not cuts
    )
    uses, at = dict[str, CapUse](), NOON
    for pause, points, reason in accruals:
        at += pause
        accrual = Accrual(points, reason, at)
        alone = [caps.allow(uses, (cap,), UTC_DAYS, accrual) for cap in cutting]
        fits = min([points, *(answer.points for answer in alone if isinstance(answer, Allowed))])
        cut = tuple(part for answer in alone if isinstance(answer, Allowed) for part in answer.cut)
        refusals = [caps.allow(uses, (cap,), UTC_DAYS, Accrual(fits, reason, at)) for cap in refusing]
        no = [answer for answer in refusals if isinstance(answer, CapRefused)]
        together = caps.allow(uses, refusing + cutting, UTC_DAYS, accrual)
        if no:
            assert together == min(no, key=lambda answer: (answer.left, answer.cap))
        else:
            assert together == Allowed(fits, cut)
            caps.use(uses, refusing + cutting, UTC_DAYS, Accrual(fits, reason, at))
            caps.check(uses)
