"""`/v1/notification-templates` over HTTP: put and switched as routes_listed.py says, and tried without being sent.

The status of a template is in the header `Template-Status`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from actors.notification.listing import Status
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.door import path_value
from gateway.message_templates import MessageTemplates, MessageTemplatesPage, Preview
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import Cursor, Limit, MessageTemplateId, knows
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_listed import Asked, Counter, ListedOperation
from gateway.routes_programmes import NOT_EVERYWHERE, InForce, ShowOperation

PATH = "/v1/notification-templates/{template:str}"
VERBS: Sequence[tuple[str, Status, str]] = (
    ("activate", "active", "Send messages of a template, from now on or again"),
    ("archive", "archived", "Send no more messages of a template"),
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
    counter = Counter(templates, programmes, audit, bodies, threads)
    return [
        _put(counter),
        *[_verb(*verb, counter) for verb in VERBS],
        _preview(templates, bodies, threads),
        *_questions(templates, counter, threads),
    ]


def _put(counter: Counter) -> HTTPRouteHandler:
    @put(
        PATH, status_code=200, operation_class=ListedOperation, guards=[knows()], summary="Put a template of messages",
        responses={**problems(400, 404, 408, 409, 412, 413, 415, 422, 428, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def put_notification_template(request: Asked, template: MessageTemplateId) -> Response[InForce]:
        """A new one is a draft; what is put over an active one is said from now on. Answers once every segment's log
        holds the version.
        """
        return await counter.put(request, template)

    return put_notification_template


def _verb(verb: str, status: Status, summary: str, counter: Counter) -> HTTPRouteHandler:
    named = f"notification_template_{verb}"

    @post(
        f"{PATH}/{verb}", status_code=200, name=named, operation_id=named, guards=[knows()], summary=summary,
        responses={**problems(400, 404, 409, 412, 422, 428, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def become(request: Asked, template: MessageTemplateId) -> Response[InForce]:
        """200: in force in every segment. What it is already it stays, and that is no change."""
        return await counter.become(request, template, status)

    return become


def _preview(templates: MessageTemplates, bodies: Bodies, threads: Threads) -> HTTPRouteHandler:
    @post(
        f"{PATH}/preview", status_code=200, responses=problems(400, 404, 408, 413, 415, 422, 503), guards=[knows()],
        operation_class=PreviewOperation, summary="What a template would say on each channel",
    )  # fmt: skip
    async def preview_notification_template(request: Asked, template: MessageTemplateId) -> Preview:
        """By the newest version, a draft too. Nothing is written, and nobody is told."""
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            return await threads.run(partial(templates.preview, path_value(template), body))

    return preview_notification_template


def _questions(templates: MessageTemplates, counter: Counter, threads: Threads) -> Sequence[HTTPRouteHandler]:
    @get(
        PATH, responses=problems(400, 404, 503), summary="A template of messages", guards=[knows()],
        media_type="application/json", operation_class=ShowOperation,
    )  # fmt: skip
    async def show_notification_template(template: MessageTemplateId) -> Response[bytes]:
        """In canonical form, defaults left out; its status and how often it changed are in headers. 0: it came with
        the engine.
        """
        return await counter.show(template)

    @get(
        "/v1/notification-templates", responses=problems(400, 503), guards=[knows("limit", "cursor")],
        summary="All templates of messages",
    )  # fmt: skip
    async def list_notification_templates(limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> MessageTemplatesPage:
        return await threads.run(partial(templates.page, limit, cursor))

    return show_notification_template, list_notification_templates
