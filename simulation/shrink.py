"""Makes a failing world smaller: fewer users, inputs, days and kinds of faults, as long as the same checker objects.

A bounded number of tries, each one world; what is left out stays out when the failure stays. The smaller world is
another one and may fail for another reason of the same name, so the first is printed too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from simulation.draw import Draw, draw_of

TRIES_MAX = 80
SMALLER: tuple[tuple[str, int], ...] = (
    ("days", 0), ("leaps", 0), ("switches", 0), ("asks", 0), ("coupon_asks", 0), ("rounds", 1), ("calls", 0),
    ("segments", 1), ("users", 1), ("probes", 0), ("batch", 1),
    ("told", 0), ("delayed", 0),
)  # fmt: skip
"""Dimensions that are not faults, and their smallest."""

Run = Callable[[Draw], str]
"""-> the violation of a world of these dimensions, empty when it ends well."""


def kind_of(violation: str) -> str:
    """Which checker spoke."""
    return violation.partition(":")[0]


def shrunk(seed: int, violation: str, run: Run) -> dict[str, float]:
    """What may be overridden in the world of `seed` so that it still fails in the same way."""
    drawn = draw_of(seed)
    dims, changed = drawn, dict[str, float]()
    for tried, (name, value) in enumerate(_candidates(drawn)):
        if tried >= TRIES_MAX:
            break
        if name == "inputs" and value >= changed.get("inputs", drawn.inputs):
            continue
        smaller = msgspec.structs.replace(dims, **{name: value})
        if smaller != dims and kind_of(run(smaller)) == kind_of(violation):
            dims, changed[name] = smaller, value
    return changed


def _candidates(drawn: Draw) -> Iterator[tuple[str, float]]:
    """Faults first: each that is off makes all later tries faster to understand."""
    for name in drawn.__struct_fields__:
        if name.endswith(("_rate", "_share")) or name in FAULTS:
            yield name, 0
    yield from SMALLER
    for inputs in (60, 30, 15, 8, 4, 2, 1):
        yield "inputs", inputs


FAULTS = frozenset(
    {
        "slow_store_s", "process_crashes", "crash_every_steps", "broker_cuts", "side_cuts", "outages", "returns",
        "blocks", "clock_jumps", "disk_lows", "operators", "sick_crashes", "step_s", "bursts",
    }
)  # fmt: skip
"""Counts and times that are faults."""
