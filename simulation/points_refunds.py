"""What a refund claims and what comes back, reckoned anew each time from the history of what was refunded before.

Fractions and sums over lists; the ledger keeps running sums and divides whole numbers.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from simulation.points_book import Book, Order
from simulation.points_calendar import begins, day_of

Claim = tuple[int, int, int, list[tuple[str, int, int, int]]]
"""(points, amount, how many spent points come back, pieces)"""


def claim(order: Order, request: dict[str, Any]) -> Claim | str:
    """What the refund `request` claims of `order`, or the code of its refusal."""
    points, amount, back = left(order)
    if not (points or amount or back):
        return "nothing_to_reverse"
    if request.get("items"):
        return _of_items(order, request["items"])
    if request.get("amount") is not None:
        return _of_amount(order, request["amount"])
    return points, amount, back, []


def left(order: Order) -> tuple[int, int, int]:
    """(points that were earned and not claimed, money, points that were spent and have not come back)."""
    return (
        sum(earned[2] - earned[3] for earned in order.earned),
        order.amount - sum(past[1] for past in order.claims),
        sum(spent[1][3] - spent[2] for spent in order.spent),
    )


def _of_amount(order: Order, amount: int) -> Claim | str:
    points, money, _ = left(order)
    if not order.amount:
        return "amount_unknown"
    if amount > money:
        return "exceeds_order" if money else "nothing_to_reverse"
    pieces = [piece for past in order.claims for piece in past[3]]
    by_items, points_by_items = sum(piece[1] for piece in pieces), sum(piece[3] for piece in pieces)
    refunded = sum(past[1] for past in order.claims)
    claimed = sum(earned[3] for earned in order.earned)
    pool = sum(earned[2] for earned in order.earned) - points_by_items
    due = floor(Fraction(pool * (refunded - by_items + amount), order.amount - by_items))
    return max(0, min(due - (claimed - points_by_items), points)), amount, _back(order, amount), []


def _of_items(order: Order, asked: list[dict[str, Any]]) -> Claim | str:
    points, money, back = left(order)
    pieces: list[tuple[str, int, int, int]] = []
    for line in asked:
        piece = _piece(order, line, pieces, points - sum(each[3] for each in pieces))
        if isinstance(piece, str):
            return piece
        pieces.append(piece)
    amount = sum(piece[1] for piece in pieces)
    if amount > money:
        return "exceeds_order"
    if amount == money:
        return points, amount, back, pieces
    return sum(piece[3] for piece in pieces), amount, _back(order, amount), pieces


def _piece(
    order: Order, line: dict[str, Any], now: list[tuple[str, int, int, int]], most: int
) -> tuple[str, int, int, int] | str:
    name = line["product_id"]
    if name not in order.items:
        return "unknown_item"
    cost, number, worth = order.items[name]
    before = [piece for past in order.claims for piece in past[3] if piece[0] == name]
    before += [piece for piece in now if piece[0] == name]
    refunded, returned = sum(piece[1] for piece in before), sum(piece[2] for piece in before)
    amount, things = cost - refunded, number - returned
    if not amount and not things:
        return "nothing_to_reverse"
    if line.get("quantity") is not None:
        if line["quantity"] > things:
            return "exceeds_order"
        if line["quantity"] < things:
            things = line["quantity"]
            amount = floor(Fraction(cost * (returned + things), number)) - floor(Fraction(cost * returned, number))
    elif line.get("amount") is not None:
        amount, things = line["amount"], 0
    if amount > cost - refunded:
        return "exceeds_order"
    shares = [Fraction(refunded + amount, cost)] if cost else []
    shares += [Fraction(returned + things, number)]
    due = max(floor(worth * share) for share in shares) - sum(piece[3] for piece in before)
    return name, amount, things, max(0, min(due, most))


def _back(order: Order, amount: int) -> int:
    if not order.amount:
        return 0
    share = Fraction(sum(past[1] for past in order.claims) + amount, order.amount)
    spent = sum(each[1][3] for each in order.spent)
    return max(0, floor(spent * share) - sum(each[2] for each in order.spent))


class Moved:
    """What a refund did in one wallet."""

    def __init__(self) -> None:
        self.pending = self.lots = self.balance = self.debt = self.written_off = self.returned = 0

    @property
    def claimed(self) -> int:
        return self.pending + self.lots + self.balance + self.debt + self.written_off


def carry_out(book: Book, order: Order, what: Claim, rules: dict[str, Any], at: int) -> dict[str, Moved]:
    """Take and give back; what happened, by wallet, in the order in which the wallets were met."""
    order.claims.append(what)
    moved = {each[0]: Moved() for each in (*order.earned, *order.spent)}
    _take(book, order, what[0], rules, moved)
    _give(book, order, what[2], rules, at, moved)
    return moved


def _take(book: Book, order: Order, points: int, rules: dict[str, Any], moved: dict[str, Moved]) -> None:
    for earned in order.earned:
        purse = book.purse(earned[0])
        for waits in purse.pending:
            if (waits[2], waits[3]) == earned[1]:
                part = min(waits[4], points, earned[2] - earned[3])
                waits[4] -= part
                earned[3] += part
                points -= part
                moved[earned[0]].pending += part
                purse.terms["reversed"] += part
        purse.pending = [waits for waits in purse.pending if waits[4]]
    lacking: dict[str, int] = {}
    for earned in order.earned:
        wallet, part = earned[0], min(points, earned[2] - earned[3])
        found = sum(lot[3] for lot in book.purse(wallet).take_of(part, earned[1], earned[4]))
        earned[3] += part
        points -= part
        moved[wallet].lots += found
        book.purse(wallet).terms["reversed"] += part
        lacking[wallet] = lacking.get(wallet, 0) + part - found
    for wallet, part in lacking.items():
        _by_policy(book, wallet, part, rules["refund"]["policy"], moved[wallet])


def _by_policy(book: Book, wallet: str, lacking: int, policy: str, moved: Moved) -> None:
    purse = book.purse(wallet)
    if policy != "only_pending":
        moved.balance = sum(lot[3] for lot in purse.take(lacking))
    rest = lacking - moved.balance
    if policy == "allow_negative":
        moved.debt = rest
        purse.debt += rest
    else:
        moved.written_off = rest
        purse.terms["written_off"] += rest


def _give(book: Book, order: Order, points: int, rules: dict[str, Any], at: int, moved: dict[str, Moved]) -> None:
    grace = rules["refund"]["grace_days"]
    for spent in order.spent:
        wallet, lot = spent[0], spent[1]
        part = min(points, lot[3] - spent[2])
        if not part:
            continue
        spent[2] += part
        points -= part
        purse = book.purse(wallet)
        purse.terms["spent"] -= part
        moved[wallet].returned += part
        expires = lot[0]
        if expires <= at and grace:
            expires = begins(rules["zone"], day_of(rules["zone"], at) + grace + 1)
        if expires <= at:
            purse.terms["expired"] += part
        else:
            purse.come([expires, lot[1], lot[2], part, lot[4]], rules["lots_max"])
