"""The reference model's tier: levels by points earned or by money spent, net of refunds, naive; and what is granted.

What comes is added to the first day of its window: of the month or quarter, or to the day itself where windows roll; a
refund is taken out again where its order's own day lies, as the present zone has it. A level holds to the end of the
window in which it was reached, then on to the end of the one after each window that came to it; where windows roll, as
long as the last `n` days come to it; and `grace_days` longer. It is lost when that has been foreseen: more puts it off,
refunds bring it near, another programme can only put it off. What it becomes is what then has come together. A granted
level holds until it is over; the higher of the two counts, and only what becomes of that is told. Its loss is announced
some days before.

Another zone has other days from its first moment on; what was added to a day before stays there. Another window takes
what was added as of those days. Money is not points: a programme that counts the other begins at nothing.
"""

from __future__ import annotations

import copy
from typing import Any

from simulation.points_book import Book, Said
from simulation.points_calendar import NEVER, begins, day_of, period

Tiers = dict[str, Any]


def held(book: Book, tiers: Tiers | None) -> str:
    """The level that counts."""
    return max(book.level, book.floor, key=lambda level: _rank(tiers, level)) if tiers else ""


def next_due(book: Book, tiers: Tiers | None) -> int:
    """When there will be something to say; 0: never."""
    if tiers is None or not (book.level or book.floor):
        return 0
    moments = (book.drops, book.floor_until, _notice(book, tiers))
    return min([moment for moment in moments if 0 < moment < NEVER], default=0)


def settle(book: Book, tiers: Tiers, at: int, subject: str) -> list[Said]:
    """Everything that is due by `at`, then what the programme, which may be another one, makes of the user."""
    said = _pass(book, tiers, at, 0, subject) if book.by in ("", tiers["by"]) else []
    if book.by != tiers["by"]:
        book.by, book.sums = tiers["by"], {}
    said += _rise(book, tiers, at, subject)
    book.drops = max(book.drops, _foreseen(book, tiers))
    return said + _pass(book, tiers, at, at, subject)


def count(book: Book, tiers: Tiers, amount: int, at: int, subject: str) -> list[Said]:
    """So much was earned, or spent."""
    said = settle(book, tiers, at, subject)
    if not amount:
        return said
    day = day_of(tiers["zone"], at)
    oldest = _oldest(tiers, day)
    book.sums = {first: sum for first, sum in book.sums.items() if first >= oldest}
    first = _first(tiers, day)
    book.sums[first] = book.sums.get(first, 0) + amount
    said += _rise(book, tiers, at, subject)
    book.drops = max(book.drops, _foreseen(book, tiers))
    return said + _pass(book, tiers, at, at, subject)


def uncount(book: Book, tiers: Tiers, amount: int, ordered_at: int, at: int, subject: str) -> list[Said]:
    """So much of what came of an order was taken back."""
    said = settle(book, tiers, at, subject)
    before, day = _foreseen(book, tiers), day_of(tiers["zone"], ordered_at)
    where = max([first for first in book.sums if _first(tiers, day) <= first <= day], default=None)
    if where is not None:
        book.sums[where] -= amount
        if book.sums[where] <= 0:
            del book.sums[where]
    after = _foreseen(book, tiers)
    if after < before:
        book.drops = after
    return said + _pass(book, tiers, at, at, subject)


def grant(book: Book, tiers: Tiers | None, level: str, until: int, at: int, subject: str) -> list[Said] | None:
    """No less than `level` until then, instead of what was granted before. None: there is no such level."""
    if _rank(tiers, level) < 0 or tiers is None:
        return None
    said = settle(book, tiers, at, subject)
    before = held(book, tiers)
    book.floor, book.floor_until = (level, until) if until > at else ("", 0)
    return said + _told(book, tiers, before, subject) + _pass(book, tiers, at, at, subject)


def in_grace(book: Book, tiers: Tiers, at: int) -> bool:
    """Whether the level is held for no reason but its grace."""
    return bool(book.level and tiers["grace_days"]) and _foreseen(book, {**tiers, "grace_days": 0}) <= at


def _pass(book: Book, tiers: Tiers, at: int, known: int, subject: str) -> list[Said]:
    """Time up to `at`; nothing happens that was not `known` in time."""
    said: list[Said] = []
    while book.level or book.floor:
        over = min([moment for moment in (book.drops, book.floor_until) if moment])
        notice = _notice(book, tiers)
        if notice and max(notice, known) < _lost(book, tiers) and notice < over:
            if notice > at:
                break
            known = max(known, notice)
            said.append(_warns(book, tiers, known, subject))
        elif over > at:
            break
        else:
            known = max(known, over)
            said += _ended(book, tiers, over, known, subject)
    return said


