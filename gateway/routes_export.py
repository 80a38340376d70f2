"""`GET /v1/users/{id}/export` over HTTP."""

from __future__ import annotations

from functools import partial

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.door import path_value
from gateway.export import EXPORT_RECORDS_MAX, Export, Exports
from gateway.parameters import RecordsCursor, UserId, knows
from gateway.routes_events import problems


def export_route(exports: Exports, threads: Threads) -> HTTPRouteHandler:
    """The route over `exports`."""

    @get(
        "/v1/users/{user_id:str}/export", responses=problems(400, 404, 503), guards=[knows("records_cursor")],
        summary="All that is held of a user",
        description=f"A section for each domain, each with its as_of; {EXPORT_RECORDS_MAX} records at a time.",
    )  # fmt: skip
    async def export(user_id: UserId, records_cursor: RecordsCursor = None) -> Export:
        return await threads.run(partial(exports.export, path_value(user_id), records_cursor))

    return export
