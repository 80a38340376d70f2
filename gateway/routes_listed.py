"""Coupon templates, templates of messages and campaigns over HTTP, as far as they are alike: put by ETag, switched by
verbs, shown and listed. A family says in `Family` what its routes are called; what only it can answer, it adds.

The representation is the thing itself, so that what was read can be edited and put back; its status is in a header and
changes by POST alone. An ETag names both. What is put over another names it in If-Match, as programmes do; a new one
has nothing to name, and may say so by `If-None-Match: *`.

One change of a family at a time: whether something is free (a public code, a place in the directory) is asked of the
segments, and what is on its way to them would not be seen.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from gateway.access import who
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.body import Bodies
from gateway.door import path_value
from gateway.listed import Listed, Shown
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import Cursor, Limit, knows
from gateway.problems import Problem
from gateway.programmes import Programmes
from gateway.routes_events import problems
from gateway.routes_programmes import NOT_EVERYWHERE, InForce, Shop, ShowOperation, precondition, present, tag

Asked = Request[Any, Any, Any]
Named = Callable[[str, str, Callable[..., Awaitable[Any]]], Any]
"""A handler by its name and what it says, as its family's."""


class Family(msgspec.Struct, frozen=True):
    """The words of a family's routes. `id`: the parameter's type; `called`: in the names of operations; `one`, `all`,
    `put`, `shown`: what the schema says; `verbs`: (verb, status, what it does), refused with `refusals`; `page`: type.
    """

    path: str
    id: Any
    called: str
    one: str
    all: str
    put: str
    shown: str
    verbs: Sequence[tuple[str, str, str]]
    page: type
    refusals: tuple[int, ...] = (400, 404, 409, 412, 428, 503)

    def of_one(self, noun: str) -> str:
        """The path of a member."""
        return f"{self.path}/{{{noun}:str}}"


@dataclass
class ListedOperation(Operation):
    """Says in the schema what the handler reads as raw bytes and headers."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        text = Schema(type=OpenAPIType.STRING)
        said = "ETag of what is to be replaced, as GET shows it; needed unless it is new"
        match = Parameter(name="If-Match", param_in="header", schema=text, description=said)
        none = Parameter(name="If-None-Match", param_in="header", schema=text, description="*: only a new one")
        self.parameters = [*(self.parameters or []), match, none]
        self.request_body = RequestBody(content={"application/json": media}, required=True)


class Counter:
    """Where members of one family are put, switched and shown. On the HTTP loop only."""

    def __init__(
        self, listed: Listed, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
    ) -> None:
        self._listed = listed
        self._shop = Shop(programmes, audit, threads)
        self._one_by_one = asyncio.Lock()
        self._bodies = bodies
        self._threads = threads

    async def put(self, request: Asked, member: str) -> Response[InForce]:
        """Answers once every segment's log holds the version, or after 5 s. Raises Problem."""
        id, by, headers = path_value(member), who(request.scope), request.scope["headers"]
        async with self._bodies.whole(headers, request.receive) as body, self._one_by_one:
            before = await self._threads.run(partial(self._listed.find, id))
            if_match = self._replaces(headers, before)
            put = await self._threads.run(partial(self._listed.read, id, body, if_match, by))
            answer = await self._shop.put(lambda: put.wanted, if_match, by)
            found = await self._shop.in_force(self._listed.words.family.subject_of(id), answer)
        found.content = msgspec.structs.replace(found.content, warnings=put.warnings)
        return found

    async def become(self, request: Asked, member: str, status: str) -> Response[InForce]:
        """As `put`. What it is already it stays, and that is no change."""
        id, by = path_value(member), who(request.scope)
        async with self._one_by_one:
            answer = await self._shop.change(partial(self._listed.become, id, status, by), by)
            return await self._shop.in_force(self._listed.words.family.subject_of(id), answer)

    async def show(self, member: str) -> Response[bytes]:
        """In canonical form, defaults left out; its status and how often it changed are in headers."""
        shown = await self._threads.run(partial(self._listed.shown, path_value(member)))
        status = {f"{self._listed.words.noun}-status": shown.status}
        headers = {**tag(shown.active.version), "programme-number": str(shown.active.number), **status}
        return Response(shown.json, headers=headers, media_type="application/json")

    def _replaces(self, headers: Iterable[tuple[bytes, bytes]], before: Shown | None) -> str:
        """The version that is to be replaced, empty for a new one; raises Problem."""
        given = list(headers)
        none = [value.strip() for name, value in given if name == b"if-none-match"]
        if none == [b"*"] and not any(name == b"if-match" for name, _ in given):
            if before is not None:
                raise Problem("precondition_failed", present(before.active.version, before.active.number))
            return ""
        if_match = precondition(given)
        if before is None and if_match is not None:
            raise Problem(
                "precondition_failed", f"there is no such {self._listed.words.noun} yet: put it without If-Match"
            )
        if before is not None and if_match is None:
            now = present(before.active.version, before.active.number)
            raise Problem("precondition_required", f"{now}; name it in If-Match to replace it")
        return if_match or ""


