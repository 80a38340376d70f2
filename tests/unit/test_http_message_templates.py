"""Templates of messages over HTTP, with a whole engine behind it: put, switched, listed and tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import msgspec
import pytest

from actors.campaign.campaign import PARAMETER_CHARS_MAX
from actors.notification import directory as directories
from gateway.message_templates import directory
from tests.cells import settle
from tests.gateway_world import is_problem
from tests.http_world import HttpWorld, http_world

PATH = "/v1/notification-templates"
BILL: dict[str, Any] = {
    "default_locale": "zh-Hans",
    "texts": {
        "en": {"text": "{{ who }} owes {{ amount | money('CNY') }}"},
        "zh-Hans": {
            "email": {"body": "{{ amount | money('CNY') }}，{{ at | datetime }}", "subject": "{{ who }}的账单"},
            "text": "{{ who }}，{{ amount | money('CNY') }}",
        },
    },
    "variables": ["amount", "at", "who"],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("texts")) as world:
        yield world


def put(shop: HttpWorld, id: str, tag: str = "", **fields: Any) -> httpx.Response:
    headers = {"if-match": tag} if tag else {}
    return shop.request("PUT", f"{PATH}/{id}", json=BILL | fields, headers=headers)


def preview(shop: HttpWorld, id: str, **question: Any) -> httpx.Response:
    return shop.post(f"{PATH}/{id}/preview", question)


def test_a_new_template_is_a_draft_until_it_is_activated_and_archived_ones_may_come_back(shop: HttpWorld) -> None:
    answer = put(shop, "bill")
    assert answer.status_code == 200 and answer.json()["number"] == 1, answer.text
    shown = shop.get(f"{PATH}/bill")
    assert shown.json() == BILL and shown.headers["etag"] == answer.headers["etag"]
    assert shown.headers["template-status"] == "draft"
    for verb, status in (("activate", "active"), ("archive", "archived"), ("activate", "active")):
        assert shop.post(f"{PATH}/bill/{verb}", None).status_code == 200
        assert shop.get(f"{PATH}/bill").headers["template-status"] == status


def test_a_template_is_replaced_by_who_names_what_he_replaces(shop: HttpWorld) -> None:
    tag = put(shop, "twice").headers["etag"]
    assert is_problem(put(shop, "twice", name="b"), 428, "precondition_required")
    assert is_problem(put(shop, "twice", '"0123456789abcdef"', name="b"), 412, "precondition_failed")
    again = put(shop, "twice", tag, name="b")
    assert again.status_code == 200 and again.json()["number"] == 2
    assert put(shop, "twice", again.headers["etag"], name="b").json()["changed"] is False


def test_what_came_with_the_engine_is_shown_as_number_0_and_replaced_like_any_other(shop: HttpWorld) -> None:
    shown = shop.get(f"{PATH}/points_spent")
    assert (shown.headers["programme-number"], shown.headers["template-status"]) == ("0", "active")
    assert shown.json()["variables"] == ["balance", "order_id", "points", "reason"]
    own = shown.json() | {"texts": {"zh-Hans": {"text": "用了{{ points }}"}}}
    assert shop.request("PUT", f"{PATH}/points_spent", json=own).status_code == 428
    answer = shop.request("PUT", f"{PATH}/points_spent", json=own, headers={"if-match": shown.headers["etag"]})
    assert answer.status_code == 200 and answer.json()["number"] == 1, answer.text
    assert shop.get(f"{PATH}/points_spent").headers["template-status"] == "active"


def test_what_is_sent_of_a_fact_can_speak_of_nothing_but_the_fact(shop: HttpWorld) -> None:
    tag = shop.get(f"{PATH}/points_expired").headers["etag"]
    refused = put(shop, "points_expired", tag)
    assert is_problem(refused, 422, "refused_programme")
    assert refused.json()["errors"][0]["code"] == "unknown_variable" and "amount" in refused.json()["detail"]


def test_what_is_no_template_is_refused_with_its_place(shop: HttpWorld) -> None:
    refused = put(shop, "bad", texts={"zh-Hans": {"text": "{{ x.__class__ }}"}})
    assert is_problem(refused, 422, "refused_programme")
    assert refused.json()["errors"][0]["field"] == "texts.zh-Hans.text"
    assert is_problem(shop.get(f"{PATH}/bad"), 404, "unknown_template")


def test_all_templates_are_listed_with_those_that_nobody_has_put(shop: HttpWorld) -> None:
    put(shop, "a_listed")
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = shop.get(f"{PATH}?limit=3{cursor}").json()
        found += page["data"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    by_id = {one["id"]: one for one in found}
    assert list(by_id) == sorted(by_id) and len(by_id) == len(found)
    assert (by_id["a_listed"]["status"], by_id["a_listed"]["number"]) == ("draft", 1)
    built_in = by_id["cart_remind_sms"]
    assert (built_in["status"], built_in["number"]) == ("active", 0)
    assert shop.get(f"{PATH}/cart_remind_sms").headers["etag"] == f'"{built_in["version"]}"'


def test_a_preview_says_what_each_channel_would_and_how_long_an_sms_is(shop: HttpWorld) -> None:
    put(shop, "seen")
    parameters = {"who": "安", "amount": 123_456, "at": "2026-09-20T18:30:00Z"}
    found = preview(shop, "seen", parameters=parameters).json()
    assert (found["number"], found["status"], found["zone"]) == (1, "draft", "UTC")
    assert found["channels"]["sms"] == {
        "locale": "zh-Hans", "text": "安，¥1,234.56", "sms": {"alphabet": "ucs2", "units": 11, "segments": 1},
    }  # fmt: skip
    assert found["channels"]["email"] == {
        "locale": "zh-Hans", "title": "安的账单", "text": "¥1,234.56，2026年9月20日 18:30:00",
    }  # fmt: skip
    assert preview(shop, "seen", parameters=parameters, locale="en-GB").json()["channels"]["push"] == {
        "locale": "en", "text": "安 owes CN¥1,234.56",
    }  # fmt: skip


def test_a_preview_names_what_is_missing_on_which_channel(shop: HttpWorld) -> None:
    put(shop, "holes")
    channels = preview(shop, "holes", parameters={"who": "安"}).json()["channels"]
    assert {channel: one["missing"] for channel, one in channels.items()} == {
        "sms": ["amount"], "email": ["amount", "at"], "push": ["amount"], "in_app": ["amount"], "webhook": ["amount"],
    }  # fmt: skip
    assert {one["code"] for one in channels.values()} == {"missing_variable"}


def test_a_preview_for_a_user_is_in_his_language_and_zone(shop: HttpWorld) -> None:
    put(shop, "his")
    facts = {
        "event_type": "user_profile_update",
        "user_id": "ann",
        "profile_changes": {"locale": "en", "zone": "Asia/Tokyo"},
    }
    assert shop.post("/v1/events", facts, "ann-1").status_code == 200
    parameters = {"who": "Ann", "amount": 1, "at": "2026-09-20T18:30:00Z"}

    def seen() -> dict[str, Any]:
        return preview(shop, "his", parameters=parameters, user="ann").json()

    settle(shop.runtime, lambda: seen()["zone"] == "Asia/Tokyo")
    channels = seen()["channels"]
    assert channels["sms"]["locale"] == "en" and "2026" not in channels["sms"]["text"]
    assert preview(shop, "his", parameters=parameters, user="nobody").json()["zone"] == "UTC"


@pytest.mark.parametrize(
    ("question", "field"),
    [({"locale": "tlh"}, "locale"), ({"parameters": {"x": [1]}}, "parameters[...]"), ({"users": "1"}, "users")],
)
def test_a_question_that_is_none_is_refused_with_its_place(
    shop: HttpWorld, question: dict[str, Any], field: str
) -> None:
    refused = preview(shop, "cart_remind_sms", **question)
    assert is_problem(refused, 422, "bad_field") and refused.json()["errors"][0]["field"] == field


def test_a_value_longer_than_any_campaign_gives_is_not_tried(shop: HttpWorld) -> None:
    refused = preview(shop, "cart_remind_sms", parameters={"lines": "%" * (PARAMETER_CHARS_MAX + 1)})
    assert is_problem(refused, 422, "bad_field")["errors"][0]["code"] == "out_of_range"


def test_what_is_activated_needs_its_room_in_every_segment(shop: HttpWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for id in ("roomy", "late"):
        assert put(shop, id).status_code == 200
    assert shop.post(f"{PATH}/roomy/activate", None).status_code == 200
    with closing(shop.store.reader()) as reader:
        kept = len(msgspec.msgpack.encode(directory(reader, 0)))
    monkeypatch.setattr(directories, "BYTES_MAX", kept + 100)
    errors = is_problem(shop.post(f"{PATH}/late/activate", None), 422, "refused_programme")["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("id", "too_many")]
    for verb in ("activate", "archive"):
        assert shop.post(f"{PATH}/roomy/{verb}", None).status_code == 200, verb


def test_what_is_not_there_can_be_neither_shown_nor_tried(shop: HttpWorld) -> None:
    assert is_problem(shop.get(f"{PATH}/nope"), 404, "unknown_template")
    assert is_problem(preview(shop, "nope"), 404, "unknown_template")
