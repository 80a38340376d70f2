"""What a campaign costs for each user whom it concerns: timers that may be waiting at once, and bytes of state.

Bytes are upper bounds in MessagePack: a counter with all the events that it may tell apart, a run with its longest
numbers. They say what a million users may come to, not what they will: most have a handful of events.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.campaign.campaign import AbsentFor, Before, Birthday, CartIdle, NoAction
from actors.campaign.compiled import CompiledCampaign
from actors.campaign.program import Await, Sleep
from actors.windows.window_spec import CounterSpec

RUN_BYTES = 96
"""Of somebody under way: the version, the number of the instruction, two moments, the entry that began it."""
LAST_BYTES = 128
"""Of the last time that the user was looked at and did not enter: when, which version, which condition saw what."""
SLOT_BYTES = 9
"""Of one time that a limit remembers."""


class Cost(msgspec.Struct, frozen=True):
    """`timers`: at once, for one user. `bytes_per_user`: at most; counters that other campaigns share among them."""

    timers: int
    bytes_per_user: int


def cost(campaign: CompiledCampaign, counter_bytes: Callable[[CounterSpec], int]) -> Cost:
    """`counter_bytes`: of one user's counter at most, as whoever keeps them knows. O(instructions + counters)."""
    counters = sum([counter_bytes(spec) for spec in campaign.counters.values()])
    slots = sum([SLOT_BYTES * limit.count for limit in campaign.limits if not limit.of_messages])
    return Cost(_timers(campaign), RUN_BYTES + LAST_BYTES + counters + slots)


def _timers(campaign: CompiledCampaign) -> int:
    """One until the campaign begins, where a user's own time begins it, and one for whoever is under way and waits."""
    own = isinstance(campaign.campaign.trigger, NoAction | CartIdle | Birthday | Before | AbsentFor)
    waits = any(isinstance(one, Sleep | Await) for one in campaign.program.instructions)
    return own + waits
