"""The order in which the relay writes: per segment one effect after the other, or back to one that it wrote before.

After a nack, a lost connection or a new process it goes back and writes everything from there on again. What it never
does is leave something out: then a receiver that restores the order by `seq` would wait for ever, or be told of a hole
that is none. What arrived cannot show this, since part of what was on the wire is lost with its connection.
"""

from __future__ import annotations

from collections.abc import Callable

from simulation.violation import Violation
from topology.ports import Outgoing
from topology.table import EFFECTS


class Wire:
    """Remembers the last `seq` written of each segment, over all connections and processes."""

    def __init__(self, gives_up: Callable[[int, int, int], bool] = lambda segment, after, before: False) -> None:
        """`gives_up(segment, after, before)`: whether all between these two `seq` were given up, in the log."""
        self._gives_up = gives_up
        self._last: dict[str, int] = {}

    def written(self, message: Outgoing) -> None:
        """The engine hands this to its connection."""
        if message.exchange != EFFECTS:
            return
        headers = message.props.headers or {}
        segment, seq = headers["segment"], headers["seq"]
        last = self._last.get(segment, 0)
        if seq > last + 1 and not self._gives_up(int(segment), last, seq):
            raise Violation(f"wire: segment {segment} writes seq {seq} after {last}")
        self._last[segment] = seq
