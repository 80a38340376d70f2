"""`/livez`, `/readyz` and `/metrics` over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from prometheus_client import CollectorRegistry

from gateway.answers import Threads
from gateway.health import Health, Report
from gateway.metrics import exposition
from gateway.routes_events import problems


def health_routes(
    health: Health, registry: CollectorRegistry, sample: Callable[[], None], threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `health` and `registry`."""

    @get("/livez", responses=_not("a loop does not tick"), summary="Do the loops tick")
    async def livez() -> Response[Report]:
        status, report = health.live()
        return Response(report, status_code=status)

    @get("/readyz", responses=_not("no traffic, for these reasons"), summary="May traffic be sent here")
    async def readyz() -> Response[Report]:
        status, report = health.ready()
        return Response(report, status_code=status)

    def scrape() -> tuple[bytes, str]:
        sample()
        return exposition(registry)

    @get("/metrics", media_type=MediaType.TEXT, responses=problems(503), summary="Numbers, in Prometheus' text format")
    async def metrics() -> Response[str]:
        text, content_type = await threads.run(scrape)
        return Response(text.decode(), headers={"content-type": content_type})

    return livez, readyz, metrics


def _not(description: str) -> dict[int, ResponseSpec]:
    return {503: ResponseSpec(Report, generate_examples=False, description=description)}
