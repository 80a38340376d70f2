"""The equation, and that a flaw in an account is seen."""

from __future__ import annotations

import pytest

from actors.points import books, ledger, reservations
from actors.points.ledger import PENDING_MAX
from actors.points.reservations import RESERVATIONS_MAX
from actors.points.state import Account, Books, Lot, Pending, Reservation, Wallet


def wallet_of(*lots: Lot, **books: int) -> Wallet:
    return Wallet(list(lots), books=Books(**{"issued": sum(lot.points for lot in lots), **books}))


BROKEN_EDGES = [
    Account(format=1),
    Account(Account().format, wallet_of(Lot(10, 0, 1, 1))),
    Account(main=wallet_of(Lot(20, 1, 1, 1), Lot(10, 1, 1, 2))),
    Account(main=wallet_of(Lot(10, 1, 1, 2), Lot(10, 1, 1, 1))),
    Account(main=wallet_of(Lot(10, -5, 1, 1))),
    Account(main=wallet_of(Lot(10, 5, 1, 1), issued=6)),
    Account(main=wallet_of(Lot(10, 5, 1, 1), spent=1)),
    Account(main=wallet_of(spent=-1, expired=1)),
    Account(main=Wallet([Lot(10, 5, 1, 1)], debt=1, books=Books(issued=4))),
    Account(main=Wallet(reminded=-1)),
    Account(main=Wallet(pending=[Pending(1, 1, 1, 1, 1)])),
    Account(main=Wallet(pending=[Pending(1, 1, 1, 1, i) for i in range(PENDING_MAX + 1)])),
    Account(wallets={"": Wallet()}),
    Account(wallets={"gold": wallet_of(received=1)}),
    Account(reservations={str(i): Reservation("", 1, "", []) for i in range(RESERVATIONS_MAX + 1)}),
]


@pytest.mark.parametrize("broken", BROKEN_EDGES, ids=repr)
def test_a_flaw_that_a_reaction_can_make_is_seen_by_both_checks(broken: Account) -> None:
    with pytest.raises(AssertionError):
        books.check(broken)
    with pytest.raises(AssertionError):
        books.check_edges(broken)


@pytest.mark.parametrize(
    "broken",
    [
        Account(main=Wallet([Lot(i, 1, 1, i) for i in range(1, 100)])),
        Account(main=wallet_of(*[Lot(i, int(i != 50), 1, i) for i in range(1, 100)])),
        Account(main=Wallet(pending=[Pending(1, 1, 0, 1, 1)])),
        Account(reservations={"r": Reservation("gold", 1, "", [Lot(1, 1, 1, 1)])}),
        Account(reservations={"r": Reservation("", 1, "", [])}),
    ],
    ids=["long equation", "in the middle", "empty pending", "no wallet", "nothing held"],
)
def test_any_flaw_is_seen_by_the_whole_check(broken: Account) -> None:
    with pytest.raises(AssertionError):
        books.check(broken)


def test_a_sound_account_of_many_lots_passes_both_checks() -> None:
    account = Account()
    for i in range(1, 200):
        ledger.earn(account.main, Lot(i, 3, 1, i), 2_000)
    books.check(account)
    books.check_edges(account)


def test_both_sides_name_every_place_a_point_can_be() -> None:
    account = Account(
        main=Wallet(
            [Lot(1, 1, 1, 1)], [Pending(1, 1, 2, 1, 1)], 0, 0,
            Books(100, 20, 3, spent=4, expired=5, reversed=6, withdrawn=7, sent=8),
        ),
        reservations={"r": Reservation("", 1, "", [Lot(1, 90, 1, 1)])},
    )  # fmt: skip
    assert books.sides(account, "") == (123, 1 + 2 + 90 + 4 + 5 + 6 + 7 + 8)
    books.check(account)


def test_what_is_sent_by_all_is_received_by_all_or_in_transit() -> None:
    giver, taker = Account(), Account()
    ledger.earn(giver.main, Lot(10, 9, 1, 1), 2_000)
    first, second = ledger.send(giver.main, 2), ledger.send(giver.main, 3)
    assert isinstance(first, list)
    assert isinstance(second, list)
    ledger.receive(taker.main, first, 5, 5, 2_000)
    in_transit = sum(lot.points for lot in second)
    assert giver.main.books.sent == taker.main.books.received + in_transit
    left = right = 0
    for account in (giver, taker):
        sides = books.sides(account, "")
        left, right = left + sides[0], right + sides[1]
    assert left == right
    assert reservations.held(giver, "") == 0
