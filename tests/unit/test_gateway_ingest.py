"""`POST /v1/events`: what is taken, what is rejected element by element, and what is refused as a whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import msgspec
import pytest

from gateway.body import Bodies
from gateway.cut import cut, cut_by_brackets, cut_by_reading
from gateway.ingest import BODY_BYTES_MAX, KEY_BYTES_MAX, LIST_ITEMS_MAX, split
from gateway.problems import Problem
from supervision.entry import segment_of
from tests.gateway_world import SEGMENTS, World, change, is_problem


def test_one_message_is_answered_with_its_place_once_it_is_durable() -> None:
    world = World()
    answer = world.post("/v1/events", json=change(event_id="e1"))
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": [
            {"index": 0, "id": "e1", "segment": segment_of("user:123456", SEGMENTS), "offset": 1, "duplicate": False}
        ],
        "rejected": [],
    }


def test_the_sender_s_bytes_of_each_element_go_into_the_log_as_they_came() -> None:
    world = World()
    first = (
        b'{ "event_type":"points_change","user_id":"1","change_type":"increase","points":1,"reason":"r","x":[1.50] }'
    )
    second = first.replace(b'"1"', b'"\\u4e2d"')
    world.post("/v1/events", content=b" [" + first + b" ,\n" + second + b"]")
    assert [draft.body for draft in world.journal.drafts] == [first, second]
    assert [draft.subject for draft in world.journal.drafts] == ["user:1", "user:中"]


def test_a_bad_element_is_rejected_with_its_field_and_its_neighbours_are_accepted() -> None:
    answer = World().post("/v1/events", json=[change(), change(points=0), 5, change(user_id="")])
    body = answer.json()
    assert [a["index"] for a in body["accepted"]] == [0]
    assert [(r["index"], r["field"]) for r in body["rejected"]] == [(1, "points"), (2, ""), (3, "user_id")]
    assert all(r["code"] and r["message"] for r in body["rejected"])


def test_a_repeat_under_the_same_event_id_is_a_duplicate_at_the_same_place() -> None:
    world = World()
    first = world.post("/v1/events", json=change(event_id="e1")).json()["accepted"][0]
    again = world.post("/v1/events", json=change(event_id="e1")).json()["accepted"][0]
    assert again == {**first, "duplicate": True}


def test_the_same_id_with_another_message_is_rejected_as_reused_among_others_that_are_taken() -> None:
    world = World()
    world.post("/v1/events", json=change(event_id="e1"))
    body = world.post(
        "/v1/events", json=[change(points=0), change(event_id="e1", points=7), change(event_id="e2")]
    ).json()
    assert [r["code"] for r in body["rejected"]][1:] == ["id_reused"]
    assert [r["index"] for r in body["rejected"]] == [0, 1]
    assert [a["id"] for a in body["accepted"]] == ["e2"]


def test_a_reused_id_is_said_of_the_field_that_the_sender_used() -> None:
    world = World()
    for points in (1, 2):
        body = world.post(
            "/v1/events", json=[change(points=points), change(points=points, event_id="e")],
            headers={"Idempotency-Key": "k"},
        ).json()  # fmt: skip
    assert [(r["index"], r["code"], r["field"]) for r in body["rejected"]] == [
        (0, "id_reused", "Idempotency-Key"), (1, "id_reused", "event_id")
    ]  # fmt: skip


@pytest.mark.parametrize(("body", "ids"), [(change(), ["k"]), ([change(), change()], ["k/0", "k/1"])])
def test_an_idempotency_key_names_messages_without_an_id(body: Any, ids: list[str]) -> None:
    world = World()
    for duplicate in (False, True):
        answer = world.post("/v1/events", json=body, headers={"Idempotency-Key": "k"}).json()
        assert [(a["id"], a["duplicate"]) for a in answer["accepted"]] == [(id, duplicate) for id in ids]


def test_an_event_id_comes_before_the_idempotency_key() -> None:
    answer = World().post("/v1/events", json=change(event_id="e1"), headers={"Idempotency-Key": "k"}).json()
    assert answer["accepted"][0]["id"] == "e1"


def test_without_any_id_every_request_is_a_new_one() -> None:
    world = World()
    answers = [world.post("/v1/events", json=change()).json()["accepted"][0] for _ in range(2)]
    assert [a["duplicate"] for a in answers] == [False, False]
    assert answers[0]["id"] != answers[1]["id"]


@pytest.mark.parametrize("key", ["", "x" * (KEY_BYTES_MAX + 1), "a\tb"])
def test_a_key_that_is_no_id_is_refused_with_its_limit(key: str) -> None:
    document = is_problem(
        World().post("/v1/events", json=change(), headers={"Idempotency-Key": key}), 400, "invalid_parameter"
    )
    assert document["errors"][0]["field"] == "Idempotency-Key"
    assert str(KEY_BYTES_MAX) in document["message"]


def test_two_keys_or_a_key_that_is_no_utf8_are_refused() -> None:
    for headers in ([("Idempotency-Key", "a"), ("Idempotency-Key", "b")], [(b"Idempotency-Key", b"\xff")]):
        is_problem(World().post("/v1/events", json=change(), headers=headers), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b"[1,]", b"[nonsense, more]", b"NaN", b'{"a":NaN}', b"{}x", b'{"a":"\xff"}', b"\xef\xbb\xbf{}"],
)
def test_what_is_not_json_is_refused_as_a_whole(body: bytes) -> None:
    is_problem(World().post("/v1/events", content=body), 400, "not_json")


def test_a_message_with_a_number_that_json_does_not_have_is_refused_with_its_field() -> None:
    document = is_problem(World().post("/v1/events", content=json.dumps(change(points=float("nan")))), 400, "not_json")
    assert document["errors"] == [
        {"field": "points", "code": "not_a_number", "message": "points is NaN, and JSON has no such number"}
    ]


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_an_empty_body_is_called_empty(body: bytes) -> None:
    assert is_problem(World().post("/v1/events", content=body), 400, "not_json")["detail"] == "the body is empty"


@pytest.mark.parametrize(
    ("ill", "code", "field"),
    [
        (json.dumps(change(points=float("nan"))).encode(), "not_a_number", "points"),
        (json.dumps(change(metadata={"a": [1, float("-inf")]})).encode(), "not_a_number", "metadata.a.1"),
        (b'{"event_type":"points_change","user_id":"\\ud800"}', "not_utf8", "user_id"),
        (b'{"event_type":"points_change","user_id":"\xff\xfe"}', "not_utf8", "user_id"),
        (b'{"points":1e999}', "number_out_of_range", "points"),
        (b"Infinity", "not_a_number", ""),
        (b"nonsense", "not_json", ""),
        (b'{"a" 1}', "not_json", ""),
    ],
)
def test_an_element_that_is_no_json_is_rejected_by_itself(ill: bytes, code: str, field: str) -> None:
    good = json.dumps(change()).encode()
    body = World().post("/v1/events", content=b"[" + good + b", " + ill + b" ," + good + b"]").json()
    assert [a["index"] for a in body["accepted"]] == [0, 2]
    assert [(r["index"], r["code"], r["field"]) for r in body["rejected"]] == [(1, code, field)]


def test_a_list_of_nothing_but_such_elements_is_answered_one_by_one() -> None:
    body = World().post("/v1/events", content=b'[{"a":NaN},nonsense]').json()
    assert [(r["index"], r["code"]) for r in body["rejected"]] == [(0, "not_a_number"), (1, "not_json")]


@pytest.mark.parametrize("body", [b"1", b'"x"', b"null", b"true", b" 1.5 "])
def test_a_scalar_is_json_of_another_kind(body: bytes) -> None:
    is_problem(World().post("/v1/events", content=body), 422, "wrong_kind")


@pytest.mark.parametrize("size", [0, LIST_ITEMS_MAX + 1])
def test_a_list_that_is_empty_or_too_long_is_refused_with_the_limit(size: int) -> None:
    document = is_problem(World().post("/v1/events", json=[1] * size), 422, "list_size")
    assert str(LIST_ITEMS_MAX) in document["detail"] and str(size) in document["detail"]


def test_the_longest_list_is_taken() -> None:
    assert len(World().post("/v1/events", json=[change()] * LIST_ITEMS_MAX).json()["accepted"]) == LIST_ITEMS_MAX


def test_an_element_nested_beyond_any_decoder_is_rejected_and_its_neighbours_are_accepted() -> None:
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    good = json.dumps(change(note='[{",\\]')).encode()
    body = World().post("/v1/events", content=b"[" + deep + b"," + good + b", " + deep + b"]").json()
    assert [a["index"] for a in body["accepted"]] == [1]
    assert [(r["index"], r["code"]) for r in body["rejected"]] == [(0, "too_deep"), (2, "too_deep")]


def test_a_single_message_nested_beyond_any_decoder_is_rejected() -> None:
    body = World().post("/v1/events", content=b'{"a":' * 20_000 + b"1" + b"}" * 20_000).json()
    assert [r["code"] for r in body["rejected"]] == ["too_deep"]


@pytest.mark.parametrize("body", [b"[" * 9, b"[[}]", b"[1,]", b"[1]]", b"[1] 2", b"[{]", b'["]'])
def test_brackets_that_do_not_match_cut_into_nothing(body: bytes) -> None:
    assert cut_by_brackets(body) is None
    assert cut_by_reading(body) is None


def test_cutting_by_brackets_finds_what_decoding_finds() -> None:
    body = b' [ {"a":"],[\\"\\\\"} ,[[1],{}], "x,y" , 1.5e3, null ] '
    assert (
        cut_by_brackets(body)
        == cut_by_reading(body)
        == split(body)
        == [b'{"a":"],[\\"\\\\"}', b"[[1],{}]", b'"x,y"', b"1.5e3", b"null"]
    )


def test_both_ways_of_cutting_keep_the_bytes_of_what_the_decoder_does_not_take() -> None:
    elements = [
        b"NaN",
        b'{"a":"\\ud800\xc3\xa9\xff"}',
        b'"\t"',
        b"9" * 5_000,
        b"-Infinity",
        b'{"\xe7\xa7\xaf":[1e999]}',
    ]
    body = b"[" + b" ,\n".join(elements) + b"]\r\n"
    assert cut_by_reading(body) == cut_by_brackets(body) == elements


def test_what_no_reader_takes_is_still_cut() -> None:
    assert cut(b"[1, nonsense, {'a' 2}]") == [b"1", b"nonsense", b"{'a' 2}"]
    assert cut(b"[" + b"[" * 50_000 + b"]" * 50_000 + b",1]") == [b"[" * 50_000 + b"]" * 50_000, b"1"]


def test_a_message_over_its_own_limit_is_rejected_by_itself() -> None:
    body = World().post("/v1/events", json=[change(note="x" * 300_000), change()]).json()
    assert [(r["index"], r["code"]) for r in body["rejected"]] == [(0, "too_large")]
    assert [a["index"] for a in body["accepted"]] == [1]


def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not() -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 10_000

    too_large = b" " * (BODY_BYTES_MAX + 1)
    for content in (too_large, endless()):
        document = is_problem(World().post("/v1/events", content=content), 413, "too_large")
        assert str(BODY_BYTES_MAX) in document["detail"]


def test_a_body_of_exactly_the_limit_is_read() -> None:
    body = msgspec.json.encode(change())
    assert World().post("/v1/events", content=body + b" " * (BODY_BYTES_MAX - len(body))).status_code == 200


def test_a_compressed_body_is_refused() -> None:
    is_problem(World().post("/v1/events", content=b"x", headers={"Content-Encoding": "gzip"}), 415, "encoded_body")


def test_while_input_is_not_taken_the_answer_says_why_and_when_to_come_again() -> None:
    world = World()
    world.not_taking = ("the disk is nearly full",)
    answer = world.post("/v1/events", json=change())
    document = is_problem(answer, 503, "not_taking")
    assert "the disk is nearly full" in document["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert world.journal.drafts == []


def test_a_lost_segment_is_never_answered_with_success() -> None:
    world = World()
    world.journal.lost = True
    is_problem(world.post("/v1/events", json=change()), 503, "segment_lost")


def test_a_request_waits_for_the_journal_while_others_are_answered() -> None:
    world = World()
    world.journal.holds = True

    async def talk(client: httpx.AsyncClient) -> list[int]:
        waiting = [asyncio.create_task(client.post("/v1/events", json=change(user_id=str(n)))) for n in range(3)]
        health = await client.get("/livez")
        assert not any(task.done() for task in waiting)
        while len(world.journal._held) < 3:
            await asyncio.sleep(0)
        world.journal.release()
        return [health.status_code, *[(await task).status_code for task in waiting]]

    assert world.conversation(talk) == [200, 200, 200, 200]


def test_an_answer_that_does_not_come_is_neither_success_nor_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.answers import Waiter

    monkeypatch.setattr(Waiter.within, "__defaults__", (0.01,))
    world = World()
    world.journal.holds = True
    is_problem(world.post("/v1/events", json=change()), 503, "unanswered")
    world.journal.release()


def test_a_body_that_does_not_come_is_given_up_and_holds_nothing() -> None:
    async def stuck() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    world = World(Bodies(seconds_max=0.02))
    is_problem(world.post("/v1/events", content=stuck()), 408, "slow_body")
    assert world.bodies.held == 0


def test_all_bodies_together_have_a_limit_and_are_given_back() -> None:
    world = World(Bodies(together_max=1_000))
    is_problem(world.post("/v1/events", content=b" " * 1_001), 503, "busy")
    assert world.bodies.held == 0
    assert world.post("/v1/events", json=change()).status_code == 200
    assert world.bodies.held == 0


def test_split_refuses_as_values() -> None:
    assert isinstance(split(b"5"), Problem)
    assert split(b"{}") == [b"{}"]
