"""Campaigns over HTTP, with a whole engine behind it: put, switched, listed, checked, and asked why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from gateway import campaigns
from supervision.entry import segment_of
from tests.cells import settle
from tests.gateway_world import is_problem
from tests.http_world import SEGMENTS, HttpWorld, http_world

PATH = "/v1/campaigns"
EARNED: dict[str, Any] = {
    "name": "welcome back",
    "trigger": {"type": "event", "event": "points.earned"},
    "steps": [{"type": "emit", "effect": "gift"}],
}
SMS = {"type": "send_notification", "channel": "sms", "template": "t"}
SEED: dict[str, Any] = {
    "trigger_id": "CART_ABANDON_001",
    "trigger_name": "购物车遗弃触发",
    "conditions": {"event": "add_to_cart", "no_action_duration": 3600, "min_cart_value": 100},
    "actions": [
        {"type": "send_notification", "template": "cart_remind_sms", "delay": 0},
        {"type": "issue_coupon", "template": "cart_save_10", "delay": 1800},
    ],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with http_world(tmp_path_factory.mktemp("campaigns")) as world:
        yield world


def put(shop: HttpWorld, id: str, campaign: dict[str, Any], tag: str = "") -> httpx.Response:
    headers = {"if-match": tag} if tag else {}
    return shop.request("PUT", f"{PATH}/{id}", json=campaign, headers=headers)


def verb(shop: HttpWorld, id: str, verb: str) -> httpx.Response:
    return shop.post(f"{PATH}/{id}/{verb}", None)


def active(shop: HttpWorld, id: str, **fields: Any) -> None:
    for answer in (put(shop, id, EARNED | fields), verb(shop, id, "activate")):
        assert answer.status_code == 200, answer.text


def earns(shop: HttpWorld, user: str, n: int = 1) -> None:
    """Ten points, the user's `n`-th; what campaigns make of them stands in the store."""
    shop.done(user, "accruals", f"{user}-{n}", points=10, reason="purchase_order")
    settle(shop.runtime, lambda: _known(shop, user) == 10 * n)


def _known(shop: HttpWorld, user: str) -> int:
    """Points that campaigns have heard of."""
    held = shop.ports.user_campaigns.export(user, None, 1)
    return held.state["knows"]["points"] if held else 0


def test_a_new_campaign_is_a_draft_and_is_shown_in_our_form_without_defaults(shop: HttpWorld) -> None:
    answer = put(shop, "new", EARNED | {"priority": 0, "holdout_percent": "10/2"})
    assert answer.status_code == 200 and answer.json()["changed"] and answer.json()["number"] == 1
    shown = shop.get(f"{PATH}/new")
    assert shown.json() == EARNED | {"holdout_percent": "5"}
    assert shown.headers["etag"] == answer.headers["etag"]
    assert (shown.headers["campaign-status"], shown.headers["programme-number"]) == ("draft", "1")


