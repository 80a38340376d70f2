"""Who is let in where: each route with no key, a wrong one, another's scope, too often."""

from __future__ import annotations

import msgspec
import pytest
import structlog.testing
from litestar import Litestar

from actors.commands import declined
from gateway.access import NEEDS, OPEN_PATHS, Need
from gateway.exposure import refusal
from gateway.health import Readiness
from gateway.keys import SCOPES, Scope, digest_of, secret_of
from gateway.settings import Settings
from supervision.entry import segment_of
from supervision.messages import ParkedRow
from tests.gateway_world import COUNTING, SEGMENTS, World, change, is_problem

FILLED = {
    "{user_id}": "u", "{reservation_id}": "r", "{domain}": "points", "{subject}": "user%3Au", "{job_id}": "j",
    "{code}": "DOUBLE11", "{order_id}": "o", "{template}": "T1",
}  # fmt: skip
NO = msgspec.json.encode(declined("job_over", "the job is done", {}))
GUARDED = [(method, route, need) for (method, route), need in NEEDS.items() if route not in OPEN_PATHS]


def path_of(route: str) -> str:
    for field, value in FILLED.items():
        route = route.replace(field, value)
    return route


def routes(world: World) -> set[tuple[str, str]]:
    """(method, template) of every route of the application, the schema's own included."""
    app = world.app._app  # type: ignore[attr-defined]  # below the door
    assert isinstance(app, Litestar)
    return {
        (method, route.path_format)
        for route in app.routes
        for method in route.methods
        if method not in ("OPTIONS", "HEAD")
    }


def test_every_route_stands_in_the_table_of_needs_and_the_reverse() -> None:
    assert routes(World()) == set(NEEDS)


QUESTIONS = (
    "/v1/points/estimate", "/v1/coupons/validate", "/v1/campaigns/check", "/v1/campaigns/test",
    "/v1/notification-templates/{template}/preview",
)  # fmt: skip
"""Too long for a URL."""


def test_what_changes_something_is_no_get_and_needs_a_scope() -> None:
    for (method, route), need in NEEDS.items():
        assert need.changes == (method != "GET" and route not in QUESTIONS), route
        assert need.scope in (*SCOPES, None)
        assert need.scope or not need.changes


@pytest.mark.parametrize(("method", "route", "need"), GUARDED)
def test_each_route_is_for_who_has_its_scope_and_nobody_else(method: str, route: str, need: Need) -> None:
    world = World()
    world.answers.reply = NO  # without a word of the domain a command that is let in waits for one
    others: list[Scope] = [scope for scope in SCOPES if scope != need.scope]
    right, wrong = world.give_key(need.scope or "admin"), world.give_key(*others)
    staging = world.give_key(*SCOPES, staging=True)
    path = path_of(route)
    document = is_problem(world.request(method, path), 401, "no_key")
    assert "gk_" in document["detail"]
    is_problem(world.request(method, path, headers={"authorization": f"Bearer {secret_of(99)}"}), 401, "no_key")
    assert world.request(method, path, headers=right).status_code not in (401, 403)
    if need.scope:
        answer = world.request(method, path, headers=wrong)
        assert need.scope in is_problem(answer, 403, "missing_scope")["detail"]
        assert f'scope="{need.scope}"' in answer.headers["www-authenticate"]
    if need.changes:
        is_problem(world.request(method, path, headers=staging), 403, "staging_key")
    else:
        assert world.request(method, path, headers=staging).status_code not in (401, 403)


def test_health_needs_no_key_and_nothing_else_is_without() -> None:
    world = World()
    world.give_key("admin")
    for path in OPEN_PATHS:
        assert world.get(path).status_code == 200
    for path in ("/", "/nowhere", "/v1/events", "/livez/x", "/LIVEZ"):
        is_problem(world.get(path), 401, "no_key")
    assert world.request("HEAD", "/metrics").status_code == 401
    assert world.request("OPTIONS", "/v1/events").status_code == 401


def test_without_any_key_everybody_is_let_in() -> None:
    world = World()
    assert world.post("/v1/events", json=change()).status_code == 200
    assert world.get("/metrics").status_code == 200


def test_a_key_may_be_shown_in_either_way_but_once() -> None:
    world = World()
    header = world.give_key("operations")
    secret = header["authorization"].removeprefix("Bearer ")
    for shown in (header, {"x-api-key": secret}, {"authorization": f"bearer  {secret}"}):
        assert world.get("/metrics", headers=shown).status_code == 200
    for shown in (
        header | {"x-api-key": secret}, {"authorization": f"Basic {secret}"}, {"authorization": secret},
        {"x-api-key": ""}, {"x-api-key": secret.upper()}, {"cookie": f"x-api-key={secret}"},
    ):  # fmt: skip
        answer = world.get("/metrics", headers=shown)
        is_problem(answer, 401, "no_key")
        assert answer.headers["www-authenticate"].startswith('Bearer realm="ganglion"')
    is_problem(world.get(f"/metrics?key={secret}"), 401, "no_key")


def test_a_revoked_key_is_refused_from_the_next_look_on() -> None:
    world = World()
    header = world.give_key("operations")
    assert world.get("/metrics", headers=header).status_code == 200
    file, key = world.ports.keys._file, world.ports.keys.index.book.keys[0]  # pyright: ignore[reportPrivateUsage]
    file.revoke(key.id, "2026-09-21T14:13:20.000Z", world.ports.audit, "os:tester")
    world.clock.advance(2)
    is_problem(world.get("/metrics", headers=header), 401, "no_key")


