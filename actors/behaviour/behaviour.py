"""One reading of a `user_behavior` for everybody who reacts to it: whichever shape it came in, money in minor units.

What is said of the behaviour itself counts more than what is said of the page: who puts a recommended product into the
cart does it on another product's page, and then the page's category and price are not the product's.

Where goods are moved (added, removed, bought) they stand in `lines`, whether the message has `items` or names one
product. The lines are as many and in the order as they were sent; what belongs together is for the cart to say.

The door reads a message to know whether it is one, and several domains read the same bytes some milliseconds later. So
the messages read last are remembered, as orders are (actors/orders.py).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from actors.behaviour.forms import FORM
from actors.behaviour.messages import (
    ADD_TO_CART,
    PURCHASE_COMPLETE,
    REMOVE_FROM_CART,
    BehaviourItem,
    PageInfo,
    UserBehavior,
)
from actors.commands import Refusal
from actors.money import AMOUNT_MAX, major, minor_of_ours, minor_of_seed
from actors.orders import REMEMBERED_BYTES_MAX, REMEMBERED_MAX

GOODS = frozenset((ADD_TO_CART, REMOVE_FROM_CART, PURCHASE_COMPLETE))
"""What is done with goods: these have lines."""


class Line(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename={"product": "product_id", "variant": "variant_id"}
):
    """`amount`: minor units for all `quantity` pieces, None where unsaid. `quantity` 0: all there are, which only a
    removal means that says no number. `variant` and `category` are empty where unsaid.
    """

    product: str
    quantity: int
    amount: int | None = None
    variant: str = ""
    category: str = ""


class Behaviour(msgspec.Struct, frozen=True):
    """What a user did. Texts are empty and numbers None where unsaid; amounts are minor units of `currency`.

    `price` is one piece's. `cart_total` is what the shop says the cart holds after it. `view_ms` and `scroll` are
    claims of a client and may be anything: see plausible.py.
    """

    type: str
    currency: str
    session: str = ""
    page_type: str = ""
    product: str = ""
    variant: str = ""
    category: str = ""
    quantity: int | None = None
    price: int | None = None
    cart_total: int | None = None
    order_id: str = ""
    order_value: int | None = None
    payment: str = ""
    view_ms: int | None = None
    scroll: float | None = None
    query: str = ""
    lines: tuple[Line, ...] = ()


def read(raw: bytes, currency: str) -> Behaviour | Refusal:
    """The behaviour that the message `raw` tells of; amounts without a currency are in `currency`, a known code.
    O(items), when read lately O(1).
    """
    return _remembered(raw, currency) if len(raw) <= REMEMBERED_BYTES_MAX else _read(raw, currency)


def known(raw: bytes, currency: str) -> Behaviour:
    """The same of the body of an entry `behaviour.seen`, which a door with the same `currency` has taken."""
    behaviour = read(raw, currency)
    assert isinstance(behaviour, Behaviour), f"a behaviour that the door took is refused: {behaviour}"
    return behaviour


def _read(raw: bytes, currency: str) -> Behaviour | Refusal:
    message = FORM.read(raw)
    return message if isinstance(message, Refusal) else _normal(message, message.currency or currency)


_remembered = lru_cache(maxsize=REMEMBERED_MAX)(_read)


class _Amounts(msgspec.Struct, frozen=True, gc=False):
    price: int | None
    cart_total: int | None
    order_value: int | None


def _normal(message: UserBehavior, currency: str) -> Behaviour | Refusal:
    page = message.page_info or PageInfo()
    elsewhere = bool(message.product_id and page.product_id and message.product_id != page.product_id)
    shown = PageInfo() if elsewhere else page
    amounts = _amounts(message, shown, currency)
    if isinstance(amounts, Refusal):
        return amounts
    behaviour = Behaviour(
        type=message.behavior_type, currency=currency, session=message.session_id or "",
        page_type=page.page_type or "", product=message.product_id or page.product_id or "",
        variant=message.variant_id or "", category=message.category or shown.category or "",
        quantity=message.quantity, price=amounts.price, cart_total=amounts.cart_total, order_id=message.order_id or "",
        order_value=amounts.order_value, payment=message.payment_method or "", view_ms=_ms(message.view_duration),
        scroll=message.scroll_depth, query=message.query or "",
    )  # fmt: skip
    lines = _lines(message, behaviour)
    if not lines:
        return behaviour
    return lines if isinstance(lines, Refusal) else msgspec.structs.replace(behaviour, lines=lines)


def _amounts(message: UserBehavior, shown: PageInfo, currency: str) -> _Amounts | Refusal:
    price = _seeds(message.price, currency, "price")
    if price is None:
        price = _seeds(shown.price, currency, "page_info.price")
    if isinstance(price, Refusal):
        return price
    cart_total = _seeds(message.cart_total_value, currency, "cart_total_value")
    if isinstance(cart_total, Refusal):
        return cart_total
    order_value = _seeds(message.order_value, currency, "order_value")
    return order_value if isinstance(order_value, Refusal) else _Amounts(price, cart_total, order_value)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _seeds(raw: msgspec.Raw, currency: str, field: str) -> int | Refusal | None:
    """Minor units of one of the seed's amounts, None where it is not said."""
    return None if bytes(raw) == b"null" else minor_of_seed(raw, currency, field)


def _lines(message: UserBehavior, behaviour: Behaviour) -> tuple[Line, ...] | Refusal:
    if message.items:
        return _of_items(message.items, behaviour.currency)
    if behaviour.type not in GOODS or not behaviour.product:
        return ()
    quantity = behaviour.quantity or (0 if behaviour.type == REMOVE_FROM_CART else 1)
    amount = _times(behaviour.price, quantity, behaviour.currency, "price") if quantity else None
    if isinstance(amount, Refusal):
        return amount
    return (Line(behaviour.product, quantity, amount, behaviour.variant, behaviour.category),)


def _of_items(items: tuple[BehaviourItem, ...], currency: str) -> tuple[Line, ...] | Refusal:
    lines: list[Line] = []
    for index, item in enumerate(items):
        amount = _amount(item, currency, f"items[{index}]")
        if isinstance(amount, Refusal):
            return amount
        lines.append(Line(item.product_id, item.quantity, amount, item.variant_id or "", item.category or ""))
    return tuple(lines)


def _amount(item: BehaviourItem, currency: str, place: str) -> int | Refusal | None:
    """Of all pieces of a line, None where no price is said."""
    said = [name for name in ("price", "unit_price", "amount") if bytes(getattr(item, name)) != b"null"]
    if not said:
        return None
    if len(said) > 1:
        return Refusal("exclusive", f"{place}.{said[1]}", f"{place}.{said[1]} must not be given beside {said[0]}")
    field = f"{place}.{said[0]}"
    if said[0] == "amount":
        return minor_of_ours(item.amount, currency, field)
    one = _seeds(item.price, currency, field) if said[0] == "price" else minor_of_ours(item.unit_price, currency, field)
    return one if isinstance(one, Refusal) else _times(one, item.quantity, currency, field)


def _times(price: int | None, quantity: int, currency: str, field: str) -> int | Refusal | None:
    if price is None or price * quantity <= AMOUNT_MAX:
        return None if price is None else price * quantity
    limit = f"{field} times the quantity must come to at most {major(AMOUNT_MAX, currency)} {currency}"
    return Refusal("out_of_range", field, limit)