def listed_routes(
    family: Family, listed: Listed, programmes: Programmes, audit: AuditLog, bodies: Bodies, threads: Threads
) -> list[HTTPRouteHandler]:
    """What all families have: a put, each verb, one and all of them."""
    counter = Counter(listed, programmes, audit, bodies, threads)
    path = family.of_one(listed.words.noun)
    named: Named = partial(_named, family, listed.words.noun)

    async def put_one(request: Asked, **member: str) -> Response[InForce]:
        (id,) = member.values()
        return await counter.put(request, id)

    async def show_one(**member: str) -> Response[bytes]:
        (id,) = member.values()
        return await counter.show(id)

    async def list_all(limit: Limit = PAGE_DEFAULT, cursor: Cursor = None) -> Any:
        return await threads.run(partial(listed.page, limit, cursor))

    list_all.__annotations__["return"] = family.page
    list_all.__name__ = f"list_{family.called}s"
    return [
        put(
            path, status_code=200, operation_class=ListedOperation, guards=[knows()], summary=f"Put {family.one}",
            responses={**problems(400, 404, 408, 409, 412, 413, 415, 422, 428, 503), 202: NOT_EVERYWHERE},
        )(named(f"put_{family.called}", family.put, put_one)),
        *[_verb(family, path, *verb, counter, named) for verb in family.verbs],
        get(
            path, responses=problems(400, 404, 503), summary=family.one.capitalize(), guards=[knows()],
            media_type="application/json", operation_class=ShowOperation,
        )(named(f"show_{family.called}", family.shown, show_one)),
        get(
            family.path, responses=problems(400, 503), guards=[knows("limit", "cursor")], summary=family.all,
        )(list_all),
    ]  # fmt: skip


def _verb(
    family: Family, path: str, verb: str, status: str, summary: str, counter: Counter, named: Named
) -> HTTPRouteHandler:
    async def become(request: Asked, **member: str) -> Response[InForce]:
        (id,) = member.values()
        return await counter.become(request, id, status)

    name = f"{family.called}_{verb}"
    said = "200: in force in every segment. What it is already it stays, and that is no change."
    return post(
        f"{path}/{verb}", status_code=200, name=name, operation_id=name, guards=[knows()], summary=summary,
        responses={**problems(*family.refusals), 202: NOT_EVERYWHERE},
    )(named("become", said, become))  # fmt: skip


def _named(family: Family, noun: str, name: str, doc: str, handler: Callable[..., Awaitable[Any]]) -> Any:
    """`handler` by its family's words: Litestar reads a path's parameter, its type and its description from the
    signature, the operation from name and docstring.
    """
    signed: Any = handler
    own = [one for one in inspect.signature(handler).parameters.values() if one.kind is not one.VAR_KEYWORD]
    member = inspect.Parameter(noun, inspect.Parameter.KEYWORD_ONLY)
    signed.__signature__ = inspect.Signature([*own, member])
    signed.__annotations__ = {one: kind for one, kind in signed.__annotations__.items() if one != "member"}
    signed.__annotations__[noun] = family.id
    signed.__name__, signed.__doc__ = name, doc
    return signed
