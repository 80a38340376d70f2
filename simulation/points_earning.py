"""What the reference model lets come: an order's worth by rate and one multiplier, and what caps leave of it."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from simulation.points_book import Book, Counted, Order
from simulation.points_calendar import DAY_MS, window
from simulation.points_tiers import held

HOUR_MS = 3_600_000
WEEK_H = 7 * 24
HOURLY, DAILY = "hourly", "daily"
"""Kinds of windows that roll, by how they are rounded."""


def told(order: dict[str, Any]) -> tuple[Any, ...]:
    """(amount, items as (id, category, amount, quantity)) of an order as its sender says it."""
    items = [
        (line["product_id"], line.get("category", ""), line["unit_price"] * line["quantity"], line["quantity"])
        for line in order["items"]
    ]
    return order["amount"], items


def worth(book: Book, rules: dict[str, Any], order: dict[str, Any]) -> list[int]:
    """The points of each item: exact shares, the sum rounded down, dealt to the largest fractions first."""
    shares: list[Fraction] = []
    level = held(book, rules["tiers"])
    for _, category, amount, _ in told(order)[1]:
        share = Fraction(rules["rate"]) * Fraction(amount, 100)
        factor, categories, levels = rules["multiplier"]
        if (not categories or category in categories) and (not levels or level in levels):
            share *= Fraction(factor)
        shares.append(share)
    return dealt(shares)


def dealt(shares: list[Fraction]) -> list[int]:
    """Whole numbers that come to the rounded sum."""
    points = [floor(share) for share in shares]
    lacking = floor(sum(shares, Fraction(0))) - sum(points)
    fractions = sorted([(floor(share) - share, i) for i, share in enumerate(shares)])
    for _, i in fractions[:lacking]:
        points[i] += 1
    return points


def capped(
    book: Book, rules: dict[str, Any], points: int, reason: str, order: Order | None, at: int, ordinary: bool
) -> tuple[int, list[tuple[str, int]], list[str]]:
    """(what may come, (cap, what it took off) of each that did not let all pass, those that refuse)."""
    rests = [(cap, _rest(book, cap, order, rules["zone"], at)) for cap in _counting(rules, reason, order, ordinary)]
    cut = [(cap["id"], points - rest) for cap, rest in rests if cap["over"] == "cut" and rest < points]
    may = points - max([off for _, off in cut], default=0)
    return may, cut, [cap["id"] for cap, rest in rests if cap["over"] == "refuse" and rest < may]


def use(
    book: Book, rules: dict[str, Any], points: int, reason: str, order: Order | None, at: int, ordinary: bool
) -> tuple[int, int]:
    """So many came after all. Caps that are no more are forgotten. How many counts went on in a window of another kind,
    and how many began anew for being of another kind.
    """
    known = {cap["id"] for cap in rules["caps"]}
    book.capped = {name: counted for name, counted in book.capped.items() if name in known}
    went_on = anew = 0
    for cap in _counting(rules, reason, order, ordinary) if points else ():
        if cap["per"] == "order":
            continue
        before = book.capped.get(cap["id"]) or Counted()
        now = book.capped[cap["id"]] = _together(before, cap, rules["zone"], at)
        went_on += len(now.uses) > 0 and now.kind != before.kind
        anew += not now.uses and now.kind != before.kind and bool(before.kind)
        now.uses.append((at, points))
    return went_on, anew


def _counting(rules: dict[str, Any], reason: str, order: Order | None, ordinary: bool) -> list[dict[str, Any]]:
    caps: list[dict[str, Any]] = rules["caps"]
    counting = [cap for cap in caps if (reason in cap["reasons"] if cap["reasons"] else ordinary)]
    return [cap for cap in counting if cap["per"] != "order" or order is not None]


def _rest(book: Book, cap: dict[str, Any], order: Order | None, zone: str, at: int) -> int:
    if cap["per"] == "order":
        used = sum(earned[2] for earned in order.earned) if order else 0
    else:
        counted = _together(book.capped.get(cap["id"]) or Counted(), cap, zone, at)
        used = sum(points for _, points in counted.uses)
    return max(0, cap["points"] - used)


def _together(before: Counted, cap: dict[str, Any], zone: str, at: int) -> Counted:
    """What of what came before counts with what comes at `at`.

    A calendar window takes over the last one, be it shorter or of another zone, if that began no earlier than itself.
    Rolling windows are rounded up to hours, long ones to days of UTC; one takes over what another that was rounded the
    same has kept. Between the one kind and the other, counts begin anew.
    """
    now, per, n = Counted(), cap["per"], cap["n"]
    if per not in ("hours", "days"):
        now.kind, now.first = per, window(zone, per, at)
        if before.kind not in (HOURLY, DAILY) and before.first >= now.first:
            now.uses = list(before.uses)
        return now
    hours = n if per == "hours" else 24 * n
    now.kind, rounded = (HOURLY, HOUR_MS) if hours <= WEEK_H else (DAILY, DAY_MS)
    if before.kind == now.kind:
        oldest = (at - hours * HOUR_MS + 1) // rounded
        now.uses = [(then, points) for then, points in before.uses if then // rounded >= oldest]
    return now
