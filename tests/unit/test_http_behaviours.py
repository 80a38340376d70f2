"""What users did, over HTTP with everything behind it: handed in, in both shapes, and asked for line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway import lines
from supervision.entry import segment_of
from supervision.messages import RecordRow
from tests.behaviour_world import FLAT, NESTED, message
from tests.cells import settle
from tests.gateway_world import SEGMENTS, World, is_problem
from tests.http_world import HttpWorld, http_world


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("http")) as world:
        yield world


def hand_in(shop: HttpWorld, *messages: dict[str, Any]) -> None:
    """All of them, and wait until they are folded."""
    answer = shop.post("/v1/events", list(messages)).json()
    assert answer["rejected"] == []
    engine = shop.wiring.engine
    for one in answer["accepted"]:
        segment, offset = one["segment"], one["offset"]
        engine.hurry(segment, "behaviour", offset)
        settle(shop.runtime, lambda s=segment, o=offset: engine.folded(s, "behaviour") >= o)


def events(shop: HttpWorld | World, user: str, **query: Any) -> dict[str, Any]:
    answer = shop.get(f"/v1/users/{user}/events", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_both_of_the_seeds_shapes_are_taken_and_told_newest_first(shop: HttpWorld) -> None:
    hand_in(shop, NESTED, *(message(**flat) for flat in FLAT))
    page = events(shop, "123456")
    assert [line["type"] for line in page["data"]] == [
        "purchase_complete", "add_to_cart", "product_view", "product_view"
    ]  # fmt: skip
    nested = page["data"][-1]
    assert nested["price"] == 29_900 and nested["currency"] == "CNY" and nested["occurred_at"].startswith("2025-09-20")
    assert nested["flags"] == ["late"], "the seed's example is of another year"
    assert (page["has_more"], page["next_cursor"]) == (False, None)


def test_a_message_that_no_door_can_read_is_rejected_with_its_field(shop: HttpWorld) -> None:
    answer = shop.post("/v1/events", [message("add_to_cart"), message(user_id=7), message(price=0.105)]).json()
    assert [(bad["code"], bad["field"]) for bad in answer["rejected"]] == [
        ("missing", "product_id"), ("wrong_type", "user_id"), ("too_precise", "price"),
    ]  # fmt: skip


def test_a_history_is_paged_by_type_and_since_when(shop: HttpWorld) -> None:
    words = ["click", "search", "click", "click", "search"]
    hand_in(shop, *(message(word, "anon:1", query=str(n)) for n, word in enumerate(words)))
    first = events(shop, "anon:1", limit=2)
    rest = events(shop, "anon:1", limit=3, cursor=first["next_cursor"])
    assert [line["query"] for line in first["data"] + rest["data"]] == ["4", "3", "2", "1", "0"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    clicks = events(shop, "anon:1", type="click", limit=2)
    assert [line["query"] for line in clicks["data"]] == ["3", "2"]
    assert [line["query"] for line in events(shop, "anon:1", type="click", cursor=clicks["next_cursor"])["data"]] == [
        "0"
    ]
    assert events(shop, "anon:1", **{"from": "2099-01-01T00:00:00Z"})["data"] == []
    assert len(events(shop, "anon:1", **{"from": "2020-01-01T00:00:00+08:00"})["data"]) == 5
    moment = first["data"][0]["at"]
    assert all(line["at"] >= moment for line in events(shop, "anon:1", **{"from": moment})["data"])


@pytest.mark.parametrize(
    "query", ["from=yesterday", "from=1969-12-31T00:00:00Z", "type=", "limit=0", "cursor=!!", "to=x"]
)
def test_a_parameter_that_is_none_is_refused_with_its_name(shop: HttpWorld, query: str) -> None:
    document = is_problem(shop.get(f"/v1/users/123456/events?{query}"), 400, "invalid_parameter")
    assert query.partition("=")[0] in [error["field"] for error in document["errors"]]


def test_a_user_of_whom_nothing_was_heard_is_not_found(shop: HttpWorld) -> None:
    is_problem(shop.get("/v1/users/nobody/events"), 404, "unknown_user")


def test_an_export_has_what_the_user_did_and_the_last_session(shop: HttpWorld) -> None:
    hand_in(shop, message("share", "sharer", session_id="s1"))
    sections = {section["domain"]: section for section in shop.get("/v1/users/sharer/export").json()["sections"]}
    section = sections["behaviour"]
    assert (section["session_id"], section["records_cursor"]) == ("s1", None)
    assert [line["type"] for line in section["records"]] == ["share"]
    assert section["began_at"] == section["last_at"] == section["records"][0]["at"]


def test_who_asks_needs_the_scope_and_who_hands_in_another() -> None:
    world = World()
    give_lines(world, ["click"])
    reader, writer = world.give_key("events:read"), world.give_key("events:write")
    assert world.get("/v1/users/u/events", headers=reader).status_code == 200
    is_problem(world.get("/v1/users/u/events", headers=writer), 403, "missing_scope")


def give_lines(world: World, words: list[str]) -> None:
    """A line for each word, of user u."""
    place = segment_of("user:u", SEGMENTS), "behaviour", "user:u"
    world.lines[place] = [
        RecordRow(
            "user:u", n, 0, msgspec.json.encode({"at": "2025-09-20T14:30:00.000Z", "type": word, "entry": f"{n}"})
        )
        for n, word in enumerate(words, 1)
    ]
    world.states[place] = b"\x91\x01"


def test_a_page_looks_at_so_many_lines_and_the_cursor_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINES_LOOKED_AT_MAX", 3)
    world = World()
    give_lines(world, ["share", *["click"] * 6, "share"])
    pages = [events(world, "u", type="share")]
    while pages[-1]["has_more"]:
        pages.append(events(world, "u", type="share", cursor=pages[-1]["next_cursor"]))
    assert [[line["entry"] for line in page["data"]] for page in pages] == [["8"], [], ["1"]]


def test_a_user_whose_lines_were_all_forgotten_is_still_known() -> None:
    world = World()
    give_lines(world, [])
    assert events(world, "u") == {"data": [], "next_cursor": None, "has_more": False}
