"""The words of the behaviour domain: the seed's message `user_behavior`, and the entry that becomes of it.

The seed writes one message in two shapes: what the page shows under `page_info`, or flat beside the rest. Both are
read, and may be mixed (behaviour.py says which counts). What was done is any word: rules may ask for words of the
shop's own, so one that is not known here is kept as itself.

The field names are the contract with other programs and with the log: they are only added to, never renamed. Fields
that are not named here (`user_agent`, `referrer`) stay in the entry's bytes.
"""

from __future__ import annotations

import msgspec

EVENT_TYPE = "user_behavior"
SEEN = "behaviour.seen"
"""The kind of the entry. Its body is the message as it came; `behaviour.known` reads it."""
ANONYMOUS = "anon:"
"""What ids of guests begin with; the shop's pages make them up, and they are users like others."""

PRODUCT_VIEW = "product_view"
SEARCH = "search"
ADD_TO_CART = "add_to_cart"
REMOVE_FROM_CART = "remove_from_cart"
CART_CLEARED = "cart_cleared"
FAVORITE = "favorite"
SHARE = "share"
CLICK = "click"
SIGN_IN = "sign_in"
REGISTER = "register"
PURCHASE_COMPLETE = "purchase_complete"
ORDER_CANCELLED = "order_cancelled"
ORDER_REFUNDED = "order_refunded"
KNOWN = frozenset((
    PRODUCT_VIEW, SEARCH, ADD_TO_CART, REMOVE_FROM_CART, CART_CLEARED, FAVORITE, SHARE, CLICK, SIGN_IN, REGISTER,
    PURCHASE_COMPLETE, ORDER_CANCELLED, ORDER_REFUNDED,
))  # fmt: skip

TYPE_BYTES_MAX = 64
SESSION_ID_BYTES_MAX = 128
QUERY_BYTES_MAX = 512
PAYMENT_BYTES_MAX = 64
ITEMS_MAX = 200
"""Lines of one cart or purchase."""

NULL = msgspec.Raw(b"null")


class PageInfo(msgspec.Struct, frozen=True, gc=False):
    """What the page shows on which it was done. `price` is in major units, as all of the seed's amounts are."""

    page_type: str | None = None
    product_id: str | None = None
    category: str | None = None
    price: msgspec.Raw = NULL


class BehaviourItem(msgspec.Struct, frozen=True, gc=False):
    """One line of a cart or purchase; at most one of the three amounts. `price` is one piece's in major units;
    `unit_price` (of each) and `amount` (of all) are integers of minor units or strings in major units, as in orders.
    """

    product_id: str
    quantity: int
    variant_id: str | None = None
    category: str | None = None
    price: msgspec.Raw = NULL
    unit_price: msgspec.Raw = NULL
    amount: msgspec.Raw = NULL


class UserBehavior(msgspec.Struct, frozen=True, gc=False):
    """The message `user_behavior`: a user did something. `view_duration` is in seconds, `scroll_depth` from 0 to 1;
    amounts are in major units of `currency`, which is the shop's default where it is not said. The
    `order_value` of a refund is what was given back. Other fields are kept.
    """

    user_id: str
    behavior_type: str
    event_type: str | None = None
    session_id: str | None = None
    timestamp: str | None = None
    page_info: PageInfo | None = None
    product_id: str | None = None
    variant_id: str | None = None
    category: str | None = None
    quantity: int | None = None
    price: msgspec.Raw = NULL
    currency: str | None = None
    view_duration: float | None = None
    scroll_depth: float | None = None
    query: str | None = None
    cart_total_value: msgspec.Raw = NULL
    order_id: str | None = None
    order_value: msgspec.Raw = NULL
    payment_method: str | None = None
    items: tuple[BehaviourItem, ...] | None = None
