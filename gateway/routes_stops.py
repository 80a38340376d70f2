"""`/v1/stop`, `/v1/go` and `/v1/stops` over HTTP.

Whoever presses a button has no version in mind, so none is asked for: over another press that comes at the same moment
it is tried again. 200 says that every segment's campaigns and messages obey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from actors.stops.stops import PROGRAMME, Verb
from gateway.access import who
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import Cursor, Limit, knows
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_programmes import NOT_EVERYWHERE, InForce, Shop
from gateway.stops import StopButtons, StopsPage

BUTTONS: Sequence[tuple[Verb, str]] = (
    ("stop", "Stop a campaign, a channel, or all of both"),
    ("go", "Let go on what was stopped with the same scope"),
)


@dataclass
class PressOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        said = "One of campaign (an id), channel (sms, email, push, in_app, webhook), all (true)"
        yes = Schema(type=OpenAPIType.BOOLEAN)
        scope = Schema(
            type=OpenAPIType.OBJECT, description=said, properties={"campaign": text, "channel": text, "all": yes}
        )
        body = Schema(type=OpenAPIType.OBJECT, properties={"scope": scope, "reason": text}, required=["scope"])
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True)


def stop_routes(
    buttons: StopButtons, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `buttons`."""
    shop = Shop(programmes, audit, threads)

    @get(
        "/v1/stops", responses=problems(400, 503), guards=[knows("limit", "cursor")],
        summary="What is stopped, and who stopped what",
    )  # fmt: skip
    async def stops(limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> StopsPage:
        return await threads.run(partial(buttons.page, limit, cursor))

    return [stops, *[_button(verb, summary, buttons, shop, bodies, threads) for verb, summary in BUTTONS]]


def _button(
    verb: Verb, summary: str, buttons: StopButtons, shop: Shop, bodies: Bodies, threads: Threads
) -> HTTPRouteHandler:
    @post(
        f"/v1/{verb}", status_code=200, name=verb, operation_id=verb, operation_class=PressOperation, guards=[knows()],
        summary=summary, responses={**problems(400, 404, 408, 412, 413, 415, 422, 503), 202: NOT_EVERYWHERE},
    )  # fmt: skip
    async def press(request: Request[Any, Any, Any]) -> Response[InForce]:
        """200: in force in every segment. What is so already is no change."""
        by = who(request.scope)
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            pressed = await threads.run(partial(buttons.read, body))
        answer = await shop.change(partial(buttons.wanted, verb, pressed, by), by)
        return await shop.in_force(PROGRAMME, answer)

    return press
