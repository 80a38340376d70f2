"""What is known of a user's points over HTTP: now, then, later, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.balances import Balance
from gateway.door import path_value
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import Cursor, Limit, MinOffset, Moment, UserId, knows
from gateway.problems import Problem
from gateway.queries import NOT_YET_S, LotsPage, PointsQueries, RecordsPage, TierShown, Timeline, not_yet
from gateway.routes_events import problems
from gateway.waiting import WaitFolded

T = TypeVar("T")


class Known(Protocol):
    """Asks, and says of an unknown user what waits for an operator."""

    def __call__(self, ask: Callable[[], T], user: str) -> T: ...


def points_routes(points: PointsQueries, wait_folded: WaitFolded, threads: Threads) -> Sequence[HTTPRouteHandler]:
    """The routes over `points`."""

    @get(
        "/v1/users/{user_id:str}/points", responses=problems(400, 404, 422, 503), guards=[knows("min_offset", "as_of")],
        summary="What a user has, had or will have",
    )  # fmt: skip
    async def balance(user_id: UserId, min_offset: MinOffset = None, as_of: Moment = None) -> Balance:
        """Now, with the offset up to which this is so; or at `as_of`: earlier, from the records; later, if nobody does
        anything meanwhile.
        """
        user = path_value(user_id)
        if min_offset:
            await _folded(user, min_offset)
        return await threads.run(partial(_known, partial(points.balance, user, at=as_of), user))

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

    return balance, records, *_what_there_is(points, threads, _known)


def _what_there_is(points: PointsQueries, threads: Threads, known: Known) -> Sequence[HTTPRouteHandler]:
    @get(
        "/v1/users/{user_id:str}/points/lots", responses=problems(400, 404, 503), guards=[knows("limit", "cursor")],
        summary="All lots of a user, each with where it came from",
    )  # fmt: skip
    async def lots(user_id: UserId, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> LotsPage:
        """By wallet, `main` first, soonest to expire first."""
        user = path_value(user_id)
        return await threads.run(partial(known, partial(points.lots, user, limit, cursor), user))

    @get(
        "/v1/users/{user_id:str}/points/timeline", responses=problems(400, 404, 503),
        guards=[knows("limit", "cursor")], summary="What will happen to a user's points by itself",
    )  # fmt: skip
    async def timeline(user_id: UserId, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> Timeline:
        """Activations, expiries, ends of reservations, looks at the tier; soonest first."""
        user = path_value(user_id)
        return await threads.run(partial(known, partial(points.timeline, user, limit, cursor), user))

    @get(
        "/v1/users/{user_id:str}/tier", responses=problems(400, 404, 503), guards=[knows()], summary="A user's tier"
    )  # fmt: skip
    async def tier(user_id: UserId) -> TierShown:
        """The level, what is missing to the next, and when it is lost."""
        user = path_value(user_id)
        return await threads.run(partial(known, partial(points.tier, user), user))

    return lots, timeline, tier
