"""`GET /v1/users/{id}/events` over HTTP."""

from __future__ import annotations

from functools import partial

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.behaviour_queries import BehaviourQueries, EventsPage
from gateway.door import path_value
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import BehaviourType, Cursor, Limit, Since, UserId, knows
from gateway.routes_events import problems


def behaviour_route(behaviours: BehaviourQueries, threads: Threads) -> HTTPRouteHandler:
    """The route over `behaviours`."""

    @get(
        "/v1/users/{user_id:str}/events", responses=problems(400, 404, 503),
        guards=[knows("type", "from", "limit", "cursor")], summary="What a user did, line by line",
    )  # fmt: skip
    async def events(
        user_id: UserId, of_type: BehaviourType = None, since: Since = None, limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> EventsPage:  # fmt: skip
        """Newest first. A page of one type may be short, or empty, while `has_more` says that there are older lines."""
        ask = partial(behaviours.events, path_value(user_id), limit, cursor, of_type, since)
        return await threads.run(ask)

    return events
