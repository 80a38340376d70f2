"""What arrives on `marketing.delayed`: what its sender had sent, not before its time, once for each that became due.

The relay may publish it again after a crash, with the same place and the same bytes, so a receiver knows it again. What
never arrives was given up, and the notice that says so counts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from simulation.delayers import Delayers
from simulation.violation import Violation
from supervision.entry import Entry
from topology.outflow import SKIPPED
from topology.ports import Outgoing
from topology.table import DELAYED

DUE = "delay.due"
PLACE, WHEN = "x-ganglion-place", "x-ganglion-due"

LONG_AGO = "1970-01-01T00:00:00Z"


class DelayProof:
    """Of a world; `logs` are the checker's."""

    def __init__(self, logs: Mapping[int, Sequence[Entry]], senders: Delayers) -> None:
        self._logs, self._senders = logs, senders
        self._arrived: dict[str, Outgoing] = {}

    def arrived(self, outgoing: Outgoing) -> None:
        """It has reached the broker, confirmed or not."""
        if outgoing.exchange != DELAYED:
            return
        headers = dict(outgoing.props.headers or {})
        place, due = headers.pop(PLACE), _moment(headers.pop(WHEN))
        _require(self._arrived.setdefault(place, outgoing) == outgoing, f"{place} changed between publications")
        entry = self._said(place)
        sent = self._senders.of(outgoing.props.message_id, outgoing.body)
        arrived = (outgoing.key, msgspec.structs.replace(outgoing.props, headers=headers))
        _require(
            sent is not None and (sent.key, sent.props) == arrived, f"{place} arrives as {arrived}, sent was {sent}"
        )
        early = max(due, _moment(headers.get("deliver_at", LONG_AGO))) - entry.at
        _require(early <= 0, f"{place} went out {early} ms too early")

    def _said(self, place: str) -> Entry:
        segment, epoch, offset = map(int, place.split("."))
        log = self._logs[segment]
        _require(offset <= len(log), f"{place} was published before it was durable")
        entry = log[offset - 1]
        _require((entry.epoch, entry.kind) == (epoch, DUE), f"{place} was published and is a {entry.kind}")
        return entry

    def at_rest(self) -> None:
        """All that was due has arrived, or was given up in so many words."""
        for log in self._logs.values():
            due = {entry.offset: entry.place for entry in log if entry.kind == DUE}
            gone: set[int] = set()
            for entry in log if due else ():
                if entry.kind == SKIPPED:
                    body = msgspec.json.decode(entry.body)
                    first, last = (int(body[end].split(".")[2]) for end in ("from", "to"))
                    stretch = {offset for offset in due if first <= offset <= last}
                    told = body.get("delayed", 0)
                    _require(told == len(stretch), f"{entry.place} counts {told} of {len(stretch)} delayed")
                    gone |= stretch
            missing = [place for offset, place in due.items() if place not in self._arrived and offset not in gone]
            _require(not missing, f"due and never published: {missing[:3]}")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(f"delayed: {what}")


def _moment(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
