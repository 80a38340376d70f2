"""`/v1/coupon-templates` over HTTP: put by ETag, switched by verbs, counted.

The representation is the template itself, so that what was read can be edited and put back; its status is in the header
`Template-Status` and changes by POST alone. An ETag names template and status. A template that is put over another
names it in If-Match, as programmes do; a new one has nothing to name, and may say so by `If-None-Match: *`.

One change of templates at a time: whether a public code is free is asked of the segments, and one that is on its way to
them would not be seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Request, Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from actors.coupon.listing import Status, subject_of
from gateway.access import who
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.door import path_value
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import Cursor, Limit, TemplateId, knows
from gateway.problems import Problem
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_programmes import NOT_EVERYWHERE, InForce, Shop, ShowOperation, precondition, present, tag
from gateway.templates import Shown, Templates, TemplatesPage, Usage

PATH = "/v1/coupon-templates/{template:str}"
TRIES = 5
"""Of a change of status over which another change came."""
VERBS: Sequence[tuple[str, Status, str]] = (
    ("activate", "active", "Issue coupons of a template, from now on or again"),
    ("pause", "paused", "Neither issue nor use coupons of a template for now"),
    ("close", "closed", "Issue no more coupons of a template, for ever"),
)

Asked = Request[Any, Any, Any]


@dataclass
class TemplateOperation(Operation):
    """Says in the schema what the handler reads as raw bytes and headers."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        text = Schema(type=OpenAPIType.STRING)
        said = "ETag of what is to be replaced, as GET shows it; needed unless the template is new"
        match = Parameter(name="If-Match", param_in="header", schema=text, description=said)
        none = Parameter(name="If-None-Match", param_in="header", schema=text, description="*: only a new one")
        self.parameters = [*(self.parameters or []), match, none]
        self.request_body = RequestBody(content={"application/json": media}, required=True)


def template_routes(
    templates: Templates, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `templates`."""
    shop, one_by_one = Shop(programmes, audit, threads), asyncio.Lock()
    return [
        _put(templates, shop, one_by_one, bodies, threads),
        *[_verb(*verb, templates, shop, one_by_one, threads) for verb in VERBS],
        *_questions(templates, threads),
    ]


def _put(
    templates: Templates, shop: Shop, one_by_one: asyncio.Lock, bodies: Bodies, threads: Threads
) -> HTTPRouteHandler:
    @put(
        PATH, status_code=200, operation_class=TemplateOperation, guards=[knows()], summary="Put a coupon template",
        responses={**problems(400, 404, 408, 409, 412, 413, 415, 422, 428, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def put_template(request: Asked, template: TemplateId) -> Response[InForce]:
        """A new one is a draft. Answers once every segment's log holds the version."""
        id, by = path_value(template), who(request.scope)
        async with bodies.whole(request.scope["headers"], request.receive) as body, one_by_one:
            before = await threads.run(partial(templates.find, id))
            if_match = _replaces(request.scope["headers"], before)
            answer = await shop.put(partial(templates.read, id, body, if_match, by), if_match, by)
            return await shop.in_force(subject_of(id), answer)

    return put_template


def _verb(
    verb: str, status: Status, summary: str, templates: Templates, shop: Shop, one_by_one: asyncio.Lock,
    threads: Threads,
) -> HTTPRouteHandler:  # fmt: skip
    @post(
        f"{PATH}/{verb}", status_code=200, name=f"template_{verb}", operation_id=f"template_{verb}", guards=[knows()],
        summary=summary, responses={**problems(400, 404, 409, 412, 428, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def become(request: Asked, template: TemplateId) -> Response[InForce]:
        """200: in force in every segment. What it is already it stays, and that is no change."""
        id, by = path_value(template), who(request.scope)
        async with one_by_one:
            for left in reversed(range(TRIES)):
                wanted = await threads.run(partial(templates.become, id, status, by))
                try:
                    answer = await shop.put(lambda wanted=wanted: wanted, wanted.present.version, by)
                    return await shop.in_force(subject_of(id), answer)
                except Problem as problem:
                    if problem.code != "precondition_failed" or not left:
                        raise
        raise AssertionError("the last try returns or raises")

    return become


def _questions(templates: Templates, threads: Threads) -> Sequence[HTTPRouteHandler]:
    @get(
        PATH, responses=problems(400, 404, 503), summary="A coupon template", guards=[knows()],
        media_type="application/json", operation_class=ShowOperation,
    )  # fmt: skip
    async def show_template(template: TemplateId) -> Response[bytes]:
        """In canonical form, defaults left out; its status and how often it changed are in headers."""
        shown = await threads.run(partial(templates.shown, path_value(template)))
        numbered = {"programme-number": str(shown.active.number), "template-status": shown.status}
        headers = {**tag(shown.active.version), **numbered}
        return Response(shown.template, headers=headers, media_type="application/json")

    @get(
        "/v1/coupon-templates", responses=problems(400, 503), guards=[knows("limit", "cursor")],
        summary="All coupon templates",
    )  # fmt: skip
    async def list_templates(limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> TemplatesPage:
        return await threads.run(partial(templates.page, limit, cursor))

    @get(
        f"{PATH}/usage", responses=problems(400, 404, 503), guards=[knows()],
        summary="What became of a template's coupons",
    )  # fmt: skip
    async def show_usage(template: TemplateId) -> Usage:
        return await threads.run(partial(templates.usage, path_value(template)))

    return show_template, list_templates, show_usage


def _replaces(headers: Iterable[tuple[bytes, bytes]], before: Shown | None) -> str:
    """The version that is to be replaced, empty for a new template; raises Problem."""
    given = list(headers)
    none = [value.strip() for name, value in given if name == b"if-none-match"]
    if none == [b"*"] and not any(name == b"if-match" for name, _ in given):
        if before is not None:
            raise Problem("precondition_failed", present(before.active.version, before.active.number))
        return ""
    if_match = precondition(given)
    if before is None and if_match is not None:
        raise Problem("precondition_failed", "there is no such template yet: put it without If-Match")
    if before is not None and if_match is None:
        now = present(before.active.version, before.active.number)
        raise Problem("precondition_required", f"{now}; name it in If-Match to replace it")
    return if_match or ""
