"""What the engine itself says and hears in the log, apart from any domain: parking, operators' decisions, cut loops."""

from __future__ import annotations

import msgspec

ALARM = "engine.alarm"
"""What domains say when somebody should look; see actors/alarms.py."""
PARKED = "engine.parked"
RETRY = "engine.retry"
DISCARD = "engine.discard"
RESUME = "engine.resume"
DECISIONS = frozenset({RETRY, DISCARD, RESUME})


class Decision(msgspec.Struct, frozen=True):
    """Body of an operator's `engine.retry|discard|resume`, JSON. `index` rises over continuations of one decision."""

    domain: str
    subject: str = ""
    index: int = 0


class Parked(msgspec.Struct, frozen=True):
    """`engine.parked`: set aside for an operator. `subject` is `*` for a whole domain of the segment."""

    domain: str
    segment: int
    subject: str
    offset: int
    reason: str
    attempts: int


class Decided(msgspec.Struct, frozen=True):
    """`engine.decided`: what became of a retry, a discard or a resume; `left` entries still wait."""

    decision: str
    domain: str
    segment: int
    subject: str
    done: int
    left: bool


class DepthExceeded(msgspec.Struct, frozen=True):
    """`engine.depth_exceeded`: an output at the depth limit was not appended; `kind` is what it would have been."""

    domain: str
    kind: str
    depth: int
    limit: int
