"""Bringing codes to a template over HTTP: a list or a file, as users come to a job (routes_jobs.py).

A file is never whole in memory: it is cut into parts while it comes in, and the next is read when the one before is
durable and decided. A connection that breaks has left whole parts behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from gateway.answers import Threads, Waiter
from gateway.body import Bodies, parts
from gateway.door import path_value
from gateway.imported_codes import CODES_AT_ONCE, CodesTaken, ImportedCodes
from gateway.parameters import TemplateId, knows
from gateway.problems import Problem
from gateway.routes_events import problems
from gateway.routes_jobs import FILE_BYTES_MAX, FOLDED_S, FORMATS, media_of
from gateway.user_lines import UserLines
from gateway.waiting import WaitFolded
from supervision.messages import Appended

Asked = Request[Any, Any, Any]
COLUMN = "code"
FOLDED_ANYWHERE_S = 4 * FOLDED_S
"""Until all segments have decided about a part of the codes."""


class CodesBody(msgspec.Struct, frozen=True):
    """Codes as a list."""

    codes: list[Any]


_body = msgspec.json.Decoder(CodesBody).decode


@dataclass
class CodesOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        codes = Schema(type=OpenAPIType.ARRAY, items=Schema(), min_items=1, description="what is no code is refused")
        listed = Schema(type=OpenAPIType.OBJECT, properties={"codes": codes}, required=["codes"])
        file = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        content = {"application/json": OpenAPIMediaType(schema=listed), **dict.fromkeys(FORMATS, file)}
        self.request_body = RequestBody(content=content, required=True)


class Intake:
    """Of one request. What `take` was given is decided when it returns, but for the last part; `end` is for that."""

    def __init__(self, codes: ImportedCodes, template: str, threads: Threads, folded: WaitFolded) -> None:
        self._codes = codes
        self._threads = threads
        self._folded = folded
        self._texts: list[Any] = []
        self._taken = CodesTaken(template)

    async def take(self, texts: Sequence[Any]) -> None:
        self._texts += texts
        while len(self._texts) >= CODES_AT_ONCE:
            part, self._texts = self._texts[:CODES_AT_ONCE], self._texts[CODES_AT_ONCE:]
            await self._decide(part)

    async def end(self) -> CodesTaken:
        if self._texts:
            await self._decide(self._texts)
        if not self._taken.codes:
            raise Problem("list_size", "there is no code in it")
        return self._taken

    async def _decide(self, texts: Sequence[Any]) -> None:
        if closed := self._codes.closed():
            raise closed
        items = await self._threads.run(partial(self._codes.items, self._taken, texts))
        if not items:
            return
        waiter: Waiter[Sequence[Appended] | Problem] = Waiter()
        self._codes.hand_in(items, waiter.answer)
        places = await waiter.within()
        if isinstance(places, Problem):
            raise places
        for segment, offset in _last(places):
            if not await self._folded(segment, self._codes.domain, offset, FOLDED_ANYWHERE_S):
                raise Problem("not_yet", "codes are in the log but not decided yet: send them again, it adds nothing")
        await self._threads.run(partial(self._codes.count, self._taken, items, places))


def _last(places: Sequence[Appended]) -> Iterator[tuple[int, int]]:
    """The last offset in each segment."""
    yield from {place.segment: place.offset for place in sorted(places, key=lambda one: one.offset)}.items()


def codes_route(codes: ImportedCodes, bodies: Bodies, threads: Threads, folded: WaitFolded) -> HTTPRouteHandler:
    """The route over `codes`."""

    @post(
        "/v1/coupon-templates/{template:str}/codes", status_code=200, operation_class=CodesOperation, guards=[knows()],
        responses=problems(400, 404, 408, 409, 413, 415, 422, 428, 503), summary="Bring codes of the shop's own",
    )  # fmt: skip
    async def bring_codes(request: Asked, template: TemplateId) -> CodesTaken:
        """A list in JSON, or a file of up to 64 MiB: NDJSON or CSV by its content-type. Answers what each came to."""
        id = path_value(template)
        intake = Intake(codes, id, threads, folded)
        await threads.run(partial(codes.look, id))
        if (media := media_of(request)) in FORMATS:
            lines = UserLines(FORMATS[media], COLUMN)
            async for part in parts(request.scope["headers"], request.receive, FILE_BYTES_MAX):
                await intake.take(lines.feed(part))
            await intake.take(lines.end())
        else:
            async with bodies.whole(request.scope["headers"], request.receive) as body:
                await intake.take(_read(body))
        return await intake.end()

    return bring_codes


def _read(body: bytes) -> Sequence[Any]:
    try:
        return _body(body).codes
    except msgspec.ValidationError as error:
        raise Problem("bad_field", f"the body: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("not_json", "the body must be JSON in UTF-8, or a file of NDJSON or CSV by its type") from None
