"""The table of exchanges, queues and bindings, and the forms it takes."""

from __future__ import annotations

import re

import pytest

from actors.coupon.forms import FRONT_DOOR as COUPON_DOOR
from actors.registry import COMMANDS
from topology.definitions import definitions, differences, missing_policies, of_vhost, render, rows
from topology.table import DEAD, DELAY, DELAYED, DOORS, EFFECTS, INGRESS, SEED_QUEUES, UNROUTED, topology

HEARD = (DOORS[0],)


def matches(pattern: str, key: str) -> bool:
    """AMQP's topic rule: `*` is one word, `#` any number of words."""

    def walk(p: list[str], k: list[str]) -> bool:
        if not p:
            return not k
        if p[0] == "#":
            return walk(p[1:], k) or (bool(k) and walk(p, k[1:]))
        return bool(k) and p[0] in ("*", k[0]) and walk(p[1:], k[1:])

    return walk(pattern.split("."), key.split("."))


def test_every_front_door_that_a_command_arrives_at_exists() -> None:
    assert {spec.exchange for spec in COMMANDS.values()} <= set(DOORS)


def test_every_key_of_the_contract_reaches_the_seeds_queues() -> None:
    for key in (
        "points.earned.purchase_order",
        "points.spent.x",
        "points.expired.x",
        "points.expiring.x",
        "points.refused.x",
    ):
        for queue in ("points.notification.queue", "points.analysis.queue"):
            assert any(matches(pattern, key) for pattern in SEED_QUEUES[queue]), (key, queue)
    assert not matches("points.*", "points.earned.purchase_order"), "the seed's own binding matched none of them"
    for key in ("coupon.issued.newuser", "coupon.issued.birthday", "coupon.issued.activity", "coupon.expiring"):
        assert any(matches(pattern, key) for pattern in SEED_QUEUES["coupon.notification.queue"]), key
    for what in ("redeemed", "rolled_back", "expired"):
        assert any(matches(pattern, f"coupon.usage.{what}") for pattern in SEED_QUEUES["coupon.usage.queue"]), what


def test_the_coupons_front_door_is_heard_with_every_key_of_the_contract() -> None:
    keys = ("coupon.issue.newuser", "coupon.issue.birthday", "coupon.issue.activity", "coupon.usage.redeem")
    keys += ("coupon.usage.hold", "coupon.usage.release", "coupon.usage.rollback", "coupon.transfer")
    documented = [key for spec in COMMANDS.values() if spec.exchange == COUPON_DOOR for key in spec.routing_keys]
    heard = sorted({spec.exchange for spec in COMMANDS.values()})
    (bound,) = [b for b in topology(heard).bindings if b.source == COUPON_DOOR]
    assert (bound.to, bound.destination) == ("exchange", INGRESS)
    for key in keys:
        assert matches(bound.key, key) and any(matches(pattern, key) for pattern in documented), key


@pytest.mark.parametrize("key", ["behavior.product_view", "behavior.cart.add", "behavior.profile.update"])
def test_the_behaviours_front_door_is_heard_with_whatever_key(key: str) -> None:
    documented = COMMANDS["user_behavior"].routing_keys
    heard = sorted({spec.exchange for spec in COMMANDS.values()})
    (bound,) = [b for b in topology(heard).bindings if b.source == COMMANDS["user_behavior"].exchange]
    assert matches(bound.key, key) and any(matches(pattern, key) for pattern in documented)


def test_the_engine_hears_only_the_doors_whose_domains_exist() -> None:
    table = topology(HEARD)
    assert [b.source for b in table.bindings if b.destination == INGRESS and b.to == "exchange"] == [DOORS[0], DELAY]
    with pytest.raises(AssertionError, match="unknown front doors"):
        topology(("marketing.nothing",))


def test_the_ingress_is_a_quorum_queue_with_one_active_consumer_and_a_place_for_what_it_gives_up() -> None:
    (ingress,) = [queue for queue in topology(HEARD).queues if queue.name == INGRESS]
    assert ingress.arguments == {
        "x-queue-type": "quorum", "x-single-active-consumer": True,
        "x-delivery-limit": 100, "x-dead-letter-exchange": DEAD,
    }  # fmt: skip


def test_nothing_the_engine_says_can_vanish() -> None:
    table = topology(HEARD)
    for name in (EFFECTS, DELAYED):
        (said,) = [exchange for exchange in table.exchanges if exchange.name == name]
        assert said.arguments == {"alternate-exchange": UNROUTED}
    assert {UNROUTED, DEAD} <= {binding.destination for binding in table.bindings if binding.to == "queue"}


def test_nothing_vanishes_at_a_front_door_that_lacks_its_binding() -> None:
    (doors,) = [policy for policy in topology(HEARD).policies if policy.name == "marketing-doors"]
    assert doors.definition == {"alternate-exchange": UNROUTED}
    assert all(re.search(doors.pattern, name) for name in (*DOORS, DELAY))
    assert not any(re.search(doors.pattern, name) for name in (DELAYED, EFFECTS, INGRESS, DEAD, UNROUTED))


def test_no_argument_is_one_that_a_later_broker_refuses() -> None:
    refused = {"x-queue-mode", "x-queue-version", "x-ha-policy", "x-queue-master-locator"}
    for queue in topology(HEARD, seed_queues=True).queues:
        assert not refused & set(queue.arguments) and queue.arguments["x-queue-type"] == "quorum"


def test_the_seeds_queues_are_there_on_request_only() -> None:
    assert not set(SEED_QUEUES) & {queue.name for queue in topology(HEARD).queues}
    assert set(SEED_QUEUES) <= {queue.name for queue in topology(HEARD, seed_queues=True).queues}


def test_a_broker_that_holds_the_definitions_differs_in_nothing_and_what_is_otherwise_is_named() -> None:
    table = topology(HEARD)
    held = definitions(table)
    assert differences(table, held) == [] and missing_policies(table, held) == []
    held["queues"] = [queue for queue in held["queues"] if queue["name"] != DEAD]
    held["queues"][0]["arguments"] = {"x-queue-type": "classic"}
    held["bindings"] = [b for b in held["bindings"] if b["source"] != DOORS[0]]
    held["policies"] = []
    lines = differences(table, held)
    assert f"missing queue {DEAD}" in lines
    assert any(line.startswith(f"queue {INGRESS}: arguments is {{'x-queue-type': 'classic'}}") for line in lines)
    assert f"missing binding {DOORS[0]} -> exchange {INGRESS} with '#'" in lines
    assert len(missing_policies(table, held)) == len(table.policies)


def test_only_what_the_vhost_holds_is_compared() -> None:
    table = topology(HEARD)
    held = definitions(table, "/shop")
    assert differences(table, of_vhost(held, "/shop")) == []
    assert len(differences(table, of_vhost(held, "/"))) == sum(
        map(len, (table.exchanges, table.queues, table.bindings))
    )


def test_the_table_prints_one_line_per_object() -> None:
    table = topology(HEARD, seed_queues=True)
    text = render(table)
    assert len(text.splitlines()) == len(rows(table)) + 1
    assert "x-single-active-consumer=True" in text and "marketing.points.events -> marketing.ingress" in text
