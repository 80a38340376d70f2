"""The reference model of points: a second, naive bookkeeping that shares no code with the ledger.

It folds what the shadow (shadow.py) tells it was folded, and says which effects must come of each entry, what is
answered to who asked, what the state then holds, and for when the one timer must stand. Slow and obvious on purpose:
points_book.py keeps the lists, points_earning.py says what comes, points_refunds.py what a refund takes,
points_tiers.py who is gold; here is which entry asks for what.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from simulation.points_book import Book, Lot, Purse, Said
from simulation.points_calendar import ms
from simulation.points_fold import Fold
from simulation.points_reactions import REACTIONS
from supervision.entry import Entry
from supervision.messages import Emission
from topology.wire import id_hash

LINES = frozenset(
    f"points.{what}"
    for what in (
        "earned", "pending", "activated", "spent", "expired", "reserved", "confirmed", "released", "reversed", "gifted",
    )
)  # fmt: skip
"""Each of these effects stands beside one line of the records."""
MOVED = ("points", "balance")
TIERS = {"by": "points", "window": "year", "n": 365, "grace_days": 0, "notice_days": 7}
"""What a programme with tiers that does not say it means."""
REVERSED = ("from_pending", "from_lots", "from_balance", "debt", "written_off", "returned")


class PointsModel:
    """Books by subject, and what must have arrived of what one user caused for another. Entries of a subject come in
    order. `rules` is the programme of the settings; `answers` are by the id hash of the input.
    """

    domain = "points"
    kinds = frozenset({*REACTIONS, "timer.points", "programme.activated"})
    parks_subject = True
    timer_key = "next"

    def __init__(self, rules: dict[str, Any], marks: Counter[str] | None = None) -> None:
        self._rules = rules
        self._active: dict[str, tuple[int, str, dict[str, Any]]] = {}
        """Segment's subject -> (number, version, rules)."""
        self._marks: Counter[str] = Counter() if marks is None else marks
        self.books: dict[str, Book] = {}
        self.owed: dict[str, list[int]] = {}
        """Referrer -> credits that accepted referrals owe, in any order."""
        self.credited: dict[str, list[int]] = {}
        self.given: Counter[str] = Counter()
        """Receiver -> points that were sent to him and are not there yet."""
        self.gifts_discarded = 0
        """Points, by operators."""
        self._deaf: set[str] = set()
        """Whose timer was thrown away: what it was set for waits until they come themselves."""
        self.answers: dict[int, tuple[Any, ...]] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        """What must be said because of `entry`, folded at `at`."""
        body = msgspec.json.decode(entry.body)
        if entry.kind == "programme.activated":
            return self._activate(entry.subject, body)
        book = self.books.get(entry.subject)
        if book is None:
            book = self.books[entry.subject] = Book()
        if entry.kind == "timer.points":
            if book.armed is None or book.armed[1] != body["gen"]:
                return []  # stale: it was armed anew, or cancelled
            book.armed, book.believes = None, 0
        fold = Fold(book, entry, body, at, self._rules_of(entry), self._marks)
        if fold.repeats():
            return []
        fold.settle()
        if entry.kind != "timer.points":
            REACTIONS[entry.kind](fold)
        self._take_note(fold)
        return fold.said

    def _take_note(self, fold: Fold) -> None:
        entry, book = fold.entry, fold.book
        for said in fold.said:
            if said[0] in LINES:
                book.lines += 1
            elif said[0] == "points.referral":
                self.owed.setdefault(said[1], []).append(said[2])
            elif said[0] == "points.gift_arrives":
                self.given[said[1]] += said[2]
        self._arrived(entry)
        if fold.answer is not None and entry.asked:
            self.answers[id_hash(entry.root, entry.asked_of or entry.subject)] = fold.answer
        due = fold.next_due()
        book.armed_by = fold.rules["ident"]
        if due != book.believes:
            book.believes = due
            book.armed = (due, entry.offset) if due else None
            self._deaf.discard(entry.subject)

    def _arrived(self, entry: Entry) -> None:
        if entry.kind == "points.referral":
            self.credited.setdefault(entry.subject, []).append(msgspec.json.decode(entry.body)["points"])
        elif entry.kind == "points.gift_arrives":
            self.given[entry.subject] -= msgspec.json.decode(entry.body)["points"]

    def _activate(self, subject: str, body: dict[str, Any]) -> list[Said]:
        if body["name"] == "points" and body["number"] > self._active.get(subject, (0,))[0]:
            self._marks["programme_switched"] += 1
            self._active[subject] = (body["number"], body["version"], plain_rules(msgspec.json.decode(body["body"])))
        return []

    def _rules_of(self, entry: Entry) -> dict[str, Any]:
        active = self._active.get(f"segment:{entry.segment:02d}")
        return active[2] if active else self._rules

    def discarded(self, entry: Entry) -> list[Said]:
        """An operator threw it away: a firing's timer goes with it, what it brought is owed no more."""
        self._arrived(entry)
        if entry.kind == "points.gift_arrives":
            self.gifts_discarded += msgspec.json.decode(entry.body)["points"]
        book = self.books.get(entry.subject)
        if book is not None and entry.kind == "timer.points" and book.armed is not None:
            gen = msgspec.json.decode(entry.body)["gen"]
            if gen == book.armed[1]:
                book.armed = None
                self._deaf.add(entry.subject)
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        book = self.books.get(subject)
        return book.armed if book else None

    def available(self, subject: str, segment: int, now: int) -> int:
        """What the main wallet has at `now`, when nothing happens but time."""
        book = self.books[subject].looked_at()
        entry = Entry(segment, 0, 0, now, 0, "timer.points", subject, b"")
        fold = Fold(book, entry, {}, now, self._rules_of(entry), Counter())
        fold.pass_time()
        return book.balance

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the stored account has what the book has, else what differs."""
        fields = msgspec.msgpack.decode(data)
        if subject.startswith("segment:"):
            mine = self._active.get(subject, (0, ""))[:2]
            return "" if tuple(fields[1:3]) == mine else f"the store has {fields[1:3]}, the model {mine}"
        stored, mine = _stored(fields), _kept(self.books.get(subject) or Book())
        wrong = [f"{name}: {stored[name]}, the model {mine[name]}" for name in mine if stored[name] != mine[name]]
        return f"the store has {'; '.join(wrong)}" if wrong else ""

    def heard(self, emission: Emission) -> Said | None:
        """What an emission says, in the model's words; None when it is none of its business."""
        kind, subject = emission.draft.kind, emission.draft.subject
        if not kind.startswith(("points.", "tier.")):
            return None
        body = msgspec.json.decode(emission.draft.body)
        match kind:
            case "points.referral":
                return (kind, subject, body["points"])
            case "points.gift_arrives":
                return (kind, subject, body["points"], [tuple(part) for part in body["parts"]])
            case "points.refused":
                return (kind, subject, body["points"], body["balance"], body["code"], body.get("wallet", ""))
            case "points.reversed":
                names = (*MOVED, *REVERSED)
                return (kind, subject, *(body[name] for name in names), body.get("wallet", ""))
            case "tier.upgraded" | "tier.dropped":
                return (kind, subject, body["level"], body["before"])
            case "tier.will_drop":
                return (kind, subject, body["level"], body["next_level"], ms(body["drop_at"]))
            case "points.expiring":
                told = (body.get("wallet", ""), ms(body["expires_at"]), body["expires_on"])
                return (kind, subject, body["points"], body["balance"], *told)
            case _:
                cut = [(each["cap"], each["points"]) for each in body.get("cut", [])]
                more = (body.get("debt_paid", 0), cut, body.get("released", 0))
                return (kind, subject, body["points"], body["balance"], body.get("wallet", ""), *more)

    def at_rest(self) -> str:
        """Empty when everything that was owed has arrived, else who lacks what."""
        for referrer in sorted(self.owed.keys() | self.credited.keys()):
            owed, got = sorted(self.owed.get(referrer, [])), sorted(self.credited.get(referrer, []))
            if owed != got:
                return f"{referrer} is owed {owed} and was credited {got}"
        if lost := {user: points for user, points in sorted(self.given.items()) if points}:
            return f"gifts are still under way: {lost}"
        return self._endless()

    def _endless(self) -> str:
        """Empty when each reservation has ended, or a timer stands that will end it."""
        for subject in sorted(self.books.keys() - self._deaf):
            book = self.books[subject]
            until = min([held.until for held in book.holds.values()], default=0)
            if until and (book.armed is None or book.armed[0] > until):
                return f"{subject} holds points until {until}, the timer stands at {book.armed}"
        return ""


