"""How others see a cart: its lines as they are told, and the whole from the bytes that the store holds."""

from __future__ import annotations

from msgspec import UNSET

from actors.cart.cart import FORMAT, Cart, Line, upgrade
from actors.cart.messages import CartLine
from supervision.forms import thawing

cart_of = thawing(Cart, FORMAT, upgrade)
"""The stored cart, one's own copy."""


def shown(line: Line) -> CartLine:
    price = UNSET if line.price is None else line.price
    return CartLine(line.product, line.quantity, line.variant or UNSET, price, line.category or UNSET)
