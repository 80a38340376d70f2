"""Every trigger that the original description lists can be said, and is taken without a warning."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaign_world import warnings

BOUGHT = {"type": "after_trigger", "event": "purchase_complete"}
EVER = {"count": 1}
ONCE_A_DAY = {"count": 1, "window": {"days": 1}}


def sms(template: str, **more: Any) -> dict[str, Any]:
    return {"type": "send_notification", "channel": "sms", "template": template} | more


def coupon(template: str) -> dict[str, Any]:
    return {"type": "issue_coupon", "template": template}


def field(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": name, "op": op, "value": value}


CAMPAIGNS: dict[str, dict[str, Any]] = {
    "浏览商品超过30秒 → 弹出优惠券": {
        "trigger": {
            "type": "event",
            "event": "product_view",
            "where": [field("view_duration", ">", 30), field("flagged", "=", False)],
        },
        "steps": [coupon("popup"), {"type": "send_notification", "channel": "in_app", "template": "popup"}],
        "limits": [ONCE_A_DAY],
    },
    "加购物车不下单 → 发送提醒短信": {
        "trigger": {
            "type": "no_action",
            "event": "add_to_cart",
            "seconds": 3600,
            "none_of": [{"event": "purchase_complete"}],
            "idle": True,
        },
        "when": {"type": "cart", "of": "value", "op": ">=", "value": 10_000},
        "exit": BOUGHT,
        "steps": [sms("cart_remind_sms"), {"type": "wait", "seconds": 1800}, coupon("cart_save_10")],
    },
    "下单金额满500 → 赠送小礼品": {
        "trigger": {
            "type": "event",
            "event": "purchase_complete",
            "where": [field("order_value", ">=", 50_000)],
        },
        "steps": [{"type": "emit", "effect": "gift", "parameters": {"product": "cup"}}],
    },
    "连续签到7天 → 获得大额券": {
        "trigger": {"type": "change"},
        "when": {"type": "days", "event": "sign_in", "within": {"days": 7}, "op": "=", "value": 7},
        "steps": [coupon("large") | {"on_refused": [{"codes": ["sold_out"], "then": [sms("sorry")]}]}],
        "limits": [{"count": 1, "window": {"days": 7}}],
    },
    "每日10点 → 发放限时秒杀券": {
        "trigger": {"type": "schedule", "cron": "0 10 * * *", "catch_up": "skip"},
        "steps": [coupon("flash")],
    },
    "用户生日 → 发生日祝福+券": {
        "trigger": {"type": "birthday"},
        "steps": [sms("birthday"), coupon("birthday")],
    },
    "会员到期前7天 → 续费提醒": {
        "trigger": {"type": "before", "what": "membership_end", "days": 7},
        "steps": [sms("renew")],
    },
    "券过期前1天 → 使用提醒": {
        "trigger": {"type": "before", "what": "coupon_end", "days": 1},
        "steps": [sms("use_coupon")],
    },
    "长期未购买 → 发放召回券": {
        "trigger": {"type": "absent_for", "days": 90},
        "steps": [coupon("recall")],
        "limits": [EVER],
        "holdout_percent": "5",
    },
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_each_of_the_seeds_triggers_is_a_campaign(name: str) -> None:
    assert warnings(CAMPAIGNS[name] | {"name": name, "zone": "Asia/Shanghai"}) == {}
