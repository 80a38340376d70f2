"""The reference models: for points a second, naive bookkeeping on plain lists, that shares no code with the ledger.

It folds what the shadow (shadow.py) tells it was folded, and says which effects must come of each entry, what balance
the account then has, and for when its expiry timer must stand. It is slow and obvious on purpose: lots are lists, the
soonest to expire is found by sorting, time is compared, not armed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from supervision.entry import Entry
from supervision.messages import Emission

Said = tuple[Any, ...]
"""(event type, subject, points, balance after it) of an effect; (kind, subject, points) of a referral's credit."""

DAY_MS = 86_400_000


class Book:
    """One user's points."""

    def __init__(self) -> None:
        self.lots: list[list[int]] = []
        """[expires ms, order of arrival, points]"""
        self.orders: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        self.referred = False
        self.lines = 0
        """Of the ledger: one for each time that points came or went."""
        self.armed: tuple[int, int] | None = None
        """(due, gen) of the expiry timer's row."""
        self.believes = 0
        """What the account thinks its timer is set to: a discarded firing leaves it believing."""

    @property
    def balance(self) -> int:
        return sum(lot[2] for lot in self.lots)

    def take(self, points: int) -> None:
        for lot in sorted(self.lots):
            part = min(points, lot[2])
            lot[2] -= part
            points -= part
        self.lots = [lot for lot in self.lots if lot[2]]


