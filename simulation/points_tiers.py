"""The reference model's tier: levels by points earned in a calendar month, net of refunds, naive.

A level that was reached in a month holds to its end; it holds on to the end of the month after each month that came to
it. When it ends it becomes what the month just over, or the present one, comes to. It is announced some days before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from simulation.points_book import Book, Said

DAY_MS = 86_400_000


def month_of(at: int) -> int:
    """Months since year 0, UTC."""
    day = datetime.fromtimestamp(at // 1000, UTC)
    return day.year * 12 + day.month - 1


def begins(month: int) -> int:
    """Its first moment."""
    return round(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


def ends(book: Book, tiers: dict[str, Any]) -> int:
    """When the level is lost unless more comes; 0: there is none."""
    if not book.level:
        return 0
    needed = next(level["at"] for level in tiers["levels"] if level["id"] == book.level)
    return begins(max([book.since + 1, *(month + 2 for month, sum in book.months.items() if sum >= needed)]))


def next_due(book: Book, tiers: dict[str, Any] | None) -> int:
    """When there will be something to say; 0: never."""
    if tiers is None or not book.level:
        return 0
    lost = ends(book, tiers)
    return _notice(book, tiers, lost) or lost


def settle(book: Book, tiers: dict[str, Any], at: int, known: int, subject: str) -> list[Said]:
    """Everything that is due by `at`, but nothing that was not `known` in time."""
    said: list[Said] = []
    while book.level:
        lost = ends(book, tiers)
        notice = _notice(book, tiers, lost)
        if notice and max(notice, known) < lost:
            if notice > at:
                break
            book.warned = lost
            said.append(("tier.will_drop", subject, book.level, _supported(book, tiers, month_of(lost)), lost))
        elif lost > at:
            break
        else:
            known = max(known, lost)
            said += _becomes(book, tiers, _supported(book, tiers, month_of(known)), month_of(known), subject)
    return said


def count(book: Book, tiers: dict[str, Any], points: int, at: int, subject: str) -> list[Said]:
    """So many points were earned."""
    month = month_of(at)
    said: list[Said] = []
    if points:
        book.months[month] = book.months.get(month, 0) + points
        level = _supported(book, tiers, month)
        if _rank(tiers, level) > _rank(tiers, book.level):
            said = _becomes(book, tiers, level, month, subject)
    return said + settle(book, tiers, at, at, subject)


def uncount(book: Book, tiers: dict[str, Any], points: int, ordered_at: int, at: int, subject: str) -> list[Said]:
    """So many that an order had earned were taken back."""
    month = month_of(ordered_at)
    if month in book.months:
        book.months[month] = max(0, book.months[month] - points)
    return settle(book, tiers, at, at, subject)


def _becomes(book: Book, tiers: dict[str, Any], level: str, month: int, subject: str) -> list[Said]:
    before, book.level, book.since, book.warned = book.level, level, month, 0
    up = _rank(tiers, level) > _rank(tiers, before)
    return [("tier.upgraded" if up else "tier.dropped", subject, level, before)]


def _notice(book: Book, tiers: dict[str, Any], lost: int) -> int:
    return lost - tiers["notice_days"] * DAY_MS if tiers["notice_days"] and book.warned != lost else 0


def _supported(book: Book, tiers: dict[str, Any], month: int) -> str:
    best = max(book.months.get(month, 0), book.months.get(month - 1, 0))
    return next((level["id"] for level in reversed(tiers["levels"]) if best >= level["at"]), "")


def _rank(tiers: dict[str, Any], level: str) -> int:
    return next((rank for rank, known in enumerate(tiers["levels"]) if known["id"] == level), -1)
