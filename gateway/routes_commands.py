"""Commands over HTTP: one POST route for each row of a table.

A row says where the route is and which message it becomes; that is all that differs between them. What the fields of a
path are called there is what they are called in the message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from gateway.access import caller
from gateway.answers import Threads
from gateway.body import Bodies
from gateway.commands import REPLAYED, Call, Commands
from gateway.door import path_value
from gateway.ingest import KEY_BYTES_MAX
from gateway.parameters import knows
from gateway.problems import Declined
from gateway.replies import answered
from gateway.routes_events import idempotency_key, problems

_FIELD = re.compile(r"\{([a-z_]+):str\}")
_KEY = Parameter(
    name="Idempotency-Key", param_in="header", schema=Schema(type=OpenAPIType.STRING, min_length=1),
    description=f"The same key and body again: the first answer again. 1 to {KEY_BYTES_MAX} bytes of UTF-8",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


class CommandRoute(msgspec.Struct, frozen=True):
    """`path` in Litestar's form, its fields named as in the message; `body` is the schema of what a request says
    beyond them, `answer` that of a success.
    """

    path: str
    event_type: str
    summary: str
    body: Schema
    answer: type[msgspec.Struct]


def command_routes(
    table: Sequence[CommandRoute], commands: Commands, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes of `table` over `commands`."""
    return [_route(row, commands, bodies, threads) for row in table]


def _route(row: CommandRoute, commands: Commands, bodies: Bodies, threads: Threads) -> HTTPRouteHandler:
    said = "Done and durable: its place in the log, and what came of it"
    done = ResponseSpec(row.answer, generate_examples=False, description=said)
    responses = {200: done, **problems(400, 404, 408, 409, 413, 415, 422, 428, 503)}

    @post(
        row.path, status_code=200, name=row.event_type, operation_class=_operation(row), operation_id=row.event_type,
        responses=responses, guards=[knows()], summary=row.summary,
    )  # fmt: skip
    async def take_command(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answers once it is carried out and durable, or declined."""
        if closed := commands.closed():
            raise closed
        key = idempotency_key(request)
        fields = {name: path_value(value) for name, value in request.path_params.items()}
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            path = str(request.scope["path"]).rstrip("/")
            call = Call(row.event_type, fields, body, key, caller(request.scope), "POST", path)
            placed, outcome = await answered(commands, call, threads)
        if isinstance(outcome, Declined):
            raise outcome
        return Response(_encode(outcome), headers=REPLAYED if placed.repeat else None, media_type=MediaType.JSON)

    return take_command


def path_fields(path: str) -> Sequence[str]:
    """The names of the fields that stand in `path`."""
    return [str(name) for name in _FIELD.findall(path)]


def _operation(row: CommandRoute) -> type[Operation]:
    """Says in the schema what the handler reads as raw bytes and raw path."""

    @dataclass
    class CommandOperation(Operation):
        def __post_init__(self) -> None:
            fields = [
                Parameter(name=name, param_in="path", required=True, schema=Schema(type=OpenAPIType.STRING))
                for name in path_fields(row.path)
            ]
            self.parameters = [*fields, _KEY]
            media = OpenAPIMediaType(schema=row.body)
            self.request_body = RequestBody(content={"application/json": media}, required=True)

    return CommandOperation
