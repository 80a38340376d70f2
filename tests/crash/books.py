"""What must come of the shop's messages, in integers and lists, kept by the test alone.

Balances are plain numbers here: no lots, since none of them expires while a test runs. Users are of two sorts.
*Referrers* are only ever given points, so that nothing depends on when a credit from another segment arrives; all
others never get such a credit, so that their whole history follows from the order of the messages.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Told(NamedTuple):
    """One effect on a user's points, as far as it follows from the messages: all but place and time."""

    event_type: str
    points: int
    reason: str
    order_id: str | None
    source_id: str
    code: str | None = None
    referred: str | None = None


class Book:
    """One user."""

    def __init__(self) -> None:
        self.balance = 0
        self.told: list[Told] = []
        """Effects of their own messages, in order."""
        self.credits: list[Told] = []
        """Effects of referring others, in no order."""
        self.used: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        self.referred = False


class Books:
    """All users. `fold` takes each message once, in the order of its first publication."""

    def __init__(self) -> None:
        self.by_user: dict[str, Book] = {}
        self.effects = 0
        """How many, texts included."""

    def book(self, user: str) -> Book:
        return self.by_user.setdefault(user, Book())

    def fold(self, change: dict[str, Any], source_id: str) -> None:
        book = self.book(change["user_id"])
        kind, points, order = change["change_type"], change["points"], change.get("order_id")
        key = (kind, change["reason"], order) if order else None
        metadata = change.get("metadata") or {}
        refers = change["reason"] == "referral"
        said = (points, metadata.get("referrer_id"), metadata.get("referrer_points"))
        if key and book.used.get(key) == said:
            return
        code, taken = _verdict(book, kind, points, bool(key and key in book.used), refers)
        event_type = {"increase": "points_earned", "decrease": "points_spent", "expire": "points_expired"}[kind]
        if code:
            self._tell(book.told, Told("points_refused", points, change["reason"], order, source_id, code))
            return
        book.balance += points if kind == "increase" else -taken
        self._tell(book.told, Told(event_type, taken, change["reason"], order, source_id))
        if key:
            book.used[key] = said
        if refers:
            book.referred = True
            self._credit(change, metadata, source_id)

    def _credit(self, change: dict[str, Any], metadata: dict[str, Any], source_id: str) -> None:
        points = metadata.get("referrer_points") or change["points"]
        book = self.book(metadata["referrer_id"])
        book.balance += points
        order, referred = change.get("order_id"), change["user_id"]
        self._tell(book.credits, Told("points_earned", points, "referral", order, source_id, None, referred))

    def _tell(self, told: list[Told], effect: Told) -> None:
        told.append(effect)
        self.effects += 1 if effect.code else 2  # a refusal sends no text


def _verdict(book: Book, kind: str, points: int, conflict: bool, refers: bool) -> tuple[str | None, int]:
    """(refusal code or None, points that move)."""
    if conflict:
        return "order_conflict", 0
    if refers and book.referred:
        return "already_referred", 0
    if kind == "decrease" and points > book.balance:
        return "insufficient_points", 0
    if kind == "expire" and not book.balance:
        return "nothing_to_expire", 0
    return None, min(points, book.balance) if kind == "expire" else points
