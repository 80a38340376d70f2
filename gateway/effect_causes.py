"""What led to an effect: from its message id back through the log to the decisions of campaigns.

An effect is an entry, and each entry names the one whose reaction it came of. That chain breaks where somebody waited:
a message that was held goes out by a timer. But what campaigns ask for bears the name of the step that asked, which
comes back in whatever came of it. So a decision led to an effect when it did the step that the effect names; where it
names none, when it was taken on an entry that the effect comes of; and when it let that run begin.

It is told as long as the log has the effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from actors.campaign.records import WhyLine
from gateway.problems import Problem
from supervision.entry import Entry
from supervision.outcome import DEPTH_MAX
from supervision.store import Reader

Led = Callable[[WhyLine], bool]
BEGINS = frozenset(("entered", "waits"))
ENDS = frozenset(("finished", "exited"))
EXITED = "campaign.exited"
"""What alone comes of a run's end."""
STEP = re.compile(r"(.+)\.([0-9]{1,18})\.(?:[a-z_]+\[.+|[0-9]+)")
"""A campaign's id, which has no brackets, the number of a run, and the place of a step; of one that was done before
steps were named by their places, the number of its instruction.
"""
HOPS_MAX = 2 * DEPTH_MAX
"""Entries that are looked at on the way back; answers are no deeper than what they answer."""


class Named(msgspec.Struct, frozen=True):
    """What an effect may say of whom it is because of."""

    campaign_id: str = ""
    run: int = 0
    reference: str = ""
    activity_id: str | None = None


_named = msgspec.json.Decoder(Named).decode


def led_to(reader: Reader, segment: int, subject: str, effect: str) -> Led:
    """Whether a decision about `subject` led to the effect. Raises Problem `unknown_effect`."""
    where, epoch, offset = map(int, effect.split("."))
    entry = entry_at(reader, segment, offset) if where == segment else None
    if entry is None or (entry.epoch, entry.subject) != (epoch, subject) or not entry.route:
        raise Problem("unknown_effect", f"the log has no effect {effect} of this user (any more)")
    causes = set(_causes(reader, entry))
    said = _named(entry.body)
    reference = said.reference or said.activity_id or ""
    campaign, run = _run_of(reference) if reference else (said.campaign_id, said.run)

    def led(line: WhyLine) -> bool:
        of_run = (line.campaign, line.run) == (campaign, run)
        if line.outcome in ENDS and entry.kind != EXITED:
            return False
        if of_run and line.outcome in BEGINS:
            return True
        if run and reference:
            return line.outcome == "acted" and line.reference == reference
        return line.cause in causes and (of_run or not campaign)

    return led


def entry_at(reader: Reader, segment: int, offset: int) -> Entry | None:
    """None: the log has it no more, or never had."""
    found = reader.read_log(segment, offset - 1, offset, 1)
    return found[0] if found and found[0].offset == offset else None


def _causes(reader: Reader, entry: Entry) -> Iterator[str]:
    """The places of the entries that it comes of, as far as they are in its segment's log."""
    for _ in range(HOPS_MAX):
        if not entry.cause:
            return
        yield entry.cause
        segment, _, offset = entry.cause.split(".")
        before = entry_at(reader, entry.segment, int(offset)) if int(segment) == entry.segment else None
        if before is None:
            return
        entry = before


def _run_of(reference: str) -> tuple[str, int]:
    """(campaign, run) of a step's name (actors/campaign/actions.py); ("", 0) of what is none."""
    found = STEP.fullmatch(reference)
    return (found[1], int(found[2])) if found else ("", 0)
