"""The reference model: a second, naive bookkeeping of points, on plain lists, that shares no code with the ledger.

It folds the log as the checkers saw it become durable, subject by subject, and says what balances and which effects
must come of it. It is slow and obvious on purpose: lots are lists, the soonest to expire is found by sorting, time is
compared, not armed.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from supervision.entry import Entry

Effect = tuple[str, int, int]
"""(event type, points, balance after it)"""


class Book:
    """One user's points."""

    def __init__(self) -> None:
        self.lots: list[list[int]] = []
        """[expires ms, order of arrival, points]"""
        self.orders: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        self.referred = False
        self.effects: list[Effect] = []

    @property
    def balance(self) -> int:
        return sum(lot[2] for lot in self.lots)

    def settle(self, at: int) -> None:
        gone = [lot for lot in self.lots if lot[0] <= at]
        if gone:
            self.lots = [lot for lot in self.lots if lot[0] > at]
            self.effects.append(("points_expired", sum(lot[2] for lot in gone), self.balance))

    def take(self, points: int) -> None:
        for lot in sorted(self.lots):
            part = min(points, lot[2])
            lot[2] -= part
            points -= part
        self.lots = [lot for lot in self.lots if lot[2]]


class Model:
    """Books by user, and the referral credits that must have arrived."""

    def __init__(self, valid_days: int) -> None:
        self._valid_days = valid_days
        self.books: dict[str, Book] = {}
        self.owed: dict[str, list[int]] = {}
        """Referrer -> credits that accepted referrals owe, in any order."""
        self.credited: dict[str, list[int]] = {}
        self._arrivals = 0

    def fold(self, entry: Entry) -> None:
        """Entries of one segment in order; segments in any."""
        user = entry.subject.removeprefix("user:")
        if entry.kind == "points.change":
            self._change(user, json.loads(entry.body), entry.at)
        elif entry.kind == "points.referral":
            points = json.loads(entry.body)["points"]
            self.credited.setdefault(user, []).append(points)
            book = self._book(user)
            book.settle(entry.at)
            self._earn(book, points, entry.at)
        elif entry.kind == "timer.points":
            self._book(user).settle(entry.at)

    def _book(self, user: str) -> Book:
        return self.books.setdefault(user, Book())

    def _change(self, user: str, change: dict[str, Any], at: int) -> None:
        book = self._book(user)
        points, kind, reason = change["points"], change["change_type"], change["reason"]
        metadata: dict[str, Any] = change.get("metadata") or {}
        refers = reason == "referral" and kind == "increase"
        key = (kind, reason, change["order_id"]) if change.get("order_id") is not None else None
        said: tuple[Any, ...] = (
            (points, metadata.get("referrer_id"), metadata.get("referrer_points")) if refers else (points,)
        )
        if key is not None and key in book.orders and book.orders[key] == said:
            return
        book.settle(at)
        if (key is not None and key in book.orders) or (refers and book.referred):
            book.effects.append(("points_refused", points, book.balance))
            return
        if not self._apply(book, kind, points, at):
            return
        if key is not None:
            book.orders[key] = said
        if refers:
            book.referred = True
            self.owed.setdefault(metadata["referrer_id"], []).append(metadata.get("referrer_points") or points)

    def _apply(self, book: Book, kind: str, points: int, at: int) -> bool:
        if kind == "increase":
            self._earn(book, points, at)
        elif kind == "decrease" and points <= book.balance:
            book.take(points)
            book.effects.append(("points_spent", points, book.balance))
        elif kind == "expire" and book.balance:
            taken = min(points, book.balance)
            book.take(taken)
            book.effects.append(("points_expired", taken, book.balance))
        else:
            book.effects.append(("points_refused", points, book.balance))
            return False
        return True

    def _earn(self, book: Book, points: int, at: int) -> None:
        self._arrivals += 1
        book.lots.append([self._expiry(at), self._arrivals, points])
        book.effects.append(("points_earned", points, book.balance))

    def _expiry(self, at: int) -> int:
        """The end of the day `at` + valid days, UTC."""
        day = datetime.fromtimestamp(at / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return int((day + timedelta(days=self._valid_days + 1)).timestamp() * 1000)
