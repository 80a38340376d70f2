"""What a segment keeps of its campaigns beside the users: whether somebody waits because of a stop.

It accompanies every entry that campaigns look at, so it changes in the stage of the decision that it is of.
"""

from __future__ import annotations

import msgspec

from supervision.entry import part_subject

FORMAT = 1


class Totals(msgspec.Struct, array_like=True):
    """`held`: since everybody was last told to go on, a stop has held somebody."""

    format: int = FORMAT
    held: bool = False


def subject(segment: int) -> str:
    """Of a segment's totals."""
    return part_subject(segment, "campaigns")
