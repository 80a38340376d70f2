"""Of the stop buttons, what a segment has heard: kept by each domain that obeys them, in what its segment shares."""

from __future__ import annotations

import msgspec

from actors.programmes.messages import ProgrammeActivated
from actors.stops.stops import PROGRAMME, Stops

_stops = msgspec.json.Decoder(Stops).decode


class Switches(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """`number` counts the versions, 0: none was heard of. `stopped`: scopes."""

    number: int = 0
    stopped: tuple[str, ...] = ()


def heard(before: Switches, said: ProgrammeActivated) -> Switches:
    """After the segment was told something; what is not of stops, or older than what it knows, changes nothing."""
    if said.name != PROGRAMME or said.number <= before.number:
        return before
    return Switches(said.number, _stops(said.body).scopes)


def lifted(before: Switches, now: Switches) -> bool:
    """Whether something may go on."""
    return not set(before.stopped) <= set(now.stopped)
