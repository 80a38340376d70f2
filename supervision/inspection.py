"""What an audit reads of a store: more than a fold ever asks for, and all of it while others write.

A store that is being written cannot be read at one moment, since a long read transaction would hold up its
housekeeping. So there are three short looks. A *cut* is how far everybody was at one moment; lines up to it are then
read in the order of the log, portion by portion, as they do not change any more; and what is *kept* of some subjects
is read in one transaction with whatever lines came after those that were read. Each look is consistent in itself, and
the spots at which they join are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from supervision.messages import ParkedRow, TimerRow

Spot = tuple[int, int]
"""(offset, n) of a line within a subject; NO_SPOT: none."""
NO_SPOT: Spot = (0, 0)

ChainedRow = tuple[int, int, str, int, int, bytes | None]
"""A line with its place in its subject's chain: offset, n, subject, offset and n of the subject's line before it, body
(None: it fails its checksum). A plain tuple, as an audit reads millions."""
After = tuple[int, int, str]
"""(offset, n, subject) of the last line that was read."""
FROM_THE_FIRST: After = (0, -1, "")

Since = Callable[[str], Spot | None]
"""Of a subject: the line up to which its lines were read, None: it is not asked about. Called within the look."""


class Cut(msgspec.Struct, frozen=True):
    """One moment of one domain: how far it is in each segment, and what is on its way to it. `carried`: how far the
    courier is; `inbound` and `outbound` are the numbers per (from, to) as in `Batch`.
    """

    checkpoints: Mapping[int, int]
    carried: Mapping[int, int]
    heads: Mapping[int, int]
    inbound: Mapping[tuple[int, int], int]
    outbound: Mapping[tuple[int, int], int]
    parked: Sequence[ParkedRow]


class Kept(msgspec.Struct, frozen=True):
    """What a domain keeps of one subject at one moment. `state` None: none; `damaged`: there is one, and it fails its
    checksum. `later` are the lines since the spot that was asked about, newest first: back to it, or, where the chain
    does not come by it, to wherever the chain ends.
    """

    subject: str
    state: bytes | None
    newest: Spot
    timers: Sequence[TimerRow] = ()
    later: Sequence[ChainedRow] = ()
    damaged: bool = False

    def joins(self) -> Spot:
        """The spot that the oldest of `later` names as the one before it: the one asked about where all is well."""
        return self.later[-1][3:5] if self.later else self.newest
