"""The proof of the books: records against states, gifts sent against gifts received, without any model.

It reads what stages make durable as plain JSON and arrays: each line's `moves` satisfies the equation of the books, the
sums over a user's lines are what his stored state says, term by term, and whatever was sent is received or under way
between its two segments. Checked in full at rest, and with every stage where that is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from simulation.violation import Violation
from supervision.entry import Entry
from supervision.messages import Stage

LEFT = frozenset(("issued", "received", "written_off", "debt"))
RIGHT = frozenset(("available", "pending", "reserved", "spent", "expired", "reversed", "withdrawn", "sent"))
GIFT = "points.gift_arrives"
COUNTED = ("issued", "received", "written_off", "spent", "expired", "reversed", "withdrawn", "sent")
"""As states hold them, in that order."""
NOTHING: Mapping[str, int] = {}
"""What no line comes to."""


class LedgerProof:
    """Of a world. `logs` are the checker's. Not `at_once`: states and gifts wait for rest, which for plain changes is
    soon enough and costs half.
    """

    def __init__(self, logs: Mapping[int, Sequence[Entry]], at_once: bool = True) -> None:
        self._logs = logs
        self._at_once = at_once
        self._sums: dict[tuple[str, str], Counter[str]] = {}
        """(subject, wallet) -> what its lines come to."""
        self._states: dict[str, bytes] = {}
        self._moved: Counter[str] = Counter()
        """What all lines together come to."""
        self._gifts: dict[str, int] = {}
        """Place of a gift's entry -> points that were received by it."""

    def stage(self, stage: Stage) -> None:
        """One of the points domain is durable."""
        before = self._moved["sent"]
        for row in stage.records:
            self._line(stage.segment, row.subject, msgspec.json.decode(row.body))
        for subject, data in stage.states:
            if not subject.startswith("segment:"):
                self._states[subject] = data
                if self._at_once:
                    self._fits(subject, data)
        if self._at_once:
            self._sent(stage, self._moved["sent"] - before)

    def _sent(self, stage: Stage, taken: int) -> None:
        gifts = [emission.draft.body for emission in stage.emits if emission.draft.kind == GIFT]
        sent = sum(self._gift(body) for body in gifts)
        if taken != sent:
            raise Violation(f"books: a stage sends {sent} points and takes {taken}")

    def _gift(self, body: bytes) -> int:
        gift: dict[str, Any] = msgspec.json.decode(body)
        if sum(points for _, points in gift["parts"]) != gift["points"]:
            raise Violation(f"books: a gift of {gift['points']} points comes in parts of {gift['parts']}")
        return gift["points"]

    def _line(self, segment: int, subject: str, line: dict[str, Any]) -> None:
        moves: dict[str, int] = line["moves"]
        left = sum([moved for name, moved in moves.items() if name in LEFT])
        if left != sum([moved for name, moved in moves.items() if name in RIGHT]):
            raise Violation(f"books: a line of {subject} does not balance: {line}")
        wallet = line.get("wallet", "")
        sums = self._sums.get((subject, wallet))
        if sums is None:
            sums = self._sums[subject, wallet] = Counter()
        for name, moved in moves.items():
            sums[name] += moved
            self._moved[name] += moved
        if line["change"] == "gift_received":
            self._receive(segment, line["offset"], moves.get("received", 0))
        if line["change"] != "merge" and line["balance"] != sums["available"]:
            raise Violation(f"books: {subject} is told {line['balance']}, the lines add up to {sums['available']}")

    def _receive(self, segment: int, offset: int, points: int) -> None:
        entry = self._logs[segment][offset - 1]
        there = msgspec.json.decode(entry.body)["points"] if entry.kind == GIFT else 0
        if entry.place in self._gifts or there != points:
            raise Violation(f"books: the gift {entry.place} of {there} points brings {points}, or comes again")
        self._gifts[entry.place] = points

    def _fits(self, subject: str, data: bytes) -> None:
        for wallet, terms in _terms(data).items():
            sums = self._sums.get((subject, wallet), NOTHING)
            wrong = {name: (value, sums.get(name, 0)) for name, value in terms.items() if value != sums.get(name, 0)}
            if wrong:
                raise Violation(f"books: {subject}'s state and lines differ (state, lines): {wrong}")

    def at_rest(self, discarded: int) -> None:
        """Nothing is under way: what was sent has come, but for what operators threw away."""
        for subject, data in self._states.items():
            self._fits(subject, data)
        sent, received = self._moved["sent"], self._moved["received"]
        if sent != received + discarded:
            raise Violation(f"books: {sent} points were sent, {received} received, {discarded} discarded")


def _terms(data: bytes) -> dict[str, dict[str, int]]:
    """Each wallet's terms as a stored account has them."""
    fields = msgspec.msgpack.decode(data)
    wallets: dict[str, Any] = {"": fields[1], **fields[6]}
    found: dict[str, dict[str, int]] = {}
    for name, (lots, pending, debt, _, books) in wallets.items():
        held = [part[1] for hold in fields[7].values() if hold[0] == name for part in hold[3]]
        points = [lot[1] for lot in lots]
        if any(each <= 0 for each in (*points, *held)) or debt < 0 or (debt and points):
            raise Violation(f"books: a wallet is below zero: lots {points}, held {held}, debt {debt}")
        found[name] = dict(zip(COUNTED, books, strict=True)) | {
            "available": sum(points), "pending": sum(each[2] for each in pending), "reserved": sum(held), "debt": debt,
        }  # fmt: skip
    return found
