"""The seed's campaigns on the real program: behaviours by RabbitMQ, effects by RabbitMQ, and a kill between timer and
action. Time is shortened by the campaign's own numbers alone.

Half of the shoppers buy: some before they would be reminded, some between the reminder and the coupon. Whoever bought
first is not reminded, whoever bought in between gets no coupon, and who leaves gets both, once.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pika

from tests.crash.program import QUIETLY, Program, until
from tests.crash.publisher import Publisher
from tests.crash.receiver import Receiver
from tests.crash.shop import Message
from tests.crash.templates import open_template

DOOR = "marketing.behavior.events"
TYPES = {
    "notify_sms", "notify_refused", "coupon_issued", "campaign_entered", "campaign_exited", "cart_abandoned",
    "message_suppressed", "message_sent", "tier_upgraded", "points_earned",
}  # fmt: skip
WAITS_S, LATER_S = 4, 6
ABANDONED: dict[str, Any] = {
    "trigger_id": "CART_ABANDON_001",
    "conditions": {"event": "add_to_cart", "no_action_duration": WAITS_S, "min_cart_value": 100},
    "actions": [
        {"type": "send_notification", "template": "cart_remind_sms", "delay": 0},
        {"type": "issue_coupon", "template": "cart_save_10", "delay": LATER_S},
    ],
}
USERS = 30
DONE_S_MAX = 60.0


def behaviour(n: int, user: str, what: str, **fields: Any) -> Message:
    body = {"event_type": "user_behavior", "user_id": user, "behavior_type": what, **fields}
    props = pika.BasicProperties(message_id=f"b-{n}", app_id="site", delivery_mode=2)
    return Message("behavior.x", props, json.dumps(body).encode())


def open_campaign(url: str, id: str, campaign: dict[str, Any]) -> None:
    """In force in every segment when this returns."""
    with httpx.Client(base_url=f"{url}/v1/campaigns/{id}", timeout=DONE_S_MAX) as http:
        put = http.put("", json=campaign)
        assert put.is_success, put.text
        assert http.post("/activate").status_code == 200


def test_the_seeds_cart_campaign_through_the_broker_and_a_kill_between_timer_and_action(
    broker: str, tmp_path: Path
) -> None:
    users = [f"shopper-{n:02d}" for n in range(USERS)]
    buys_first, buys_between = users[::4], users[1::4]
    program = Program(tmp_path, "--amqp", broker, *QUIETLY)
    with ExitStack() as stack:
        stack.callback(program.close)
        program.start()
        program.ready()
        receiver = stack.enter_context(closing(Receiver(broker, TYPES)))
        shop = stack.enter_context(closing(Publisher(broker, DOOR)))
        open_template(program.url, "cart_save_10")
        open_campaign(program.url, "CART_ABANDON_001", ABANDONED)

        def told(kind: str) -> Counter[str]:
            return Counter(seen.source["user_id"] for seen in receiver.seen[:] if seen.source["event_type"] == kind)

        def reminded() -> Counter[str]:
            told = [each.source for each in receiver.seen[:] if each.source["event_type"] == "notify_sms"]
            return Counter(each["user_id"] for each in told if each["template"] == "cart_remind_sms")

        shop.send([
            behaviour(n, user, "add_to_cart", product_id="p1", quantity=1, price=299) for n, user in enumerate(users)
        ])  # fmt: skip
        shop.send([
            behaviour(100 + n, user, "purchase_complete", order_id=f"A-{n}", order_value=299)
            for n, user in enumerate(buys_first)
        ])  # fmt: skip
        shop.settle()
        left = [user for user in users if user not in buys_first]
        until(lambda: len(reminded()) == len(left), DONE_S_MAX, lambda: f"{reminded()}\n{program.story()}")
        shop.send([
            behaviour(200 + n, user, "purchase_complete", order_id=f"B-{n}", order_value=299)
            for n, user in enumerate(buys_between)
        ])  # fmt: skip
        shop.settle()
        program.kill()
        program.start()
        program.ready()
        stay = [user for user in left if user not in buys_between]
        until(lambda: len(told("campaign_exited")) == len(left), DONE_S_MAX, lambda: f"{receiver.seen}")
        until(lambda: len(told("coupon_issued")) == len(stay), DONE_S_MAX, lambda: f"{told('coupon_issued')}")
        assert reminded() == Counter(left) and told("coupon_issued") == Counter(stay)
        assert told("campaign_entered") == Counter(left)
        why = httpx.get(f"{program.url}/v1/users/{buys_between[0]}/why", timeout=DONE_S_MAX).json()["data"]
        assert why[0]["outcome"] == "exited" and any(each["met"] for each in why[0]["conditions"])
        assert receiver.trouble == []
