"""A campaign is read, checked and named by what it says, and says what it hears, asks and counts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.campaign import walking
from actors.campaign.compiled import BYTES_MAX, CompiledCampaign, check, parse
from actors.commands import Refusal
from tests import any_campaign
from tests.campaign_world import EVENT, SMS, checked, errors, taken, words

FULL: dict[str, Any] = {
    "name": "购物车遗弃",
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "tags": ["cart", "autumn"],
    "priority": 5,
    "holdout_percent": "5.0",
    "valid": {"begins": "2025-11-01T00:00:00+08:00", "ends": "2025-12-01T00:00:00+08:00"},
    "trigger": {
        "type": "no_action", "event": "add_to_cart", "seconds": 3600, "idle": True,
        "where": [
            {"field": "flagged", "op": "=", "value": False},
            {"field": "category", "op": "in", "value": ["tea", "cups"]},
        ],
        "none_of": [{"event": "purchase_complete"}, {"event": "cart_cleared"}],
    },
    "when": {"type": "all", "of": [
        {"type": "cart", "of": "value", "op": ">=", "value": 10_000},
        {"type": "count", "event": "purchase_complete", "within": {"days": 30}, "net": True, "op": "<", "value": 3},
        {"type": "did", "event": "share", "but_not": [{"event": "click"}, {"event": "favorite"}]},
    ]},
    "exit": {"type": "after_trigger", "event": "purchase_complete"},
    "steps": [
        {"type": "send_notification", "channel": "sms", "template": "remind", "parameters": {"b": 1, "a": "x"}},
        {"type": "wait_for", "event": "click", "seconds": 1800, "then": [{"type": "stop"}], "else": [
            {"type": "issue_coupon", "template": "cart_save_10", "on_refused": [
                {"codes": ["sold_out", "capped"], "then": [{"type": "give_points", "points": 50}]}]}]},
        {"type": "branch", "when": {"type": "tier", "op": "in", "value": ["gold", "silver"]},
         "then": [{"type": "emit", "effect": "gift"}]},
    ],
    "limits": [
        {"count": 1, "window": {"days": 1}},
        {"count": 3, "scope": "channel:sms", "window": {"calendar": "week"}},
    ],
    "under_way": "move",
}  # fmt: skip


def test_the_same_campaign_in_other_words_is_the_same_version() -> None:
    other = msgspec.json.decode(msgspec.json.encode(FULL, order="sorted"))
    other["tags"] = ["autumn", "cart", "cart"]
    other["holdout_percent"] = "5"
    other["valid"]["begins"] = "2025-10-31T16:00:00Z"
    other["trigger"]["where"] = [
        {"field": "category", "op": "in", "value": ["cups", "tea"]}, {"field": "flagged", "op": "=", "value": False},
    ]  # fmt: skip
    other["trigger"]["none_of"].reverse()
    other["when"]["of"][2]["but_not"].reverse()
    other["steps"][2]["when"]["value"] = ["silver", "gold"]
    other["steps"][1]["else"][0]["on_refused"][0]["codes"].reverse()
    other["priority"] = 5
    assert taken(other).version == taken(FULL).version


def test_a_campaign_is_named_alike_for_ever() -> None:
    assert taken(FULL).version == "d78f38fadd812ce9"


@pytest.mark.parametrize("name", sorted(FULL))
def test_campaigns_that_differ_in_anything_have_different_versions(name: str) -> None:
    changed = {
        "name": "other", "trigger": {**FULL["trigger"], "seconds": 3601}, "steps": [SMS], "currency": "JPY",
        "tags": ["cart"], "limits": [],
    }  # fmt: skip
    other = {key: value for key, value in FULL.items() if key != name}
    if name in changed:
        other[name] = changed[name]
    assert taken(other).version != taken(FULL).version


def test_the_order_of_conditions_and_steps_is_part_of_what_is_said() -> None:
    other = {**FULL, "when": {**FULL["when"], "of": FULL["when"]["of"][::-1]}}
    assert taken(other).version != taken(FULL).version


@given(any_campaign.campaigns)
def test_the_normal_form_of_a_normal_form_is_the_same(campaign: dict[str, Any]) -> None:
    found = checked(campaign).campaign
    if found is not None:
        again = parse(found.canonical)
        assert isinstance(again, CompiledCampaign)
        assert (again.canonical, again.version) == (found.canonical, found.version)
        written_out = parse(msgspec.json.encode(found.campaign))
        assert isinstance(written_out, CompiledCampaign)
        assert written_out.version == found.version


def test_it_knows_what_it_hears_asks_counts_and_awaits() -> None:
    campaign = taken(FULL)
    assert campaign.hears == {"add_to_cart", "purchase_complete", "cart_cleared", ""}
    assert campaign.awaits == {"click"}
    assert campaign.asks == {"cart", "tier"}
    counted = [spec.event for spec in campaign.counters.values()]
    assert counted == ["purchase_complete", "share", "click", "favorite", "purchase_complete"]


def test_a_change_is_of_any_event_that_its_counters_count_or_take_back() -> None:
    bought = {"type": "count", "event": "purchase_complete", "net": True, "op": ">", "value": 3}
    viewed = {"type": "count", "event": "product_view", "op": ">", "value": 3}
    change = {"type": "change"}
    assert taken(words(trigger=change, when=viewed)).hears == {"product_view"}
    net = taken(words(trigger=change, when={"type": "any", "of": [bought, viewed]})).hears
    assert net == {"product_view", "purchase_complete", "order_refunded", "order_cancelled"}


@pytest.mark.parametrize(
    ("trigger", "hears"),
    [
        (EVENT, {"product_view"}),
        ({"type": "absent_for", "days": 30}, {"purchase_complete"}),
        ({"type": "no_action", "event": "x", "seconds": 5}, {"x"}),
        ({"type": "schedule", "cron": "0 10 * * *"}, set[str]()),
        ({"type": "birthday"}, set[str]()),
        ({"type": "before", "what": "coupon_end", "days": 1}, set[str]()),
        ({"type": "cart_idle", "seconds": 60}, set[str]()),
    ],
)
def test_each_trigger_hears_what_may_start_it(trigger: Any, hears: set[str]) -> None:
    assert taken(words(trigger=trigger)).hears == hears


def test_users_enter_from_begin_to_end() -> None:
    campaign = taken(FULL)
    assert campaign.begins is not None
    assert campaign.ends is not None
    entered = [campaign.is_valid(at) for at in (campaign.begins - 1, campaign.begins, campaign.ends - 1, campaign.ends)]
    assert entered == [False, True, True, False]
    assert taken(words()).is_valid(0)


def test_the_holdout_is_a_share_of_one() -> None:
    assert str(taken(FULL).holdout) == "1/20"


def test_a_mistake_is_told_with_its_place() -> None:
    other = msgspec.json.decode(msgspec.json.encode(FULL))
    other["steps"][1]["else"][0]["on_refused"][0]["then"][0]["points"] = 0
    assert list(errors(other)) == ["steps[1].else[0].on_refused[0].then[0].points"]
    other = msgspec.json.decode(msgspec.json.encode(FULL))
    other["when"]["of"][1]["windows"] = {}
    assert list(errors(other)) == ["when.of[1].windows"]


def test_a_campaign_is_bounded_in_bytes() -> None:
    campaign = msgspec.json.encode(words())
    assert check(campaign + b" " * (BYTES_MAX - len(campaign))).campaign
    found = check(campaign + b" " * (BYTES_MAX + 1 - len(campaign)))
    assert str(BYTES_MAX) in found.problems.errors[0].message


def test_nesting_without_end_is_refused_however_it_is_written() -> None:
    for depth in (9, 200, 2_000):
        deep = b'{"type":"not","of":' * depth + b'{"type":"points","op":"=","value":1}' + b"}" * depth
        found = check(b'{"name":"n","trigger":{"type":"change"},"steps":[{"type":"stop"}],"when":' + deep + b"}")
        assert found.problems.errors[0].code in ("too_deep", "not_json", "too_long")
        branch = b'{"type":"branch","when":{"type":"points","op":"=","value":1},"then":['
        steps = branch * depth + b'{"type":"stop"}' + b"]}" * depth
        found = check(b'{"name":"n","trigger":{"type":"event","event":"x"},"steps":[' + steps + b"]}")
        assert found.problems.errors[0].code in ("too_many", "not_json", "too_long")


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(json | st.binary(max_size=40))
def test_no_json_and_no_bytes_make_the_reader_raise(data: Any) -> None:
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    assert isinstance(parse(raw), Refusal)
    assert check(raw).problems.errors


@given(any_campaign.campaigns, st.data())
def test_no_small_change_makes_the_reader_raise(drawn: dict[str, Any], data: st.DataObject) -> None:
    campaign = deepcopy(drawn)  # examples have parts in common, which later ones must find unchanged
    inside: Any = campaign
    while True:
        keys = sorted(inside) if isinstance(inside, dict) else list(range(len(inside)))
        place = data.draw(st.sampled_from(keys))
        below = inside[place]
        if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
            break
        inside = below
    inside[place] = data.draw(json)
    found = checked(campaign)
    assert found.campaign is not None or found.problems.errors
    assert all(error.message for error in found.problems.errors)


@given(any_campaign.campaigns)
def test_whatever_is_taken_has_an_instruction_for_every_step_that_does_something(campaign: dict[str, Any]) -> None:
    found = checked(campaign).campaign
    if found is not None:
        places = {placed.place for placed in walking.steps(found.campaign)}
        assert set(found.program.numbers) == places
