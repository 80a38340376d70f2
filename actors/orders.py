"""An order as rules and refunds see it, and what its JSON must look like to be one.

    {"order_id": "A-1", "currency": "CNY", "amount": 29900, "items": [
        {"product_id": "p1", "category": "tea", "quantity": 2, "unit_price": "100.00"},
        {"product_id": "p2", "quantity": 1, "amount": 5000}]}

`amount` is what the order cost in all; items are what was paid for goods, after discounts. Items may come to less than
the order (the rest, postage for instance, earns nothing) and never to more: a discount on the whole order must be dealt
to its items by the shop, which knows to which. Without `amount` the order is what its items come to; without items it
is one nameless item of that amount.

An item says `unit_price` (for each of `quantity`) or `amount` (for all of them), not both, since they may disagree.
Lines of the same product and category become one: a refund names the product, and must find it once.

That is an order that was paid. One that is still to be priced (`parse_cart`) is written alike: its items are what the
goods cost before coupons, its `shipping` what the way to the customer costs, and it may have no id yet.

The door reads an order to know whether it is one, and the reaction reads the same bytes some milliseconds later. So the
orders read last are remembered, as many as a broker hands over before the first is acknowledged, and twice that.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from actors import mistakes
from actors.commands import Refusal
from actors.fields import text_code
from actors.money import AMOUNT_MAX, EXPONENTS, major, minor_of_ours
from actors.rule_words import LABEL_BYTES_MAX

ORDER_ID_BYTES_MAX = 128
ITEMS_MAX = 200
"""Lines of one order."""
QUANTITY_MAX = 1_000_000
REMEMBERED_MAX = 2_048
"""Orders read last, by all threads."""
REMEMBERED_BYTES_MAX = 2_048
"""Of an order's JSON: what is longer is read each time, so that all of them together stay within a few megabytes."""


class OrderItem(msgspec.Struct, frozen=True, gc=False):
    """`amount`: minor units for all `quantity` pieces. `product` and `category` are empty where unsaid."""

    product: str
    category: str
    quantity: int
    amount: int


class Order(msgspec.Struct, frozen=True):
    """Amounts in minor units of `currency`, an ISO 4217 code; the items come to at most `amount`."""

    order_id: str
    currency: str
    amount: int
    items: tuple[OrderItem, ...]
    shipping: int = 0
    """Of a cart, beside the items; where it was not said, 0."""


class _Line(msgspec.Struct, frozen=True):
    product_id: str
    quantity: int
    category: str | None = None
    unit_price: msgspec.Raw = msgspec.Raw(b"null")
    amount: msgspec.Raw = msgspec.Raw(b"null")


class _Body(msgspec.Struct, frozen=True):
    order_id: str
    currency: str
    amount: msgspec.Raw = msgspec.Raw(b"null")
    items: list[_Line] | None = None


class _Cart(msgspec.Struct, frozen=True):
    currency: str
    order_id: str | None = None
    amount: msgspec.Raw = msgspec.Raw(b"null")
    items: list[_Line] | None = None
    shipping: msgspec.Raw = msgspec.Raw(b"null")


class _Named(msgspec.Struct, frozen=True):
    order_id: str


_body = msgspec.json.Decoder(_Body)
_cart = msgspec.json.Decoder(_Cart)
_Decoder = msgspec.json.Decoder[_Body] | msgspec.json.Decoder[_Cart]
_named = msgspec.json.Decoder(_Named).decode


def parse(raw: bytes, place: str = "order") -> Order | Refusal:
    """The order that the JSON `raw` is, which stood at `place` of the message. O(items), when read lately O(1)."""
    return _read(raw, place, _body)


def parse_cart(raw: bytes, place: str = "order") -> Order | Refusal:
    """The same of an order that is still to be priced: `order_id` may be absent, then it is empty."""
    return _read(raw, place, _cart)


def id_of(raw: bytes) -> str:
    """The id of an order that `parse` has taken, without reading the rest."""
    return _named(raw).order_id


def _read(raw: bytes, place: str, decoder: _Decoder) -> Order | Refusal:
    return _remembered(raw, place, decoder) if len(raw) <= REMEMBERED_BYTES_MAX else _parse(raw, place, decoder)


def _parse(raw: bytes, place: str, decoder: _Decoder) -> Order | Refusal:
    try:
        body = decoder.decode(raw)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, decoder.type, place)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal("not_json", place, f"{place} must be JSON in UTF-8, of whole characters")
    if body.order_id is not None and (code := text_code(body.order_id, ORDER_ID_BYTES_MAX)):
        return _no_text(code, f"{place}.order_id", ORDER_ID_BYTES_MAX)
    if body.currency not in EXPONENTS:
        field = f"{place}.currency"
        return Refusal("unknown_currency", field, f"{field} must be a currency code of ISO 4217 such as CNY")
    items = _items(body, place)
    return items if isinstance(items, Refusal) else _order(body, items, place)


