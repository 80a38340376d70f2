"""What of an order is refunded, as a message says it: items, an amount of money, or (nothing said) all that is left.

    {"order_id": "A-1", "items": [{"product_id": "p1", "quantity": 1}, {"product_id": "p2", "amount": "25.00"}]}
    {"order_id": "A-1", "amount": 2500, "currency": "CNY"}

Money in major units needs a currency to be read; without one the order's own counts, so such an amount must be a whole
number of minor units.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors import mistakes
from actors.commands import Refusal
from actors.fields import text_code
from actors.forms import Field
from actors.money import AMOUNT_MAX, EXPONENTS, minor_of_ours
from actors.orders import ITEMS_MAX, QUANTITY_MAX
from actors.points.inputs import ReverseOrder
from actors.points.refunds import ItemRefund
from actors.rule_words import LABEL_BYTES_MAX

What = Sequence[ItemRefund] | int | None
"""Items, an amount in minor units, or everything."""

FIELDS = {
    "items": Field("absent, null or a list of objects with product_id and, at most, one of quantity and amount"),
    "amount": Field("absent, null, a whole number of minor units or a decimal string in major units"),
    "currency": Field("absent, null or a currency code of ISO 4217 such as CNY"),
}


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    product_id: str
    quantity: int | None = None
    amount: msgspec.Raw = msgspec.Raw(b"null")


_items = msgspec.json.Decoder(list[_Item])
NULL = b"null"


def read(message: ReverseOrder) -> What | Refusal:
    """What `message` wants refunded, or why that cannot be read."""
    if message.currency is not None and message.currency not in EXPONENTS:
        return Refusal("unknown_currency", "currency", f"currency must be {FIELDS['currency'].rule}")
    has_items, has_amount = bytes(message.items) != NULL, bytes(message.amount) != NULL
    if has_items and has_amount:
        return Refusal("exclusive", "amount", "at most one of items and amount must be given")
    if has_amount:
        return _money(message.amount, message.currency, "amount")
    return _read_items(message) if has_items else None


def _read_items(message: ReverseOrder) -> Sequence[ItemRefund] | Refusal:
    try:
        lines = _items.decode(message.items)
    except msgspec.ValidationError as error:
        return mistakes.refusal(error, list[_Item], "items")
    if not 1 <= len(lines) <= ITEMS_MAX:
        return Refusal("out_of_range", "items", f"items must be 1 to {ITEMS_MAX}, not {len(lines)}")
    items: list[ItemRefund] = []
    for index, line in enumerate(lines):
        item = _item(line, message.currency, f"items[{index}]")
        if isinstance(item, Refusal):
            return item
        items.append(item)
    return items


def _item(line: _Item, currency: str | None, place: str) -> ItemRefund | Refusal:
    if line.product_id and (code := text_code(line.product_id, LABEL_BYTES_MAX)):
        return Refusal(code, f"{place}.product_id", f"{place}.product_id must be 1 to {LABEL_BYTES_MAX} bytes of UTF-8")
    if line.quantity is not None:
        if not 1 <= line.quantity <= QUANTITY_MAX:
            field = f"{place}.quantity"
            return Refusal("out_of_range", field, f"{field} must be from 1 to {QUANTITY_MAX}")
        if bytes(line.amount) != NULL:
            return Refusal("exclusive", f"{place}.amount", f"{place} must have at most one of quantity and amount")
        return ItemRefund(line.product_id, quantity=line.quantity)
    if bytes(line.amount) == NULL:
        return ItemRefund(line.product_id)
    amount = _money(line.amount, currency, f"{place}.amount")
    return amount if isinstance(amount, Refusal) else ItemRefund(line.product_id, amount=amount)


def _money(raw: msgspec.Raw, currency: str | None, field: str) -> int | Refusal:
    if currency is None and bytes(raw)[:1] == b'"':
        return Refusal("missing", "currency", f"{field} in major units needs a currency")
    amount = minor_of_ours(raw, currency or "CNY", field)
    if isinstance(amount, int) and not 1 <= amount <= AMOUNT_MAX:
        return Refusal("out_of_range", field, f"{field} must be more than nothing")
    return amount
