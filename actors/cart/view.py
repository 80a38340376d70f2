"""How others see a cart: its lines as they are told, and the whole from the bytes that the store holds."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from actors.cart.cart import FORMAT, Cart, Line, upgrade
from actors.cart.messages import CartLine

_fields = msgspec.msgpack.Decoder(list[Any]).decode


def cart_of(data: bytes) -> Cart:
    """One's own copy. Raises ValueError (msgspec's, or ours for another format) when `data` is no cart."""
    fields = _fields(data)
    return msgspec.convert(fields, Cart) if fields[:1] == [FORMAT] else upgrade(fields)


def shown(line: Line) -> CartLine:
    price = UNSET if line.price is None else line.price
    return CartLine(line.product, line.quantity, line.variant or UNSET, price, line.category or UNSET)
