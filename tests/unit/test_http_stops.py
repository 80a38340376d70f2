"""Stop buttons over HTTP, with a whole engine behind them: pressed, in force in every segment, and told of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from actors.stops.stops import REASON_BYTES_MAX
from supervision.entry import segment_of
from tests.cells import settle
from tests.gateway_world import is_problem
from tests.http_world import SEGMENTS, HttpWorld, http_world
from tests.unit.test_http_campaigns import active

IN_FORCE_S_MAX = 2.0
USERS = {segment_of(f"user:{n}", SEGMENTS): f"{n}" for n in range(40)}
"""One of each segment."""


@pytest.fixture
def shop(tmp_path: Any) -> Iterator[HttpWorld]:
    with http_world(tmp_path) as world:
        yield world


def press(shop: HttpWorld, verb: str, reason: str = "", **scope: Any) -> httpx.Response:
    return shop.post(f"/v1/{verb}", {"scope": scope, "reason": reason})


def earns(shop: HttpWorld, user: str, n: int = 1) -> None:
    """Ten points, the user's `n`-th."""
    shop.done(user, "accruals", f"{user}-{n}", points=10, reason="purchase_order")


def comes(shop: HttpWorld, user: str, said: tuple[str, str], campaign: str = "c") -> None:
    """That is the last word of the campaign soon."""

    def last() -> tuple[str, str]:
        found = shop.get(f"/v1/users/{user}/why", params={"campaign": campaign}).json().get("last")
        return (found[0]["outcome"], found[0]["reason"]) if found else ("", "")

    settle(shop.runtime, lambda: last() == said)


def messages(shop: HttpWorld, user: str) -> list[tuple[str, str]]:
    """(what became of it, why) of each message, newest first."""
    sections = shop.get(f"/v1/users/{user}/export").json()["sections"]
    lines = next((one["records"] for one in sections if one["domain"] == "notification"), [])
    return [(line["message"], line.get("reason", "")) for line in lines if line["channel"] == "push"]


def test_a_stop_is_in_force_in_every_segment_within_two_seconds_and_so_is_a_go(shop: HttpWorld) -> None:
    active(shop, "c", limits=[])
    assert len(USERS) == SEGMENTS
    pressed = (("stop", ("not_entered", "stopped")), ("go", ("finished", "finished")))
    for number, (verb, said) in enumerate(pressed, 1):
        began = time.monotonic()
        answer = press(shop, verb, all=True)
        assert answer.status_code == 200 and time.monotonic() - began < IN_FORCE_S_MAX, answer.text
        for user in USERS.values():
            earns(shop, user, number)
            comes(shop, user, said)


def test_pressing_a_button_again_changes_nothing(shop: HttpWorld) -> None:
    assert press(shop, "go", all=True).json() == {"version": "", "number": 0, "changed": False}
    first = press(shop, "stop", "too many", channel="sms").json()
    again = press(shop, "stop", "really", channel="sms").json()
    assert first["changed"] and again == {**first, "changed": False}
    assert press(shop, "go", channel="sms").json()["number"] == 2
    assert press(shop, "go", channel="sms").json() == {**press(shop, "go", channel="sms").json(), "changed": False}
    assert shop.get("/v1/stops").json()["stopped"] == []


def test_who_stopped_what_when_and_why_is_told_and_kept(shop: HttpWorld) -> None:
    active(shop, "c")
    press(shop, "stop", "wrong price", campaign="c")
    press(shop, "stop", channel="email")
    press(shop, "go", "price is right", campaign="c")
    shown = shop.get("/v1/stops").json()
    assert [(one["scope"], one["reason"]) for one in shown["stopped"]] == [("channel:email", "")]
    assert [(one["number"], one["verb"], one["scope"], one["reason"]) for one in shown["history"]] == [
        (3, "go", "campaign:c", "price is right"),
        (2, "stop", "channel:email", ""),
        (1, "stop", "campaign:c", "wrong price"),
    ]
    assert all(one["by"] and one["at"] for one in shown["history"]) and shown["stopped"][0]["by"]
    page = shop.get("/v1/stops", params={"limit": 2}).json()
    rest = shop.get("/v1/stops", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert page["history"] + rest["history"] == shown["history"] and not rest["has_more"]


def test_everything_being_let_go_leaves_stopped_what_was_stopped_by_itself(shop: HttpWorld) -> None:
    active(shop, "c")
    press(shop, "stop", campaign="c")
    press(shop, "stop", all=True)
    press(shop, "go", all=True)
    assert [one["scope"] for one in shop.get("/v1/stops").json()["stopped"]] == ["campaign:c"]
    earns(shop, "1")
    comes(shop, "1", ("not_entered", "stopped"))


def test_a_message_that_is_stopped_is_held_and_sent_after_go(shop: HttpWorld) -> None:
    step = {"type": "send_notification", "channel": "push", "template": "points_earned"}
    active(shop, "c", steps=[step | {"parameters": {"points": 1, "balance": 1, "reason": "gift"}}])
    press(shop, "stop", channel="push")
    for user in USERS.values():
        earns(shop, user)
        settle(shop.runtime, lambda user=user: messages(shop, user) == [("held", "stopped")])
    press(shop, "go", channel="push")
    for user in USERS.values():
        settle(shop.runtime, lambda user=user: [word for word, _ in messages(shop, user)] == ["sent", "held"])


def test_presses_that_come_at_once_are_all_in_force(shop: HttpWorld) -> None:
    channels = ["sms", "email", "push", "in_app"]

    async def all_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
        bodies = [{"scope": {"channel": channel}} for channel in channels]
        return await asyncio.gather(*[client.post("/v1/stop", json=body) for body in bodies])

    assert [answer.status_code for answer in shop.talk(all_at_once)] == [200] * len(channels)
    stopped = [one["scope"] for one in shop.get("/v1/stops").json()["stopped"]]
    assert stopped == sorted(f"channel:{channel}" for channel in channels)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"scope": {}}, "one_of", "scope"),
        ({"scope": {"all": True, "channel": "sms"}}, "one_of", "scope"),
        ({"scope": {"all": False}}, "unknown_value", "scope.all"),
        ({"scope": {"channel": "fax"}}, "unknown_value", "scope.channel"),
        ({"scope": {"tag": "x"}}, "unknown_field", "scope.tag"),
        ({}, "missing", "scope"),
        ({"scope": {"all": True}, "reason": "x" * (REASON_BYTES_MAX + 1)}, "too_long", "reason"),
    ],
)
def test_a_press_that_names_nothing_that_can_be_stopped_is_refused(
    shop: HttpWorld, body: dict[str, Any], code: str, field: str
) -> None:
    [error] = is_problem(shop.post("/v1/stop", body), 422, "bad_field")["errors"]
    assert (error["code"], error["field"]) == (code, field)
    is_problem(press(shop, "stop", campaign="nowhere"), 404, "unknown_campaign")
    is_problem(shop.request("POST", "/v1/stop", content=b"{"), 400, "not_json")
