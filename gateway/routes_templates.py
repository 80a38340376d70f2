"""`/v1/coupon-templates` over HTTP: put and switched as routes_listed.py says, and counted.

The status of a template is in the header `Template-Status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from litestar import get
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.door import path_value
from gateway.parameters import TemplateId, knows
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_listed import Family, listed_routes
from gateway.templates import Templates, TemplatesPage, Usage

FAMILY = Family(
    path="/v1/coupon-templates",
    id=TemplateId,
    called="template",
    one="a coupon template",
    all="All coupon templates",
    put="A new one is a draft. Answers once every segment's log holds the version.",
    shown="In canonical form, defaults left out; its status and how often it changed are in headers.",
    verbs=(
        ("activate", "active", "Issue coupons of a template, from now on or again"),
        ("pause", "paused", "Neither issue nor use coupons of a template for now"),
        ("close", "closed", "Issue no more coupons of a template, for ever"),
    ),
    page=TemplatesPage,
)


def template_routes(
    templates: Templates, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `templates`."""

    @get(
        f"{FAMILY.of_one('template')}/usage", responses=problems(400, 404, 503), guards=[knows()],
        summary="What became of a template's coupons",
    )  # fmt: skip
    async def show_usage(template: TemplateId) -> Usage:
        return await threads.run(partial(templates.usage, path_value(template)))

    return [*listed_routes(FAMILY, templates, programmes, audit, bodies, threads), show_usage]
