"""A segment's part of one template as the reference model of coupons keeps it: numbers and lists, nothing shared with
the shelf of production.

What it has of stock or budget is what came less what went; what is free of it is that less what is promised to those
who were let go and have not gone on; who waits stands in a list. It does not know when more is asked for: that is
nobody's business as long as it comes (escrow.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

IDLE_MS = 30_000
"""What is scarce and was not used for so long goes back: stated in docs/semantics.md."""
RESOURCES = ("stock", "budget")
Need = Mapping[str, int]


class Slice:
    """Of stock or budget."""

    def __init__(self) -> None:
        self.left = 0
        self.dry = self.scarce = False
        self.used_at = 0


class Ticket:
    """A command that waits. `promised` is what it was let go with."""

    def __init__(self, number: int, kind: str, occasion: str, need: Need, subject: str) -> None:
        self.number, self.kind, self.occasion, self.need, self.subject = number, kind, occasion, need, subject
        self.promised: Need = {}


class Shelf:
    """`queue` and `going`: tickets that wait, and those that were let go. `idle`: (due, gen) of its timer."""

    def __init__(self) -> None:
        self.number = 0
        self.status = ""
        self.rules: dict[str, Any] = {}
        self._heard: list[dict[str, Any]] = []
        """What coupons may be judged by."""
        self.slices: dict[str, Slice] = {}
        self.queue: list[Ticket] = []
        self.going: dict[int, Ticket] = {}
        self.tickets = 0
        self.idle: tuple[int, int] | None = None
        self.tally: Counter[str] = Counter()

    def hear(self, number: int, status: str, rules: dict[str, Any]) -> None:
        """Of a version. What is limited stays so."""
        self.number, self.status, self.rules = number, status, rules
        self._heard.append(_judging(rules))
        for name in limits(rules):
            if name not in self.slices:
                self.slices[name] = Slice()

    def has_heard(self, rules: Mapping[str, Any]) -> bool:
        """Whether a coupon of these rules can be judged here."""
        return _judging(rules) in self._heard

    def free(self, name: str) -> int:
        left = self.slices[name].left
        return left - sum([ticket.promised.get(name, 0) for ticket in self.going.values()]) if self.going else left

    def spare(self, name: str) -> int:
        """What nobody here waits for."""
        return max(0, self.free(name) - sum([ticket.need.get(name, 0) for ticket in self.queue]))

    def all_spare(self) -> Need:
        return {name: self.spare(name) for name in self.slices}

    def lacks(self, need: Need) -> list[str]:
        """Of what there is not enough."""
        return [name for name in self.slices if need.get(name, 0) > self.free(name)]

    def room(self, need: Need, served: bool) -> str:
        """Empty: there is enough; "wait"; else what there will never be enough of."""
        answer = ""
        for name in self.slices:
            wanted = need.get(name, 0)
            if wanted > self.free(name) and self.slices[name].dry:
                return name
            if wanted > self.free(name) or (wanted and self.queue and not served):
                answer = "wait"
        return answer

    def move(self, need: Need, at: int = 0) -> None:
        """Take it; what is below nothing is put back. `at` is when, 0 when it is no use."""
        for name, slice in self.slices.items():
            if amount := need.get(name, 0):
                slice.left -= amount
                slice.used_at = at or slice.used_at

    def wait(self, kind: str, occasion: str, need: Need, subject: str) -> None:
        self.tickets += 1
        self.queue.append(Ticket(self.tickets, kind, occasion, need, subject))

    def let_go(self) -> Ticket | None:
        """The first of those who wait, with what it is promised: all that it needs, or nothing when that will never be
        there. None: it has to wait on.
        """
        if not self.queue:
            return None
        first = self.queue[0]
        lacks = self.lacks(first.need)
        if any(not self.slices[name].dry for name in lacks):
            return None
        self.queue.pop(0)
        first.promised = {} if lacks else first.need
        self.going[first.number] = first
        return first


def limits(rules: Mapping[str, Any]) -> dict[str, int]:
    """How much a template has to give of what is limited."""
    pieces = [each for each in (rules.get("stock"), rules.get("code", {}).get("uses")) if each is not None]
    found = {"stock": min(pieces)} if pieces else {}
    return found | ({"budget": rules["budget"]} if rules.get("budget") is not None else {})


def _judging(rules: Mapping[str, Any]) -> dict[str, Any]:
    """What of a template matters to who has a coupon of it."""
    others = ("name", "stock", "budget", "per_user", "transferable", "activity_id", "tags")
    return {name: value for name, value in rules.items() if name not in others}