def plain_rules(programme: dict[str, Any]) -> dict[str, Any]:
    """What of a programme's JSON the model knows, defaults filled in."""
    earn, zone = programme.get("earn", {}), programme.get("zone", "UTC")
    multipliers: list[dict[str, Any]] = earn.get("multipliers") or [{"factor": "1"}]
    one = multipliers[0]
    when: dict[str, Any] = one.get("when", {})
    tiers = programme.get("tiers")
    return {
        "rate": earn.get("rate", "1"),
        "multiplier": (one["factor"], when.get("categories", []), when.get("tiers", [])),
        "ident": repr(sorted(programme.items())),
        "zone": zone,
        "lots_max": programme.get("lots_max", 2_000),
        "expiry": {"kind": "days", "n": 365} | programme.get("expiry", {}),
        "reminder_days": programme.get("reminder_days", 7),
        "pending": {"until": "now", "days": 0} | programme.get("pending", {}),
        "refund": {"policy": "within_balance", "grace_days": 0, "wait_days": 7} | programme.get("refund", {}),
        "wallets": programme.get("wallets", {}),
        "caps": [{"per": "day", "n": 1, "over": "cut", "reasons": []} | cap for cap in programme.get("caps", [])],
        "sign_in": {"points": 0, "streak": {}} | programme.get("sign_in", {}),
        "tiers": TIERS | {"zone": zone} | tiers if tiers else None,
        "gifts": {"per_day": 10, "points_per_day": 100_000} | programme.get("gifts", {}),
        "ttl_s": {"ttl_s_default": 900, "ttl_s_max": 604_800} | programme.get("reserve", {}),
    }


