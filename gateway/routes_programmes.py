"""`PUT` and `GET /v1/points/programme` over HTTP: versions by ETag, replaced by who names the one he replaces.

The representation is the programme itself, so that what was read can be edited and put back. Its ETag is its version.
There is always one: before the first put it is the settings' own, number 0. So there is one rule without exception:
each put names in If-Match what it replaces, as GET showed it.

A change is in the audit log before it is made, whole, old and new. Putting what is in force changes nothing and is not.
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
from gateway.access import who
from gateway.answers import ANSWER_S_MAX, Threads, Waiter
from gateway.audit import AuditLog, refusing
from gateway.body import Bodies
from gateway.parameters import knows
from gateway.problems import FieldError, Problem, invalid_parameter
from gateway.programmes import Active, Programmes, Wanted
from gateway.routes_events import problems
from gateway.waiting import until_none

POINTS = "points"
SPREAD_S = 5.0
"""How long a put waits for all segments."""
TRIES = 5
"""Of a change over which another change came."""

_MATCH = Parameter(
    name="If-Match", param_in="header", schema=Schema(type=OpenAPIType.STRING),
    description="ETag of the version that is to be replaced, as GET shows it; without it the answer is 428",
)  # fmt: skip


@dataclass
class PutOperation(Operation):
    """Says in the schema what the handler reads as raw bytes and headers."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.parameters = [*(self.parameters or []), _MATCH]
        self.request_body = RequestBody(content={"application/json": media}, required=True)


@dataclass
class ShowOperation(Operation):
    """Says in the schema what the handler answers as raw bytes."""

    def __post_init__(self) -> None:
        for status, response in (self.responses or {}).items():
            if status == "200":
                response.content = {"application/json": OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))}  # type: ignore[union-attr]


class InForce(msgspec.Struct, frozen=True, omit_defaults=True):
    """The version that is active now. `changed`: by this request. `pending_segments` do not have it yet. `warnings`: it
    was taken, and its author may believe something of it that is not so.
    """

    version: str
    number: int
    changed: bool
    pending_segments: int = 0
    warnings: tuple[FieldError, ...] = ()


Read = Callable[[], Wanted]
"""Blocks; raises Problem."""


NOT_EVERYWHERE = ResponseSpec(InForce, generate_examples=False, description="Active, not in all segments within 5 s")


class Shop:
    """What a put does, step by step: read, written down, done, in force."""

    def __init__(self, programmes: Programmes, audit: AuditLog, threads: Threads) -> None:
        self._programmes = programmes
        self._audit = audit
        self._threads = threads

    async def put(self, read: Read, if_match: str, by: str) -> PutAnswer:
        """Raises Problem when it is not done."""
        wanted = await self._threads.run(read)
        if wanted.changes:
            if if_match != wanted.present.version:
                raise _failed(wanted.present.version, wanted.present.number)
            await self._threads.run(partial(self._written_down, wanted, by))
        answer = await self._answer(wanted)
        if answer.code:
            raise _failed(answer.version, answer.number)
        return answer

    async def change(self, want: Callable[[], Wanted | Active], by: str) -> PutAnswer:
        """As `put`, of what is made of whatever is in force: over another change that came first it is tried again.
        `want` blocks, and says with the version in force that there is nothing to change.
        """
        for left in reversed(range(TRIES)):
            wanted = await self._threads.run(want)
            if isinstance(wanted, Active):
                return PutAnswer(wanted.number, wanted.version)
            try:
                return await self.put(lambda wanted=wanted: wanted, wanted.present.version, by)
            except Problem as problem:
                if problem.code != "precondition_failed" or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def in_force(self, name: str, answer: PutAnswer) -> Response[InForce]:
        """Waits for all segments, SPREAD_S at most."""
        look = partial(self._programmes.pending, name, answer.number)
        pending = await until_none(lambda left: self._threads.run(partial(look, left)), SPREAD_S)
        found = InForce(answer.version, answer.number, answer.changed, len(pending))
        return Response(found, status_code=202 if pending else 200, headers=tag(answer.version))

    def _written_down(self, wanted: Wanted, by: str) -> None:
        present, new = wanted.present, wanted.new
        was = {"number": present.number, "version": present.version, "programme": msgspec.Raw(present.body)}
        old = was if present.body else None
        try:
            now = {"version": new.version, "programme": msgspec.Raw(new.canonical)}
            self._audit.write(by, "rules.change", wanted.name, old, now)
        except OSError as error:
            raise refusing(error) from error

    async def _answer(self, wanted: Wanted) -> PutAnswer:
        waiter: Waiter[PutAnswer | Problem] = Waiter()
        give_up = await self._threads.run(partial(self._programmes.put, wanted, waiter.answer))
        try:
            answer = await waiter.within(ANSWER_S_MAX)
        except Problem:
            raise (await self._threads.run(partial(self._programmes.parked, wanted.name))) or _unanswered() from None
        finally:
            give_up()
        if isinstance(answer, Problem):
            raise answer
        return answer


