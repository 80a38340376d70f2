"""What the cart domain says: inward each change, outward that a cart was abandoned."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from actors.cart.cart import Reason


class CartChanged(msgspec.Struct, frozen=True, gc=False):
    """`cart.changed`: what the cart is now. `lines`: how many; none: it is empty, and worth nothing. `corrected`: the
    shop has it at another value than its prices come to. `idle_since` in ms. `categories`: those that somebody told.
    """

    cart_no: int
    reason: Reason
    value: int
    currency: str
    lines: int
    idle_since: int
    corrected: bool = False
    pieces: int = 0
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    schema_version: ClassVar[int] = 1


class CartLine(msgspec.Struct, frozen=True, gc=False):
    """`unit_price` in minor units of the cart's currency, where somebody told it."""

    product_id: str
    quantity: int
    variant: str | UnsetType = UNSET
    unit_price: int | UnsetType = UNSET
    category: str | UnsetType = UNSET


class CartAbandoned(msgspec.Struct, frozen=True, gc=False):
    """`cart.abandoned`: nobody has touched the cart since `idle_since`. `changed_at`: the offset of the entry that
    changed it last; who bought any of it later than that has not abandoned it. `more`: there was more in it than is
    kept. `held`: the broker still had older messages when this was said, and a purchase may be among them.
    """

    cart_no: int
    value: int
    currency: str
    lines: tuple[CartLine, ...]
    idle_since: str
    changed_at: int
    more: bool = False
    held: bool = False

    schema_version: ClassVar[int] = 1
