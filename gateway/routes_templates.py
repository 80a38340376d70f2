"""`/v1/coupon-templates` over HTTP: put and switched as routes_listed.py says, and counted.

The status of a template is in the header `Template-Status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler

from actors.coupon.listing import Status
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.door import path_value
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import Cursor, Limit, TemplateId, knows
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_listed import Asked, Counter, ListedOperation
from gateway.routes_programmes import NOT_EVERYWHERE, InForce, ShowOperation
from gateway.templates import Templates, TemplatesPage, Usage

PATH = "/v1/coupon-templates/{template:str}"
VERBS: Sequence[tuple[str, Status, str]] = (
    ("activate", "active", "Issue coupons of a template, from now on or again"),
    ("pause", "paused", "Neither issue nor use coupons of a template for now"),
    ("close", "closed", "Issue no more coupons of a template, for ever"),
)


def template_routes(
    templates: Templates, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `templates`."""
    counter = Counter(templates, programmes, audit, bodies, threads)
    return [_put(counter), *[_verb(*verb, counter) for verb in VERBS], *_questions(templates, counter, threads)]


def _put(counter: Counter) -> HTTPRouteHandler:
    @put(
        PATH, status_code=200, operation_class=ListedOperation, guards=[knows()], summary="Put a coupon template",
        responses={**problems(400, 404, 408, 409, 412, 413, 415, 422, 428, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def put_template(request: Asked, template: TemplateId) -> Response[InForce]:
        """A new one is a draft. Answers once every segment's log holds the version."""
        return await counter.put(request, template)

    return put_template


def _verb(verb: str, status: Status, summary: str, counter: Counter) -> HTTPRouteHandler:
    @post(
        f"{PATH}/{verb}", status_code=200, name=f"template_{verb}", operation_id=f"template_{verb}", guards=[knows()],
        summary=summary, responses={**problems(400, 404, 409, 412, 428, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def become(request: Asked, template: TemplateId) -> Response[InForce]:
        """200: in force in every segment. What it is already it stays, and that is no change."""
        return await counter.become(request, template, status)

    return become


def _questions(templates: Templates, counter: Counter, threads: Threads) -> Sequence[HTTPRouteHandler]:
    @get(
        PATH, responses=problems(400, 404, 503), summary="A coupon template", guards=[knows()],
        media_type="application/json", operation_class=ShowOperation,
    )  # fmt: skip
    async def show_template(template: TemplateId) -> Response[bytes]:
        """In canonical form, defaults left out; its status and how often it changed are in headers."""
        return await counter.show(template)

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
