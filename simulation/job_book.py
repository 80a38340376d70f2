"""One coupon job as the reference model keeps it: lists of users and plain sums, nothing shared with the job's books in
production.

The users of a batch stand here by name until they go out, so how many wait is how many there are. What became of each
user is written down as well, by the model of coupons: at rest the sums that shelves sent must be the users' own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

USER_CHARS_MAX = 128
BAD_NAMED_MAX = 20
MISSING_NAMED_MAX = 100
DECIDED = ("issued", "already")
BAD = "bad_user_id"

Timer = tuple[int, int]
"""(due, gen)."""


class JobBook:
    """`batches`: users who have not gone out, by batch, in order. `step` and `quiet` are its timers as long as they
    stand; `halted`: the step was thrown away. `ended`: it was said to be done.
    """

    def __init__(self) -> None:
        self.template = self.activity = self.status = ""
        self.total = self.bad = self.sent = self.lists = 0
        self.names: set[str] = set()
        """What its batches are known by."""
        self.numbers: set[int] = set()
        self.batches: list[list[str]] = []
        self.given: Counter[str] = Counter()
        self.became: Counter[str] = Counter()
        """What became of how many, as shelves have said."""
        self.of_users: dict[str, Counter[str]] = {}
        """User -> what became of him, how often."""
        self.step: Timer | None = None
        self.quiet: Timer | None = None
        self.halted = self.ended = False
        self.touched = 0

    @property
    def users(self) -> int:
        return self.bad + self.given.total()

    @property
    def under_way(self) -> int:
        return self.sent - self.became.total()

    @property
    def waiting(self) -> int:
        return sum(len(batch) for batch in self.batches)

    @property
    def over(self) -> bool:
        return not self.batches and not self.under_way

    @property
    def complete(self) -> bool:
        return 0 < self.total <= len(self.names)

    def take(self, body: dict[str, Any], name: str, order: Callable[[str], int]) -> None:
        """A batch that was not there; its users go out in this `order`."""
        good = [user for user in body["user_batch"] if _is_user(user)]
        self.names.add(name)
        if body.get("batch_no") is not None:
            self.numbers.add(body["batch_no"])
        self.bad += len(body["user_batch"]) - len(good)
        self.given.update(good)
        self.batches.append(sorted(good, key=order))

    def page(self, room: int) -> list[str]:
        """The next users, who count as sent."""
        users: list[str] = []
        while self.batches:
            first = self.batches[0]
            part = first[: room - len(users)]
            users += part
            del first[: len(part)]
            if first:
                break
            self.batches.pop(0)
        self.sent += len(users)
        return users

    def refused(self) -> dict[str, int]:
        """By reason."""
        found = {what: number for what, number in self.became.items() if what not in DECIDED}
        return found | ({BAD: self.bad} if self.bad else {})

    def shown(self) -> tuple[Any, ...]:
        """What others are told of it."""
        queued = 0 if self.status == "cancelled" else self.users - self.bad - self.became.total()
        missing = [number for number in range(1, self.total + 1) if number not in self.numbers]
        sums = (self.users, queued, self.became["issued"], self.became["already"], self.refused(), len(self.names))
        named = missing[:MISSING_NAMED_MAX] if self.numbers else []
        return (self.template, self.status, *sums, self.total, named, min(self.bad, BAD_NAMED_MAX))

    def unlike(self) -> str:
        """At rest: empty when everybody who was given to it is decided once, and its sums are the users'."""
        decided = Counter({user: became.total() for user, became in self.of_users.items()})
        sums = Counter[str]()
        for became in self.of_users.values():
            sums += became
        if sums != self.became:
            return f"its users came to {sums}, it was told {self.became}"
        if not decided <= self.given:
            return f"{decided - self.given} were not given to it"
        if self.status != "cancelled" and decided != self.given:
            return f"{self.given - decided} were forgotten"
        return "" if self.ended else f"it is {self.status} and was not said to be done"


def _is_user(user: Any) -> bool:
    return isinstance(user, str) and 0 < len(user) <= USER_CHARS_MAX and user.isprintable()


def told(body: dict[str, Any]) -> tuple[Any, ...]:
    """What a word about a job says, as `shown`."""
    sums = (body["users"], body["queued"], body["issued"], body["already"], body["refused"], body["batches"])
    total, missing = body["total_batches"] or 0, list(body["missing"])
    return (body["template"], body["status"], *sums, total, missing, len(body["bad_users"]))


def stored_like(book: JobBook, data: bytes) -> str:
    """Empty when the store has the same, else what differs; the order of the fields is the store's format."""
    fields = msgspec.msgpack.decode(data)
    numbers = {number for first, last in fields[6] for number in range(first, last + 1)}
    stored = (
        fields[1], fields[2] or "", fields[3], fields[4], fields[5], numbers, fields[8] - fields[7], fields[10],
        fields[11], fields[12], fields[13], fields[14], fields[15], len(fields[16]), fields[17], fields[18],
        fields[19], fields[23],
    )  # fmt: skip
    mine = (
        book.template, book.status, book.activity, book.total, len(book.names), book.numbers, len(book.batches),
        book.users, book.sent, book.lists, book.became["issued"], book.became["already"], book.refused(),
        min(book.bad, BAD_NAMED_MAX), book.step is not None or book.halted, book.quiet is not None, book.touched,
        book.ended,
    )  # fmt: skip
    return "" if stored == mine else f"the store has {stored}, the model {mine}"
