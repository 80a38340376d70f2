"""Delayed checks in the reference model of campaigns: whoever sent one said what lay in the cart, and it is the cart
itself that is looked at, at the moment and before each action.

Actions are told one by one with the moment that each waits for; production has them as steps with waits between. A
check that is over stays known by its moment, since the same message may come again under another id.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

DAYS_MAX = 366
VERSION = "check"
"""In the place of a campaign's version."""
SMS = "sms"


class Check(msgspec.Struct):
    """Of a user and a `trigger_id`: for the moment `at`, which goes on at `due`. `left`: (seconds after the check,
    what) of what is not done yet, `passed` of those seconds are over. `held`: a stop does so, and there is no moment.
    """

    at: int
    due: int
    offset: int
    number: int
    left: list[tuple[int, dict[str, Any]]]
    passed: int = 0
    over: bool = False
    held: bool = False

    def unlike(self, stored: list[Any]) -> bool:
        """How far its actions are production counts with the waits between them."""
        mine = (self.at, 0 if self.over else self.due, self.offset, self.number, not self.over)
        return (*stored[:4], bool(stored[4])) != mine


class Told(Protocol):
    """How a decision is written down."""

    def __call__(
        self, id: str, outcome: str, run: int | None, reason: str | None = None, *, action: str | None = None,
        snapshot: Any = None,
    ) -> None: ...  # fmt: skip


class Member(Protocol):
    """What they need of the user's book."""

    numbered: int
    lines: int
    checks: dict[str, Check]


class Checks:
    """Works on one user's for one entry, at `offset`, folded at `at`. `say` tells other domains."""

    def __init__(
        self, book: Member, at: int, offset: int, say: Callable[..., None], told: Told, holds: Callable[[str], bool],
        mark: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._book, self._at, self._offset = book, at, offset
        self._say, self._told, self._holds, self._mark = say, told, holds, mark

    def asked(self, body: dict[str, Any]) -> None:
        """Somebody asks for one."""
        id, book, told = body["trigger_id"], self._book, self._told
        at = _moment(body["check_time"])
        snapshot = body.get("cart_snapshot", {})
        before = book.checks.get(id)
        if before is not None and before.at == at:
            self._mark("check_again")
        elif before is not None and not before.over:
            self._mark("check_refused")
            told(id, "refused", None, "one_waits_already", snapshot=snapshot)
        elif at > self._at + DAYS_MAX * 86_400_000:
            self._mark("check_refused")
            told(id, "refused", None, "too_far", snapshot=snapshot)
        else:
            book.checks.pop(id, None)
            book.numbered += 1
            asked: list[dict[str, Any]] = body["actions_if_match"]
            left = sorted(((action.get("delay", 0), action) for action in asked), key=lambda one: one[0])
            book.checks[id] = Check(at, max(at, self._at), self._offset, book.numbered, left)
            told(id, "waits", book.numbered, body["check_time"], snapshot=snapshot)

    def bought(self) -> None:
        """Whoever buys, whatever it is, is asked no more."""
        for id, check in self._book.checks.items():
            if not check.over:
                self._mark("check_bought")
                self._end(id, check, "exited", "bought")

    def due(self) -> None:
        """Those whose time has come."""
        for id, check in self._book.checks.items():
            if not check.over and not check.held and check.due <= self._at:
                self._go(id, check)

    def go_on(self) -> None:
        """A stop is over, perhaps not the one that holds a check."""
        for id, check in self._book.checks.items():
            if check.held and not self._holds(id):
                check.held = False
                self._go(id, check)

    def _go(self, id: str, check: Check) -> None:
        while check.left:
            seconds, action = check.left[0]
            if seconds > check.passed:
                check.due = self._at + (seconds - check.passed) * 1_000
                check.passed = seconds
                return
            if self._holds(id):
                check.due, check.held = 0, True
                self._mark("check_stopped")
                self._told(id, "held", check.number, "stopped")
                return
            if not self._book.lines:
                self._mark("check_cart_empty")
                self._end(id, check, "exited", "cart_empty")
                return
            self._act(id, check, action)
            del check.left[0]
        self._end(id, check, "finished", "finished")

    def _act(self, id: str, check: Check, action: dict[str, Any]) -> None:
        self._mark("check_acted")
        if action["type"] == "issue_coupon":
            self._say(kind := "coupon.issue", id, check.number, action["template"])
        else:
            self._say(kind := "notify.requested", id, VERSION, check.number, SMS, action["template"])
        self._told(id, "acted", check.number, action=kind)

    def _end(self, id: str, check: Check, outcome: str, reason: str) -> None:
        check.over, check.held = True, False
        self._told(id, outcome, check.number, reason)


def _moment(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
