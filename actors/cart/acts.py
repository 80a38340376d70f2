"""What a behaviour does to a cart; most do nothing to it."""

from __future__ import annotations

from actors.behaviour import messages as done
from actors.behaviour.behaviour import Behaviour
from actors.behaviour.behaviour import Line as Told
from actors.cart.cart import Act, Add, Buy, CancelOrder, Clear, Line, Remove


def act_of(seen: Behaviour) -> Act | None:
    """None: it is none of the cart's business. Goods that come back leave the cart alone: nobody wants them again."""
    match seen.type:
        case done.ADD_TO_CART:
            return Add(_lines(seen), seen.cart_total, _currency(seen))
        case done.REMOVE_FROM_CART:
            return Remove(_lines(seen), seen.cart_total, _currency(seen))
        case done.CART_CLEARED:
            return Clear()
        case done.PURCHASE_COMPLETE:
            return Buy(seen.order_id, _lines(seen))
        case done.ORDER_CANCELLED:
            return CancelOrder(seen.order_id)
        case _:
            return None


def _lines(seen: Behaviour) -> list[Line]:
    return [Line(told.product, told.variant, told.quantity, _price(told), told.category) for told in seen.lines]


def _price(told: Told) -> int | None:
    """Of one piece, rounded down where the amount of all does not come out even."""
    return None if told.amount is None or not told.quantity else told.amount // told.quantity


def _currency(seen: Behaviour) -> str:
    """Of the amounts that the cart looks at; where there are none, it is only the shop's default."""
    amounts = (seen.cart_total, *(line.amount for line in seen.lines))
    return "" if all(amount is None for amount in amounts) else seen.currency
