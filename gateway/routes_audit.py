"""`GET /v1/audit` over HTTP."""

from __future__ import annotations

from functools import partial

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.audit import PAGE_DEFAULT, AuditLog, AuditPage
from gateway.parameters import Cursor, Limit, knows
from gateway.problems import Problem
from gateway.routes_events import problems


def audit_route(audit: AuditLog, threads: Threads) -> HTTPRouteHandler:
    """The route over `audit`."""

    def page(limit: int, cursor: str | None) -> AuditPage:
        try:
            return audit.page(limit, cursor)
        except OSError as error:
            raise Problem("audit_refuses", f"the audit log cannot be read: {error.strerror}") from error

    @get(
        "/v1/audit", responses=problems(400, 503), guards=[knows("limit", "cursor")],
        summary="Who changed what about this engine, newest first",
    )  # fmt: skip
    async def list_audit(limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> AuditPage:
        return await threads.run(partial(page, limit, cursor))

    return list_audit
