"""A campaign's cost: timers at once, and bytes of each user."""

from __future__ import annotations

from typing import Any

import pytest

from actors.campaign.cost import LAST_BYTES, RUN_BYTES, SLOT_BYTES, Cost, cost
from actors.windows.window_spec import CounterSpec
from tests.campaign_world import EVENT, SMS, taken, words

WAIT = {"type": "wait", "seconds": 60}


def hundred(spec: CounterSpec) -> int:
    assert spec.event
    return 100


def test_bytes_are_those_of_a_run_its_counters_and_what_its_own_limits_remember() -> None:
    twice = {"type": "count", "event": "x", "op": ">", "value": 1}
    once_more = {"type": "sum", "event": "x", "field": "v", "op": ">", "value": 1}
    limits = [{"count": 3}, {"count": 9, "scope": "all", "window": {"days": 1}}]
    campaign = words(when={"type": "all", "of": [twice, once_more]}, exit=twice, limits=limits)
    assert cost(taken(campaign), hundred) == Cost(0, RUN_BYTES + LAST_BYTES + 2 * 100 + 3 * SLOT_BYTES)


@pytest.mark.parametrize(
    ("trigger", "steps", "timers"),
    [
        (EVENT, [SMS], 0),
        (EVENT, [WAIT, WAIT, SMS], 1),
        ({"type": "no_action", "event": "x", "seconds": 5}, [SMS], 1),
        ({"type": "cart_idle", "seconds": 5}, [{"type": "wait_for", "event": "x", "seconds": 5, "then": [SMS]}], 2),
        ({"type": "schedule", "cron": "0 10 * * *"}, [SMS], 0),
    ],
)
def test_timers_are_those_that_wait_for_one_user_at_once(trigger: Any, steps: Any, timers: int) -> None:
    assert cost(taken(words(trigger=trigger, steps=steps)), hundred).timers == timers
