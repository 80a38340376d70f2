"""The real program on a real RabbitMQ, killed at random times; then the books are compared to the last point.

The promise under test is the whole of it: what is confirmed to the sender is counted once, in order, and told once,
whenever the process dies. `make test` has a short run, `make test-long` the full ones, the last of which is the claim
that others have made and not kept: 300,000 messages, and not one of them lost or twice.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.ordeal import Ordeal

Make = Callable[..., Ordeal]

EVENTS = 300_000
USERS = 5_000
BLOW_S = (1.0, 3.0)
"""A life's length, to SIGKILL."""


def killed(ordeal: Ordeal, events: int, kills: int) -> None:
    """`events` events over `kills` lives that end by SIGKILL, and a last one that may finish."""
    for life in range(kills):
        ordeal.live(events * (life + 1) // kills - events * life // kills, ordeal.program.kill)
    assert ordeal.midway >= kills * 3 // 4, f"only {ordeal.midway} of {kills} blows fell while there was work"
    ordeal.drain()
    ordeal.rest()
    print(ordeal.summary())


def test_four_kills_lose_nothing_and_count_nothing_twice(ordeal: Make) -> None:
    killed(ordeal(1, 150), events=2_000, kills=4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(11, 16))
def test_thirty_kills_in_twenty_thousand_events_lose_nothing_and_count_nothing_twice(ordeal: Make, seed: int) -> None:
    killed(ordeal(seed, 600), events=20_000, kills=30)


@pytest.mark.long
def test_three_hundred_thousand_events_under_a_kill_every_one_to_three_seconds_are_counted_once(ordeal: Make) -> None:
    trial = ordeal(300, USERS)
    kills = trial.pelt(EVENTS, BLOW_S)
    assert len(trial.shop.sent) == EVENTS
    assert trial.midway >= kills - 1, f"only {trial.midway} of {kills} blows fell while there was work"
    trial.drain()
    trial.rest()
    print(f"{kills} kills, {trial.summary()}")
