"""Whatever is sent to the HTTP door: no 500, no exception, and every refusal says its reason."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway_world import LATER, World, change, is_problem

WORLD = World()
"""One for all examples: nothing that was sent may spoil it for what comes after."""
WORLD.give_account("u", (5, LATER))
EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SEGMENTS = (
    "v1", "users", "parked", "u", "points", "records", "retry", "resume", "%2F", "%", "%ff", "", "*", "."
)  # fmt: skip
PARAMETERS = ("limit", "cursor", "min_offset", "segment", "x")
FIELDS = (
    "event_type",
    "user_id",
    "change_type",
    "points",
    "reason",
    "order_id",
    "timestamp",
    "metadata",
    "event_id",
    "x",
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """A good message with some of its fields spoiled or missing."""
    message = change(event_id=draw(st.sampled_from(["e1", "e2", "e3"])))
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        message[field] = draw(JSON)
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=1)):
        message.pop(field, None)
    return message


def judged(answer: httpx.Response, sent: int | None = None) -> None:
    """Fails unless each element sent is in exactly one of the two lists, or all is refused as a client's mistake."""
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        is_problem(answer, answer.status_code, answer.json()["code"])
        return
    body = answer.json()
    indexes = [one["index"] for one in body["accepted"] + body["rejected"]]
    assert sorted(indexes) == list(range(len(indexes) if sent is None else sent))
    assert all(one["code"] and one["message"] and "field" in one for one in body["rejected"])


@EXAMPLES
@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    judged(WORLD.post("/v1/events", content=body))


@EXAMPLES
@given(st.lists(changes(), min_size=1, max_size=5))
def test_messages_with_anything_in_their_fields(messages: list[dict[str, Any]]) -> None:
    judged(WORLD.post("/v1/events", content=msgspec.json.encode(messages)), len(messages))


@EXAMPLES
@given(changes(), st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_message_with_bytes_overwritten(message: dict[str, Any], at: int, noise: bytes) -> None:
    body = bytearray(msgspec.json.encode(message))
    body[at : at + len(noise)] = noise
    judged(WORLD.post("/v1/events", content=bytes(body)))


@EXAMPLES
@given(changes(), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_idempotency_key(message: dict[str, Any], key: bytes) -> None:
    judged(WORLD.post("/v1/events", content=msgspec.json.encode(message), headers=[(b"idempotency-key", key)]))


@EXAMPLES
@given(
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "BREW"]),
    st.lists(st.sampled_from(SEGMENTS) | st.text("ab%/:~.\0", max_size=4), max_size=6),
    st.lists(st.tuples(st.sampled_from(PARAMETERS), st.text(max_size=8)), max_size=3),
)
def test_any_path_method_and_query(method: str, segments: list[str], query: list[tuple[str, str]]) -> None:
    path = "/" + "/".join(segments)

    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        request = client.build_request(method, "/", params=[(k, v) for k, v in query if k != "min_offset" or v == "0"])
        raw = path.encode() + (b"?" + request.url.query if request.url.query else b"")
        request.url = request.url.copy_with(raw_path=raw.replace(b"\0", b"%00"))
        return await client.send(request)

    answer = WORLD.conversation(talk)
    assert answer.status_code < 500, (path, answer.text)
    if answer.status_code >= 400 and method != "HEAD":
        is_problem(answer, answer.status_code, answer.json()["code"])


def test_after_all_that_a_good_message_is_still_taken() -> None:
    assert WORLD.post("/v1/events", json=change("afterwards")).json()["accepted"]
    assert WORLD.bodies.held == 0
