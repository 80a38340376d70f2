"""What `user_behavior` must look like to be taken: the whole contract, as one table of fields.

Pages and apps send this, by the thousand and in many versions, so little is asked: who, what, and what a cart cannot do
without. An optional text may be empty, since that is how forms say nothing. What a client claims of times and lengths
is not judged here; a claim that cannot be true is taken and flagged (plausible.py), for what was done was done.
"""

from __future__ import annotations

from typing import Any

from actors.behaviour.messages import (
    ADD_TO_CART,
    EVENT_TYPE,
    ITEMS_MAX,
    ORDER_CANCELLED,
    ORDER_REFUNDED,
    PAYMENT_BYTES_MAX,
    PURCHASE_COMPLETE,
    QUERY_BYTES_MAX,
    REMOVE_FROM_CART,
    SESSION_ID_BYTES_MAX,
    TYPE_BYTES_MAX,
    BehaviourItem,
    PageInfo,
    UserBehavior,
)
from actors.commands import Refusal, must_be
from actors.fields import text_code
from actors.forms import TIMESTAMP, Field, Form, between, maybe, maybe_number, text
from actors.money import EXPONENTS
from actors.orders import ORDER_ID_BYTES_MAX, QUANTITY_MAX
from actors.points.messages import USER_ID_BYTES_MAX
from actors.rule_words import LABEL_BYTES_MAX

CLAIM_MAX = 1_000_000_000
"""Of a number that a client claims, whatever its unit: beyond it, it is no number of anything."""
CURRENCY_RULE = "absent, null or a currency code of ISO 4217 such as CNY"
MAJOR = "absent, null or a JSON number in major units of the currency"

_OF_CARTS = (ADD_TO_CART, REMOVE_FROM_CART)
_OF_ORDERS = (PURCHASE_COMPLETE, ORDER_CANCELLED, ORDER_REFUNDED)


def _text_rule(bytes_max: int) -> str:
    return f"absent, null or a string of at most {bytes_max} bytes of UTF-8 without control characters"


def _maybe_text(bytes_max: int) -> Field:
    return Field(_text_rule(bytes_max), lambda value: text_code(value, bytes_max) if value else None)


def _claim(of: str) -> Field:
    return Field(f"absent, null or {of}, at most {CLAIM_MAX}", maybe(between(-CLAIM_MAX, CLAIM_MAX)))


def _cross(message: UserBehavior) -> Refusal | None:
    page = message.page_info or PageInfo()
    if refused := _texts(page, "page_info", _PAGE_TEXTS):
        return refused
    for index, item in enumerate(message.items or ()):
        if refused := _item(item, f"items[{index}]"):
            return refused
    if message.behavior_type in _OF_ORDERS and not message.order_id:
        return Refusal("missing", "order_id", f"order_id is missing, and {message.behavior_type} is about an order")
    if message.behavior_type in _OF_CARTS and not (message.product_id or page.product_id or message.items):
        said = f"product_id is missing, and so are items; {message.behavior_type} is about one of them"
        return Refusal("missing", "product_id", said)
    return None


def _item(item: BehaviourItem, place: str) -> Refusal | None:
    if not item.product_id:
        return must_be("empty", f"{place}.product_id", f"a string of 1 to {LABEL_BYTES_MAX} bytes of UTF-8")
    if not 1 <= item.quantity <= QUANTITY_MAX:
        return must_be("out_of_range", f"{place}.quantity", f"an integer from 1 to {QUANTITY_MAX}")
    return _texts(item, place, _ITEM_TEXTS)


def _texts(part: PageInfo | BehaviourItem, place: str, limits: dict[str, int]) -> Refusal | None:
    for name, bytes_max in limits.items():
        value: Any = getattr(part, name)
        if value and (code := text_code(value, bytes_max)):
            return must_be(code, f"{place}.{name}", _text_rule(bytes_max))
    return None


_PAGE_TEXTS = {"page_type": LABEL_BYTES_MAX, "product_id": LABEL_BYTES_MAX, "category": LABEL_BYTES_MAX}
_ITEM_TEXTS = {"product_id": LABEL_BYTES_MAX, "variant_id": LABEL_BYTES_MAX, "category": LABEL_BYTES_MAX}

FORM = Form(
    UserBehavior,
    {
        "user_id": text(USER_ID_BYTES_MAX),
        "behavior_type": text(TYPE_BYTES_MAX),
        "event_type": Field(
            f"absent, null or the string {EVENT_TYPE}", lambda value: None if value in (None, EVENT_TYPE) else "unknown"
        ),
        "session_id": _maybe_text(SESSION_ID_BYTES_MAX),
        "timestamp": TIMESTAMP,
        "page_info": Field("absent, null or an object: what the page shows"),
        "product_id": _maybe_text(LABEL_BYTES_MAX),
        "variant_id": _maybe_text(LABEL_BYTES_MAX),
        "category": _maybe_text(LABEL_BYTES_MAX),
        "quantity": maybe_number(1, QUANTITY_MAX),
        "price": Field(f"{MAJOR}, of one piece"),
        "currency": Field(CURRENCY_RULE, maybe(lambda value: None if value in EXPONENTS else "unknown_currency")),
        "view_duration": _claim("a number of seconds"),
        "scroll_depth": _claim("a number, 0 for the top of the page and 1 for its end"),
        "query": _maybe_text(QUERY_BYTES_MAX),
        "cart_total_value": Field(MAJOR),
        "order_id": _maybe_text(ORDER_ID_BYTES_MAX),
        "order_value": Field(MAJOR),
        "payment_method": _maybe_text(PAYMENT_BYTES_MAX),
        "items": Field(
            f"absent, null or a list of at most {ITEMS_MAX} lines, each with product_id and quantity",
            maybe(lambda value: None if len(value) <= ITEMS_MAX else "out_of_range"),
        ),
    },
    _cross,
)  # fmt: skip
"""Amounts are read where the currency is known (behaviour.py)."""
