"""Under an order each type and reason of change is accepted once, whatever door and message it comes by.

The same again is nothing new: who asks is told where it was accepted, the world hears nothing. Another under the same
order and reason is a contradiction that its sender must hear of, since one of the two messages is wrong and we cannot
know which. Only an accepted change counts: a spend that was refused yesterday may be tried again today.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.points import order_book
from actors.points.order_book import Change
from actors.points.teller import Teller


def once(
    teller: Teller, change: str, points: int, reason: str, order_id: str, same: Callable[[Change], bool]
) -> bool:  # fmt: skip
    """Whether no change of this type and reason was accepted under the order yet, and there is room for one; else it
    has been said how it stands. `same`: whether what was accepted says the same.
    """
    book = teller.order(order_id)
    before = order_book.known(book, change, reason)
    if before is None:
        if len(book.changes) < order_book.CHANGES_MAX:
            return True
        detail = f"the order has had {order_book.CHANGES_MAX} changes"
        teller.refuse(change, "too_many_changes", detail, points, reason, order_id, limit=order_book.CHANGES_MAX)
        return False
    detail = f"the order was accepted with {before.points} points at {before.place}"
    if same(before):
        teller.decline("already_accepted", detail, before.points, accepted=before.place)
    else:
        teller.refuse(change, "order_conflict", detail, points, reason, order_id, accepted=before.place)
    return False
