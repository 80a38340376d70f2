"""What lies in a user's cart, answered from committed state; the export has it from here too."""

from __future__ import annotations

import msgspec

from actors.cart.actor import CartWatcherActor
from actors.cart.cart import value
from actors.cart.messages import CartLine
from actors.cart.view import cart_of, shown
from gateway.balances import AsOf
from gateway.problems import Problem
from gateway.queries import subject_of
from gateway.readers import ReaderPool
from supervision.entry import segment_of
from supervision.envelope import rfc3339


class CartShown(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/users/{id}/cart`. Amounts in minor units of `currency`, null where nobody told any. `value` is
    what the shop said last, moved by what happened since; `cart_no` rises with each new cart; `more`: there is more in
    it than is kept; `abandoned`: that it was has been said since it last changed.
    """

    user_id: str
    cart_no: int
    lines: list[CartLine]
    value: int
    currency: str | None
    idle_since: str
    more: bool
    abandoned: bool
    as_of: AsOf


class CartQueries:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(self, readers: ReaderPool, segments: int) -> None:
        self._readers = readers
        self._segments = segments

    def cart(self, user_id: str) -> CartShown:
        """An empty one too. Raises Problem `unknown_user`."""
        found = self.found(user_id)
        if found is None:
            raise Problem("unknown_user", f"no user {user_id!a} has ever had a cart")
        return found

    def found(self, user_id: str) -> CartShown | None:
        """None: there never was one."""
        subject = subject_of(user_id)
        segment = segment_of(subject, self._segments)
        with self._readers.one() as reader:
            state, upto = reader.snapshot(segment, CartWatcherActor.name, subject)
        if state is None:
            return None
        cart = cart_of(state)
        return CartShown(
            user_id, cart.no, [shown(line) for line in cart.lines], value(cart), cart.currency or None,
            rfc3339(cart.idle_since), cart.more, cart.told, AsOf(segment, upto),
        )  # fmt: skip
