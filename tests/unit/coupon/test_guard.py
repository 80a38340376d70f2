"""The guard against guessing: customers mistype, guessers guess, and both wait as long as they should."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.coupon.guard import (
    DOUBLINGS_MAX,
    HOUR_MS,
    LIMITS,
    MISTYPED_WEIGHT,
    UNKNOWN_WEIGHT,
    Guard,
    GuardLimits,
    forgotten,
    judge,
    missed,
    too_many_attempts,
)

AT = 1_790_000_000_000
USER = LIMITS["user"]

some_limits = st.sampled_from(list(LIMITS.values()))
weights = st.sampled_from((MISTYPED_WEIGHT, UNKNOWN_WEIGHT))
pauses = st.lists(st.tuples(st.integers(0, 8 * HOUR_MS), weights), max_size=60)


def after(limits: GuardLimits, misses: int, weight: int = MISTYPED_WEIGHT) -> Guard:
    """All at AT, as if each were looked at."""
    guard = Guard()
    for _ in range(misses):
        guard = missed(guard, AT, weight, limits)
    return guard


def test_a_customer_may_err_some_times_without_noticing() -> None:
    for limits in LIMITS.values():
        assert judge(after(limits, limits.free), AT) == 0
        assert judge(after(limits, limits.free + 1), AT) == limits.first_wait_ms


def test_each_further_mistake_doubles_the_wait_up_to_the_longest() -> None:
    waits = [judge(after(USER, USER.free + n), AT) for n in range(1, DOUBLINGS_MAX + 5)]
    for n, wait in enumerate(waits):
        assert wait == min(USER.first_wait_ms << min(n, DOUBLINGS_MAX - 1), USER.wait_max_ms)
    assert waits[-1] == USER.wait_max_ms


def test_a_code_with_right_check_characters_that_nobody_has_weighs_more() -> None:
    for n in range(1, 8):
        assert after(USER, n, UNKNOWN_WEIGHT) == after(USER, n * UNKNOWN_WEIGHT)
    assert UNKNOWN_WEIGHT > MISTYPED_WEIGHT


def test_a_wait_ends_when_it_was_said_to_end() -> None:
    guard = after(USER, USER.free + 3)
    wait = judge(guard, AT)
    assert judge(guard, AT + wait - 1) == 1 and judge(guard, AT + wait) == 0


def test_mistakes_are_forgotten_one_after_the_other() -> None:
    guard = after(USER, USER.free)
    assert judge(missed(guard, AT + USER.forget_ms, MISTYPED_WEIGHT, USER), AT + USER.forget_ms) == 0
    assert judge(missed(guard, AT + USER.forget_ms - 1, MISTYPED_WEIGHT, USER), AT + USER.forget_ms - 1) > 0


@given(pauses, some_limits)
def test_no_wait_is_longer_than_the_longest_and_no_memory_than_its_bound(
    steps: list[tuple[int, int]], limits: GuardLimits
) -> None:
    guard, at = Guard(), AT
    for pause, weight in steps:
        at += pause
        guard = missed(guard, at, weight, limits)
        assert 0 <= judge(guard, at) <= limits.wait_max_ms
        assert at < guard.clear_at <= at + (limits.free + DOUBLINGS_MAX) * limits.forget_ms


@given(pauses, some_limits, weights)
def test_one_more_mistake_never_shortens_a_wait(steps: list[tuple[int, int]], limits: GuardLimits, weight: int) -> None:
    guard, at = Guard(), AT
    for pause, each in steps:
        at += pause
        worse = missed(guard, at, weight, limits)
        assert judge(worse, at) >= judge(guard, at) and worse.clear_at >= guard.clear_at
        guard = missed(guard, at, each, limits)


@given(pauses, some_limits)
def test_what_is_forgotten_is_as_good_as_new(steps: list[tuple[int, int]], limits: GuardLimits) -> None:
    guard, at = Guard(), AT
    for pause, weight in steps:
        at += pause
        guard = missed(guard, at, weight, limits)
    later = max(guard.clear_at, guard.wait_until)
    assert forgotten(guard, later) and (not forgotten(guard, later - 1) or not steps)
    for weight in (MISTYPED_WEIGHT, UNKNOWN_WEIGHT):
        assert missed(guard, later, weight, limits) == missed(Guard(), later, weight, limits)


@pytest.mark.parametrize("weight", [MISTYPED_WEIGHT, UNKNOWN_WEIGHT])
def test_who_always_tries_as_soon_as_he_may_gets_one_try_per_time_of_forgetting(weight: int) -> None:
    guard, at, tries = Guard(), AT, 0
    while (at := at + judge(guard, at)) < AT + 100 * 24 * HOUR_MS:
        guard = missed(guard, at, weight, USER)
        tries += 1
    assert 2_400 // weight <= tries <= 2_400 // weight + USER.free + DOUBLINGS_MAX


def test_a_guard_is_two_numbers_in_a_state() -> None:
    guard = after(USER, 12)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(guard), type=Guard) == guard
    assert len(msgspec.msgpack.encode(guard)) <= 19


def test_the_refusal_says_when_to_come_again() -> None:
    assert too_many_attempts(10_001).code == "too_many_attempts" and "11 s" in too_many_attempts(10_001).message
