"""Accounts of earlier formats."""

from __future__ import annotations

import msgspec
import pytest

from actors.points import books
from actors.points.state import Account, Lot
from actors.points.upgrade import upgrade


def test_an_account_without_books_keeps_its_lots_and_counts_them_as_issued() -> None:
    account = upgrade([1, [[10, 5, 1, 1], [20, 6, 1, 2]], 10, 0, 7])
    assert account.main.lots == [Lot(10, 5, 1, 1), Lot(20, 6, 1, 2)]
    assert account.main.books.issued == 11
    assert account.main.reminded == 7
    assert account.armed == 0
    books.check(account)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(account), type=Account) == account


def test_an_old_customer_is_not_a_new_one() -> None:
    assert upgrade([1, [], 0, 3, 0]).orders == 1


@pytest.mark.parametrize("fields", [[0, [], 0, 0, 0], [3, [], 0, 0, 0], [1, [["x", 5, 1, 1]], 0, 0, 0], [1, []]])
def test_what_no_version_wrote_is_refused(fields: list) -> None:
    with pytest.raises(ValueError, match=r"format|Expected|length"):
        upgrade(fields)
