"""What lies in a user's cart, over HTTP."""

from __future__ import annotations

from functools import partial

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.carts import CartQueries, CartShown
from gateway.door import path_value
from gateway.parameters import UserId, knows
from gateway.routes_events import problems


def cart_route(carts: CartQueries, threads: Threads) -> HTTPRouteHandler:
    """The route over `carts`."""

    @get(
        "/v1/users/{user_id:str}/cart", responses=problems(400, 404, 503), guards=[knows()],
        summary="What lies in a user's cart",
    )  # fmt: skip
    async def show_cart(user_id: UserId) -> CartShown:
        """The live cart, with the offset up to which this is so."""
        return await threads.run(partial(carts.cart, path_value(user_id)))

    return show_cart
