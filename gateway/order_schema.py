"""What an order, its money and its refund look like, for the OpenAPI document: the inner parts of bodies, which the
domain reads by hand (actors/orders.py, points/refund_request.py) and no type describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar.openapi.spec import OpenAPIType, Schema

from actors.behaviour.messages import ITEMS_MAX as BEHAVIOUR_ITEMS_MAX
from actors.coupon.narrowing import CONDITION_LABELS_MAX
from actors.orders import ITEMS_MAX, QUANTITY_MAX
from actors.points.forms import PENDING_DAYS_MAX

_MAYBE_LIST = [OpenAPIType.ARRAY, OpenAPIType.NULL]
_LABEL = Schema(type=OpenAPIType.STRING, min_length=1)
_MAYBE_TEXT = [OpenAPIType.STRING, OpenAPIType.NULL]
MONEY = Schema(
    one_of=[
        Schema(type=OpenAPIType.INTEGER, minimum=0),
        Schema(type=OpenAPIType.STRING),
        Schema(type=OpenAPIType.NULL),
    ],
    description="a whole number of minor units, or a decimal string in major units",
)
_ITEM = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "product_id": Schema(type=OpenAPIType.STRING, min_length=1),
        "quantity": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=QUANTITY_MAX),
        "category": Schema(type=_MAYBE_TEXT),
        "unit_price": MONEY,
        "amount": MONEY,
    },
    required=["product_id", "quantity"],
    description="a line: exactly one of unit_price (of each) and amount (of all)",
)
ORDER: Mapping[str, Any] = {
    "properties": {
        "order_id": Schema(type=OpenAPIType.STRING, min_length=1),
        "currency": Schema(type=OpenAPIType.STRING, description="a currency code of ISO 4217 such as CNY"),
        "amount": MONEY,
        "items": Schema(type=[OpenAPIType.ARRAY, OpenAPIType.NULL], items=_ITEM, max_items=ITEMS_MAX),
    },
    "required": ["order_id", "currency"],
}
"""Keywords of an order's schema."""
CART: Mapping[str, Any] = {
    "properties": {**ORDER["properties"], "order_id": Schema(type=_MAYBE_TEXT, min_length=1), "shipping": MONEY},
    "required": ["currency"],
}
"""Keywords of the schema of an order that is still to be priced."""
CONDITIONS: Mapping[str, Any] = {
    "properties": {
        "min_amount": Schema(description="major units of the template's currency, as a number or a decimal string"),
        "valid_categories": Schema(type=_MAYBE_LIST, items=_LABEL, min_items=1, max_items=CONDITION_LABELS_MAX),
        "valid_products": Schema(type=_MAYBE_LIST, items=_LABEL, min_items=1, max_items=CONDITION_LABELS_MAX),
    },
    "additional_properties": False,
}
"""Keywords of the schema of what narrows a coupon."""
PENDING: Mapping[str, Any] = {
    "type": [OpenAPIType.OBJECT, OpenAPIType.NULL],
    "properties": {
        "at": Schema(type=_MAYBE_TEXT, description="an RFC 3339 time"),
        "days": Schema(type=[OpenAPIType.INTEGER, OpenAPIType.NULL], minimum=1, maximum=PENDING_DAYS_MAX),
        "on": Schema(enum=["order_completed", None]),
    },
    "additional_properties": False,
}
"""Keywords of the schema of `pending`."""
MAJOR: Mapping[str, Any] = {"type": [OpenAPIType.NUMBER, OpenAPIType.NULL]}
"""Keywords of the schema of an amount as the seed writes it."""
PAGE: Mapping[str, Any] = {
    "type": [OpenAPIType.OBJECT, OpenAPIType.NULL],
    "properties": {
        "page_type": Schema(type=_MAYBE_TEXT),
        "product_id": Schema(type=_MAYBE_TEXT),
        "category": Schema(type=_MAYBE_TEXT),
        "price": Schema(**MAJOR),
    },
}
"""Keywords of the schema of what a page shows."""
GOODS: Mapping[str, Any] = {
    "type": _MAYBE_LIST,
    "items": Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "product_id": _LABEL,
            "quantity": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=QUANTITY_MAX),
            "variant_id": Schema(type=_MAYBE_TEXT),
            "category": Schema(type=_MAYBE_TEXT),
            "price": Schema(**MAJOR),
            "unit_price": MONEY,
            "amount": MONEY,
        },
        required=["product_id", "quantity"],
        description="a line: at most one of price (of each, in major units), unit_price (of each) and amount (of all)",
    ),
    "max_items": BEHAVIOUR_ITEMS_MAX,
}
"""Keywords of the schema of the goods in a cart or a purchase."""
REFUNDED = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "product_id": Schema(type=OpenAPIType.STRING),
        "quantity": Schema(type=[OpenAPIType.INTEGER, OpenAPIType.NULL], minimum=1, maximum=QUANTITY_MAX),
        "amount": MONEY,
    },
    required=["product_id"],
    additional_properties=False,
)
"""One item of a refund."""
