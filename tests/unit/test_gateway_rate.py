"""How many requests a key may make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.rate import PERIOD_S, Buckets, Verdict


def test_a_minutes_worth_may_come_at_once_and_then_one_by_one() -> None:
    buckets = Buckets()
    assert buckets.take("a", 3, 0.0) == Verdict(3, 2, 20)
    assert buckets.take("a", 3, 0.0) == Verdict(3, 1, 40)
    assert buckets.take("a", 3, 0.0) == Verdict(3, 0, 60)
    assert buckets.take("a", 3, 0.0) == Verdict(3, 0, 60, wait_s=20)
    assert buckets.take("b", 3, 0.0).wait_s == 0
    assert buckets.take("a", 3, 19.0).wait_s == 1
    assert buckets.take("a", 3, 20.1).wait_s == 0


def test_the_headers_say_limit_what_is_left_and_when_it_is_full() -> None:
    assert Verdict(60, 12, 48).headers() == {
        "ratelimit-limit": "60", "ratelimit-remaining": "12", "ratelimit-reset": "48"
    }  # fmt: skip


def test_who_is_forgotten_begins_anew() -> None:
    buckets = Buckets()
    buckets.take("a", 1, 0.0)
    buckets.take("b", 1, 0.0)
    buckets.keep({"b"})
    assert buckets.take("a", 1, 0.0).wait_s == 0
    assert buckets.take("b", 1, 0.0).wait_s == 60


def test_a_limit_that_falls_holds_at_once() -> None:
    buckets = Buckets()
    buckets.take("a", 1_000, 0.0)
    assert buckets.take("a", 2, 0.0) == Verdict(2, 1, 30)


@given(st.integers(1, 100), st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_in_no_stretch_of_time_are_there_more_than_a_bucket_and_what_flowed_in(limit: int, pauses: list[float]) -> None:
    buckets, now, granted = Buckets(), 0.0, []
    for pause in pauses:
        now += pause
        verdict = buckets.take("a", limit, now)
        assert 0 <= verdict.left <= limit
        if not verdict.wait_s:
            granted.append(now)
    for i, first in enumerate(granted):
        for j in range(i, len(granted)):
            assert j - i + 1 <= limit + (granted[j] - first) * limit / PERIOD_S + 1e-6


@given(st.integers(1, 100_000), st.integers(1, 50))
def test_who_waits_as_long_as_he_was_told_is_served(limit: int, more: int) -> None:
    buckets, now = Buckets(), 0.0
    for _ in range(min(limit, 200) + more):
        verdict = buckets.take("a", limit, now)
        if verdict.wait_s:
            now += verdict.wait_s
            assert buckets.take("a", limit, now).wait_s == 0
