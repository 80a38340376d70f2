"""What the behaviour domain writes down: a line for each thing that a user did, kept for as long as is configured.

Field names are the contract with the log and with other programs: they are only added to, never renamed. A line is
shown to others as it is; what was not said is left out.
"""

from __future__ import annotations

import msgspec

from actors.behaviour.behaviour import Behaviour, Line
from actors.behaviour.plausible import Flag
from actors.fields import rfc3339_ms
from supervision.domain import Event
from supervision.envelope import rfc3339


class BehaviourLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A record of a user. `at` is when we heard of it, `occurred_at` what its sender said, `entry` its place in the
    log. Amounts are minor units of `currency`; `flags` say what of it cannot be so.
    """

    at: str
    type: str
    entry: str
    occurred_at: str | None = None
    session_id: str = ""
    page_type: str = ""
    product_id: str = ""
    variant_id: str = ""
    category: str = ""
    quantity: int | None = None
    price: int | None = None
    cart_total: int | None = None
    order_id: str = ""
    order_value: int | None = None
    currency: str = ""
    payment_method: str = ""
    view_ms: int | None = None
    scroll_depth: float | None = None
    query: str = ""
    items: tuple[Line, ...] = ()
    flags: tuple[Flag, ...] = ()


class _Dated(msgspec.Struct, frozen=True, gc=False):
    at: str


_dated = msgspec.json.Decoder(_Dated).decode


def written_at(record: bytes) -> int:
    """The `at` of a line, ms since 1970 UTC."""
    at = rfc3339_ms(_dated(record).at)
    assert at is not None, "a line without a time"
    return at


def line(behaviour: Behaviour, flags: tuple[Flag, ...], event: Event) -> BehaviourLine:
    """What is written of `behaviour`, which is `event`'s."""
    said = event.entry.occurred_at
    return BehaviourLine(
        at=rfc3339(event.at), type=behaviour.type, entry=event.place, occurred_at=rfc3339(said) if said else None,
        session_id=behaviour.session, page_type=behaviour.page_type, product_id=behaviour.product,
        variant_id=behaviour.variant, category=behaviour.category, quantity=behaviour.quantity, price=behaviour.price,
        cart_total=behaviour.cart_total, order_id=behaviour.order_id, order_value=behaviour.order_value,
        currency=behaviour.currency if _has_amount(behaviour) else "", payment_method=behaviour.payment,
        view_ms=behaviour.view_ms, scroll_depth=behaviour.scroll, query=behaviour.query, items=behaviour.lines,
        flags=flags,
    )  # fmt: skip


def _has_amount(behaviour: Behaviour) -> bool:
    amounts = (behaviour.price, behaviour.cart_total, behaviour.order_value, *(one.amount for one in behaviour.lines))
    return any(amount is not None for amount in amounts)
