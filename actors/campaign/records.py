"""What is written down of every decision for ever: why somebody got something, or did not.

Field names are a contract with the log: only added to, never renamed. "Not entered" is decided for nearly everybody at
nearly every event, and is no line: the last one of each campaign is in the state (state.Last).
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from actors.campaign.judging import Seen

Outcome = Literal[
    "entered", "acted", "holdout", "capped", "refused", "held", "exited", "finished", "waits"
]  # fmt: skip


class WhyLine(msgspec.Struct, frozen=True, gc=False):
    """One decision. `trigger`: the entry that the run is because of, kept as its offset; `cause`: the place of the one
    reacted to.
    `step`, `action`: what was done where; `reference`: what its answer will name. `conditions`: what was judged.
    `snapshot`: of a delayed check, what its sender said of the cart, which decides nothing.
    """

    offset: int
    at: str
    campaign: str
    version: str
    outcome: Outcome
    cause: str
    run: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    trigger: str | UnsetType = UNSET
    step: str | UnsetType = UNSET
    action: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    conditions: tuple[Seen, ...] | UnsetType = UNSET
    snapshot: msgspec.Raw | UnsetType = UNSET
