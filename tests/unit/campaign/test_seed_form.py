"""The original description's campaigns work as they are written there; what is not understood is refused."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.campaign import seed_form
from actors.campaign.campaign import LIMIT_COUNT_MAX
from actors.campaign.compiled import check, parse
from actors.commands import Refusal
from actors.windows.window_spec import WINDOW_DAYS_MAX
from tests.campaign_world import checked, taken

CART_ABANDON = """
{
  "trigger_id": "CART_ABANDON_001",
  "trigger_name": "购物车遗弃触发",
  "conditions": {
    "event": "add_to_cart",
    "no_action_duration": 3600,  // 1小时无操作
    "min_cart_value": 100        // 购物车价值>100元
  },
  "actions": [
    {
      "type": "send_notification",
      "template": "cart_remind_sms",
      "delay": 0
    },
    {
      "type": "issue_coupon", 
      "template": "cart_save_10",
      "delay": 1800  // 30分钟后发券
    }
  ]
}
"""  # noqa: W291 (verbatim)
VIP_UPGRADE = """
{
  "trigger_id": "VIP_UPGRADE",
  "conditions": {
    "and": [
      {"user_level": "silver"},
      {"purchase_amount_30d": ">= 1000"},
      {"login_days_30d": ">= 20"}
    ]
  },
  "actions": [
    {"type": "upgrade_vip", "level": "gold"},
    {"type": "send_congratulation"},
    {"type": "issue_vip_coupon_pack"}
  ]
}
"""
FREQUENCY = """
{
  "frequency_limit": {
    "max_times_per_day": 3,
    "max_times_per_user": 1,
    "cool_down_hours": 24
  }
}
"""


def as_written(text: str) -> dict[str, Any]:
    """The description's JSON without the comments that it has for its readers."""
    return msgspec.json.decode(re.sub(r"//.*", "", text).encode())


def ours(**fields: Any) -> str:
    return taken({"zone": "Asia/Shanghai"} | fields).version


def version(campaign: Any) -> str:
    found = checked(campaign, "Asia/Shanghai")
    assert found.campaign is not None, found.problems
    return found.campaign.version


def refusal(campaign: Any) -> Refusal:
    (error,) = checked(campaign).problems.errors
    return error


def seeds(conditions: Any, *actions: Any, **more: Any) -> dict[str, Any]:
    return {"trigger_id": "T", "conditions": conditions, "actions": actions or [{"type": "send_congratulation"}]} | more


BOUGHT = {"type": "after_trigger", "event": "purchase_complete"}


def test_the_abandoned_cart_is_read_as_it_is_written() -> None:
    worth = {"type": "cart", "of": "value", "op": ">=", "value": 10_000}
    assert checked(as_written(CART_ABANDON)).id == "CART_ABANDON_001"
    assert version(as_written(CART_ABANDON)) == ours(
        name="购物车遗弃触发",
        trigger={
            "type": "no_action", "event": "add_to_cart", "seconds": 3600, "idle": True,
            "none_of": [{"event": "purchase_complete"}],
        },
        when=worth,
        exit={"type": "any", "of": [BOUGHT, {"type": "not", "of": worth}]},
        steps=[
            {"type": "send_notification", "channel": "sms", "template": "cart_remind_sms"},
            {"type": "wait", "seconds": 1800},
            {"type": "issue_coupon", "template": "cart_save_10"},
        ],
    )  # fmt: skip


def test_the_vip_upgrade_is_read_as_it_is_written() -> None:
    assert version(as_written(VIP_UPGRADE)) == ours(
        name="VIP_UPGRADE",
        trigger={"type": "change"},
        when={"type": "all", "of": [
            {"type": "tier", "op": "=", "value": "silver"},
            {"type": "sum", "event": "purchase_complete", "field": "order_value", "net": True,
             "within": {"seconds": 30 * 86_400}, "op": ">=", "value": 100_000},
            {"type": "days", "event": "sign_in", "within": {"days": 30}, "op": ">=", "value": 20},
        ]},
        steps=[
            {"type": "upgrade_tier", "level": "gold"},
            {"type": "send_notification", "channel": "sms", "template": "congratulation"},
            {"type": "issue_coupon", "tag": "vip_coupon_pack"},
        ],
    )  # fmt: skip


