"""`GET /v1/users/{id}/points` and its records over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, TypeVar

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from gateway.answers import Threads
from gateway.door import path_value
from gateway.problems import Problem
from gateway.queries import NOT_YET_S, PAGE_DEFAULT, PAGE_MAX, Balance, PointsQueries, RecordsPage, not_yet
from gateway.routes_events import problems
from gateway.waiting import WaitFolded

T = TypeVar("T")

OFFSET_MAX = 2**63 - 1

UserId = Annotated[str, PathParameter(description="Percent-encoded, `/` as %2F")]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="Lines at most")]
Cursor = Annotated[str | None, QueryParameter(max_length=1_000, description="The next_cursor of the page before")]
MinOffset = Annotated[
    int | None, QueryParameter(ge=0, le=OFFSET_MAX, description="Wait until this offset is folded, 5 s at most")
]


def points_routes(points: PointsQueries, wait_folded: WaitFolded, threads: Threads) -> Sequence[HTTPRouteHandler]:
    """The routes over `points`."""

    @get("/v1/users/{user_id:str}/points", responses=problems(400, 404, 503), summary="Balance and lots of a user")
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
        "/v1/users/{user_id:str}/points/records",
        responses=problems(400, 404, 503),
        summary="A user's points, line by line",
    )
    async def records(user_id: UserId, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> RecordsPage:
        """Newest first."""
        user = path_value(user_id)
        return await threads.run(partial(_known, partial(points.records, user, limit, cursor), user))

    return balance, records
