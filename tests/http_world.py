"""The HTTP side over a real engine: real threads, a real SQLite store, the application without a network.

Everything is production's but the socket. One loop serves all requests of a world, as the server's does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from actors.coupon.code_keys import CodeKeys
from actors.points.programme import from_settings
from actors.registry import domains
from gateway.answers import Threads
from gateway.app import Choices, build_app
from gateway.assembly import build_ports
from gateway.audit import AuditLog
from gateway.coupon_key_file import CouponKeyFile
from gateway.coupon_keys import keys_of
from gateway.wiring import Parts, Wiring
from supervision.clock import SystemClock
from supervision.counters import Tally
from supervision.domain import formats
from supervision.envelope import rfc3339
from supervision.store_sqlite import open_sqlite
from supervision.threads import ThreadRuntime
from tests.cells import settle
from topology.ports import NoBroker

SEGMENTS = 4
TIMEOUT_S = 60.0


class HttpWorld:
    """One process in `folder`, ready; close it."""

    def __init__(self, folder: Path, choices: Choices | None = None) -> None:
        clock = SystemClock()
        self.fatal: list[str] = []
        self.runtime = ThreadRuntime(clock)
        self.store = open_sqlite(folder, SEGMENTS, formats(domains(from_settings(), SEGMENTS)), "test", clock)
        registered = domains(from_settings(), SEGMENTS, code_keys=self._code_keys(folder, clock))
        parts = Parts(
            self.store, registered, self.runtime, Random(1), Tally(), self.fatal.append,
            publish_without_broker=NoBroker(), checks=True,
        )  # fmt: skip
        self.wiring = Wiring(parts, clock.now_ms())
        self.threads = Threads()
        names = iter(range(1 << 60))
        self.ports = build_ports(
            self.wiring, folder, self.runtime, CollectorRegistry(), lambda: f"made-{next(names)}", False,
            clock.monotonic_s,
        )  # fmt: skip
        self.app = build_app(self.ports, self.threads, None, choices)
        self._loop = asyncio.Runner()
        self.wiring.tree.start()
        settle(self.runtime, self.wiring.engine.begun)

    def _code_keys(self, folder: Path, clock: SystemClock) -> CodeKeys:
        audit, at = AuditLog(folder, clock.now_ms), rfc3339(clock.now_ms())
        with closing(self.store.reader()) as reader:
            return keys_of(CouponKeyFile(folder), reader, SEGMENTS, os.urandom, at, audit, "os:tester")

    @contextmanager
    def with_fresh_app(self) -> Iterator[None]:
        """For the length of the block the application remembers nothing of those who asked before."""
        before, self.app = self.app, build_app(self.ports, self.threads)
        try:
            yield
        finally:
            self.app = before

    def close(self) -> None:
        self.wiring.close_doors()
        self._loop.close()
        self.threads.close()
        left = self.wiring.tree.stop()
        self.runtime.close()
        self.store.close(clean=not left)
        assert left == [] and self.fatal == []

    def talk(self, talk: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        """What `talk` makes of a client."""

        async def held() -> Any:
            transport = httpx.ASGITransport(app=self.app)  # pyright: ignore[reportArgumentType]
            async with httpx.AsyncClient(transport=transport, base_url="http://g", timeout=TIMEOUT_S) as client:
                return await talk(client)

        return self._loop.run(held())

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.talk(lambda client: client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any, key: str = "", **headers: str) -> httpx.Response:
        named = {"idempotency-key": key} if key else {}
        return self.request("POST", path, json=body, headers={**named, **headers})

    def points(self, user: str, what: str, key: str = "", **body: Any) -> httpx.Response:
        """A command about a user's points."""
        return self.post(f"/v1/users/{user}/points/{what}", body, key)

    def done(self, user: str, what: str, key: str = "", **body: Any) -> dict[str, Any]:
        """The result of a command that is carried out."""
        answer = self.points(user, what, key, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def put_template(self, id: str = "T1", status: str = "active", **fields: Any) -> None:
        """A new coupon template, 20 off unless `fields` say otherwise."""
        body = {"name": id, "kind": {"type": "fixed", "amount": 2_000}, "valid": {"days": 30}} | fields
        answer = self.request("PUT", f"/v1/coupon-templates/{id}", json=body)
        assert answer.status_code == 200, answer.text
        if status != "draft":
            self.become(id, status)

    def become(self, id: str, status: str) -> None:
        """Switch a template."""
        verb = {"active": "activate", "paused": "pause", "closed": "close"}[status]
        answer = self.post(f"/v1/coupon-templates/{id}/{verb}", None)
        assert answer.status_code == 200, answer.text

    def give_coupon(self, user: str, template: str = "T1", **body: Any) -> str:
        """-> its code."""
        answer = self.post(f"/v1/users/{user}/coupons", {"template": template, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]["coupons"][0]["code"]

    def put_programme(self, **rules: Any) -> str:
        """Replace what is in force; -> its version."""
        tag = self.get("/v1/points/programme").headers["etag"]
        answer = self.request("PUT", "/v1/points/programme", json=rules, headers={"if-match": tag})
        assert answer.status_code == 200, answer.text
        return answer.json()["version"]


@contextmanager
def http_world(folder: Path, choices: Choices | None = None) -> Iterator[HttpWorld]:
    world = HttpWorld(folder, choices)
    try:
        yield world
    finally:
        world.close()