def _lots(lots: list[Any]) -> list[Lot]:
    return sorted([[lot[0], lot[2], lot[3], lot[1], tuple(lot[4]) if lot[4] else None] for lot in lots], key=_order)


def _order(lot: Lot) -> Lot:
    return lot[:3]


def _stored(fields: list[Any]) -> dict[str, Any]:
    """An account as the store has it: the order of its fields is the store's format."""
    _, main, armed, orders, referrals, active_at, wallets, reservations, waiting, _, tier, sign_ins, *_ = fields
    purses = {"": main, **wallets}
    return {
        "wallets": {
            name: (_lots(lots), [[p[0], p[1], p[3], p[4], p[2], p[5]] for p in pending], debt, reminded, books)
            for name, (lots, pending, debt, reminded, books) in purses.items()
            if lots or pending or debt or any(books)
        },
        "armed": armed,
        "counts": (orders, referrals, active_at),
        "reservations": {rid: (held[0], held[1], held[2], _lots(held[3])) for rid, held in reservations.items()},
        "waiting": [(each[0], each[1], each[2], each[3]) for each in waiting],
        "tier": (tier[0], tier[2], tier[3], dict(tier[4]), tier[5]) if tier else ("", "", 0, {}, 0),
        "signed": tuple(sign_ins) if sign_ins else (0, 0),
    }


def _kept(book: Book) -> dict[str, Any]:
    return {
        "wallets": {
            name: (sorted(purse.lots, key=_order), purse.pending, purse.debt, purse.reminded, purse.all_terms())
            for name, purse in book.purses.items()
            if _used(purse)
        },
        "armed": book.believes,
        "counts": (book.orders_earned, book.referrals, book.active_at),
        "reservations": {
            rid: (held.wallet, held.until, held.order_id, sorted(held.parts, key=_order))
            for rid, held in book.holds.items()
        },
        "waiting": [(each["order_id"], each["until"], *each["origin"]) for each in book.waiting],
        "tier": (book.level, book.floor, book.floor_until, book.sums, book.drops),
        "signed": book.signed,
    }


def _used(purse: Purse) -> bool:
    return bool(purse.lots or purse.pending or purse.debt or any(purse.all_terms()))
