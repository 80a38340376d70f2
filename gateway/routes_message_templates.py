"""`/v1/notification-templates` over HTTP: put and switched as routes_listed.py says, and tried without being sent.

The status of a template is in the header `Template-Status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.door import path_value
from gateway.message_templates import MessageTemplates, MessageTemplatesPage, Preview
from gateway.parameters import MessageTemplateId, knows
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_listed import Asked, Family, listed_routes

FAMILY = Family(
    path="/v1/notification-templates",
    id=MessageTemplateId,
    called="notification_template",
    one="a template of messages",
    all="All templates of messages",
    put="""A new one is a draft; what is put over an active one is said from now on. Answers once every segment's log
        holds the version.
        """,
    shown="""In canonical form, defaults left out; its status and how often it changed are in headers. 0: it came with
        the engine.
        """,
    verbs=(
        ("activate", "active", "Send messages of a template, from now on or again"),
        ("archive", "archived", "Send no more messages of a template"),
    ),
    page=MessageTemplatesPage,
    refusals=(400, 404, 409, 412, 422, 428, 503),
)


@dataclass
class PreviewOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        question = Schema(
            type=OpenAPIType.OBJECT,
            properties={"parameters": Schema(type=OpenAPIType.OBJECT), "locale": text, "user": text},
        )
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=question)}, required=True)


def message_template_routes(
    templates: MessageTemplates, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `templates`."""
    return [
        *listed_routes(FAMILY, templates, programmes, audit, bodies, threads), _preview(templates, bodies, threads),
    ]  # fmt: skip


def _preview(templates: MessageTemplates, bodies: Bodies, threads: Threads) -> HTTPRouteHandler:
    @post(
        f"{FAMILY.of_one('template')}/preview", status_code=200, operation_class=PreviewOperation, guards=[knows()],
        responses=problems(400, 404, 408, 413, 415, 422, 503), summary="What a template would say on each channel",
    )  # fmt: skip
    async def preview_notification_template(request: Asked, template: MessageTemplateId) -> Preview:
        """By the newest version, a draft too. Nothing is written, and nobody is told."""
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            return await threads.run(partial(templates.preview, path_value(template), body))

    return preview_notification_template
