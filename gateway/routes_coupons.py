"""Questions about coupons over HTTP: a user's, one by its code, and what some would take off an order.

The last is too long for a URL, so it is a POST and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from gateway.answers import Threads
from gateway.body import Bodies
from gateway.code_guard import CodeGuard
from gateway.coupon_queries import CouponLife, CouponQueries, CouponsPage
from gateway.door import path_value
from gateway.order_schema import CART
from gateway.pages import PAGE_DEFAULT
from gateway.parameters import CodeOf, CouponState, Cursor, Limit, UserId, knows
from gateway.problems import Problem
from gateway.routes_events import problems
from gateway.validation import CODES_MAX, RULES, Validated, Validation, refusals

T = TypeVar("T")
Asked = Request[Any, Any, Any]


@dataclass
class ValidateOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        code = Schema(type=OpenAPIType.STRING, min_length=1)
        question = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "user_id": Schema(type=OpenAPIType.STRING, min_length=1, description=RULES["user_id"]),
                "codes": Schema(
                    type=OpenAPIType.ARRAY, items=code, min_items=1, max_items=CODES_MAX, description=RULES["codes"]
                ),
                "order": Schema(type=OpenAPIType.OBJECT, description=RULES["order"], **CART),
            },
            required=["user_id", "codes", "order"],
        )
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=question)}, required=True)


def coupon_routes(
    coupons: CouponQueries, validation: Validation, guard: CodeGuard, bodies: Bodies, threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `coupons` and `validation`. Who asks for codes is guarded."""

    async def guarded(request: Asked, ask: Callable[[], T], said: Callable[[T], Sequence[str]]) -> T:
        guard.admit(request.scope)
        try:
            answer = await threads.run(ask)
        except Problem as problem:
            guard.heard(request.scope, [problem.code])
            raise
        guard.heard(request.scope, said(answer))
        return answer

    @get(
        "/v1/users/{user_id:str}/coupons", responses=problems(400, 404, 503),
        guards=[knows("state", "limit", "cursor")], summary="A user's coupons",
    )  # fmt: skip
    async def list_coupons(
        user_id: UserId, in_state: CouponState = None, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
    ) -> CouponsPage:
        """Newest first, in every state unless one is asked for."""
        return await threads.run(partial(coupons.coupons, path_value(user_id), in_state, limit, cursor))

    @get(
        "/v1/coupons/{code:str}", responses=problems(400, 404, 503), guards=[knows()],
        summary="A coupon, and what became of it",
    )  # fmt: skip
    async def show_coupon(request: Asked, code: CodeOf) -> CouponLife:
        """By its code, typed in any way."""
        return await guarded(request, partial(coupons.life, path_value(code)), lambda _: ())

    @post(
        "/v1/coupons/validate", status_code=200, operation_class=ValidateOperation, guards=[knows()],
        responses=problems(400, 404, 408, 413, 415, 422, 503), summary="What coupons would take off an order",
    )  # fmt: skip
    async def validate(request: Asked) -> Validated:
        """The best deal, and why the other coupons are not in it. Nothing is written."""
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            return await guarded(request, partial(validation.validate, body), refusals)

    return list_coupons, show_coupon, validate
