"""How much each term of a wallet's books has moved between two moments.

Every line of the records carries these numbers, so the sums over a user's lines are the books of his state, term by
term, and each line for itself satisfies the equation of books.py. That is what an audit proves.
"""

from __future__ import annotations

from typing import NamedTuple

from actors.points import ledger, reservations
from actors.points.state import MAIN, Account


class Totals(NamedTuple):
    """All terms of one wallet's equation."""

    issued: int = 0
    received: int = 0
    written_off: int = 0
    debt: int = 0
    available: int = 0
    pending: int = 0
    reserved: int = 0
    spent: int = 0
    expired: int = 0
    reversed: int = 0
    withdrawn: int = 0
    sent: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the equation holds; for sums over lines and for differences too."""
        return 2 * sum(self[:4]) == sum(self)


_TERMS = Totals._fields


def totals(account: Account, name: str) -> Totals:
    """As they are now. O(lots + pending + reserved parts)."""
    wallet = account.wallets.get(name) if name != MAIN else account.main
    if wallet is None:
        return Totals()
    books = wallet.books
    return Totals(
        books.issued, books.received, books.written_off, wallet.debt,
        sum([lot.points for lot in wallet.lots]),  # ledger.available, without its two calls: this runs for every line
        ledger.pending(wallet) if wallet.pending else 0,
        reservations.held(account, name) if account.reservations else 0,
        books.spent, books.expired, books.reversed, books.withdrawn, books.sent,
    )  # fmt: skip


def moved(before: Totals, after: Totals) -> dict[str, int]:
    """By how much each term changed, zeroes left out."""
    return {name: new - old for name, old, new in zip(_TERMS, before, after, strict=True) if new != old}


def added(sums: Totals, moves: dict[str, int]) -> Totals:
    """`sums` after `moves`; raises KeyError for a term that does not exist."""
    assert moves.keys() <= set(_TERMS), moves
    return Totals(*[value + moves.get(name, 0) for name, value in zip(_TERMS, sums, strict=True)])