def test_the_contradictory_limits_are_taken_and_named_where_they_stand() -> None:
    found = checked(as_written(CART_ABANDON) | as_written(FREQUENCY))
    assert found.campaign is not None
    assert [(one.scope, one.count) for one in found.campaign.limits] == [
        ("campaign", 3),
        ("campaign", 1),
        ("campaign", 1),
    ]
    assert {one.field: one.code for one in found.problems.warnings} == {
        "frequency_limit.max_times_per_day": "dead_limit", "frequency_limit.cool_down_hours": "dead_limit",
    }  # fmt: skip
    assert all("frequency_limit.max_times_per_user" in one.message for one in found.problems.warnings)


def test_what_it_becomes_is_written_in_our_form_and_read_back() -> None:
    found = checked(as_written(CART_ABANDON)).campaign
    assert found is not None
    again = parse(found.canonical)
    assert not isinstance(again, Refusal)
    assert again.version == found.version


@pytest.mark.parametrize(
    ("conditions", "leaf"),
    [
        ({"min_cart_value": 0.5}, {"type": "cart", "of": "value", "op": ">=", "value": 50}),
        ({"user_level": "!= gold"}, {"type": "tier", "op": "!=", "value": "gold"}),
        ({"points_balance": "> 5"}, {"type": "points", "op": ">", "value": 5}),
        ({"points_balance": 5}, {"type": "points", "op": "=", "value": 5}),
        (
            {"purchase_amount_7d": "<99.5"},
            {
                "type": "sum", "event": "purchase_complete", "field": "order_value", "net": True,
                "within": {"seconds": 7 * 86_400}, "op": "<", "value": 9_950,
            },
        ),
        (
            {"order_count_7d": ">= 2"},
            {
                "type": "count", "event": "purchase_complete", "net": True, "within": {"seconds": 7 * 86_400},
                "op": ">=", "value": 2,
            },
        ),
        (
            {"product_view_count_1d": "> 3"},
            {"type": "count", "event": "product_view", "within": {"seconds": 86_400}, "op": ">", "value": 3},
        ),
        (
            {"sign_in_days_7d": 7},
            {"type": "days", "event": "sign_in", "within": {"days": 7}, "op": "=", "value": 7},
        ),
        ({"not": {"user_level": "gold"}}, {"type": "not", "of": {"type": "tier", "op": "=", "value": "gold"}}),
        (
            {"or": [{"user_level": "gold", "points_balance": 5}, {"user_level": "silver"}]},
            {"type": "any", "of": [
                {"type": "all", "of": [
                    {"type": "tier", "op": "=", "value": "gold"}, {"type": "points", "op": "=", "value": 5},
                ]},
                {"type": "tier", "op": "=", "value": "silver"},
            ]},
        ),
    ],
)  # fmt: skip
def test_each_condition_has_a_meaning(conditions: Any, leaf: Any) -> None:
    steps = [{"type": "send_notification", "channel": "sms", "template": "congratulation"}]
    assert version(seeds(conditions)) == ours(name="T", trigger={"type": "change"}, when=leaf, steps=steps)


@pytest.mark.parametrize(
    ("condition", "leaf"),
    [
        ({"min_view_duration": 30}, {"field": "view_duration", "op": ">=", "value": 30}),
        ({"view_duration": "> 30"}, {"field": "view_duration", "op": ">", "value": 30}),
        ({"scroll_depth": ">= 0.8"}, {"field": "scroll_depth", "op": ">=", "value": 0.8}),
        ({"category": "electronics"}, {"field": "category", "op": "=", "value": "electronics"}),
        ({"category": "!= books"}, {"field": "category", "op": "!=", "value": "books"}),
        ({"first": True}, {"field": "first", "op": "=", "value": True}),
        ({"min_order_value": 500}, {"field": "order_value", "op": ">=", "value": 50_000}),
        ({"order_value": "> 499.99"}, {"field": "order_value", "op": ">", "value": 49_999}),
    ],
)
def test_with_an_event_its_fields_can_be_asked_for(condition: Any, leaf: Any) -> None:
    steps = [{"type": "send_notification", "channel": "sms", "template": "congratulation"}]
    trigger = {"type": "event", "event": "x"}
    assert version(seeds({"event": "x"} | condition)) == ours(
        name="T", trigger=trigger, when={"type": "event"} | leaf, steps=steps
    )