def programme_routes(
    programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `programmes`."""
    shop = Shop(programmes, audit, threads)

    @put(
        "/v1/points/programme", status_code=200, operation_class=PutOperation, summary="Activate a programme",
        guards=[knows()],
        responses={
            **problems(400, 404, 408, 412, 413, 415, 422, 428, 503),
            202: NOT_EVERYWHERE,
        },
    )  # fmt: skip
    async def put_programme(request: Request[Any, Any, Any]) -> Response[InForce]:
        """Answers once every segment's log holds the version: what is accepted after that is judged by it."""
        if_match = precondition(request.scope["headers"])
        if if_match is None:
            now = await threads.run(partial(programmes.active, POINTS))
            text = f"{present(now.version, now.number)}; name it in If-Match to replace it"
            raise Problem("precondition_required", text)
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            by = who(request.scope)
            answer = await shop.put(partial(programmes.read, POINTS, body, if_match, by), if_match, by)
        return await shop.in_force(POINTS, answer)

    @get(
        "/v1/points/programme", responses=problems(400, 404, 503), summary="The programme in force", guards=[knows()],
        media_type="application/json", operation_class=ShowOperation,
    )  # fmt: skip
    async def show_programme() -> Response[bytes]:
        """In canonical form; the ETag is its version. `Programme-Number` counts the changes: 0, and it is what the
        settings say.
        """
        active = await threads.run(partial(programmes.active, POINTS))
        headers = {**tag(active.version), "programme-number": str(active.number)}
        return Response(active.body, headers=headers, media_type="application/json")

    return put_programme, show_programme


def precondition(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The version that If-Match names, None when nothing is said; raises Problem `invalid_parameter` for what we do not
    take.

    >>> precondition([(b"if-match", b'"1b4f0e9851971998"')])
    '1b4f0e9851971998'
    """
    given = [(name, value.decode("latin-1").strip()) for name, value in headers if name in _PRECONDITIONS]
    if not given:
        return None
    if any(name != b"if-match" for name, _ in given):
        raise invalid_parameter("If-None-Match", "there is always a version in force: name it in If-Match")
    if len(given) > 1:
        raise invalid_parameter("If-Match", "If-Match may be given once")
    ((_, value),) = given
    if len(value) < 3 or value[0] != '"' or value[-1] != '"' or '"' in value[1:-1]:
        raise invalid_parameter("If-Match", 'If-Match must be one ETag, as in "1b4f0e9851971998"')
    return value[1:-1]


_PRECONDITIONS = (b"if-match", b"if-none-match")


def _failed(version: str, number: int) -> Problem:
    text = present(version, number) if number or version else "there is no version in force yet"
    return Problem("precondition_failed", text)


def present(version: str, number: int) -> str:
    return f'the version in force is "{version}", number {number}'


def tag(version: str) -> dict[str, str]:
    return {"etag": f'"{version}"'}


def _unanswered() -> Problem:
    return Problem("unanswered", "there was no answer in time; putting the same again is harmless")