def _foreseen(book: Book, tiers: Tiers) -> int:
    """When the level that was reached is lost, as far as what came goes; 0: there is none."""
    if not book.level:
        return 0
    since = day_of(tiers["zone"], book.since)
    needed = next(level["at"] for level in tiers["levels"] if level["id"] == book.level)
    if tiers["window"] == "days":
        n = tiers["n"]
        over = max([since, *(day + n for day in book.sums if _sum(book, day, day + n) >= needed)])
    else:
        windows = {period(tiers["window"], day) for day in book.sums}
        held_by = [next_first for first, next_first in windows if _sum(book, first, next_first) >= needed]
        over = max(period(tiers["window"], day)[1] for day in (since, *held_by))
    return begins(tiers["zone"], over + tiers["grace_days"])


def _supported(book: Book, tiers: Tiers, at: int) -> str:
    """The level that what has come together by `at` comes to."""
    day = day_of(tiers["zone"], at)
    if tiers["window"] == "days":
        best = _sum(book, day - tiers["n"] + 1, day + 1)
    else:
        first = _first(tiers, day)
        best = max(_sum(book, first, day + 1), _sum(book, _first(tiers, first - 1), first))
    return next((level["id"] for level in reversed(tiers["levels"]) if best >= level["at"]), "")


def _rise(book: Book, tiers: Tiers, at: int, subject: str) -> list[Said]:
    before, level = held(book, tiers), _supported(book, tiers, at)
    if _rank(tiers, level) <= _rank(tiers, book.level):
        return []
    _reach(book, tiers, level, at)
    return _told(book, tiers, before, subject)


def _reach(book: Book, tiers: Tiers, level: str, at: int) -> None:
    book.level, book.since = level, at
    book.drops = _foreseen(book, tiers)


def _oldest(tiers: Tiers, today: int) -> int:
    """The first day that can still matter: what came before it is forgotten, and no refund finds it."""
    day = today - tiers["grace_days"]
    return day - tiers["n"] + 1 if tiers["window"] == "days" else _first(tiers, _first(tiers, day) - 1)


def _first(tiers: Tiers, day: int) -> int:
    """Where what comes on `day` is added."""
    return day if tiers["window"] == "days" else period(tiers["window"], day)[0]


def _sum(book: Book, first: int, end: int) -> int:
    return sum([amount for day, amount in book.sums.items() if first <= day < end])


def _lost(book: Book, tiers: Tiers) -> int:
    """When what holds is lost, as it looks now; 0: never."""
    level, lost = held(book, tiers), 0
    if book.level == level:
        lost = book.drops
    if book.floor == level:
        lost = max(lost, book.floor_until)
    return lost if lost < NEVER else 0


def _warns(book: Book, tiers: Tiers, known: int, subject: str) -> Said:
    lost, level = _lost(book, tiers), held(book, tiers)
    book.warned = lost
    later = copy.copy(book)
    _pass(later, tiers, lost, known, subject)
    return ("tier.will_drop", subject, level, held(later, tiers), lost)


def _ended(book: Book, tiers: Tiers, over: int, known: int, subject: str) -> list[Said]:
    before = held(book, tiers)
    if book.drops == over:
        _reach(book, tiers, _supported(book, tiers, known), known)
    else:
        book.floor, book.floor_until = "", 0
    return _told(book, tiers, before, subject)


def _told(book: Book, tiers: Tiers, before: str, subject: str) -> list[Said]:
    level = held(book, tiers)
    if level == before:
        return []
    book.warned = 0
    up = _rank(tiers, level) > _rank(tiers, before)
    return [("tier.upgraded" if up else "tier.dropped", subject, level, before)]


def _notice(book: Book, tiers: Tiers) -> int:
    """When the loss is to be announced; 0: it has been, or is not."""
    lost = _lost(book, tiers)
    if not lost or not tiers["notice_days"] or book.warned == lost:
        return 0
    return begins(tiers["zone"], day_of(tiers["zone"], lost) - tiers["notice_days"])


def _rank(tiers: Tiers | None, level: str) -> int:
    levels = tiers["levels"] if tiers else ()
    return next((rank for rank, known in enumerate(levels) if known["id"] == level), -1)