class PointsModel:
    """Books by subject, and the referral credits that must have arrived. Entries of a subject come in order."""

    domain = "points"
    kinds = frozenset({"points.change", "points.referral", "timer.points"})
    parks_subject = True
    timer_key = "expiry"

    def __init__(self, valid_days: int) -> None:
        self._valid_days = valid_days
        self.books: dict[str, Book] = {}
        self.owed: dict[str, list[int]] = {}
        """Referrer -> credits that accepted referrals owe, in any order."""
        self.credited: dict[str, list[int]] = {}
        self._arrivals = 0

    def fold(self, entry: Entry, at: int) -> list[Said]:
        """What must be said because of `entry`, folded at `at`."""
        book = self.books.setdefault(entry.subject, Book())
        body = msgspec.json.decode(entry.body)
        said: list[Said] = []
        if entry.kind == "timer.points":
            if book.armed is None or book.armed[1] != body["gen"]:
                return said  # stale: it was armed anew, or cancelled
            book.armed, book.believes = None, 0
            self._settle(entry.subject, book, at, said)
        elif entry.kind == "points.referral":
            self.credited.setdefault(entry.subject, []).append(body["points"])
            self._settle(entry.subject, book, at, said)
            self._earn(entry.subject, book, body["points"], at, said)
        elif self._change(entry.subject, book, body, at, said):
            return said
        book.lines += sum(effect[0] in ("points.earned", "points.spent", "points.expired") for effect in said)
        soonest = min((lot[0] for lot in book.lots), default=0)
        if soonest != book.believes:
            book.believes = soonest
            book.armed = (soonest, entry.offset) if soonest else None
        return said

    def discarded(self, entry: Entry) -> None:
        """An operator threw it away: a firing's timer goes with it, a credit is owed no more."""
        if entry.kind == "points.referral":
            self.credited.setdefault(entry.subject, []).append(msgspec.json.decode(entry.body)["points"])
        book = self.books.get(entry.subject)
        if book is not None and entry.kind == "timer.points" and book.armed is not None:
            gen = msgspec.json.decode(entry.body)["gen"]
            book.armed = None if gen == book.armed[1] else book.armed

    def armed(self, subject: str) -> tuple[int, int] | None:
        book = self.books.get(subject)
        return book.armed if book else None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the stored account has the book's lots, else what differs."""
        fields = msgspec.msgpack.decode(data)
        stored = sorted((lot[0], lot[1]) for lot in fields[1])
        book = self.books.get(subject, Book())
        mine = sorted((lot[0], lot[2]) for lot in book.lots)
        return "" if stored == mine else f"the store has {stored[:5]}, the model {mine[:5]}"

    def heard(self, emission: Emission) -> Said | None:
        """What an emission says, in the model's words; None when it is none of its business."""
        draft = emission.draft
        if draft.kind == "points.referral":
            return (draft.kind, draft.subject, msgspec.json.decode(draft.body)["points"])
        if not draft.kind.startswith("points."):
            return None
        body = msgspec.json.decode(draft.body)
        return (draft.kind, draft.subject, body["points"], body["balance"])

    def _settle(self, subject: str, book: Book, at: int, said: list[Said]) -> None:
        gone = [lot for lot in book.lots if lot[0] <= at]
        if gone:
            book.lots = [lot for lot in book.lots if lot[0] > at]
            said.append(("points.expired", subject, sum(lot[2] for lot in gone), book.balance))

    def _change(self, subject: str, book: Book, change: dict[str, Any], at: int, said: list[Said]) -> bool:
        """True when it is a known duplicate, which is no event at all."""
        points, kind, reason = change["points"], change["change_type"], change["reason"]
        metadata: dict[str, Any] = change.get("metadata") or {}
        refers = reason == "referral" and kind == "increase"
        key = (kind, reason, change["order_id"]) if change.get("order_id") is not None else None
        told: tuple[Any, ...] = (
            (points, metadata.get("referrer_id"), metadata.get("referrer_points")) if refers else (points,)
        )
        if key is not None and book.orders.get(key) == told:
            return True
        self._settle(subject, book, at, said)
        if (key is not None and key in book.orders) or (refers and book.referred):
            said.append(("points.refused", subject, points, book.balance))
            return False
        if not self._apply(subject, book, kind, points, at, said):
            return False
        if key is not None:
            book.orders[key] = told
        if refers:
            book.referred = True
            referrer, credit = f"user:{metadata['referrer_id']}", metadata.get("referrer_points") or points
            self.owed.setdefault(referrer, []).append(credit)
            said.append(("points.referral", referrer, credit))
        return False

    def _apply(self, subject: str, book: Book, kind: str, points: int, at: int, said: list[Said]) -> bool:
        if kind == "increase":
            self._earn(subject, book, points, at, said)
        elif kind == "decrease" and points <= book.balance:
            book.take(points)
            said.append(("points.spent", subject, points, book.balance))
        elif kind == "expire" and book.balance:
            taken = min(points, book.balance)
            book.take(taken)
            said.append(("points.expired", subject, taken, book.balance))
        else:
            said.append(("points.refused", subject, points, book.balance))
            return False
        return True

    def _earn(self, subject: str, book: Book, points: int, at: int, said: list[Said]) -> None:
        self._arrivals += 1
        book.lots.append([self._expiry(at), self._arrivals, points])
        said.append(("points.earned", subject, points, book.balance))

    def _expiry(self, at: int) -> int:
        """The end of the day `at` + valid days, UTC."""
        return (at // DAY_MS + self._valid_days + 1) * DAY_MS

    def at_rest(self) -> str:
        """Empty when every referral's credit has arrived, else who lacks what."""
        for referrer in sorted(self.owed.keys() | self.credited.keys()):
            owed, got = sorted(self.owed.get(referrer, [])), sorted(self.credited.get(referrer, []))
            if owed != got:
                return f"{referrer} is owed {owed} and was credited {got}"
        return ""


class NotificationModel:
    """One text for each fact about points."""

    domain = "notification"
    kinds = frozenset({"points.earned", "points.spent", "points.expired", "points.expiring"})
    parks_subject = False
    timer_key = ""

    def fold(self, entry: Entry, at: int) -> list[Said]:
        return [("notify.sms", entry.subject, msgspec.json.decode(entry.body)["points"])]

    def discarded(self, entry: Entry) -> None:
        """Nothing hangs on it."""

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        return "notification has no state"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if not draft.kind.startswith("notify."):
            return None
        return (draft.kind, draft.subject, msgspec.json.decode(draft.body)["params"]["points"])

    def at_rest(self) -> str:
        return ""


class ProfileModel:
    """Who was last to say what, in the order of the log."""

    domain = "profile"
    kinds = frozenset({"user.profile"})
    parks_subject = True
    timer_key = ""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, tuple[str, str]]] = {}
        """Subject -> fact -> (place of its last change, value as JSON)."""

    def fold(self, entry: Entry, at: int) -> list[Said]:
        facts = self.facts.setdefault(entry.subject, {})
        changed: set[str] = set()
        for name, value in msgspec.json.decode(entry.body)["profile_changes"].items():
            said = msgspec.json.encode(value, order="sorted").decode()
            if said == facts.get(name, ("", "null"))[1]:
                continue
            changed.add(name)
            facts[name] = (entry.place, said)
            if value is None:
                del facts[name]
        return [("profile.updated", entry.subject, sorted(changed))] if changed else []

    def discarded(self, entry: Entry) -> None:
        """It was never so."""

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the stored profile has the model's facts, each changed last where the model has it."""
        facts = msgspec.msgpack.decode(data)[1]
        stored = {name: (f"{epoch}.{offset}", value) for name, (value, epoch, offset, _) in facts.items()}
        mine = {name: (place.partition(".")[2], said) for name, (place, said) in self.facts.get(subject, {}).items()}
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if not draft.kind.startswith("profile."):
            return None
        return (draft.kind, draft.subject, sorted(msgspec.json.decode(draft.body)["changed"]))

    def at_rest(self) -> str:
        return ""
