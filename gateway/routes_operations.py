"""Parked entries, decisions about them, and the supervision tree over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler

from gateway.access import who
from gateway.answers import Threads, Waiter
from gateway.audit import AuditLog, refusing
from gateway.door import path_value
from gateway.operations import PAGE_DEFAULT, Decided, Decisions, ParkedPage, ParkedQueries
from gateway.parameters import Cursor, Domain, Limit, Segment, Subject, knows
from gateway.problems import Problem, invalid_parameter
from gateway.routes_events import problems

Rows = Sequence[Mapping[str, Any]]
Asked = Request[Any, Any, Any]
Decide = Callable[[Callable[[Decided | Problem], None]], None]


def operations_routes(
    parked: ParkedQueries, decisions: Decisions, audit: AuditLog, tree: Callable[[], Rows], threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `parked`, `decisions` and `tree`. Each decision is in `audit` before it is taken."""

    @get(
        "/v1/parked", responses=problems(400, 503), guards=[knows("limit", "cursor")],
        summary="What waits for an operator",
    )  # fmt: skip
    async def list_parked(limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> ParkedPage:
        return await threads.run(partial(parked.page, limit, cursor))

    @get("/v1/tree", responses=problems(503), summary="The supervision tree, from root to leaves")
    async def show_tree() -> dict[str, list[dict[str, Any]]]:
        return {"data": [dict(row) for row in await threads.run(tree)]}

    return list_parked, show_tree, *_decision_routes(decisions, audit, threads)


def _decision_routes(decisions: Decisions, audit: AuditLog, threads: Threads) -> Sequence[HTTPRouteHandler]:
    async def decided(request: Asked, what: str, about: str, decide: Decide) -> Decided:
        waiter: Waiter[Decided | Problem] = Waiter()
        written = partial(_written_down, audit, who(request.scope), f"parked.{what}", about)
        await threads.run(written)
        await threads.run(partial(decide, waiter.answer))
        outcome = await waiter.within()
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    @post(
        "/v1/parked/{domain:str}/{subject:str}/retry", status_code=202, responses=problems(400, 404, 428, 503),
        summary="Fold a subject's parked entries again",
    )  # fmt: skip
    async def retry(request: Asked, domain: Domain, subject: Subject) -> Decided:
        where = path_value(domain), path_value(subject)
        return await decided(request, "retry", " ".join(where), partial(decisions.retry, *where))

    @post(
        "/v1/parked/{domain:str}/{subject:str}/discard", status_code=202, responses=problems(400, 404, 428, 503),
        summary="Forget a subject's parked entries",
    )  # fmt: skip
    async def discard(request: Asked, domain: Domain, subject: Subject) -> Decided:
        where = path_value(domain), path_value(subject)
        return await decided(request, "discard", " ".join(where), partial(decisions.discard, *where))

    @post(
        "/v1/parked/{domain:str}/resume", status_code=202, responses=problems(400, 404, 428, 503),
        guards=[knows("segment")], summary="Let a parked domain of a segment go on",
    )  # fmt: skip
    async def resume(request: Asked, domain: Domain, segment: Segment = None) -> Decided:
        if segment is None:
            raise invalid_parameter("segment", "segment must be given: each segment's domain is parked by itself")
        name = path_value(domain)
        return await decided(
            request, "resume", f"{name} segment:{segment:02d}", partial(decisions.resume, name, segment)
        )

    return retry, discard, resume


def _written_down(audit: AuditLog, who: str, what: str, about: str) -> None:
    """Raises Problem when it cannot be, and then nothing may be decided."""
    try:
        audit.write(who, what, about)
    except OSError as error:
        raise refusing(error) from error
