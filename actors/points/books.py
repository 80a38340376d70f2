"""The books of one user: for each wallet an equation that no operation may break.

    issued + received + written_off + debt = available + pending + reserved + spent + expired + reversed + withdrawn
                                             + sent

On the left what came into being: points issued by the shop and received as gifts, and what refunds claimed without
getting it, waived (`written_off`) or owed (`debt`). On the right where each of those points is now. `available` is the
sum of the wallet's lots, `pending` of what waits in it, `reserved` of the parts held out of it; the others are the
counters of `Wallet.books`. A paid debt leaves both sides: it is less owed on the left, and on the right the points that
paid never became available. `spent` is net: points that came back from a refunded order are no longer spent, but
available, expired, or gone into a debt.

The sum of the equations of all wallets of all users is an equation too, in which only gifts lie between users: what is
sent and not yet received is in transit,

    sum(sent) = sum(received) + in transit,

so that, everyone together, issued + written_off + debt = available + pending + reserved + in transit + spent + expired
+ reversed + withdrawn.

An account from before these books (format 1) begins with what it had as issued; see upgrade.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors.points import lots as lots_
from actors.points import moves
from actors.points.ledger import PENDING_MAX
from actors.points.reservations import RESERVATIONS_MAX
from actors.points.state import FORMAT, MAIN, Account, Books, Wallet

EDGE_LOTS = 8
"""What a reaction changes lies at the ends of the list: it takes from the front and adds at the back."""


def sides(account: Account, name: str) -> tuple[int, int]:
    """Both sides of the equation of one wallet. O(lots + pending + reserved parts)."""
    terms = moves.totals(account, name)
    return sum(terms[:4]), sum(terms[4:])


def check(account: Account) -> None:
    """Raise AssertionError unless the account is whole: the equation of each wallet, the order of its lots, no negative
    number, no debt beside points to spend, every bound kept. O(everything).
    """
    _check_header(account)
    for name, wallet in _wallets(account):
        _check_wallet(name, wallet)
        lots_.check(wallet.lots)
        assert all(waits.points > 0 for waits in wallet.pending), f"an empty pending in {name or 'main'}"
        _check_equation(account, name)
    for rid, each in account.reservations.items():
        assert not each.wallet or each.wallet in account.wallets, f"{rid} is held of no wallet"
        assert each.parts, f"{rid} holds nothing"
        lots_.check(each.parts)


def check_edges(account: Account) -> None:
    """The part of `check` that is cheap however many lots there are: what a reaction can have changed, and the equation
    where it is short.
    """
    _check_header(account)
    _check_wallet_edges(account, MAIN, account.main)
    for name, wallet in account.wallets.items():
        _check_wallet_edges(account, name, wallet)


def _wallets(account: Account) -> Iterator[tuple[str, Wallet]]:
    yield MAIN, account.main
    yield from account.wallets.items()


def _check_header(account: Account) -> None:
    assert account.format == FORMAT, account.format
    assert MAIN not in account.wallets, "main stands twice"
    assert len(account.reservations) <= RESERVATIONS_MAX, len(account.reservations)


def _check_wallet_edges(account: Account, name: str, wallet: Wallet) -> None:
    lots = wallet.lots
    if len(lots) > 2 * EDGE_LOTS:
        _check_wallet(name, wallet)
        lots_.check(lots[:EDGE_LOTS])
        lots_.check(lots[-EDGE_LOTS:])
        return
    lots_.check(lots)
    if len(wallet.pending) > EDGE_LOTS or len(account.reservations) > EDGE_LOTS:
        _check_wallet(name, wallet)
        return
    assert not wallet.debt or not lots, f"a debt beside points to spend in {name or 'main'}"
    assert wallet.reminded >= 0, wallet.reminded
    _check_equation(account, name)


def _check_wallet(name: str, wallet: Wallet) -> None:
    assert not wallet.debt or not wallet.lots, f"a debt beside points to spend in {name or 'main'}"
    assert len(wallet.pending) <= PENDING_MAX, len(wallet.pending)
    books = wallet.books
    least = min(
        wallet.debt, wallet.reminded, books.issued, books.received, books.written_off, books.spent, books.expired,
        books.reversed, books.withdrawn, books.sent,
    )  # fmt: skip
    assert least >= 0, f"a number below zero in {name or 'main'}: {_told(books)}, debt {wallet.debt}"


def _check_equation(account: Account, name: str) -> None:
    terms = moves.totals(account, name)
    assert min(terms) >= 0, f"a number below zero in {name or 'main'}: {terms}"
    assert terms.balanced, f"the books of {name or 'main'} are off: {terms}"


def _told(books: Books) -> str:
    return ", ".join(f"{field} {value}" for field, value in msgspec.structs.asdict(books).items())
