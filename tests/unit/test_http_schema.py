"""The OpenAPI document against the running program, by schemathesis: whatever is sent that the document describes, or
nearly so, no answer is a 500, and each has a status, a content type and a body that the document names.

A real server on loopback with a real engine behind it; each operation gets cases that fit its schema, and as many that
just do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway import routes_points
from gateway.server import HttpServer
from tests.http_world import HttpWorld, http_world

EXAMPLES = 8
EXAMPLES_LONG = 150
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
TRIED_MIN = 34
DONE_MIN = 26
"""Operations: were cases rare or always refused, nothing would be shown."""
USERS = ("known", "other")
PUBLIC_CODE = "DOUBLE11"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with http_world(tmp_path_factory.mktemp("schema")) as world, pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes_points, "NOT_YET_S", 0.05)  # 503 to who waits for what will not come, and soon
        _live(world)
        server = HttpServer(world.app, "127.0.0.1", 0, lambda: None, world.threads)
        server.start()
        host, port = server.address
        yield f"http://{host}:{port}"
        assert server.stop()


def _live(world: HttpWorld) -> None:
    """Something there is to be seen."""
    for user in USERS:
        world.done(user, "accruals", points=1_000)
        world.done(user, "accruals", points=10, pending={"days": 3})
        world.done(user, "reservations", points=5, reservation_id="r")
        world.done(user, "redemptions", points=5, reason="x", order_id="o")
    world.put_template("known", code={"public": PUBLIC_CODE, "uses": 1_000_000})
    gift = {"type": "event", "event": "points.earned"}
    steps = [{"type": "emit", "effect": "gift"}]
    world.request("PUT", "/v1/campaigns/known", json={"name": "gift", "trigger": gift, "steps": steps})
    for user in USERS:
        world.give_coupon(user, "known")
        item = {"product_id": "P", "quantity": 2, "unit_price": 500, "variant_id": "red"}
        world.post("/v1/events", {"behavior_type": "add_to_cart", "user_id": user, "items": [item], "scroll_depth": 2})


def _operations(url: str) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{url}/schema/openapi.json")
    every: Any = schema.get_all_operations()
    return [found.ok() for found in every]


@pytest.mark.parametrize("examples", [EXAMPLES, pytest.param(EXAMPLES_LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_answer_is_a_500_and_each_is_one_that_the_document_describes(
    url: str, mode: GenerationMode, examples: int
) -> None:
    tries = [operation for operation in _operations(url) if mode.is_positive or _can_be_wrong(operation)]
    heard = {operation.label: _conforms(operation, url, mode, examples) for operation in tries}
    tried = [label for label, statuses in heard.items() if statuses]
    done = [label for label, statuses in heard.items() if any(status < 300 for status in statuses)]
    assert len(tried) >= TRIED_MIN, tried
    assert mode is not GenerationMode.POSITIVE or len(done) >= DONE_MIN, done


def _can_be_wrong(operation: Any) -> bool:
    """Any text fits where a text stands in the path. Hypothesis draws some 300 times to find that out, for each."""
    if any((operation.query, operation.headers, operation.cookies, operation.body)):
        return True
    schemas = [each.definition["schema"] for each in operation.path_parameters]
    return any(schema["type"] != "string" or not schema.keys() <= {"type", "description"} for schema in schemas)


def _conforms(operation: Any, url: str, mode: GenerationMode, examples: int) -> set[int]:
    """Which statuses were answered; none where no case can be made."""
    heard: set[int] = set()

    @settings(
        max_examples=examples, derandomize=True, deadline=None, database=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if "user_id" in case.path_parameters and len(case.path_parameters["user_id"]) % 2:
            case.path_parameters["user_id"] = USERS[0]
        if "template" in case.path_parameters and len(case.path_parameters["template"]) % 2:
            case.path_parameters["template"] = "known"
        if "campaign" in case.path_parameters and len(case.path_parameters["campaign"]) % 2:
            case.path_parameters["campaign"] = "known"
        if "code" in case.path_parameters and len(case.path_parameters["code"]) % 2:
            case.path_parameters["code"] = PUBLIC_CODE
        answer = case.call(base_url=url)
        heard.add(answer.status_code)
        assert answer.status_code != 500, case.as_curl_command()
        case.validate_response(answer, checks=CHECKS)

    with suppress(Unsatisfiable):
        check()
    return heard
