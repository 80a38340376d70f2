"""The HTTP application: which path leads to which question, and how refusals become problem documents.

Handlers here only carry values between HTTP and the plain classes beside this file (Ingest, PointsQueries, Exports,
ParkedQueries, Decisions, Commands, Programmes, Health), which know nothing of HTTP and are what simulations and tests
of meaning use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from prometheus_client import CollectorRegistry

from gateway.access import NEEDS, Gate, Needs, guard
from gateway.answers import Threads
from gateway.audit import AuditLog
from gateway.behaviour_queries import BehaviourQueries
from gateway.body import Bodies
from gateway.campaign_queries import CampaignQueries
from gateway.campaigns import Campaigns
from gateway.carts import CartQueries
from gateway.code_guard import CodeGuard
from gateway.commands import Commands
from gateway.coupon_codes import CouponCodes
from gateway.coupon_commands import COMMANDS as COUPON_COMMANDS
from gateway.coupon_jobs import CouponJobs
from gateway.coupon_queries import CouponQueries
from gateway.door import ASGIApp, Door
from gateway.estimates import Estimates
from gateway.export import Exports
from gateway.health import Health
from gateway.imported_codes import ImportedCodes
from gateway.ingest import Ingest
from gateway.key_ring import KeyRing
from gateway.message_templates import MessageTemplates
from gateway.operations import Decisions, ParkedQueries
from gateway.parameters import OUTWARD, rule
from gateway.points_commands import COMMANDS as POINTS_COMMANDS
from gateway.problems import PROBLEM_JSON, FieldError, Problem
from gateway.programmes import Programmes
from gateway.queries import PointsQueries
from gateway.routes_audit import audit_route
from gateway.routes_behaviour import behaviour_route
from gateway.routes_campaigns import campaign_routes
from gateway.routes_carts import cart_route
from gateway.routes_codes import codes_route
from gateway.routes_commands import CodeDesk, CommandRoute, command_routes
from gateway.routes_coupons import coupon_routes
from gateway.routes_estimate import estimate_route
from gateway.routes_events import events_route
from gateway.routes_export import export_route
from gateway.routes_health import health_routes
from gateway.routes_jobs import job_routes
from gateway.routes_message_templates import message_template_routes
from gateway.routes_operations import operations_routes
from gateway.routes_points import points_routes
from gateway.routes_programmes import programme_routes
from gateway.routes_stops import stop_routes
from gateway.routes_templates import template_routes
from gateway.stops import StopButtons
from gateway.templates import Templates
from gateway.validation import Validation
from gateway.waiting import WaitFolded
from supervision.clock import Clock
from supervision.counters import Counters
from supervision.store import StoreError

_log = structlog.stdlib.get_logger("gateway")


class Ports(msgspec.Struct, frozen=True):
    """All that the HTTP side needs of the engine."""

    ingest: Ingest
    commands: Commands
    jobs: CouponJobs
    points: PointsQueries
    estimates: Estimates
    codes: CouponCodes
    coupons: CouponQueries
    behaviours: BehaviourQueries
    carts: CartQueries
    validation: Validation
    exports: Exports
    parked: ParkedQueries
    decisions: Decisions
    programmes: Programmes
    templates: Templates
    imported: ImportedCodes
    campaigns: Campaigns
    user_campaigns: CampaignQueries
    stops: StopButtons
    message_templates: MessageTemplates
    wait_folded: WaitFolded
    health: Health
    keys: KeyRing
    audit: AuditLog
    tree: Callable[[], Sequence[Mapping[str, Any]]]
    """Rows of the supervision tree, from root to leaves."""
    registry: CollectorRegistry
    sample: Callable[[], None]
    """Brings gauges up to date before they are read; called on a reading thread."""
    clock: Clock
    counters: Counters


class Choices(msgspec.Struct, frozen=True):
    """What may be otherwise: the commands there are, what each route needs, whether a POST needs a name, and whether a
    proxy of ours says who asks.
    """

    commands: Sequence[CommandRoute] = (*POINTS_COMMANDS, *COUPON_COMMANDS)
    needs: Needs = msgspec.field(default_factory=lambda: NEEDS)
    require_idempotency_key: bool = False
    behind_proxy: bool = False


def build_app(ports: Ports, threads: Threads, bodies: Bodies | None = None, choices: Choices | None = None) -> ASGIApp:
    """The ASGI application. `threads` is closed by whoever made it."""
    bodies, choices = bodies or Bodies(), choices or Choices()
    code_guard = CodeGuard(ports.clock, ports.counters, choices.behind_proxy)
    desk = CodeDesk(ports.codes, code_guard, threads)
    app = Litestar(
        [
            events_route(ports.ingest, bodies, threads),
            *command_routes(choices.commands, ports.commands, desk, bodies, threads),
            *job_routes(ports.jobs, ports.commands, bodies, threads, ports.wait_folded),
            behaviour_route(ports.behaviours, threads),
            *points_routes(ports.points, ports.wait_folded, threads),
            estimate_route(ports.estimates, bodies, threads),
            export_route(ports.exports, threads),
            *programme_routes(ports.programmes, ports.audit, bodies, threads),
            *coupon_routes(ports.coupons, ports.validation, code_guard, bodies, threads),
            codes_route(ports.imported, bodies, threads, ports.wait_folded),
            cart_route(ports.carts, threads),
            *template_routes(ports.templates, ports.programmes, ports.audit, bodies, threads),
            *campaign_routes(ports.campaigns, ports.user_campaigns, ports.programmes, ports.audit, bodies, threads),
            *stop_routes(ports.stops, ports.programmes, ports.audit, bodies, threads),
            *message_template_routes(ports.message_templates, ports.programmes, ports.audit, bodies, threads),
            *operations_routes(ports.parked, ports.decisions, ports.audit, ports.tree, threads),
            audit_route(ports.audit, threads),
            *health_routes(ports.health, ports.registry, ports.sample, threads),
        ],
        guards=[guard(choices.needs, choices.require_idempotency_key)],
        exception_handlers={
            Problem: _problem,
            HTTPException: _http_exception,
            StoreError: _store_error,
            Exception: _bug,
        },
        openapi_config=OpenAPIConfig(
            "Ganglion",
            "1",
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
            components=Components(security_schemes={"ApiKey": SecurityScheme(type="http", scheme="bearer")}),
            security=[{"ApiKey": []}, {}],
        ),
        logging_config=None,
        debug=False,
    )
    gate = Gate(ports.keys, ports.clock, ports.counters, threads)
    return Door(app, gate, ports.clock, ports.counters)


def _answer(problem: Problem) -> Response[bytes]:
    return Response(problem.document(), status_code=problem.status, headers=problem.headers(), media_type=PROBLEM_JSON)


def _problem(_: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    return _answer(problem)


def _http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: paths, methods, parameters."""
    if error.status_code == 404:
        return _answer(Problem("unknown_path", "there is nothing at this path; /schema lists what there is"))
    if error.status_code == 405:
        allow = (error.headers or {}).get("allow", "")
        allow = f"{allow}, HEAD" if "GET" in allow.split(", ") else allow
        return _answer(Problem("method_not_allowed", f"allowed here: {allow}", headers={"allow": allow}))
    if error.status_code >= 500:
        return _bug(_, error)
    errors = _field_errors(error.extra)
    if not errors:
        return _answer(Problem("bad_request", error.detail))
    return _answer(Problem("invalid_parameter", "; ".join(one.message for one in errors), errors))


def _field_errors(extra: Any) -> tuple[FieldError, ...]:
    found: list[FieldError] = []
    for one in extra if isinstance(extra, list) else ():  # pyright: ignore[reportUnknownVariableType]
        if isinstance(one, dict):
            key = str(one.get("key", ""))  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
            name = OUTWARD.get(key, key)
            found.append(FieldError(name, "invalid_parameter", rule(name)))
    return tuple(found)


def _store_error(_: Request[Any, Any, Any], error: StoreError) -> Response[bytes]:
    return _answer(Problem("store_refuses", f"the store cannot be read at the moment: {error}"))


def _bug(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("request_failed", error=type(error).__name__, exc_info=error)
    return _answer(Problem("internal", "the request could not be handled; this is logged"))
