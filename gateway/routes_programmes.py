"""`PUT` and `GET /v1/points/programme` over HTTP: versions by ETag, replaced by who names the one he replaces.

The representation is the programme itself, so that what was read can be edited and put back. Its ETag is its version;
before the first put the version is `"0"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from actors.programmes.messages import PutAnswer
from gateway.answers import ANSWER_S_MAX, Threads, Waiter
from gateway.body import Bodies
from gateway.problems import Problem, invalid_parameter
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.waiting import until_none

POINTS = "points"
SPREAD_S = 5.0
"""How long a put waits for all segments."""
NONE_YET = "0"
"""Names the version that is there before the first."""

_MATCH = Parameter(
    name="If-Match", param_in="header", schema=Schema(type=OpenAPIType.STRING),
    description='ETag of the version that is to be replaced; `"0"` when there is none',
)  # fmt: skip
_NONE_MATCH = Parameter(
    name="If-None-Match", param_in="header", schema=Schema(type=OpenAPIType.STRING),
    description="`*`: there must be no version yet",
)  # fmt: skip


@dataclass
class PutOperation(Operation):
    """Says in the schema what the handler reads as raw bytes and headers."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.parameters = [*(self.parameters or []), _MATCH, _NONE_MATCH]
        self.request_body = RequestBody(content={"application/json": media}, required=True)


class InForce(msgspec.Struct, frozen=True, omit_defaults=True):
    """The version that is active now. `changed`: by this request. `pending_segments` do not have it yet."""

    version: str
    number: int
    changed: bool
    pending_segments: int = 0


class Precondition(msgspec.Struct, frozen=True):
    """`version` must be the active one; `stated`: the request says so itself."""

    version: str
    stated: bool

    def failed(self, answer: PutAnswer) -> Problem:
        present = f'the active version is "{answer.version or NONE_YET}", number {answer.number}'
        if self.stated:
            return Problem("precondition_failed", present)
        return Problem("precondition_required", f"{present}; name it in If-Match to replace it")


def programme_routes(
    programmes: Programmes, bodies: Bodies, threads: Threads, who: Callable[[Request[Any, Any, Any]], str]
) -> Sequence[HTTPRouteHandler]:
    """The routes over `programmes`. `who` names the sender of a request, for the history."""

    @put(
        "/v1/points/programme", status_code=200, operation_class=PutOperation, summary="Activate a programme",
        responses={
            **problems(400, 404, 408, 412, 413, 415, 422, 428, 503),
            202: ResponseSpec(InForce, generate_examples=False, description="Active, not in all segments within 5 s"),
        },
    )  # fmt: skip
    async def put_programme(request: Request[Any, Any, Any]) -> Response[InForce]:
        """Answers once every segment's log holds the version: what is accepted after that is judged by it."""
        wanted = await _precondition(request)
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            answer = await _put(body, wanted.version, who(request))
        if answer.code:
            raise wanted.failed(answer)
        look = partial(programmes.pending, POINTS, answer.number)
        pending = await until_none(lambda left: threads.run(partial(look, left)), SPREAD_S)
        in_force = InForce(answer.version, answer.number, answer.changed, len(pending))
        return Response(in_force, status_code=202 if pending else 200, headers=_tag(answer.version))

    async def _precondition(request: Request[Any, Any, Any]) -> Precondition:
        stated = precondition(request.scope["headers"])
        if not stated.stated and (active := await threads.run(partial(programmes.active, POINTS))):
            raise stated.failed(PutAnswer(active.number, active.version))
        return stated

    async def _put(body: bytes, if_match: str, by: str) -> PutAnswer:
        waiter: Waiter[PutAnswer | Problem] = Waiter()
        give_up = await threads.run(partial(programmes.put, POINTS, body, if_match, by, waiter.answer))
        try:
            answer = await waiter.within(ANSWER_S_MAX)
        except Problem:
            raise (await threads.run(partial(programmes.parked, POINTS))) or _unanswered() from None
        finally:
            give_up()
        if isinstance(answer, Problem):
            raise answer
        return answer

    @get(
        "/v1/points/programme",
        responses=problems(404, 503),
        summary="The active programme",
        media_type="application/json",
    )
    async def show_programme() -> Response[bytes]:
        """As it was put, in canonical form; the ETag is its version, `Programme-Number` counts the changes."""
        active = await threads.run(partial(programmes.active, POINTS))
        if active is None:
            raise Problem("unknown_programme", "no programme was put yet: the settings are in force")
        headers = {**_tag(active.version), "programme-number": str(active.number)}
        return Response(active.body, headers=headers, media_type="application/json")

    return put_programme, show_programme


def precondition(headers: Iterable[tuple[bytes, bytes]]) -> Precondition:
    """What If-Match or If-None-Match demand; raises Problem `invalid_parameter` for what we do not take.

    >>> precondition([(b"if-match", b'"0"')])
    Precondition(version='', stated=True)
    """
    given = [(name, value.decode("latin-1").strip()) for name, value in headers if name in _PRECONDITIONS]
    if not given:
        return Precondition("", stated=False)
    if len(given) > 1:
        raise invalid_parameter("If-Match", "one of If-Match and If-None-Match may be given, once")
    ((name, value),) = given
    if name == b"if-none-match":
        if value != "*":
            raise invalid_parameter("If-None-Match", "If-None-Match must be * here")
        return Precondition("", stated=True)
    if len(value) < 3 or value[0] != '"' or value[-1] != '"' or '"' in value[1:-1]:
        raise invalid_parameter("If-Match", 'If-Match must be one ETag, as in "1b4f0e9851971998"')
    return Precondition("" if value[1:-1] == NONE_YET else value[1:-1], stated=True)


_PRECONDITIONS = (b"if-match", b"if-none-match")


def _tag(version: str) -> dict[str, str]:
    return {"etag": f'"{version}"'}


def _unanswered() -> Problem:
    return Problem("unanswered", "there was no answer in time; putting the same again is harmless")
