"""A receiver of effects, written from docs/semantics.md alone: its five lines, in memory.

It hears what reached the broker and nothing else: it remembers ids, acts once, orders a segment by (epoch, offset) and
sees a hole as a jump in `seq`. What it has acted upon is compared with what the points models say was said.
"""

from __future__ import annotations

import msgspec

from simulation.violation import Violation
from topology.ports import Outgoing

Place = tuple[int, int, int]
"""(segment, epoch, offset)"""


SKIPPED = b'"event_type":"engine_outward_skipped"'


class _Told(msgspec.Struct):
    """Of an effect, what balances are read from."""

    event_type: str
    user_id: str = ""
    balance: int | None = None
    wallet: str | None = None


_told_balance = msgspec.json.Decoder(_Told).decode


def _place(name: str) -> Place:
    segment, epoch, offset = map(int, name.split("."))
    return segment, epoch, offset


class Receiver:
    """Bound with `#`; outlives processes."""

    def __init__(self) -> None:
        self._heard: dict[Place, tuple[int, bytes]] = {}
        self.again = 0
        """Effects heard before."""

    def receive(self, outgoing: Outgoing) -> None:
        """One message from `marketing.effects`."""
        props = outgoing.props
        assert props.message_id is not None and props.headers is not None, "an effect without its properties"
        segment, epoch, offset = map(int, props.message_id.split("."))
        said = (props.headers["seq"], outgoing.body)
        known = self._heard.setdefault((segment, epoch, offset), said)
        if known is not said:
            self.again += 1
            if known != said:
                raise Violation(f"receiver: {props.message_id} was heard with other bytes")

    @property
    def effects(self) -> int:
        return len(self._heard)

    def at_rest(self) -> None:
        """Every jump of `seq` is filled, or an `engine.outward_skipped` has said that it will not be."""
        skips = self._skips()
        last: dict[int, tuple[Place, int]] = {}
        for place in sorted(self._heard):
            seq = self._heard[place][0]
            before, at = last.get(place[0], ((place[0], 0, 0), 0))
            lacking = seq - at - 1
            if lacking and not 0 < lacking <= self._told(skips, before, place):
                raise Violation(f"receiver: seq {seq} at {place} after {at} at {before}: a hole")
            last[place[0]] = (place, seq)

    def _skips(self) -> list[tuple[Place, Place, int]]:
        """(first, last, how many) of every stretch that it was told is given up."""
        bodies = [msgspec.json.decode(body) for _, body in self._heard.values() if SKIPPED in body]
        return [(_place(body["from"]), _place(body["to"]), body["count"]) for body in bodies]

    def _told(self, skips: list[tuple[Place, Place, int]], before: Place, after: Place) -> int:
        """How many at most were given up between the two: of stretches begun there, and of those of which some was
        heard all the same, begun before the hole and ending beyond its beginning."""
        of_segment = [skip for skip in skips if skip[0][0] == after[0]]
        begun = sum(count for first, _, count in of_segment if before < first < after)
        return begun + sum(count for first, end, count in of_segment if first <= before < end)

    def balances(self) -> dict[str, int]:
        """Each user's balance as the last effect about it says; nobody's when some were given up."""
        found: dict[str, int] = {}
        if self._skips():
            return found
        for place in sorted(self._heard):
            told = _told_balance(self._heard[place][1])
            if told.balance is not None and told.wallet is None and told.event_type.startswith("points_"):
                found[told.user_id] = told.balance
        return found
