"""Jobs over HTTP: a list or a file of users, how far it is, as it is and as it goes, and the words to stop it.

A file is never whole in memory: it is cut into batches while it comes in, and the next part is read when the batch
before is durable. So a fast sender waits for the disk, and a connection that breaks has left whole batches behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from actors.coupon_jobs.shown import JobShown
from gateway.access import caller
from gateway.answers import Threads, Waiter
from gateway.body import Bodies, parts
from gateway.commands import REPLAYED, Call, Commands
from gateway.coupon_jobs import Batches, CouponJobs, Wanted
from gateway.door import path_value
from gateway.parameters import knows
from gateway.problems import Declined, Problem
from gateway.replies import answered
from gateway.routes_events import idempotency_key, problems
from gateway.user_lines import Format, UserLines
from gateway.waiting import WaitFolded
from supervision.messages import Appended

FILE_BYTES_MAX = 64 * 1024 * 1024
FORMATS: dict[str, Format] = {"application/x-ndjson": "ndjson", "text/csv": "csv"}
"""Of files, by content-type; whatever else comes is a list in JSON."""
EVENT_STREAM = "text/event-stream"
LOOK_S = 0.5
"""Between two looks at a job whose progress is streamed."""
KEEP_ALIVE_LOOKS = 30
FOLDED_S = 5.0
WORDS = ("pause", "continue", "cancel")

Asked = Request[Any, Any, Any]
JobId = Annotated[str, PathParameter(description="Percent-encoded, `/` as %2F")]
Text = Annotated[str | None, QueryParameter(description="Of a file; a list says it in its body")]

_encode = msgspec.json.Encoder().encode


class JobBody(msgspec.Struct, frozen=True):
    """A job as a list."""

    users: list[Any]
    job_id: str | None = None
    template: str | None = None
    activity_id: str | None = None


class JobTaken(msgspec.Struct, frozen=True):
    """All of its batches are durable, and will be worked off."""

    job_id: str
    users: int
    batches: int


_body = msgspec.json.Decoder(JobBody).decode
_NAME = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], min_length=1)
_KEY = Parameter(
    name="Idempotency-Key", param_in="header", schema=Schema(type=OpenAPIType.STRING, min_length=1),
    description="Names the job where `job_id` does not",
)  # fmt: skip


@dataclass
class JobOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        users = Schema(type=OpenAPIType.ARRAY, items=Schema(), min_items=1, description="ids; what is none is refused")
        names = {"job_id": _NAME, "template": _NAME, "activity_id": _NAME}
        listed = Schema(type=OpenAPIType.OBJECT, properties={"users": users, **names}, required=["users"])
        file = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.parameters = [*(self.parameters or []), _KEY]
        content = {"application/json": OpenAPIMediaType(schema=listed), **dict.fromkeys(FORMATS, file)}
        self.request_body = RequestBody(content=content, required=True)


class Intake:
    """Of one request: users go in, and are durable when `take` returns, but for those of the last batch."""

    def __init__(self, jobs: CouponJobs, wanted: Wanted, threads: Threads) -> None:
        self._jobs = jobs
        self._wanted = wanted
        self._threads = threads
        self._batches = Batches()
        self._offset = 0

    async def begin(self) -> None:
        """Raises Problem when the job would take nothing."""
        if problem := await self._threads.run(partial(self._jobs.look, self._wanted)):
            raise problem

    async def take(self, users: Sequence[Any]) -> None:
        for batch in self._batches.add(users):
            await self._append(batch, None)

    async def end(self, folded: WaitFolded) -> JobTaken:
        """The last batch too; waits until the job has heard of it, so that it is found by who asks next."""
        left = list(self._batches.last())
        total = self._batches.given
        first = total - len(left) + 1
        for number, batch in enumerate(left, first):
            await self._append(batch, total if number == total else None, number)
        if not total:
            raise Problem("list_size", "there is no user in it")
        await folded(self._jobs.segment(self._wanted.job_id), self._jobs.domain, self._offset, FOLDED_S)
        return JobTaken(self._wanted.job_id, self._batches.users, total)

    async def _append(self, batch: Sequence[bytes], total: int | None, number: int = 0) -> None:
        if closed := self._jobs.closed():
            raise closed
        item = self._jobs.item(self._wanted, number or self._batches.given, batch, total)
        waiter: Waiter[Appended | Problem] = Waiter()
        self._jobs.hand_in(item, waiter.answer)
        result = await waiter.within()
        if isinstance(result, Problem):
            raise result
        self._offset = max(self._offset, result.offset)


def job_routes(
    jobs: CouponJobs, commands: Commands, bodies: Bodies, threads: Threads, folded: WaitFolded
) -> Sequence[HTTPRouteHandler]:
    """The routes over `jobs`, and over `commands` what stops them."""
    taken = ResponseSpec(JobTaken, generate_examples=False, description="Durable: it will be worked off")

    @post(
        "/v1/coupon-jobs", status_code=202, operation_class=JobOperation,
        guards=[knows("job_id", "template", "activity_id")],
        responses={202: taken, **problems(400, 404, 408, 409, 413, 415, 422, 428, 503)},
        summary="Give a coupon to each user of a list or a file",
    )  # fmt: skip
    async def begin_job(
        request: Asked, job_id: Text = None, template: Text = None, activity_id: Text = None
    ) -> Response[bytes]:
        """A list in JSON, or a file of up to 64 MiB: NDJSON or CSV by its content-type, with the job in the query."""
        if closed := jobs.closed():
            raise closed
        name = jobs.name(caller(request.scope), idempotency_key(request))
        if (media := media_of(request)) in FORMATS:
            intake = Intake(jobs, Wanted(job_id or name, template, activity_id), threads)
            await _file(intake, UserLines(FORMATS[media]), request)
        else:
            async with bodies.whole(request.scope["headers"], request.receive) as body:
                said = _read(body)
            intake = Intake(jobs, Wanted(said.job_id or name, said.template, said.activity_id), threads)
            await intake.begin()
            await intake.take(said.users)
        return Response(_encode(await intake.end(folded)), status_code=202, media_type=MediaType.JSON)

    return begin_job, _seen(jobs, threads), *[_word(word, commands, threads) for word in WORDS]


def media_of(request: Asked) -> str:
    """What the body is, by its content-type."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _file(intake: Intake, lines: UserLines, request: Asked) -> None:
    await intake.begin()
    async for part in parts(request.scope["headers"], request.receive, FILE_BYTES_MAX):
        await intake.take(lines.feed(part))
    await intake.take(lines.end())


