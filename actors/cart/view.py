"""How others see a cart: its lines as they are told, and the whole from the bytes that the store holds."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from actors.cart.cart import FORMAT, Cart, Line
from actors.cart.messages import CartLine

_decode = msgspec.msgpack.Decoder(Cart).decode


def cart_of(data: bytes) -> Cart:
    """One's own copy. Raises ValueError (msgspec's, or ours for another format) when `data` is no cart."""
    cart = _decode(data)
    if cart.format != FORMAT:
        raise ValueError(f"a cart in format {cart.format}, this program reads {FORMAT}")
    return cart


def shown(line: Line) -> CartLine:
    return CartLine(line.product, line.quantity, line.variant or UNSET, UNSET if line.price is None else line.price)