_remembered = lru_cache(maxsize=REMEMBERED_MAX)(_parse)


def _order(body: _Body | _Cart, items: tuple[OrderItem, ...], place: str) -> Order | Refusal:
    field, currency, order_id = f"{place}.amount", body.currency, body.order_id or ""
    shipping = _shipping(body, place)
    if isinstance(shipping, Refusal):
        return shipping
    together = sum([item.amount for item in items]) + shipping
    if bytes(body.amount) == b"null":
        if not items:
            return Refusal("missing", field, f"{field} is missing, and so are {place}.items")
        if together > AMOUNT_MAX:
            limit = f"must come to at most {major(AMOUNT_MAX, currency)} {currency}"
            return Refusal("out_of_range", f"{place}.items", f"{place}.items {limit}")
        return Order(order_id, currency, together, items, shipping)
    amount = minor_of_ours(body.amount, currency, field)
    if isinstance(amount, Refusal):
        return amount
    if together > amount:
        numbers = f"{major(together, currency)} and {major(amount, currency)} {currency}"
        return Refusal("items_exceed_amount", field, f"{field} must be at least what the items come to: {numbers}")
    return Order(order_id, currency, amount, items or (OrderItem("", "", 1, amount - shipping),), shipping)


def _shipping(body: _Body | _Cart, place: str) -> int | Refusal:
    if isinstance(body, _Body) or bytes(body.shipping) == b"null":
        return 0
    return minor_of_ours(body.shipping, body.currency, f"{place}.shipping")


def _items(body: _Body | _Cart, place: str) -> tuple[OrderItem, ...] | Refusal:
    lines = body.items or []
    if len(lines) > ITEMS_MAX:
        return Refusal("out_of_range", f"{place}.items", f"{place}.items must be at most {ITEMS_MAX}, not {len(lines)}")
    items: dict[str, OrderItem] = {}
    for index, line in enumerate(lines):
        item = _item(line, body.currency, f"{place}.items[{index}]")
        if isinstance(item, Refusal):
            return item
        if before := items.get(item.product):
            item = _together(before, item, f"{place}.items[{index}]")
            if isinstance(item, Refusal):
                return item
        items[item.product] = item
    return tuple(items.values())


def _together(one: OrderItem, other: OrderItem, place: str) -> OrderItem | Refusal:
    if one.category != other.category:
        field = f"{place}.category"
        return Refusal("contradiction", field, f"{field} must be that of the same product's other lines")
    return OrderItem(one.product, one.category, one.quantity + other.quantity, one.amount + other.amount)


def _item(line: _Line, currency: str, place: str) -> OrderItem | Refusal:
    if code := text_code(line.product_id, LABEL_BYTES_MAX):
        return _no_text(code, f"{place}.product_id", LABEL_BYTES_MAX)
    if line.category and (code := text_code(line.category, LABEL_BYTES_MAX)):
        return _no_text(code, f"{place}.category", LABEL_BYTES_MAX)
    if not 1 <= line.quantity <= QUANTITY_MAX:
        field = f"{place}.quantity"
        return Refusal("out_of_range", field, f"{field} must be from 1 to {QUANTITY_MAX}")
    amount = _line_amount(line, currency, place)
    if isinstance(amount, Refusal):
        return amount
    return OrderItem(line.product_id, line.category or "", line.quantity, amount)


def _line_amount(line: _Line, currency: str, place: str) -> int | Refusal:
    in_all = bytes(line.amount) != b"null"
    if in_all == (bytes(line.unit_price) != b"null"):
        return Refusal("one_of", f"{place}.amount", f"{place}.amount must be there, or else a unit_price")
    if in_all:
        return minor_of_ours(line.amount, currency, f"{place}.amount")
    field = f"{place}.unit_price"
    price = minor_of_ours(line.unit_price, currency, field)
    if isinstance(price, int) and price * line.quantity > AMOUNT_MAX:
        limit = f"must come to at most {major(AMOUNT_MAX, currency)} {currency}"
        return Refusal("out_of_range", field, f"{field} times the quantity {limit}")
    return price if isinstance(price, Refusal) else price * line.quantity


def _no_text(code: str, field: str, bytes_max: int) -> Refusal:
    return Refusal(code, field, f"{field} must be 1 to {bytes_max} bytes of UTF-8 without control characters")