def _read(body: bytes) -> JobBody:
    try:
        return _body(body)
    except msgspec.ValidationError as error:
        raise Problem("bad_field", f"the body: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem("not_json", "the body must be JSON in UTF-8, or a file of NDJSON or CSV by its type") from None


def _seen(jobs: CouponJobs, threads: Threads) -> HTTPRouteHandler:
    seen = ResponseSpec(JobShown, generate_examples=False, description="As it stands in the store")

    @get(
        "/v1/coupon-jobs/{job_id:str}", responses={200: seen, **problems(400, 404, 503)}, guards=[knows()],
        summary="How far a job is",
    )  # fmt: skip
    async def job_seen(request: Asked, job_id: JobId) -> Response[Any]:
        """As it is; with `Accept: text/event-stream` again whenever it has changed, until it is over."""
        job = path_value(job_id)
        now = await threads.run(partial(jobs.shown, job))
        if EVENT_STREAM in request.headers.get("accept", ""):
            return Stream(_changes(jobs, job, now, threads), media_type=EVENT_STREAM)
        return Response(_encode(now), media_type=MediaType.JSON)

    return job_seen


async def _changes(jobs: CouponJobs, job: str, now: JobShown, threads: Threads) -> AsyncGenerator[bytes]:
    yield _said(now)
    quiet = 0
    while now.status in ("running", "paused"):
        await asyncio.sleep(LOOK_S)
        before, now = now, await threads.run(partial(jobs.shown, job))
        quiet = quiet + 1 if now == before else 0
        if not quiet:
            yield _said(now)
        elif quiet % KEEP_ALIVE_LOOKS == 0:
            yield b": still here\n\n"


def _said(now: JobShown) -> bytes:
    return b"event: " + now.status.encode() + b"\ndata: " + _encode(now) + b"\n\n"


def _word(word: str, commands: Commands, threads: Threads) -> HTTPRouteHandler:
    event_type = f"coupon_job_{word}"

    @post(
        f"/v1/coupon-jobs/{{job_id:str}}/{word}", status_code=200, name=event_type, operation_id=event_type,
        responses=problems(400, 404, 409, 422, 428, 503), guards=[knows()], summary=f"{word.capitalize()} a job",
    )  # fmt: skip
    async def say_word(request: Asked, job_id: JobId) -> Response[bytes]:
        """Answers when it is durable, with how far the job is."""
        if closed := commands.closed():
            raise closed
        key, path = idempotency_key(request), str(request.scope["path"]).rstrip("/")
        said, whose = {"job_id": path_value(job_id)}, caller(request.scope)
        call = Call(event_type, said, b"{}", key, whose, "POST", path, CouponJobs.domain)
        placed, outcome = await answered(commands, call, threads)
        if isinstance(outcome, Declined):
            raise outcome
        return Response(_encode(outcome), headers=REPLAYED if placed.repeat else None, media_type=MediaType.JSON)

    return say_word
