"""`GET /v1/users/{id}/points` and its records over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.door import path_value
from gateway.parameters import Cursor, Limit, MinOffset, UserId, knows
from gateway.problems import Problem
from gateway.queries import NOT_YET_S, PAGE_DEFAULT, Balance, PointsQueries, RecordsPage, not_yet
from gateway.routes_events import problems
from gateway.waiting import WaitFolded

T = TypeVar("T")


def points_routes(points: PointsQueries, wait_folded: WaitFolded, threads: Threads) -> Sequence[HTTPRouteHandler]:
    """The routes over `points`."""

    @get(
        "/v1/users/{user_id:str}/points", responses=problems(400, 404, 503), guards=[knows("min_offset")],
        summary="Balance and lots of a user",
    )  # fmt: skip
    async def balance(user_id: UserId, min_offset: MinOffset = None) -> Balance:
        """`available` and the 100 lots that expire first, with the offset up to which this is so."""
        user = path_value(user_id)
        if min_offset:
            await _folded(user, min_offset)
        return await threads.run(partial(_known, partial(points.balance, user), user))

    def _known(ask: Callable[[], T], user: str) -> T:
        try:
            return ask()
        except Problem as problem:
            raise (points.uncounted(user) if problem.code == "unknown_user" else problem) from None

    async def _folded(user: str, min_offset: int) -> None:
        segment = points.segment(user)
        folded = await wait_folded(segment, points.domain, min_offset, NOT_YET_S)
        if problem := await threads.run(partial(points.parked, user, min_offset, folded)):
            raise problem
        if not folded:
            raise not_yet(segment, min_offset)

    @get(
        "/v1/users/{user_id:str}/points/records", responses=problems(400, 404, 503), guards=[knows("limit", "cursor")],
        summary="A user's points, line by line",
    )  # fmt: skip
    async def records(user_id: UserId, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> RecordsPage:
        """Newest first."""
        user = path_value(user_id)
        return await threads.run(partial(_known, partial(points.records, user, limit, cursor), user))

    return balance, records
