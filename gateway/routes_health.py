"""`/livez`, `/readyz` and `/metrics` over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry

from gateway.answers import Threads
from gateway.health import Health, Report
from gateway.metrics import exposition


def health_routes(
    health: Health, registry: CollectorRegistry, sample: Callable[[], None], threads: Threads
) -> Sequence[HTTPRouteHandler]:
    """The routes over `health` and `registry`."""

    @get("/livez", summary="Do the loops tick")
    async def livez() -> Response[Report]:
        status, report = health.live()
        return Response(report, status_code=status)

    @get("/readyz", summary="May traffic be sent here")
    async def readyz() -> Response[Report]:
        status, report = health.ready()
        return Response(report, status_code=status)

    def scrape() -> tuple[bytes, str]:
        sample()
        return exposition(registry)

    @get("/metrics", include_in_schema=False)
    async def metrics() -> Response[bytes]:
        text, media_type = await threads.run(partial(scrape))
        return Response(text, media_type=media_type)

    return livez, readyz, metrics
