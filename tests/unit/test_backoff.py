"""The back-off."""

from __future__ import annotations

from random import Random

from supervision.backoff import BackOff


def test_each_wait_is_twice_the_one_before_up_to_the_limit() -> None:
    backoff = BackOff(first_s=0.1, most_s=1.0, jitter=0.0)
    assert [backoff.delay_s(n, Random(1)) for n in range(1, 7)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_jitter_only_lengthens_and_stays_within_its_share() -> None:
    backoff, rng = BackOff(first_s=1.0, most_s=1.0, jitter=0.5), Random(1)
    waits = [backoff.delay_s(1, rng) for _ in range(1_000)]
    assert min(waits) >= 1.0
    assert max(waits) <= 1.5
    assert max(waits) - min(waits) > 0.4


def test_the_same_seed_gives_the_same_waits() -> None:
    backoff = BackOff()
    assert backoff.delay_s(3, Random(5)) == backoff.delay_s(3, Random(5))


def test_no_attempt_is_too_late_to_compute() -> None:
    assert BackOff(jitter=0.0).delay_s(10_000_000, Random(1)) == 5.0


def test_the_longest_time_of_some_attempts_bounds_their_waits() -> None:
    backoff, rng = BackOff(), Random(3)
    assert sum(backoff.delay_s(n, rng) for n in range(1, 6)) <= backoff.longest_s(5)
