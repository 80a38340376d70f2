"""What a user has bought lately, as far as it ends messages that were meant to make him buy.

A message is asked for at one place of the log and judged at another, and between the two the user may have paid. So
who asks says what would make it pointless, and this domain, which folds purchases itself, has the last word: a purchase
that stands in the log before the request always ends it.

What is kept is bounded by forgetting towards silence: a purchase whose goods are no longer remembered counts as one of
everything. So a forgotten purchase may cost a reminder, and never sends one to a buyer. Offsets are of the user's
segment, where all of this stands in one log.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from actors.cart.cart import ORDERS_MAX

PRODUCTS_MAX = 200
"""Remembered by name."""


class Bought(msgspec.Struct, array_like=True, gc=False):
    """Of one user. `products`: name -> offset of the newest purchase of it; `anything`: of the newest one that did not
    say what it was of. `orders`: the last ones, whose resends are nothing.
    """

    anything: int = 0
    products: dict[str, int] = {}
    orders: list[str] = []


def buy(bought: Bought, order_id: str, products: Collection[str], offset: int) -> None:
    """An order, told by the entry at `offset`, in place; of everything where it names no products. O(products)."""
    if order_id in bought.orders:
        return
    bought.orders.append(order_id)
    del bought.orders[:-ORDERS_MAX]
    if not products:
        bought.anything = max(bought.anything, offset)
    for product in products:
        bought.products[product] = max(bought.products.get(product, 0), offset)
    while len(bought.products) > PRODUCTS_MAX:
        oldest = min(bought.products, key=lambda product: bought.products[product])
        bought.anything = max(bought.anything, bought.products.pop(oldest))


def since(bought: Bought, offset: int, products: Collection[str]) -> bool:
    """Whether there was a purchase behind `offset` of any of `products`; where there are none, of anything."""
    if bought.anything > offset:
        return True
    named = products or bought.products
    return any(bought.products.get(product, 0) > offset for product in named)


def check(bought: Bought) -> None:
    """Raise AssertionError unless it is what purchases can have made."""
    assert len(bought.products) <= PRODUCTS_MAX and all(offset > 0 for offset in bought.products.values())
    assert len(set(bought.orders)) == len(bought.orders) <= ORDERS_MAX and all(bought.orders)