def test_a_campaign_in_the_seeds_form_is_kept_in_ours_and_may_be_put_again_either_way(shop: HttpWorld) -> None:
    first = put(shop, "CART_ABANDON_001", SEED)
    assert first.status_code == 200, first.text
    shown = shop.get(f"{PATH}/CART_ABANDON_001")
    assert shown.json()["trigger"]["type"] == "no_action" and shown.json()["name"] == SEED["trigger_name"]
    for same in (SEED, shown.json()):
        again = put(shop, "CART_ABANDON_001", same, shown.headers["etag"])
        assert (again.json()["changed"], again.json()["number"]) == (False, 1)
    errors = is_problem(put(shop, "ANOTHER", SEED), 422, "refused_programme")["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("trigger_id", "other_id")]


def test_a_campaign_is_replaced_only_by_who_names_it_and_keeps_its_status(shop: HttpWorld) -> None:
    active(shop, "named")
    document = is_problem(put(shop, "named", EARNED | {"name": "x"}), 428, "precondition_required")
    tag = shop.get(f"{PATH}/named").headers["etag"]
    assert tag in document["detail"]
    is_problem(put(shop, "named", EARNED | {"name": "x"}, '"0"'), 412, "precondition_failed")
    assert put(shop, "named", EARNED | {"name": "x"}, tag).json()["number"] == 3
    assert shop.get(f"{PATH}/named").headers["campaign-status"] == "active"
    is_problem(put(shop, "unnamed", EARNED, tag), 412, "precondition_failed")


def test_a_campaign_becomes_only_what_it_may(shop: HttpWorld) -> None:
    put(shop, "life", EARNED)
    is_problem(verb(shop, "life", "pause"), 409, "no_such_change")
    for name in ("activate", "pause", "activate", "archive", "archive"):
        assert verb(shop, "life", name).status_code == 200
    assert shop.get(f"{PATH}/life").headers["programme-number"] == "5"
    is_problem(verb(shop, "life", "activate"), 409, "no_such_change")
    is_problem(put(shop, "life", EARNED, shop.get(f"{PATH}/life").headers["etag"]), 409, "no_such_change")
    is_problem(verb(shop, "nowhere", "activate"), 404, "unknown_campaign")
    is_problem(shop.get(f"{PATH}/nowhere"), 404, "unknown_campaign")
    is_problem(put(shop, "x" * 65, EARNED), 404, "unknown_campaign")


def test_all_that_is_wrong_with_a_campaign_is_said_at_once_with_its_place(shop: HttpWorld) -> None:
    is_problem(shop.request("PUT", f"{PATH}/bad", content=b"{"), 400, "not_json")
    steps = [{"type": "issue_coupon"}, {"type": "wait"}]
    errors = is_problem(put(shop, "bad", EARNED | {"steps": steps}), 422, "refused_programme")["errors"]
    assert {error["field"].partition(".")[0] for error in errors} == {"steps[0]", "steps[1]"}
    is_problem(shop.get(f"{PATH}/bad"), 404, "unknown_campaign")


def test_what_a_level_that_nobody_has_leads_to_is_done_instead(shop: HttpWorld) -> None:
    instead = [{"then": [{"type": "emit", "effect": "sorry"}], "codes": ["unknown_level"]}]
    active(shop, "raise", steps=[{"type": "upgrade_tier", "level": "none", "on_refused": instead}])
    shop.done("ida", "accruals", "ida-1", points=10, reason="purchase_order")
    why = "/v1/users/ida/why?campaign=raise"
    settle(shop.runtime, lambda: len(shop.get(why).json().get("data", ())) == 5)
    lines = shop.get(why).json()["data"]
    verb(shop, "raise", "archive")
    assert [line["outcome"] for line in lines] == ["finished", "acted", "refused", "acted", "entered"]
    assert lines[2]["reason"] == "unknown_level"


def test_a_webhook_to_an_endpoint_that_nobody_listed_is_refused_with_its_place(shop: HttpWorld) -> None:
    fields = {"steps": [SMS, {"type": "webhook", "endpoint": "stranger"}]}
    errors = is_problem(put(shop, "calls", EARNED | fields), 422, "refused_programme")["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("steps[1].endpoint", "unknown_endpoint")]
    assert not shop.post(f"{PATH}/check", EARNED | fields).json()["ok"]
    raw = {"steps": [{"type": "webhook", "url": "https://example.com/x"}]}
    is_problem(put(shop, "calls", EARNED | raw), 422, "refused_programme")


def test_what_its_author_may_have_misunderstood_is_told_with_the_put_and_does_not_stand_in_its_way(
    shop: HttpWorld,
) -> None:
    odd = SEED | {
        "trigger_id": "ODD",
        "frequency_limit": {"max_times_per_day": 3, "max_times_per_user": 1, "cool_down_hours": 24},
    }
    answer = put(shop, "ODD", odd)
    assert answer.status_code == 200 and answer.json()["warnings"], answer.text
    warnings = {(warning["field"], warning["code"]) for warning in answer.json()["warnings"]}
    checked = shop.post(f"{PATH}/check", odd).json()
    assert checked["ok"] and {(one["path"], one["code"]) for one in checked["problems"]} == warnings
    assert {one["severity"] for one in checked["problems"]} == {"warning"}


def test_a_check_says_the_normal_form_and_the_cost_and_writes_nothing(shop: HttpWorld) -> None:
    checked = shop.post(f"{PATH}/check", SEED | {"trigger_id": "UNHEARD_OF"}).json()
    assert checked["ok"] and checked["id"] == "UNHEARD_OF"
    assert checked["normal_form"]["trigger"]["type"] == "no_action"
    assert checked["cost"]["timers"] == 2 and checked["cost"]["bytes_per_user"] > 0
    is_problem(shop.get(f"{PATH}/UNHEARD_OF"), 404, "unknown_campaign")
    refused = shop.request("POST", f"{PATH}/check", content=b"nothing").json()
    assert not refused["ok"] and refused["normal_form"] is None and refused["problems"][0]["code"] == "not_json"


def test_a_campaign_is_tried_on_a_user_that_there_is_not(shop: HttpWorld) -> None:
    add = {"at": 0, "behavior_type": "add_to_cart", "product_id": "p1", "quantity": 1, "price": 299}
    timeline = shop.post(f"{PATH}/test", {"campaign": SEED, "events": [add]}).json()["timeline"]
    assert [(moment["outcome"], [effect["kind"] for effect in moment.get("effects", [])]) for moment in timeline] == [
        ("entered", []), ("acted", ["notify.requested"]), ("acted", ["coupon.issue"]), ("finished", [])
    ]  # fmt: skip
    assert timeline[1]["effects"][0]["template"] == "cart_remind_sms"
    bad = shop.post(f"{PATH}/test", {"campaign": SEED, "events": [{"at": 0}]})
    assert is_problem(bad, 422, "bad_field")["errors"][0]["field"] == "events[0].behavior_type"
    bad = shop.post(f"{PATH}/test", {"campaign": {}, "events": []})
    assert is_problem(bad, 422, "refused_programme")["errors"][0]["field"].startswith("campaign.")
    is_problem(shop.post(f"{PATH}/test", {"events": []}), 422, "bad_field")
    is_problem(shop.request("POST", f"{PATH}/test", content=b"{"), 400, "not_json")


def test_campaigns_are_listed_by_id_page_by_page(shop: HttpWorld) -> None:
    put(shop, "0-first", EARNED)
    put(shop, "0-second", EARNED)
    page = shop.get(f"{PATH}?limit=1").json()
    (line,) = page["data"]
    assert line["version"] and {name: line[name] for name in ("id", "name", "status", "trigger", "number")} == {
        "id": "0-first", "name": "welcome back", "status": "draft", "trigger": "event", "number": 1
    }  # fmt: skip
    after = shop.get(f"{PATH}?limit=500&cursor={page['next_cursor']}").json()
    assert after["data"][0]["id"] == "0-second" and not after["has_more"]


def test_no_more_campaigns_are_taken_than_every_segment_can_keep(
    shop: HttpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(shop, "kept", EARNED)
    monkeypatch.setattr(campaigns.directories, "BYTES_MAX", 100)
    errors = is_problem(put(shop, "beyond", EARNED), 422, "refused_programme")["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("id", "too_many")]
    grown = put(shop, "kept", EARNED | {"name": "longer"}, shop.get(f"{PATH}/kept").headers["etag"])
    is_problem(grown, 422, "refused_programme")


def test_why_says_each_decision_and_the_last_word_of_each_campaign(shop: HttpWorld) -> None:
    active(shop, "why-gift")
    active(shop, "why-late", steps=[{"type": "wait", "seconds": 3_600}, {"type": "emit", "effect": "late"}])
    condition = {"type": "points", "op": ">=", "value": 1_000}
    active(shop, "why-rich", when=condition)
    earns(shop, "ann")
    why = shop.get("/v1/users/ann/why?campaign=why-gift").json()
    assert [line["outcome"] for line in why["data"]] == ["finished", "acted", "entered"]
    assert all(line["campaign"] == "why-gift" and line["version"] and line["cause"] for line in why["data"])
    assert [word["outcome"] for word in why["last"]] == ["finished"]
    rich = shop.get("/v1/users/ann/why?campaign=why-rich").json()
    assert rich["data"] == [] and not rich["has_more"]
    (word,) = rich["last"]
    assert (word["outcome"], word["reason"], word["path"], word["saw"]) == ("not_entered", "when", "when", 10)
    is_problem(shop.get("/v1/users/nobody/why"), 404, "unknown_user")
    is_problem(shop.get("/v1/users/ann/why?cursor=x"), 400, "invalid_parameter")


def effects(shop: HttpWorld, user: str) -> dict[str, str]:
    """Kind -> message id, the newest, of what was said about the user."""
    subject = f"user:{user}"
    with closing(shop.store.reader()) as reader:
        log = reader.read_log(segment_of(subject, SEGMENTS), 0, 10_000, 10_000)
    return {entry.kind: entry.place for entry in log if entry.subject == subject and entry.route}


def test_why_of_an_effect_says_the_decisions_that_led_to_it_and_no_others(shop: HttpWorld) -> None:
    push = {"type": "send_notification", "channel": "push", "template": "points_earned"}
    text = {"parameters": {"points": 1, "balance": 1, "reason": "gift"}}
    active(shop, "led", steps=[{"type": "emit", "effect": "gift"}, push | text])
    active(shop, "led-not")
    earns(shop, "iris")
    settle(shop.runtime, lambda: "notify.push" in effects(shop, "iris"))
    said = effects(shop, "iris")

    def led(kind: str) -> list[tuple[str, str, str | None]]:
        lines = shop.get(f"/v1/users/iris/why?effect={said[kind]}").json()["data"]
        assert all(line.get("trigger", line["cause"]) == line["cause"] for line in lines), "both are places"
        return [(line["campaign"], line["outcome"], line.get("step")) for line in lines]

    assert led("notify.push") == led("message.sent") == [("led", "acted", "steps[1]"), ("led", "entered", None)]
    assert led("points.earned") == []
    exits = led("campaign.exited")
    assert exits[0][1] == "finished" and {campaign for campaign, _, _ in exits} == {exits[0][0]}
    other = shop.get(f"/v1/users/iris/why?effect={said['notify.push']}&campaign=led-not").json()
    assert other["data"] == [] and not other["has_more"]
    pushed = said["notify.push"]
    beyond = f"{pushed.partition('.')[0]}.1.{10**13 - 1}"
    for nothing in ("0.1.1", beyond, pushed.replace(".", ".1", 1), pushed + "999"):
        is_problem(shop.get(f"/v1/users/iris/why?effect={nothing}"), 404, "unknown_effect")
    for wrong in ("x", "0.1.0", "0.1." + "9" * 14, "0.1." + "9" * 19):
        is_problem(shop.get(f"/v1/users/iris/why?effect={wrong}"), 400, "invalid_parameter")


def test_why_of_an_effect_knows_its_step_also_where_that_lies_within_another_and_has_waited(shop: HttpWorld) -> None:
    within = {"type": "wait_for", "event": "points.spent", "seconds": 1}
    nothing = {"type": "send_notification", "channel": "in_app", "template": "no such text"}
    active(shop, "led.1.late", steps=[within | {"else": [nothing]}])
    earns(shop, "ivo")
    settle(shop.runtime, lambda: "notify.refused" in effects(shop, "ivo"))
    effect = effects(shop, "ivo")["notify.refused"]
    lines = shop.get(f"/v1/users/ivo/why?effect={effect}").json()["data"]
    assert [(line["campaign"], line["outcome"], line.get("step")) for line in lines] == [
        ("led.1.late", "acted", "steps[0].else[0]"), ("led.1.late", "entered", None)
    ]  # fmt: skip


def test_decisions_are_paged_newest_first_and_those_of_one_campaign_too(shop: HttpWorld) -> None:
    active(shop, "paged-a")
    active(shop, "paged-b")
    for n in (1, 2, 3):
        earns(shop, "pat", n)
    whole = shop.get("/v1/users/pat/why?limit=500").json()["data"]
    for query, wanted in (
        ("limit=2", whole),
        ("limit=2&campaign=paged-a", [line for line in whole if line["campaign"] == "paged-a"]),
    ):
        found, page = [], shop.get(f"/v1/users/pat/why?{query}").json()
        found += page["data"]
        while page["has_more"]:
            page = shop.get(f"/v1/users/pat/why?{query}&cursor={page['next_cursor']}").json()
            found += page["data"]
        assert found == wanted
    assert [line["offset"] for line in whole] == sorted((line["offset"] for line in whole), reverse=True)


def test_a_user_who_is_under_way_is_shown_with_the_step_and_what_is_waited_for(shop: HttpWorld) -> None:
    wait = {"type": "wait_for", "event": "points.spent", "seconds": 3_600}
    active(shop, "slow", steps=[{"type": "wait", "seconds": 60}, {"type": "emit", "effect": "late"}])
    active(shop, "waits", steps=[wait, {"type": "emit", "effect": "late"}])
    earns(shop, "eve")
    found = shop.get("/v1/users/eve/campaigns").json()
    run = {line["campaign"]: line for line in found["under_way"]}
    assert (run["slow"]["step"], run["slow"]["waits_for"]) == ("steps[0]", None)
    assert (run["waits"]["step"], run["waits"]["waits_for"]) == ("steps[0]", "points.spent")
    assert run["waits"]["until"] > run["waits"]["since"] >= run["waits"]["triggered_at"]
    assert {word["campaign"] for word in found["last"]} >= {"slow", "waits"}
    is_problem(shop.get("/v1/users/nobody/campaigns"), 404, "unknown_user")


def test_an_export_holds_what_campaigns_keep_of_a_user(shop: HttpWorld) -> None:
    active(shop, "exported")
    earns(shop, "exa")
    sections = {one["domain"]: one for one in shop.get("/v1/users/exa/export").json()["sections"]}
    assert sections["campaign"]["state"]["knows"]["points"] == 10
    assert {line["campaign"] for line in sections["campaign"]["records"]} >= {"exported"}


def test_each_change_is_in_the_audit_log_before_it_is_made(shop: HttpWorld) -> None:
    active(shop, "audited")
    switched, drafted = shop.ports.audit.page(2, None).data
    assert (drafted.what, drafted.about, drafted.old) == ("rules.change", "campaign:audited", None)
    assert switched.old["programme"]["status"] == "draft" and switched.new["programme"]["status"] == "active"


def test_what_a_campaign_came_to_is_counted_over_all_segments(shop: HttpWorld) -> None:
    active(shop, "counts", limits=[{"count": 1}], when={"type": "points", "op": ">=", "value": 1})
    assert shop.get(f"{PATH}/counts/stats").json()["entered"] == 0
    for n in range(6):
        earns(shop, f"counted{n}")
    earns(shop, "counted0", 2)
    settle(shop.runtime, lambda: shop.get(f"{PATH}/counts/stats").json()["capped"] == 1)
    stats = shop.get(f"{PATH}/counts/stats").json()
    assert stats == {
        "campaign": "counts", "status": "active", "counted": True, "entered": 6, "acted": 6, "capped": 1, "holdout": 0,
        "stopped": 0, "refused": {}, "exited": {"finished": 6}, "sent": 0, "held": {}, "suppressed": {},
    }  # fmt: skip
    is_problem(shop.get(f"{PATH}/nowhere/stats"), 404, "unknown_campaign")
