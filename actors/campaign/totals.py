"""What a segment keeps of its campaigns beside the users: how many decisions each came to, and whether a stop holds
somebody.

It accompanies every entry that campaigns look at, so each number changes in the stage of the decision that it counts:
whatever is killed, it is the number of lines (records.py) and effects that say the same. Numbers are of a campaign,
whatever its version. Of a message it is counted what became of it, when that is heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from supervision.entry import part_subject

FORMAT = 1
CAMPAIGNS_MAX = 1_000
"""Campaigns that are counted: the first of a segment to decide anything. Of 1 KiB each they fit into a state."""
PLAIN = frozenset(("entered", "acted", "capped", "holdout"))
"""Decisions that are counted whatever the reason."""


class Total(msgspec.Struct, array_like=True):
    """Of one campaign. `stopped`: steps that a stop has held. `refused`: steps whose answer was waited for, by code.
    `exited`: runs that are over, by why. `sent`, `held`, `suppressed`: messages, those without a text among the last.
    """

    entered: int = 0
    acted: int = 0
    capped: int = 0
    holdout: int = 0
    stopped: int = 0
    refused: dict[str, int] = {}
    exited: dict[str, int] = {}
    sent: int = 0
    held: dict[str, int] = {}
    suppressed: dict[str, int] = {}


class Totals(msgspec.Struct, array_like=True):
    """`held`: since everybody was last told to go on, a stop has held somebody. `campaigns`: by id."""

    format: int = FORMAT
    held: bool = False
    campaigns: dict[str, Total] = {}


def subject(segment: int) -> str:
    """Of a segment's totals."""
    return part_subject(segment, "campaigns")


def decided(totals: Totals, campaign: str, outcome: str, reason: str) -> None:
    """A line was written."""
    total = _of(totals, campaign)
    if outcome in PLAIN:
        setattr(total, outcome, getattr(total, outcome) + 1)
    elif outcome == "held":
        total.stopped += 1
    elif outcome == "refused":
        _one_more(total.refused, reason)


def over(totals: Totals, campaign: str, reason: str) -> None:
    """A run is over."""
    _one_more(_of(totals, campaign).exited, reason)


def told(totals: Totals, kind: str, said: Mapping[str, Any]) -> None:
    """What became of a message of a campaign."""
    total = _of(totals, str(said["campaign_id"]))
    match kind:
        case "message.sent":
            total.sent += 1
        case "message.held":
            _one_more(total.held, str(said["reason"]))
        case "message.suppressed":
            _one_more(total.suppressed, str(said["reason"]))
        case _:
            _one_more(total.suppressed, str(said["code"]))


def summed(all_of_them: Iterable[Totals], campaign: str) -> Total:
    """Of all segments together."""
    found = Total()
    for one in [totals.campaigns[campaign] for totals in all_of_them if campaign in totals.campaigns]:
        for name in Total.__struct_fields__:
            here, more = getattr(found, name), getattr(one, name)
            if isinstance(here, int):
                setattr(found, name, here + more)
            else:
                for reason, count in more.items():
                    here[reason] = here.get(reason, 0) + count
    return found


def check(totals: Totals) -> None:
    """Raise AssertionError unless there are few."""
    assert len(totals.campaigns) <= CAMPAIGNS_MAX, "too many campaigns are counted"


def _of(totals: Totals, campaign: str) -> Total:
    """One that is not counted gets one that nobody keeps."""
    total = totals.campaigns.get(campaign)
    if total is None:
        total = Total()
        if len(totals.campaigns) < CAMPAIGNS_MAX:
            totals.campaigns[campaign] = total
    return total


def _one_more(counts: dict[str, int], reason: str) -> None:
    counts[reason] = counts.get(reason, 0) + 1
