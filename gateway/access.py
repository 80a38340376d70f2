"""Who may do what: each request's key, its scope and its rate, decided before any handler runs.

Two steps, since the first must hold for paths that do not exist, too. The gate finds out whose key it is and counts the
request against its rate; the guard, behind the router, knows the route and asks for the scope that the table says.
While there was never a key everybody is let in, and the server sees to it that everybody is on this machine.

What a key is, is never written down here: not in a log line, not in a problem, not in a metric. The id is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.answers import Threads
from gateway.audit import NOBODY
from gateway.key_ring import KeyRing
from gateway.keys import Key, Scope
from gateway.parameters import Guard
from gateway.problems import Problem
from gateway.rate import Buckets
from supervision.clock import Clock
from supervision.counters import Counters

OPEN_PATHS = frozenset({"/livez", "/readyz"})
"""For whoever asks how we are."""
CHALLENGE = 'Bearer realm="ganglion"'
_SCOPE_KEY = "ganglion_key"
"""Where an ASGI scope has the key that was shown."""


class Need(msgspec.Struct, frozen=True):
    """What a route needs: a key with this scope, any key at all (`scope` None). `changes`: not for staging keys."""

    scope: Scope | None
    changes: bool = False


Needs = Mapping[tuple[str, str], Need]
"""By (method, the route's template)."""

NEEDS: Needs = {
    ("GET", "/livez"): Need(None),
    ("GET", "/readyz"): Need(None),
    ("GET", "/schema"): Need(None),
    ("GET", "/schema/openapi.json"): Need(None),
    ("GET", "/schema/{path}"): Need(None),
    ("GET", "/metrics"): Need("operations"),
    ("POST", "/v1/events"): Need("events:write", changes=True),
    ("GET", "/v1/users/{user_id}/events"): Need("events:read"),
    ("GET", "/v1/users/{user_id}/points"): Need("points:read"),
    ("GET", "/v1/users/{user_id}/points/records"): Need("points:read"),
    ("GET", "/v1/users/{user_id}/points/lots"): Need("points:read"),
    ("GET", "/v1/users/{user_id}/points/timeline"): Need("points:read"),
    ("GET", "/v1/users/{user_id}/tier"): Need("points:read"),
    ("GET", "/v1/users/{user_id}/export"): Need("points:read"),
    ("POST", "/v1/users/{user_id}/points/accruals"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/redemptions"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/reservations"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/reservations/{reservation_id}/confirm"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/reservations/{reservation_id}/cancel"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/reversals"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/gifts"): Need("points:write", changes=True),
    ("POST", "/v1/users/{user_id}/points/adjustments"): Need("points:adjust", changes=True),
    ("POST", "/v1/points/estimate"): Need("points:read"),
    ("GET", "/v1/points/programme"): Need("points:read"),
    ("PUT", "/v1/points/programme"): Need("admin", changes=True),
    ("POST", "/v1/coupon-jobs"): Need("coupons:issue", changes=True),
    ("GET", "/v1/coupon-jobs/{job_id}"): Need("coupons:read"),
    ("POST", "/v1/coupon-jobs/{job_id}/pause"): Need("coupons:issue", changes=True),
    ("POST", "/v1/coupon-jobs/{job_id}/continue"): Need("coupons:issue", changes=True),
    ("POST", "/v1/coupon-jobs/{job_id}/cancel"): Need("coupons:issue", changes=True),
    ("PUT", "/v1/coupon-templates/{template}"): Need("coupons:manage", changes=True),
    ("GET", "/v1/coupon-templates/{template}"): Need("coupons:read"),
    ("GET", "/v1/coupon-templates"): Need("coupons:read"),
    ("GET", "/v1/coupon-templates/{template}/usage"): Need("coupons:read"),
    ("POST", "/v1/coupon-templates/{template}/activate"): Need("coupons:manage", changes=True),
    ("POST", "/v1/coupon-templates/{template}/pause"): Need("coupons:manage", changes=True),
    ("POST", "/v1/coupon-templates/{template}/close"): Need("coupons:manage", changes=True),
    ("POST", "/v1/coupon-templates/{template}/codes"): Need("coupons:manage", changes=True),
    ("GET", "/v1/users/{user_id}/coupons"): Need("coupons:read"),
    ("GET", "/v1/coupons/{code}"): Need("coupons:read"),
    ("POST", "/v1/coupons/validate"): Need("coupons:read"),
    ("POST", "/v1/users/{user_id}/coupons"): Need("coupons:issue", changes=True),
    ("POST", "/v1/coupons/{code}/holds"): Need("coupons:redeem", changes=True),
    ("DELETE", "/v1/coupons/{code}/holds/{order_id}"): Need("coupons:redeem", changes=True),
    ("POST", "/v1/coupons/{code}/redemptions"): Need("coupons:redeem", changes=True),
    ("POST", "/v1/coupons/{code}/redemptions/{order_id}/rollback"): Need("coupons:redeem", changes=True),
    ("POST", "/v1/coupons/{code}/transfer"): Need("coupons:redeem", changes=True),
    ("PUT", "/v1/campaigns/{campaign}"): Need("campaigns:manage", changes=True),
    ("GET", "/v1/campaigns/{campaign}"): Need("campaigns:read"),
    ("GET", "/v1/campaigns/{campaign}/stats"): Need("campaigns:read"),
    ("GET", "/v1/campaigns"): Need("campaigns:read"),
    ("POST", "/v1/campaigns/check"): Need("campaigns:read"),
    ("POST", "/v1/campaigns/test"): Need("campaigns:read"),
    ("POST", "/v1/campaigns/{campaign}/activate"): Need("campaigns:manage", changes=True),
    ("POST", "/v1/campaigns/{campaign}/pause"): Need("campaigns:manage", changes=True),
    ("POST", "/v1/campaigns/{campaign}/archive"): Need("campaigns:manage", changes=True),
    ("POST", "/v1/stop"): Need("campaigns:manage", changes=True),
    ("POST", "/v1/go"): Need("campaigns:manage", changes=True),
    ("GET", "/v1/stops"): Need("campaigns:read"),
    ("PUT", "/v1/notification-templates/{template}"): Need("campaigns:manage", changes=True),
    ("GET", "/v1/notification-templates/{template}"): Need("campaigns:read"),
    ("GET", "/v1/notification-templates"): Need("campaigns:read"),
    ("POST", "/v1/notification-templates/{template}/preview"): Need("campaigns:read"),
    ("POST", "/v1/notification-templates/{template}/activate"): Need("campaigns:manage", changes=True),
    ("POST", "/v1/notification-templates/{template}/archive"): Need("campaigns:manage", changes=True),
    ("GET", "/v1/users/{user_id}/why"): Need("campaigns:read"),
    ("GET", "/v1/users/{user_id}/campaigns"): Need("campaigns:read"),
    ("GET", "/v1/users/{user_id}/cart"): Need("campaigns:read"),
    ("GET", "/v1/parked"): Need("operations"),
    ("POST", "/v1/parked/{domain}/{subject}/retry"): Need("operations", changes=True),
    ("POST", "/v1/parked/{domain}/{subject}/discard"): Need("operations", changes=True),
    ("POST", "/v1/parked/{domain}/resume"): Need("operations", changes=True),
    ("GET", "/v1/tree"): Need("operations"),
    ("GET", "/v1/audit"): Need("admin"),
}
"""Every route. A new one is a line here, or a test fails."""


class Gate:
    """Used by the HTTP loop only."""

    def __init__(self, ring: KeyRing, clock: Clock, counters: Counters, threads: Threads) -> None:
        self._ring = ring
        self._clock = clock
        self._counters = counters
        self._threads = threads
        self._buckets = Buckets()

    async def admit(self, scope: MutableMapping[str, Any], path: str, say: Callable[[Mapping[str, str]], None]) -> None:
        """Note in `scope` whose request it is, and `say` the headers of its answer. Raises Problem to turn it away."""
        if changed := self._ring.look():
            await self._threads.run(changed)
            self._buckets.keep({key.id for key in self._ring.index.book.keys})
        index = self._ring.index
        if not index.needed or path in OPEN_PATHS:
            return
        key = index.holder(_secret(scope["headers"]))
        if key is None:
            raise _unknown("this API key is not known, or was revoked", error="invalid_token")
        scope[_SCOPE_KEY] = key
        if not key.rate_per_minute:
            return
        verdict = self._buckets.take(key.id, key.rate_per_minute, self._clock.monotonic_s())
        say(verdict.headers())
        if verdict.wait_s:
            self._counters.count("rate_limited")
            text = f"this API key may make {key.rate_per_minute} requests a minute; come again in {verdict.wait_s} s"
            raise Problem("rate_limited", text, headers={"retry-after": str(verdict.wait_s)})


def guard(needs: Needs, require_idempotency_key: bool) -> Guard:
    """Lets through who has the scope that `needs` asks for; raises Problem. A route that is not in it is nobody's."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        method, route = connection.scope["method"], connection.scope["path_template"]  # type: ignore[typeddict-item]
        if method == "OPTIONS":
            return
        need = needs[method, route]
        key = _key(connection.scope)
        if key is not None:
            _check_key(key, need)
        if not require_idempotency_key or not need.changes or method == "PUT":  # which may be sent again as it is
            return
        if "idempotency-key" not in connection.headers:
            raise Problem(
                "idempotency_key_required", "give an Idempotency-Key: this engine is set to take none without"
            )

    return check


def caller(scope: Mapping[str, Any]) -> str:
    """The id of the key that was shown, empty when none was needed."""
    key = _key(scope)
    return key.id if key is not None else ""


def who(scope: Mapping[str, Any]) -> str:
    """Whose decision this is, for the audit log."""
    return f"key:{id}" if (id := caller(scope)) else NOBODY


def _key(scope: Mapping[str, Any]) -> Key | None:
    return scope.get(_SCOPE_KEY)


def _check_key(key: Key, need: Need) -> None:
    if need.scope is not None and need.scope not in key.scopes:
        text = f"this needs the scope {need.scope}, the API key has {', '.join(key.scopes)}"
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{need.scope}"'
        raise Problem("missing_scope", text, headers={"www-authenticate": challenge})
    if key.staging and need.changes:
        raise Problem("staging_key", "a staging key may look and try out, and change nothing")


def _secret(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key that a request shows. Raises Problem."""
    shown: list[bytes] = []
    for name, value in headers:
        if name == b"x-api-key":
            shown.append(value.strip())
        elif name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            if scheme.lower() != b"bearer":
                raise _unknown("Authorization must be `Bearer gk_…`")
            shown.append(rest.strip())
    if not shown:
        raise _unknown("show an API key: `Authorization: Bearer gk_…` or `X-Api-Key: gk_…`")
    if len(shown) > 1:
        raise _unknown("show one API key, once")
    return shown[0].decode("latin-1")


def _unknown(text: str, error: str = "") -> Problem:
    challenge = f'{CHALLENGE}, error="{error}"' if error else CHALLENGE
    return Problem("no_key", text, headers={"www-authenticate": challenge})
