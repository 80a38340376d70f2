"""`POST /v1/points/estimate` over HTTP: a question that is too long for a URL, so it is a POST and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from gateway.answers import Threads
from gateway.body import Bodies
from gateway.estimates import RULES, Estimates, Worth
from gateway.order_schema import ORDER
from gateway.parameters import knows
from gateway.routes_events import problems


@dataclass
class EstimateOperation(Operation):
    """Says in the schema what the handler reads as raw bytes."""

    def __post_init__(self) -> None:
        question = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "user_id": Schema(type=OpenAPIType.STRING, min_length=1, description=RULES["user_id"]),
                "order": Schema(type=OpenAPIType.OBJECT, description=RULES["order"], **ORDER),
            },
            required=["user_id", "order"],
        )
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=question)}, required=True)


def estimate_route(estimates: Estimates, bodies: Bodies, threads: Threads) -> HTTPRouteHandler:
    """The route over `estimates`."""

    @post(
        "/v1/points/estimate", status_code=200, operation_class=EstimateOperation, guards=[knows()],
        responses=problems(400, 404, 408, 409, 413, 415, 422, 503), summary="What an order would earn, and why",
    )  # fmt: skip
    async def estimate(request: Request[Any, Any, Any]) -> Worth:
        """By item, with the rules that count and those that do not, and why not. Nothing is written."""
        async with bodies.whole(request.scope["headers"], request.receive) as body:
            return await threads.run(partial(estimates.worth, body))

    return estimate
