"""Parked entries and decisions about them over HTTP; health, metrics, schema, and what is no path at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import structlog.testing
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from actors.points.messages import CHANGES, POINTS_MAX, PointsChange
from actors.registry import COMMANDS
from gateway.health import Readiness
from supervision.engine_events import Decision
from supervision.entry import Origin, segment_of
from supervision.messages import ParkedRow
from tests.gateway_world import EPOCH, LATER, SEGMENTS, World, change, is_problem


def parked(subject: str, offset: int, domain: str = "points", segment: int | None = None) -> ParkedRow:
    place = segment_of(subject, SEGMENTS) if segment is None else segment
    return ParkedRow(place, domain, subject, offset, "KeyError", 3, 1_790_000_000_000)


def test_what_is_parked_is_listed_without_its_contents() -> None:
    world = World()
    world.parked = [parked("user:1", 5)]
    answer = world.get("/v1/parked").json()
    assert answer["data"] == [
        {
            "domain": "points", "segment": segment_of("user:1", SEGMENTS), "subject": "user:1", "offset": 5,
            "reason": "KeyError", "attempts": 3, "at": "2026-09-21T14:13:20.000Z",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_pages_of_parked_entries_hold_each_of_them_once_in_order(limit: int) -> None:
    world = World()
    world.parked = [parked(f"user:{n % 5}", n + 1, ("points", "notification")[n % 2]) for n in range(20)]
    world.parked += [parked("*", 9, segment=3), parked("*", 9, "notification", segment=3)]
    seen: list[tuple[int, str, str, int]] = []
    cursor = ""
    while True:
        page = world.get(f"/v1/parked?limit={limit}{cursor}").json()
        assert len(page["data"]) <= limit
        seen += [(row["segment"], row["domain"], row["subject"], row["offset"]) for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted((row.segment, row.domain, row.subject, row.offset) for row in world.parked)


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("GET", "/v1/users/u/points", "min_offset, as_of"), ("GET", "/v1/users/u/points/records", "limit, cursor"),
        ("GET", "/v1/parked", "limit, cursor"), ("POST", "/v1/parked/points/resume", "segment"),
    ],
)  # fmt: skip
def test_a_parameter_that_a_path_does_not_know_is_refused_with_those_it_knows(
    method: str, path: str, known: str
) -> None:
    document = is_problem(World().request(method, f"{path}?minoffset=5"), 400, "invalid_parameter")
    assert document["detail"] == f"there is no parameter 'minoffset' here; known: {known}"
    assert [error["field"] for error in document["errors"]] == ["minoffset"]


@pytest.mark.parametrize("query", ["cursor=zz", "cursor=kwEAAA", "limit=0"])
def test_a_cursor_or_limit_that_is_none_is_refused(query: str) -> None:
    is_problem(World().get(f"/v1/parked?{query}"), 400, "invalid_parameter")


@pytest.mark.parametrize("decision", ["retry", "discard"])
def test_a_decision_about_a_subject_is_an_entry_of_that_subject(decision: str) -> None:
    world = World()
    world.parked = [parked("user:a/b", 5)]
    answer = world.post(f"/v1/parked/points/user%3Aa%2Fb/{decision}")
    assert answer.status_code == 202
    segment = segment_of("user:a/b", SEGMENTS)
    assert answer.json() == {"place": f"{segment}.{EPOCH}.1", "segment": segment, "epoch": EPOCH, "offset": 1}
    (draft,) = world.journal.drafts
    assert (draft.kind, draft.subject, draft.origin) == (f"engine.{decision}", "user:a/b", Origin.OPERATOR)
    assert msgspec.json.decode(draft.body, type=Decision) == Decision("points", "user:a/b")


def test_a_domain_is_resumed_by_an_entry_of_its_segment() -> None:
    world = World()
    world.parked = [parked("*", 5, segment=3)]
    assert world.post("/v1/parked/points/resume?segment=3").status_code == 202
    (draft,) = world.journal.drafts
    assert (draft.kind, draft.subject, draft.origin) == ("engine.resume", "segment:03", Origin.OPERATOR)
    assert msgspec.json.decode(draft.body, type=Decision) == Decision("points")


@pytest.mark.parametrize(
    "path",
    [
        "points/user%3A2/retry", "notification/user%3A1/discard", "nothing/user%3A1/retry", "points/%2A/retry",
        "points/segment%3Ax/retry", "points/resume?segment=4", "notification/resume?segment=3",
    ],
)  # fmt: skip
def test_where_nothing_is_parked_there_is_nothing_to_decide(path: str) -> None:
    world = World()
    world.parked = [parked("user:1", 5), parked("*", 5, segment=3)]
    is_problem(world.post(f"/v1/parked/{path}"), 404, "not_parked")
    assert world.journal.drafts == []


@pytest.mark.parametrize("query", ["", "?segment=", "?segment=-1", f"?segment={SEGMENTS}", "?segment=x"])
def test_resuming_needs_a_segment_that_exists(query: str) -> None:
    document = is_problem(World().post(f"/v1/parked/points/resume{query}"), 400, "invalid_parameter")
    assert [error["field"] for error in document["errors"]] == ["segment"]


def test_decisions_are_taken_while_input_is_not() -> None:
    world = World()
    world.parked = [parked("user:1", 5)]
    world.not_taking = ("lag",)
    assert world.post("/v1/parked/points/user%3A1/retry").status_code == 202


def test_a_decision_on_a_lost_segment_is_not_answered_with_success() -> None:
    world = World()
    world.parked = [parked("user:1", 5)]
    world.journal.lost = True
    is_problem(world.post("/v1/parked/points/user%3A1/retry"), 503, "segment_lost")


def test_the_tree_is_shown_from_root_to_leaves() -> None:
    assert [row["path"] for row in World().get("/v1/tree").json()["data"]] == ["", "journal"]


def test_a_loop_that_does_not_tick_is_not_alive_and_is_named() -> None:
    world = World()
    assert world.get("/livez").json() == {"status": "ok", "reasons": []}
    world.ages = {"journal": 10.5, "bridge": 9.9}
    answer = world.get("/livez")
    assert answer.status_code == 503
    (reason,) = answer.json()["reasons"]
    assert "journal" in reason and "10 s" in reason


def test_readiness_says_every_reason_and_a_degraded_engine_is_still_ready() -> None:
    world = World()
    assert world.get("/readyz").json() == {"status": "ok", "reasons": []}
    world.readiness = Readiness(degraded=("the broker is away",))
    answer = world.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "reasons": ["the broker is away"]})
    world.readiness = Readiness(("starting",), ("the broker is away",))
    answer = world.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["starting", "the broker is away"])


def test_metrics_count_requests_by_route_and_never_by_path() -> None:
    world = World()
    world.give_account("alice", (5, LATER))
    world.get("/v1/users/alice/points")
    world.get("/v1/nothing/alice")
    world.request("BREW", "/livez")
    text = world.get("/metrics").text
    assert 'ganglion_http_requests_total{method="GET",route="/v1/users/{user_id}/points",status="200"} 1.0' in text
    assert 'method="other"' in text and 'route="unmatched"' in text
    assert "alice" not in text and "BREW" not in text
    assert "ganglion_unknown_metrics_total 0.0" in text


def test_no_log_line_holds_anything_a_person_sent() -> None:
    world = World()
    world.give_account("alice", (5, LATER))
    with structlog.testing.capture_logs() as lines:
        world.get("/v1/users/alice/points?min_offset=1")
        world.get("/v1/users/alice/points?min_offset=1&secret=alice")
        world.post("/v1/events", json=change("alice"))
        world.get("/nowhere/alice")
        world.get("/livez")
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/v1/users/{user_id}/points", 200), ("/v1/users/{user_id}/points", 400), ("/v1/events", 200),
        ("unmatched", 404),
    ]  # fmt: skip
    assert "alice" not in str(lines)


COMMANDS_OF_POINTS = (
    "accruals", "redemptions", "reservations", "reservations/{reservation_id}/confirm",
    "reservations/{reservation_id}/cancel", "reversals", "gifts", "adjustments",
)  # fmt: skip
COMMANDS_OF_COUPONS = ("holds", "holds/{order_id}", "redemptions", "redemptions/{order_id}/rollback", "transfer")


def test_the_schema_names_every_route_and_the_shape_of_refusals() -> None:
    answer = World().get("/schema")
    assert answer.status_code == 200
    schema = answer.json()
    assert set(schema["paths"]) == {
        "/v1/events", "/v1/users/{user_id}/events", "/v1/users/{user_id}/points", "/v1/users/{user_id}/points/records",
        "/v1/users/{user_id}/points/lots", "/v1/users/{user_id}/points/timeline", "/v1/users/{user_id}/tier",
        *(f"/v1/users/{{user_id}}/points/{what}" for what in COMMANDS_OF_POINTS), "/v1/points/estimate",
        "/v1/users/{user_id}/export", "/v1/users/{user_id}/cart", "/v1/parked",
        "/v1/parked/{domain}/{subject}/retry", "/v1/parked/{domain}/{subject}/discard", "/v1/parked/{domain}/resume",
        "/v1/coupon-jobs", *(f"/v1/coupon-jobs/{{job_id}}{word}" for word in ("", "/pause", "/continue", "/cancel")),
        "/v1/users/{user_id}/coupons", "/v1/coupons/validate", "/v1/coupons/{code}", "/v1/coupon-templates",
        *(f"/v1/coupons/{{code}}/{what}" for what in COMMANDS_OF_COUPONS),
        *(f"/v1/coupon-templates/{{template}}{word}" for word in ("", "/activate", "/pause", "/close", "/usage")),
        "/v1/coupon-templates/{template}/codes",
        "/v1/campaigns", "/v1/campaigns/check", "/v1/campaigns/test", "/v1/users/{user_id}/campaigns",
        *(f"/v1/campaigns/{{campaign}}{word}" for word in ("", "/activate", "/pause", "/archive")),
        "/v1/campaigns/{campaign}/stats", "/v1/users/{user_id}/why", "/v1/stop", "/v1/go", "/v1/stops",
        "/v1/notification-templates",
        *(f"/v1/notification-templates/{{template}}{word}" for word in ("", "/preview", "/activate", "/archive")),
        "/v1/tree", "/v1/points/programme", "/v1/audit", "/livez", "/readyz", "/metrics",
    }  # fmt: skip
    events = schema["paths"]["/v1/events"]["post"]
    assert "oneOf" in events["requestBody"]["content"]["application/json"]["schema"]
    assert {"200", "400", "413", "422", "503"} <= set(events["responses"])
    assert [(one["name"], one["in"]) for one in events["parameters"]] == [("Idempotency-Key", "header")]
    assert schema["components"]["securitySchemes"]["ApiKey"] == {"type": "http", "scheme": "bearer"}
    for path in ("/livez", "/readyz"):
        assert set(schema["paths"][path]["get"]["responses"]) == {"200", "503"}
    assert list(schema["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == ["text/plain"]


def test_the_schema_has_refusals_as_problem_json() -> None:
    for path, operations in World().get("/schema").json()["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400" and path not in ("/livez", "/readyz"):
                    assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_the_schema_has_the_fields_of_a_message_as_the_door_reads_them() -> None:
    one, *_ = _messages()
    fields = msgspec.structs.fields(PointsChange)
    assert set(one["properties"]) == {field.name for field in fields} | {"event_id"}
    assert one["required"] == [field.name for field in fields if field.required]
    assert one["properties"]["points"] | {"description": ""} == {
        "type": "integer", "minimum": 1, "maximum": POINTS_MAX, "description": ""
    }  # fmt: skip
    assert one["properties"]["change_type"]["enum"] == list(CHANGES)
    assert one["properties"]["order_id"]["type"] == ["string", "null"]
    assert one["properties"]["metadata"]["type"] == ["object", "null"]
    assert set(one["properties"]["metadata"]["properties"]) == {"referrer_id", "referrer_points"}


def test_the_schema_has_every_message_of_the_registry_alone_and_in_a_list() -> None:
    *each, many = _messages()
    assert {one["title"]: one["properties"]["event_type"]["const"] for one in each} == {name: name for name in COMMANDS}
    assert many["items"] == {"oneOf": each}
    changes = each[1]["properties"]["profile_changes"]
    assert set(changes["properties"]) == {"zone", "birthday", "locale"}
    assert changes["type"] == "object"


def _messages() -> list[dict[str, Any]]:
    events = World().get("/schema").json()["paths"]["/v1/events"]["post"]
    return events["requestBody"]["content"]["application/json"]["schema"]["oneOf"]


def test_metrics_say_their_charset_once() -> None:
    assert World().get("/metrics").headers["content-type"] == CONTENT_TYPE_LATEST


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/users", "/v1/users/", "/v1/users//points", "/v1/users/x/y", "/v2/events", "/*"]
)
def test_where_there_is_nothing_the_answer_is_a_problem(path: str) -> None:
    is_problem(World().get(path), 404, "unknown_path")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/events"), ("PUT", "/v1/events"), ("POST", "/livez"), ("BREW", "/livez"), ("HEAD", "/v1/events")],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str) -> None:
    answer = World().request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"]
    if method != "HEAD":
        is_problem(answer, 405, "method_not_allowed")


def test_head_is_get_without_the_body() -> None:
    answer = World().request("HEAD", "/livez")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_a_trailing_slash_makes_no_difference() -> None:
    world = World()
    world.give_account("u", (5, LATER))
    assert world.get("/v1/users/u/points/").status_code == 200


def test_a_bug_in_a_handler_is_a_problem_that_says_nothing_of_itself() -> None:
    world = World()
    world.states[segment_of("user:u", SEGMENTS), "points", "user:u"] = b"\xc1 not msgpack"
    with structlog.testing.capture_logs() as lines:
        document = is_problem(world.get("/v1/users/u/points"), 500, "internal")
    assert "msgpack" not in str(document)
    assert [line["event"] for line in lines] == ["request_failed", "http"]
