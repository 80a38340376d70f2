"""`POST /v1/events` over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from gateway.answers import LOOP_BYTES_MAX, Threads, Waiter
from gateway.body import Bodies
from gateway.ingest import KEY_BYTES_MAX, LIST_ITEMS_MAX, Ingest, Outcome, Taken
from gateway.message_schema import messages
from gateway.problems import PROBLEM_JSON, Problem, ProblemDocument, invalid_parameter

AT_THE_GATE = (401, 403, 429)
_MESSAGES = messages()
_KEY = Parameter(
    name="Idempotency-Key", param_in="header", schema=Schema(type=OpenAPIType.STRING, min_length=1),
    description=f"Names messages that have no event_id, of a list as key/index: 1 to {KEY_BYTES_MAX} bytes of UTF-8",
)  # fmt: skip


@dataclass
class EventsOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        any_one = Schema(one_of=_MESSAGES)
        many = Schema(type=OpenAPIType.ARRAY, items=any_one, min_items=1, max_items=LIST_ITEMS_MAX)
        media = OpenAPIMediaType(schema=Schema(one_of=[*_MESSAGES, many]))
        self.parameters = [*(self.parameters or []), _KEY]
        self.request_body = RequestBody(content={"application/json": media}, required=True)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """These statuses as problem documents, for the schema, and those that the gate gives to any request."""
    spec = ResponseSpec(
        ProblemDocument, generate_examples=False, description="A problem document (RFC 9457)", media_type=PROBLEM_JSON
    )
    return dict.fromkeys(sorted({*statuses, *AT_THE_GATE}), spec)


def events_route(ingest: Ingest, bodies: Bodies, threads: Threads) -> HTTPRouteHandler:
    """The route over `ingest`."""

    @post(
        "/v1/events", status_code=200, operation_class=EventsOperation,
        responses=problems(400, 408, 413, 415, 422, 428, 503), summary="Hand in one message or a list of them",
    )  # fmt: skip
    async def take_events(request: Request[Any, Any, Any]) -> Taken:
        """Answers once everything accepted is durable. An `Idempotency-Key` names messages that have no `event_id`."""
        if closed := ingest.not_taking():
            raise closed
        key = idempotency_key(request)
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            waiter: Waiter[Outcome] = Waiter()
            hand_in = partial(ingest.hand_in, body, key, waiter.answer)
            if len(body) <= LOOP_BYTES_MAX:
                hand_in()
            else:
                await threads.run(hand_in)
            outcome = (await waiter.within())()
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    return take_events


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """The header, given once or not at all; raises Problem `invalid_parameter`."""
    keys = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if len(keys) > 1:
        raise invalid_parameter("Idempotency-Key", "Idempotency-Key may be given once")
    try:
        return keys[0].decode() if keys else None
    except UnicodeDecodeError as error:
        raise invalid_parameter("Idempotency-Key", "Idempotency-Key must be UTF-8") from error