def test_an_abandoned_cart_without_a_least_value_is_not_empty() -> None:
    found = checked(seeds({"event": "add_to_cart", "no_action_duration": 60})).campaign
    assert found is not None
    assert found.campaign.when == taken({
        "name": "n", "trigger": {"type": "change"}, "steps": [{"type": "stop"}],
        "when": {"type": "cart", "of": "pieces", "op": ">=", "value": 1},
    }).campaign.when  # fmt: skip


def test_delays_are_counted_from_the_trigger_in_whatever_order_actions_stand() -> None:
    action = {"type": "issue_coupon"}
    late, now, soon = (action | {"template": name, "delay": s} for name, s in (("c", 90), ("a", 0), ("b", 30)))
    assert version(seeds({"event": "x"}, late, now, soon)) == ours(
        name="T", trigger={"type": "event", "event": "x"},
        steps=[
            action | {"template": "a"}, {"type": "wait", "seconds": 30}, action | {"template": "b"},
            {"type": "wait", "seconds": 60}, action | {"template": "c"},
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("template", "channel"),
    [("a_sms", "sms"), ("a_email", "email"), ("a_in_app", "in_app"), ("a", "sms"), ("push", "sms")],
)
def test_a_notification_goes_by_the_channel_that_its_template_ends_in(template: str, channel: str) -> None:
    steps = seed_form.steps((seed_form.SeedAction("send_notification", template),), "actions_if_match")
    assert not isinstance(steps, Refusal)
    assert [getattr(step, "channel", None) for step in steps] == [channel]


def test_actions_of_a_delayed_check_are_refused_at_their_own_place() -> None:
    steps = seed_form.steps((seed_form.SeedAction("issue_coupon"),), "actions_if_match")
    assert isinstance(steps, Refusal)
    assert steps.field == "actions_if_match[0].template"


DEEP: Any = {"user_level": "gold"}
for _ in range(20):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("campaign", "place", "code"),
    [
        (seeds({"shoe_size": 42}), "conditions.shoe_size", "unknown_field"),
        (seeds({"and": [{"user_level": "gold"}, {"shoe_size": 42}]}), "conditions.and[1].shoe_size", "unknown_field"),
        (seeds({"and": []}), "conditions.and", "out_of_range"),
        (seeds({"and": [{}]}), "conditions.and[0]", "missing"),
        (seeds({"and": {"user_level": "gold"}}), "conditions.and", "wrong_type"),
        (seeds([]), "conditions", "wrong_type"),
        (seeds({}), "conditions", "missing"),
        (seeds({"user_level": ">= gold"}), "conditions.user_level", "wrong_type"),
        (seeds({"login_days_30d": ">= many"}), "conditions.login_days_30d", "wrong_type"),
        (seeds({"login_days_30d": ">= 2.5"}), "conditions.login_days_30d", "wrong_type"),
        (seeds({"login_days_30d": "=> 20"}), "conditions.login_days_30d", "wrong_type"),
        (seeds({"login_days_9999d": ">= 20"}), "conditions.login_days_9999d", "out_of_range"),
        (seeds({"login_days_30d": ">= 31"}), "conditions.login_days_30d", "never_holds"),
        (seeds({"login_amount_30d": 3}), "conditions.login_amount_30d", "unknown_field"),
        (seeds({"purchase_amount_30d": ">= 0.001"}), "conditions.purchase_amount_30d", "too_precise"),
        (seeds({"purchase_amount_30d": ">= 1 000"}), "conditions.purchase_amount_30d", "wrong_type"),
        (seeds({"min_cart_value": "< 100"}), "conditions.min_cart_value", "wrong_type"),
        (seeds({"min_cart_value": -1}), "conditions.min_cart_value", "out_of_range"),
        (seeds({"no_action_duration": 60}), "conditions.event", "missing"),
        (seeds({"event": "x", "no_action_duration": 0}), "conditions.no_action_duration", "wrong_type"),
        (seeds({"event": "x y"}), "conditions.event", "wrong_type"),
        (seeds({"event": "x", "view": "> a"}), "conditions.view", "wrong_type"),
        (seeds({"event": "x", "view": [1]}), "conditions.view", "wrong_type"),
        (seeds({"event": "x", "a b": 1}), "conditions.a b", "unknown_field"),
        (seeds(DEEP), "conditions" + 16 * ".not", "too_deep"),
        (seeds({"event": "x"}, {"type": "send_gift"}), "actions[0].type", "unknown_value"),
        (seeds({"event": "x"}, {"type": "upgrade_vip"}), "actions[0].level", "missing"),
        (seeds({"event": "x"}, {"type": "issue_coupon"}), "actions[0].template", "missing"),
        (seeds({"event": "x"}, {"type": "send_congratulation", "delay": -1}), "actions[0].delay", "out_of_range"),
        (seeds({"event": "x"}, frequency_limit={"per_day": 1}), "frequency_limit.per_day", "unknown_field"),
        (
            seeds({"event": "x"}, frequency_limit={"max_times_per_day": 0}),
            "frequency_limit.max_times_per_day",
            "out_of_range",
        ),
        (seeds({"event": "x"}, zone="Mars/Olympus"), "zone", "unknown_zone"),
        (seeds({"event": "x"}, currency="XYZ"), "currency", "unknown_currency"),
        ({"trigger_id": "T", "conditions": {"event": "x"}, "actions": []}, "actions", "missing"),
        ({"conditions": {"event": "x"}, "actions": []}, "trigger_id", "missing"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(campaign: Any, place: str, code: str) -> None:
    found = refusal(campaign)
    assert (found.field, found.code) == (place, code)
    assert found.message.startswith(place)


@pytest.mark.parametrize(
    ("most", "make"),
    [
        (seed_form.DELAY_S_MAX, lambda n: seeds({"event": "x"}, {"type": "send_congratulation", "delay": n})),
        (seed_form.ACTIONS_MAX, lambda n: seeds({"event": "x"}, *[{"type": "send_congratulation"}] * n)),
        (seed_form.COOL_DOWN_HOURS_MAX, lambda n: seeds({"event": "x"}, frequency_limit={"cool_down_hours": n})),
        (LIMIT_COUNT_MAX, lambda n: seeds({"event": "x"}, frequency_limit={"max_times_per_user": n})),
        (WINDOW_DAYS_MAX, lambda n: seeds({f"login_days_{n}d": 1})),
        (seed_form.TIER_CHARS_MAX, lambda n: seeds({"user_level": "x" * n})),
    ],
)
def test_of_everything_the_largest_is_taken_and_one_more_refused_with_the_limit(most: int, make: Any) -> None:
    assert checked(make(most)).campaign is not None
    assert str(most) in refusal(make(most + 1)).message


names = st.sampled_from(
    [
        "event", "no_action_duration", "min_cart_value", "and", "or", "not", "user_level", "purchase_amount_30d",
        "login_days_30d", "x_count_2d", "points_balance", "category", "min_view",
    ]
)  # fmt: skip
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
values |= st.sampled_from([">= 20", "<= 1000", "gold", "!=", ">= -", "> 1e5", "= 3.0"])
written = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(names, written, max_size=3))
def test_no_condition_makes_the_reader_raise(conditions: dict[str, Any]) -> None:
    found = checked(seeds(conditions))
    assert (found.campaign is None) == bool(found.problems.errors)
    assert all(error.message for error in found.problems.errors)


@given(st.binary(max_size=30))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    assert check(b'{"trigger_id":"T","conditions":' + data + b',"actions":[]}').problems.errors