def test_no_log_line_metric_or_answer_holds_anything_of_a_key() -> None:
    world = World(choices=COUNTING)
    admin = world.give_key(*SCOPES, rate=2)
    secret = admin["authorization"].removeprefix("Bearer ")
    foreign = secret_of(77)
    with structlog.testing.capture_logs() as lines:
        said = [
            world.request(method, path, headers=headers).text
            for method, path in (("GET", "/v1/audit"), ("GET", "/nowhere"), ("POST", "/v1/events"), ("BREW", "/livez"))
            for headers in (admin, {"x-api-key": foreign}, {"authorization": secret}, {"x-api-key": f"{secret}x"})
        ]
        world.ports.keys._file.path.write_text(f'{{"keys":[{{"id":"{secret}"}}]}}')  # pyright: ignore[reportPrivateUsage]
        world.clock.advance(2)
        said.append(world.get("/readyz").text)
        world.clock.advance(60)
        said.append(world.get("/metrics", headers=admin).text)
    assert "keys_refused" in [line["event"] for line in lines]
    everything = str(lines) + "".join(said)
    for word in (secret, foreign, secret[3:], digest_of(secret), digest_of(foreign)):
        assert word not in everything


def test_every_answer_to_a_key_with_a_limit_says_what_is_left() -> None:
    world = World()
    header = world.give_key("points:read", rate=6)
    world.give_account("u", (5, 2_000_000_000_000))
    paths = ["/v1/users/u/points", "/v1/users/x/points", "/metrics", "/nowhere", "/v1/users/u/points?x=1", "/schema"]
    answers = [world.get(path, headers=header) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 404, 403, 404, 400, 200]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["5", "4", "3", "2", "1", "0"]
    answer = world.get("/v1/users/u/points", headers=header)
    is_problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "10"
    assert {answer.headers[f"ratelimit-{name}"] for name in ("limit", "reset")} == {"6", "60"}
    world.clock.advance(10)
    assert world.get("/v1/users/u/points", headers=header).status_code == 200


def test_a_key_without_a_limit_and_nobodys_requests_have_no_such_headers() -> None:
    world = World()
    assert "ratelimit-limit" not in world.get("/metrics").headers
    assert "ratelimit-limit" not in world.get("/metrics", headers=world.give_key("operations")).headers


def test_decisions_are_written_down_with_whose_they_are_before_they_are_taken() -> None:
    world = World()
    world.parked = [ParkedRow(segment_of("user:u", SEGMENTS), "points", "user:u", 5, "KeyError", 3, 0)]
    assert world.post("/v1/parked/points/user%3Au/retry").status_code == 202
    operator, auditor = world.give_key("operations"), world.give_key("admin")
    assert world.post("/v1/parked/points/user%3Au/discard", headers=operator).status_code == 202
    id = world.ports.keys.index.book.keys[0].id
    page = world.get("/v1/audit?limit=2", headers=auditor).json()
    assert page["has_more"]
    decided, made = page["data"]
    assert (decided["who"], decided["what"], decided["about"]) == (f"key:{id}", "parked.discard", "points user:u")
    assert (made["who"], made["what"]) == ("os:tester", "keys.create")
    (rest, first) = world.get(f"/v1/audit?cursor={page['next_cursor']}", headers=auditor).json()["data"]
    assert (first["who"], first["what"]) == ("anybody on this machine", "parked.retry")
    assert rest["what"] == "keys.create"


def test_a_decision_that_cannot_be_written_down_is_not_taken() -> None:
    world = World()
    world.parked = [ParkedRow(segment_of("user:u", SEGMENTS), "points", "user:u", 5, "KeyError", 3, 0)]
    (world.folder / "audit.jsonl").mkdir()
    is_problem(world.post("/v1/parked/points/user%3Au/retry"), 503, "audit_refuses")
    is_problem(world.get("/v1/audit"), 503, "audit_refuses")
    assert world.journal.drafts == []


def test_a_note_is_no_reason_against_traffic() -> None:
    world = World()
    world.readiness = Readiness(notes=("there are no API keys",))
    answer = world.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "reasons": ["there are no API keys"]})


@pytest.mark.parametrize(
    ("host", "keys", "more", "words"),
    [
        ("127.0.0.1", False, {}, None), ("::1", False, {}, None), ("localhost", True, {}, None),
        ("0.0.0.0", False, {}, "no API keys"), ("192.0.2.1", True, {}, "clear text"),
        ("0.0.0.0", False, {"behind_proxy": True}, "no API keys"), ("0.0.0.0", True, {"behind_proxy": True}, None),
        ("0.0.0.0", True, {"tls_cert": "c", "tls_key": "k"}, None), ("::", True, {}, "clear text"),
        ("0.0.0.0", False, {"tls_cert": "c", "tls_key": "k"}, "no API keys"), ("example.org", True, {}, "clear text"),
        ("127.0.0.1", False, {"behind_proxy": True}, "no API keys"), ("127.0.0.1", True, {"behind_proxy": True}, None),
        ("127.0.0.1", True, {"tls_cert": "c"}, "go together"), ("127.0.0.1", True, {"tls_key": "k"}, "go together"),
    ],
)  # fmt: skip
def test_beyond_this_machine_it_serves_only_with_keys_and_never_in_clear_text(
    host: str, keys: bool, more: dict[str, object], words: str | None
) -> None:
    why = refusal(msgspec.structs.replace(Settings(), **more), host, keys)
    assert why is None if words is None else why is not None and words in why
