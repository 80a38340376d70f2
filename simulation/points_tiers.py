"""The reference model's tier: levels by points earned in a calendar month, net of refunds, naive; and what is granted.

A level that was reached in a month holds to its end; it holds on to the end of the month after each month that came to
it. When it ends it becomes what the month just over, or the present one, comes to. A granted level holds until it is
over; the higher of the two counts, and only what becomes of that is told. Its loss is announced some days before.
"""

from __future__ import annotations

import copy
from typing import Any

from simulation.points_book import Book, Said
from simulation.points_calendar import NEVER, begins, day_of, month_begins, month_of


def held(book: Book, tiers: dict[str, Any] | None) -> str:
    """The level that counts."""
    return max(book.level, book.floor, key=lambda level: _rank(tiers, level)) if tiers else ""


def ends(book: Book, tiers: dict[str, Any]) -> int:
    """When the level that was reached is lost unless more comes; 0: there is none."""
    if not book.level:
        return 0
    needed = next(level["at"] for level in tiers["levels"] if level["id"] == book.level)
    month = max([book.since + 1, *(month + 2 for month, sum in book.months.items() if sum >= needed)])
    return month_begins(tiers["zone"], month)


def next_due(book: Book, tiers: dict[str, Any] | None) -> int:
    """When there will be something to say; 0: never."""
    if tiers is None or not (book.level or book.floor):
        return 0
    moments = (ends(book, tiers), book.floor_until, _notice(book, tiers))
    return min([moment for moment in moments if 0 < moment < NEVER], default=0)


def settle(book: Book, tiers: dict[str, Any], at: int, known: int, subject: str) -> list[Said]:
    """Everything that is due by `at`, but nothing that was not `known` in time."""
    said: list[Said] = []
    while book.level or book.floor:
        over = min([moment for moment in (ends(book, tiers), book.floor_until) if moment])
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


def count(book: Book, tiers: dict[str, Any], points: int, at: int, subject: str) -> list[Said]:
    """So many points were earned."""
    month = month_of(tiers["zone"], at)
    said: list[Said] = []
    if points:
        book.months[month] = book.months.get(month, 0) + points
        before, level = held(book, tiers), _supported(book, tiers, month)
        if _rank(tiers, level) > _rank(tiers, book.level):
            book.level, book.since = level, month
            said = _told(book, tiers, before, subject)
    return said + settle(book, tiers, at, at, subject)


def uncount(book: Book, tiers: dict[str, Any], points: int, ordered_at: int, at: int, subject: str) -> list[Said]:
    """So many that an order had earned were taken back."""
    month = month_of(tiers["zone"], ordered_at)
    if month in book.months:
        book.months[month] = max(0, book.months[month] - points)
    return settle(book, tiers, at, at, subject)


def grant(book: Book, tiers: dict[str, Any] | None, level: str, until: int, at: int, subject: str) -> list[Said] | None:
    """No less than `level` until then, instead of what was granted before. None: there is no such level."""
    if _rank(tiers, level) < 0 or tiers is None:
        return None
    before = held(book, tiers)
    book.floor, book.floor_until = (level, until) if until > at else ("", 0)
    return _told(book, tiers, before, subject) + settle(book, tiers, at, at, subject)


def _lost(book: Book, tiers: dict[str, Any]) -> int:
    """When what holds is lost, as it looks now; 0: never."""
    level, lost = held(book, tiers), 0
    if book.level == level:
        lost = ends(book, tiers)
    if book.floor == level:
        lost = max(lost, book.floor_until)
    return lost if lost < NEVER else 0


def _warns(book: Book, tiers: dict[str, Any], known: int, subject: str) -> Said:
    lost, level = _lost(book, tiers), held(book, tiers)
    book.warned = lost
    later = copy.copy(book)
    settle(later, tiers, lost, known, subject)
    return ("tier.will_drop", subject, level, held(later, tiers), lost)


def _ended(book: Book, tiers: dict[str, Any], over: int, known: int, subject: str) -> list[Said]:
    before, month = held(book, tiers), month_of(tiers["zone"], known)
    if ends(book, tiers) == over:
        book.level, book.since = _supported(book, tiers, month), month
    else:
        book.floor, book.floor_until = "", 0
    return _told(book, tiers, before, subject)


def _told(book: Book, tiers: dict[str, Any], before: str, subject: str) -> list[Said]:
    level = held(book, tiers)
    if level == before:
        return []
    book.warned = 0
    up = _rank(tiers, level) > _rank(tiers, before)
    return [("tier.upgraded" if up else "tier.dropped", subject, level, before)]


def _notice(book: Book, tiers: dict[str, Any]) -> int:
    """When the loss is to be announced; 0: it has been, or is not."""
    lost = _lost(book, tiers)
    if not lost or not tiers["notice_days"] or book.warned == lost:
        return 0
    return begins(tiers["zone"], day_of(tiers["zone"], lost) - tiers["notice_days"])


def _supported(book: Book, tiers: dict[str, Any], month: int) -> str:
    best = max(book.months.get(month, 0), book.months.get(month - 1, 0))
    return next((level["id"] for level in reversed(tiers["levels"]) if best >= level["at"]), "")


def _rank(tiers: dict[str, Any] | None, level: str) -> int:
    levels = tiers["levels"] if tiers else ()
    return next((rank for rank, known in enumerate(levels) if known["id"] == level), -1)
