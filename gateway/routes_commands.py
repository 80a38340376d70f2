"""Commands over HTTP: one route for each row of a table.

A row says where the route is and which message it becomes; that is nearly all that differs between them. What the
fields of a path are called there is what they are called in the message. A command by a coupon's code is guarded
against who tries codes out; where whose it is need not be said, it is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import msgspec
from litestar import MediaType, Request, Response, delete, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from gateway.access import caller
from gateway.answers import Threads
from gateway.body import Bodies
from gateway.code_guard import CodeGuard
from gateway.commands import REPLAYED, Call, Commands, Done, Placed
from gateway.coupon_codes import CouponCodes
from gateway.door import path_value
from gateway.ingest import KEY_BYTES_MAX
from gateway.parameters import knows
from gateway.problems import Declined, Problem
from gateway.replies import answered
from gateway.routes_events import idempotency_key, problems
from topology.wire import BadMessage, parse

_FIELD = re.compile(r"\{([a-z_]+):str\}")
_KEY = Parameter(
    name="Idempotency-Key", param_in="header", schema=Schema(type=OpenAPIType.STRING, min_length=1),
    description=f"The same key and body again: the first answer again. 1 to {KEY_BYTES_MAX} bytes of UTF-8",
)  # fmt: skip
_USER = Parameter(
    name="user_id", param_in="query", schema=Schema(type=OpenAPIType.STRING, min_length=1),
    description="Whose coupon it is: needed for a public code alone",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode

Asked = Request[Any, Any, Any]
Method = Literal["POST", "DELETE"]
ByCode = Literal["no", "guarded", "owner_is_found"]
"""Whether a command is by a coupon's code, and then whether its `user_id` may be left out."""


class CommandRoute(msgspec.Struct, frozen=True):
    """`path` in Litestar's form, its fields named as in the message; `body` is the schema of what a request says
    beyond them, `answer` that of a success; `domain` is who answers. A DELETE has no body, and a POST that must say
    nothing may be empty.
    """

    path: str
    event_type: str
    summary: str
    body: Schema
    answer: type[msgspec.Struct]
    domain: str = "points"
    method: Method = "POST"
    by_code: ByCode = "no"


class CodeDesk:
    """What commands by code need besides."""

    def __init__(self, codes: CouponCodes, guard: CodeGuard, threads: Threads) -> None:
        self.codes = codes
        self.guard = guard
        self._threads = threads

    async def fields(self, row: CommandRoute, request: Asked, body: bytes) -> Mapping[str, str]:
        """What the message says beyond its body; raises Problem."""
        fields = {name: path_value(value) for name, value in request.path_params.items()}
        if row.by_code == "no":
            return fields
        self.guard.admit(request.scope)
        if row.method == "DELETE" and "user_id" in request.query_params:
            fields["user_id"] = request.query_params["user_id"]
        elif row.by_code == "owner_is_found" and not _says_user(body):
            try:
                fields["user_id"] = await self._threads.run(partial(self.codes.owner, fields["code"]))
            except Problem as problem:
                self.guard.heard(request.scope, [problem.code])
                raise
        return fields

    def heard(self, row: CommandRoute, request: Asked, outcome: Done | Declined) -> None:
        if row.by_code != "no" and isinstance(outcome, Declined):
            self.guard.heard(request.scope, [outcome.code])


def command_routes(
    table: Sequence[CommandRoute], commands: Commands, desk: CodeDesk, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes of `table` over `commands`."""
    return [_route(row, commands, desk, bodies, threads) for row in table]


def _route(row: CommandRoute, commands: Commands, desk: CodeDesk, bodies: Bodies, threads: Threads) -> HTTPRouteHandler:
    said = "Done and durable: its place in the log, and what came of it"
    done = ResponseSpec(row.answer, generate_examples=False, description=said)
    responses = {200: done, **problems(400, 404, 408, 409, 413, 415, 422, 428, 503)}
    handler, known = (post, ()) if row.method == "POST" else (delete, ("user_id",))

    async def carried_out(request: Asked, key: str | None, body: bytes) -> tuple[Placed, Done | Declined]:
        fields = await desk.fields(row, request, body)
        path = str(request.scope["path"]).rstrip("/")
        call = Call(row.event_type, fields, body, key, caller(request.scope), row.method, path, row.domain)
        placed, outcome = await answered(commands, call, threads)
        desk.heard(row, request, outcome)
        return placed, outcome

    @handler(
        row.path, status_code=200, name=row.event_type, operation_class=_operation(row), operation_id=row.event_type,
        responses=responses, guards=[knows(*known)], summary=row.summary,
    )  # fmt: skip
    async def take_command(request: Asked) -> Response[bytes]:
        """Answers once it is carried out and durable, or declined."""
        if closed := commands.closed():
            raise closed
        key = idempotency_key(request)
        if row.method == "DELETE":
            placed, outcome = await carried_out(request, key, b"{}")
        else:
            async with bodies.whole(request.scope["headers"], request.receive) as body:
                placed, outcome = await carried_out(request, key, body if row.body.required else body or b"{}")
        if isinstance(outcome, Declined):
            raise outcome
        return Response(_encode(outcome), headers=REPLAYED if placed.repeat else None, media_type=MediaType.JSON)

    return take_command


def path_fields(path: str) -> Sequence[str]:
    """The names of the fields that stand in `path`."""
    return [str(name) for name in _FIELD.findall(path)]


def _says_user(body: bytes) -> bool:
    said = parse(body)
    return isinstance(said, BadMessage) or said.get("user_id") is not None


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
            if row.method == "DELETE":
                self.parameters.append(_USER)
                return
            media = OpenAPIMediaType(schema=row.body)
            self.request_body = RequestBody(content={"application/json": media}, required=bool(row.body.required))

    return CommandOperation
