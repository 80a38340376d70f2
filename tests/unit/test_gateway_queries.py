"""Balances and records over HTTP: what is shown, what is waited for, and which ids can be asked about."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
import msgspec
import pytest

from gateway import routes_points
from supervision.entry import segment_of
from supervision.messages import ParkedRow, RecordRow
from tests.gateway_world import LATER, SEGMENTS, World, is_problem


def test_a_balance_says_its_lots_and_as_of_which_offset_it_is_true() -> None:
    world = World()
    segment = world.give_account("123456", (100, LATER), (50, LATER + 1), upto=41)
    answer = world.get("/v1/users/123456/points")
    assert answer.status_code == 200
    assert answer.json() == {
        "user_id": "123456",
        "available": 150,
        "lots": [
            {"points": 100, "expires_at": "2033-05-18T03:33:20.000Z"},
            {"points": 50, "expires_at": "2033-05-18T03:33:20.001Z"},
        ],
        "as_of": {"segment": segment, "offset": 41},
        "balance": 150,
        "pending": 0,
        "reserved": 0,
        "debt": 0,
        "wallets": {"main": {"available": 150, "pending": 0, "reserved": 0, "debt": 0}},
        "next_expiry": {"at": "2033-05-18T03:33:20.000Z", "points": 100},
        "tier": None,
        "at": "2026-09-21T14:13:20.000Z",
    }


def test_only_the_first_hundred_lots_are_shown_and_all_of_them_counted() -> None:
    world = World()
    world.give_account("u", *[(1, LATER + n) for n in range(150)])
    answer = world.get("/v1/users/u/points").json()
    assert (answer["available"], len(answer["lots"])) == (150, 100)


def test_an_unknown_user_is_not_found() -> None:
    is_problem(World().get("/v1/users/nobody/points"), 404, "unknown_user")
    is_problem(World().get("/v1/users/nobody/points/records"), 404, "unknown_user")


def test_a_user_whose_points_came_and_went_within_one_stage_has_none_and_is_not_unknown() -> None:
    world = World()
    segment = segment_of("user:u", SEGMENTS)
    world.lines[segment, "points", "user:u"] = [RecordRow("user:u", 7, 0, b'{"balance":0}')]
    answer = world.get("/v1/users/u/points")
    assert (answer.status_code, answer.json()["available"], answer.json()["lots"]) == (200, 0, [])


@pytest.mark.parametrize(
    "user_id", ["a/b", "a%2Fb", "中文", "a b?c=d#e", "..", "100%", "points", "a+b", "user:1", "🎉", "//"]
)
def test_an_id_may_hold_any_character_when_it_is_percent_encoded(user_id: str) -> None:
    world = World()
    world.give_account(user_id, (5, LATER))
    encoded = quote(user_id, safe="").replace(".", "%2E")
    assert world.get(f"/v1/users/{encoded}/points").json()["user_id"] == user_id
    assert world.get(f"/v1/users/{encoded}/points/records").json()["data"] == []


@pytest.mark.parametrize("path", ["/v1/users/%zz/points", "/v1/users/%ff/points", "/v1/users/%2/points", "/%"])
def test_a_path_that_cannot_be_decoded_is_refused(path: str) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        return await client.send(request)

    is_problem(World().conversation(talk), 400, "bad_path")


def test_what_is_folded_already_is_answered_without_troubling_the_cell() -> None:
    world = World()
    world.give_account("u", (5, LATER), upto=7)
    assert world.get("/v1/users/u/points?min_offset=7").status_code == 200
    assert world.hurried == []


def test_a_writer_waits_until_his_own_write_is_folded() -> None:
    world = World()
    segment = world.give_account("u", (5, LATER), upto=7)

    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        waiting = asyncio.create_task(client.get("/v1/users/u/points?min_offset=8"))
        while not world.hurried:
            await asyncio.sleep(0)
        assert not waiting.done()
        world.checkpoints[segment, "points"] = 8
        return await waiting

    assert world.conversation(talk).json()["as_of"]["offset"] == 8
    assert world.hurried == [(segment, "points", 8)]


def test_what_is_not_folded_in_time_is_not_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_points, "NOT_YET_S", 0.01)
    world = World()
    world.give_account("u", (5, LATER), upto=7)
    answer = world.get("/v1/users/u/points?min_offset=8")
    is_problem(answer, 503, "not_yet")
    assert "retry-after" in answer.headers


def test_who_waits_for_something_parked_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_points, "NOT_YET_S", 0.01)
    world = World()
    segment = world.give_account("u", (5, LATER), upto=9)
    world.parked = [ParkedRow(segment, "points", "user:u", 8, "raised", 3, 0)]
    assert world.get("/v1/users/u/points?min_offset=7").status_code == 200
    is_problem(world.get("/v1/users/u/points?min_offset=8"), 503, "parked")
    world.parked = [ParkedRow(segment, "points", "*", 9, "too many parks", 1, 0)]
    assert world.get("/v1/users/u/points?min_offset=9").status_code == 200
    is_problem(world.get("/v1/users/u/points?min_offset=10"), 503, "parked")


def test_who_waits_for_a_domain_that_is_parked_is_told_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_points, "NOT_YET_S", 3_600)
    world = World()
    segment = world.give_account("u", (5, LATER), upto=9)
    world.parked = [ParkedRow(segment, "points", "*", 9, "too many parks", 1, 0)]
    is_problem(world.get("/v1/users/u/points?min_offset=10"), 503, "parked")


def test_a_domain_that_is_parked_while_somebody_waits_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_points, "NOT_YET_S", 3_600)
    world = World()
    segment = world.give_account("u", (5, LATER), upto=9)

    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        waiting = asyncio.create_task(client.get("/v1/users/u/points?min_offset=10"))
        while not world.hurried:
            await asyncio.sleep(0)
        world.parked = [ParkedRow(segment, "points", "*", 9, "too many parks", 1, 0)]
        return await waiting

    is_problem(world.conversation(talk), 503, "parked")


@pytest.mark.parametrize("what", ["points", "points/records"])
@pytest.mark.parametrize(("subject", "words"), [("user:u", "his entries from offset 8"), ("*", "the domain points")])
def test_a_user_of_whom_all_is_parked_is_not_called_unknown_without_a_word(what: str, subject: str, words: str) -> None:
    world = World()
    world.parked = [ParkedRow(segment_of("user:u", SEGMENTS), "points", subject, 8, "raised", 3, 0)]
    document = is_problem(world.get(f"/v1/users/u/{what}"), 404, "unknown_user")
    assert "nothing of user 'u' is counted" in document["detail"] and words in document["detail"]


@pytest.mark.parametrize("query", ["min_offset=-1", "min_offset=x", f"min_offset={2**63}", "min_offset="])
def test_a_min_offset_that_is_none_is_refused_with_its_name(query: str) -> None:
    document = is_problem(World().get(f"/v1/users/u/points?{query}"), 400, "invalid_parameter")
    assert [error["field"] for error in document["errors"]] == ["min_offset"]
    assert document["detail"] == f"min_offset must be an integer from 0 to {2**63 - 1}"


def test_records_are_paged_newest_first_in_the_contract_s_order_of_fields() -> None:
    world = World()
    segment = world.give_account("u", (5, LATER))
    lines = [
        {"offset": n, "at": "2026-09-21T14:13:20.000Z", "change": "increase", "points": n, "balance": n,
         "reason": "r", "order_id": None, "cause": f"{segment}.1.{n}", "lots": []}
        for n in range(1, 6)
    ]  # fmt: skip
    world.lines[segment, "points", "user:u"] = [
        RecordRow("user:u", n, 0, msgspec.json.encode(line)) for n, line in enumerate(lines, 1)
    ]
    first = world.get("/v1/users/u/points/records?limit=3").json()
    assert [line["offset"] for line in first["data"]] == [5, 4, 3]
    names = ["offset", "at", "change", "points", "balance", "reason", "order_id", "cause"]
    assert list(first["data"][0])[:8] == names
    assert first["has_more"] is True
    last = world.get(f"/v1/users/u/points/records?limit=3&cursor={first['next_cursor']}").json()
    assert [line["offset"] for line in last["data"]] == [2, 1]
    assert (last["has_more"], last["next_cursor"]) == (False, None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=!!", "cursor=AAAA", "cursor=%00", "cursor=" + "A" * 2000]
)
def test_a_limit_or_cursor_that_is_none_is_refused_with_its_name(query: str) -> None:
    document = is_problem(World().get(f"/v1/users/u/points/records?{query}"), 400, "invalid_parameter")
    assert [error["field"] for error in document["errors"]] == [query.partition("=")[0]]


def test_a_store_that_refuses_is_503_and_its_reader_is_not_used_again() -> None:
    world = World()
    world.give_account("u", (5, LATER))
    world.store_refuses = True
    is_problem(world.get("/v1/users/u/points"), 503, "store_refuses")
    assert world.readers_open == 0
    world.store_refuses = False
    assert world.get("/v1/users/u/points").status_code == 200
    is_problem(world.get("/v1/users/x/points"), 404, "unknown_user")
    assert world.readers_open == 1


def test_a_user_lives_in_the_segment_of_his_subject() -> None:
    assert World().ports.points.segment("123456") == segment_of("user:123456", SEGMENTS)
