"""Bridge and relay with their pika shells, against a real broker."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
import pika
import pytest

from supervision.counters import Tally
from supervision.entry import Draft
from tests.behaviour_world import FLAT, NESTED, SPEC
from tests.behaviour_world import message as behaviour
from tests.topology_world import COMMANDS, DEADLINE_S, SEGMENTS, Mailbox, Memory, World, message
from topology.amqp_consume import AmqpConsume
from topology.amqp_publish import AmqpPublish
from topology.amqp_socket import UNREADABLE
from topology.amqp_topology import TopologyDiffers, preparer
from topology.bridge import Bridge, StopTaking
from topology.link import Link
from topology.relay import Relay
from topology.table import DEAD, DOORS, EFFECTS, INGRESS, UNROUTED, topology
from topology.wire import Door

POINTS, COUPON, BEHAVIOR = DOORS[:3]
TABLE = topology((POINTS, COUPON, BEHAVIOR), seed_queues=True)
HEARD = Door({**COMMANDS, SPEC.event_type: SPEC}, SEGMENTS)


class Engine:
    """Both shells on one broker, over a journal in memory."""

    def __init__(self, url: str, memory: Memory | None = None) -> None:
        self.url = url
        self.memory = memory or Memory()
        self.world = World()
        self.count = Tally()
        self.reasons: tuple[str, ...] = ()
        self.consume = AmqpConsume(url, preparer(TABLE, "declare"))
        self.publish = AmqpPublish(url, preparer(TABLE, "declare"))
        self.bridge_link, self.relay_link = Link("bridge"), Link("relay")
        self.bridge_box, self.relay_box = Mailbox(), Mailbox()
        self.relay = Relay(
            self.relay_box, 1, self.publish, self.memory, self.memory.tails, self.memory, self.relay_link,  # type: ignore[arg-type]
            self.world, self.count, Random(1),
        )  # fmt: skip
        self.bridge = Bridge(
            self.bridge_box, self.consume, HEARD, self.memory, self.relay_box, lambda: self.reasons, self.bridge_link,
            self.world, self.count, Random(2),
        )  # fmt: skip
        self.relay.started()
        self.bridge.started()

    def until(self, condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
        def checked() -> bool:
            self.bridge.check()
            self.relay.check()
            return condition()

        self.world.run([(self.bridge_box, self.bridge), (self.relay_box, self.relay)], checked, deadline_s)

    def ready(self) -> None:
        self.until(lambda: self.bridge_link.ready and self.relay_link.ready)

    def close(self) -> None:
        self.bridge.stopping()
        self.relay.stopping()
        self.consume.close()
        self.publish.close()


@pytest.fixture
def engine(broker: str) -> Iterator[Engine]:
    engine = Engine(broker)
    engine.ready()
    yield engine
    engine.close()


@contextlib.contextmanager
def channel(url: str) -> Iterator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    made = connection.channel()
    made.confirm_delivery()
    yield made
    with contextlib.suppress(Exception):
        connection.close()


def publish(
    url: str, bodies: list[bytes], key: str = "points.increase.purchase", exchange: str = POINTS, **props: Any
) -> None:
    with channel(url) as ch:
        for body in bodies:
            ch.basic_publish(exchange, key, body, pika.BasicProperties(**props))


def waiting(url: str, queue: str) -> int:
    with channel(url) as ch:
        return ch.queue_declare(queue, passive=True).method.message_count


def get(url: str, queue: str) -> tuple[Any, Any, Any]:
    with channel(url) as ch:
        return ch.basic_get(queue, auto_ack=True)


def effect(user: str = "7") -> Draft:
    return Draft(
        "points.earned", f"user:{user}", b'{"event_type":"points_earned"}', route="points.earned.purchase_order"
    )


def test_what_is_published_at_the_front_door_is_in_the_log_and_acked(engine: Engine) -> None:
    publish(engine.url, [message(points=n) for n in range(1, 301)])
    engine.until(lambda: len(engine.memory.entries) == 300 and engine.count.counted("bridge_acked") == 300)
    assert [entry.body for entry in engine.memory.entries] == [message(points=n) for n in range(1, 301)]
    engine.close()
    assert waiting(engine.url, INGRESS) == 0


def test_what_users_did_comes_by_its_own_front_door_in_both_shapes_whatever_the_key(engine: Engine) -> None:
    sent = [NESTED, *(behaviour(**flat) for flat in FLAT), behaviour("add_to_cart", user="anon:1")]
    for one, key in zip(
        sent, ("behavior.product.view", "behavior.view", "behavior", "x.y.z", "behavior.#"), strict=True
    ):
        publish(engine.url, [msgspec.json.encode(one)], key, BEHAVIOR)
    engine.until(lambda: engine.count.counted("bridge_acked") == len(sent))
    assert [msgspec.json.decode(entry.body) for entry in engine.memory.entries] == sent[:-1]
    assert {(entry.kind, entry.subject) for entry in engine.memory.entries} == {("behaviour.seen", "user:123456")}
    _, props, _ = get(engine.url, DEAD)
    assert (props.headers["reason"], props.headers["field"]) == ("missing", "product_id")


def test_what_is_not_durable_is_delivered_again_after_the_connection_is_cut(engine: Engine, broker: str) -> None:
    engine.memory.held = []
    publish(broker, [message(points=n) for n in range(1, 11)])
    engine.until(lambda: sum(len(a.items) for a in engine.memory.held or ()) == 10)
    engine.close()
    later = Engine(broker)
    later.until(lambda: len(later.memory.entries) == 10 and later.count.counted("bridge_acked") == 10)
    assert later.count.counted("bridge_redelivered") == 10
    assert [entry.body for entry in later.memory.entries] == [message(points=n) for n in range(1, 11)]
    later.close()


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"not json", "not_json", ""),
        (b'{"event_type":"points_change","points":NaN}', "not_a_number", "points"),
        (b'{"event_type":"points_change","user_id":"\\ud800"}', "not_utf8", "user_id"),
        (b"[1]", "not_an_object", ""),
        (b'{"event_type":"nobody_knows"}', "unknown_event_type", "event_type"),
        (message(points=-1), "out_of_range", "points"),
        (b"[" * 100_000, "too_deep", ""),
        (b'{"event_type":"points_change","pad":"' + b"x" * 300_000 + b'"}', "too_large", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_taken_is_in_the_dead_letter_queue_with_its_reason(
    engine: Engine, body: bytes, reason: str, field: str
) -> None:
    publish(
        engine.url,
        [body, message()],
        headers={"trace": "abc", "x-death": [{"count": 1}]},
        message_id="m1",
        app_id="shop",
    )
    engine.until(lambda: engine.count.counted("bridge_acked") == 2)
    _, props, dead = get(engine.url, DEAD)
    assert dead == body
    assert props.message_id == "m1" and props.app_id == "shop" and props.headers["trace"] == "abc"
    assert (props.headers["reason"], props.headers["field"]) == (reason, field)
    assert (props.headers["first_exchange"], props.headers["first_key"]) == (POINTS, "points.increase.purchase")
    assert "x-death" not in props.headers and props.headers["detail"]
    assert len(engine.memory.entries) == 1


def test_a_key_that_contradicts_its_body_changes_nothing_since_the_body_decides(engine: Engine) -> None:
    publish(engine.url, [message(points=5)], message_id="honest")
    publish(engine.url, [message(points=5)], key="points.decrease.fraud", message_id="liar")
    engine.until(lambda: engine.count.counted("bridge_acked") == 2)
    honest, liar = engine.memory.entries
    assert (liar.kind, liar.subject, liar.body) == (honest.kind, honest.subject, honest.body)


def test_the_same_id_with_another_command_is_a_dead_letter_and_a_resend_is_not(engine: Engine) -> None:
    publish(engine.url, [message(points=1), message(points=1), message(points=2)], message_id="order-1", app_id="shop")
    engine.until(lambda: engine.count.counted("bridge_acked") == 3)
    assert len(engine.memory.entries) == 1
    _, props, dead = get(engine.url, DEAD)
    assert dead == message(points=2) and props.headers["reason"] == "id_reused"
    assert props.headers["field"] == "message_id"
    assert waiting(engine.url, DEAD) == 0


def test_properties_that_no_client_should_send_stop_nothing(engine: Engine) -> None:
    hostile = [
        {"message_id": b"\xff\xfe"}, {"app_id": "x" * 255}, {"reply_to": "amq.rabbitmq.reply-to.g2dk"},
        {"expiration": "60000000"}, {"headers": {"n": 2**40, "d": [1, {"a": None}], "b": b"\x00\xff"}},
        {"priority": 255},
        {"content_encoding": "gzip"}, {"headers": {"CC": ["elsewhere"]}}, {"headers": {"big": "y" * 100_000}},
    ]  # fmt: skip
    for props in hostile:
        publish(engine.url, [b"bad"], **props)
    publish(engine.url, [message()], message_id=b"\xff\xfe")
    publish(engine.url, [message()], app_id=b"\xff")
    publish(engine.url, [b"bad"], key=b"points.\xff\xfe")  # type: ignore[arg-type]
    publish(engine.url, [message()])
    engine.until(lambda: engine.count.counted("bridge_acked") == len(hostile) + 4)
    assert len(engine.memory.entries) == 1
    assert waiting(engine.url, DEAD) == len(hostile) + 3


class RawHeaders(pika.BasicProperties):
    """Properties whose header table is bytes of the test's own making."""

    def __init__(self, table: bytes) -> None:
        super().__init__()
        self.table = table

    def encode(self) -> list[bytes]:
        return [struct.pack(">HI", self.FLAG_HEADERS, len(self.table)), self.table]


def test_headers_that_the_client_library_cannot_read_stop_nothing(engine: Engine) -> None:
    year_300000 = b"\x01tT" + struct.pack(">Q", 2**43)
    with channel(engine.url) as ch:
        ch.basic_publish(POINTS, "points.x", b"bad", RawHeaders(year_300000))
        ch.basic_publish(POINTS, "points.x", message(), RawHeaders(year_300000))
        ch.basic_publish(POINTS, "points.x", b"bad", RawHeaders(b"\x01nF" + struct.pack(">I", 11) + year_300000))
    engine.until(lambda: engine.count.counted("bridge_acked") == 3)
    assert engine.count.counted("broker_connects", side="consume") == 1
    assert len(engine.memory.entries) == 1
    _, props, _ = get(engine.url, DEAD)
    assert props.headers["reason"] == "not_json" and props.headers[UNREADABLE]
    _, props, _ = get(engine.url, DEAD)
    assert props.headers["n"][UNREADABLE]


@pytest.mark.parametrize(
    ("door", "key"),
    [
        *((POINTS, f"points.{way}.purchase") for way in ("increase", "decrease", "expire")),
        *((COUPON, f"coupon.issue.{why}") for why in ("newuser", "birthday", "activity")),
        *((COUPON, f"coupon.usage.{what}") for what in ("redeem", "hold", "release", "rollback")),
    ],
)
def test_each_documented_key_of_a_front_door_reaches_the_engine(broker: str, door: str, key: str) -> None:
    preparer(TABLE, "declare")(pika.URLParameters(broker))
    publish(broker, [message()], key, door)
    assert waiting(broker, INGRESS) == 1


@pytest.mark.parametrize(
    ("key", "queues"),
    [
        ("points.earned.purchase_order", ("points.notification.queue", "points.analysis.queue")),
        ("coupon.issued.newuser", ("coupon.notification.queue",)),
        ("coupon.issued.birthday", ("coupon.notification.queue",)),
        ("coupon.expiring", ("coupon.notification.queue",)),
        ("coupon.usage.redeemed", ("coupon.usage.queue",)),
        ("coupon.usage.rolled_back", ("coupon.usage.queue",)),
        ("coupon.usage.expired", ("coupon.usage.queue",)),
        ("coupon.refused.newuser", (UNROUTED,)),
    ],
)
def test_each_documented_effect_reaches_its_queues_and_no_others(broker: str, key: str, queues: list[str]) -> None:
    preparer(TABLE, "declare")(pika.URLParameters(broker))
    publish(broker, [b"{}"], key, EFFECTS)
    reached = {queue.name for queue in TABLE.queues if waiting(broker, queue.name)}
    assert reached == set(queues)


def test_effects_go_out_in_order_with_their_properties_and_the_checkpoint_follows(engine: Engine) -> None:
    for n in range(2_500):
        engine.memory.put(n % 3, effect())
    engine.until(lambda: all(engine.memory.checkpoints.get(s) == len(engine.memory.log[s]) for s in range(3)))
    with channel(engine.url) as ch:
        got = [ch.basic_get("points.analysis.queue", auto_ack=True) for _ in range(2_500)]
    for segment in range(3):
        mine = [props for _, props, _ in got if props.headers["segment"] == str(segment)]
        assert [props.headers["seq"] for props in mine] == list(range(1, len(mine) + 1))
        assert [props.message_id for props in mine] == [entry.place for entry in engine.memory.log[segment]]
    method, props, body = got[0]
    assert (method.exchange, method.routing_key) == (EFFECTS, "points.earned.purchase_order")
    assert (props.type, props.content_type, props.app_id) == ("points_earned", "application/json", "ganglion")
    assert props.delivery_mode == 2 and props.timestamp == engine.memory.at // 1000 and body == effect().body


def test_an_effect_nobody_listens_to_is_kept_in_the_unrouted_queue(engine: Engine) -> None:
    engine.memory.put(1, Draft("notify.sms", "user:7", b"{}", route="notify.sms"))
    engine.until(lambda: engine.memory.checkpoints.get(1) == 1)
    assert waiting(engine.url, UNROUTED) == 1


def test_when_even_the_unrouted_queue_is_gone_nothing_is_given_up_and_the_relay_says_why(engine: Engine) -> None:
    reasons: list[str] = []
    engine.relay_link.closed = lambda reason: (reasons.append(reason), Link.closed(engine.relay_link, reason))[1]  # type: ignore[method-assign]
    with channel(engine.url) as ch:
        ch.queue_delete(UNROUTED)
    engine.memory.put(1, Draft("notify.sms", "user:7", b"{}", route="notify.sms"))
    engine.until(lambda: engine.memory.checkpoints.get(1) == 1)  # it declared the queue again, and published again
    assert any("returned notify.sms" in reason for reason in reasons)
    assert engine.relay_link.ready and waiting(engine.url, UNROUTED) == 1


def test_a_deleted_ingress_queue_is_a_lost_connection_and_is_declared_again(engine: Engine) -> None:
    with channel(engine.url) as ch:
        ch.queue_delete(INGRESS)
    engine.until(lambda: not engine.bridge_link.ready)
    assert "cancelled" in engine.bridge_link.reason
    engine.ready()
    publish(engine.url, [message()])
    engine.until(lambda: engine.count.counted("bridge_acked") == 1)


def test_connections_closed_by_the_broker_come_back_and_nothing_is_lost(engine: Engine, rabbit_admin: Any) -> None:
    for n in range(2_000):
        engine.memory.put(n % 4, effect())
    publish(engine.url, [message(points=n) for n in range(1, 501)])
    engine.until(lambda: engine.count.counted("relay_confirmed") > 0)
    named = [c["name"] for c in rabbit_admin.request("GET", "/api/connections")]
    for name in named:
        with contextlib.suppress(Exception):
            rabbit_admin.request(
                "DELETE", f"/api/connections/{name.replace(' ', '%20').replace('>', '%3E').replace(':', '%3A')}"
            )
    engine.until(lambda: engine.count.counted("bridge_acked") >= 500 and all(
        engine.memory.checkpoints.get(s, 0) == len(engine.memory.log[s]) or not engine.memory.log[s] for s in range(4)
    ))  # fmt: skip
    places = {entry.place for entry in engine.memory.entries if entry.route}
    seen: set[str] = set()
    with channel(engine.url) as ch:
        while (got := ch.basic_get("points.analysis.queue", auto_ack=True))[0] is not None:
            seen.add(got[1].message_id)
    assert seen == places


def test_when_the_engine_does_not_take_messages_wait_unacked_and_flow_when_it_does(engine: Engine) -> None:
    engine.reasons = ("disk",)
    publish(engine.url, [message(points=n) for n in range(1, 21)])
    engine.until(lambda: engine.count.counted("bridge_deliveries") == 20)
    assert engine.memory.entries == []
    engine.reasons = ()
    engine.until(lambda: engine.count.counted("bridge_acked") == 20)


def test_after_being_told_to_stop_what_was_handed_over_is_still_acked(engine: Engine) -> None:
    engine.memory.held = []
    publish(engine.url, [message(points=1)])
    engine.until(lambda: engine.bridge_link.waiting == 1)
    engine.bridge_box.tell(StopTaking())
    publish(engine.url, [message(points=2)])
    engine.until(lambda: engine.count.counted("bridge_deliveries") == 2)
    engine.memory.append(engine.memory.held.pop())
    engine.until(lambda: engine.bridge_link.waiting == 0)
    url = engine.url
    engine.close()
    engine.until(lambda: waiting(url, INGRESS) == 1)


def test_the_watermark_moves_when_the_ingress_queue_is_empty_and_all_is_durable(engine: Engine) -> None:
    publish(engine.url, [message(points=1)])  # who was given something knows that nobody else is
    engine.until(lambda: len(engine.memory.watermarks) >= 2)
    engine.memory.held = []
    publish(engine.url, [message()])
    engine.until(lambda: bool(engine.memory.held))
    known = len(engine.memory.watermarks)
    ticks = engine.world.clock.monotonic_s() + 3.2
    engine.until(lambda: engine.world.clock.monotonic_s() > ticks)
    assert len(engine.memory.watermarks) <= known + 1
    engine.memory.append(engine.memory.held.pop())
    engine.memory.held = None
    engine.until(lambda: len(engine.memory.watermarks) > known + 1)
    assert engine.memory.watermarks == sorted(engine.memory.watermarks)


def test_checking_accepts_what_declaring_made_and_names_what_is_missing_or_otherwise(broker: str) -> None:
    parameters = pika.URLParameters(broker)
    with pytest.raises(TopologyDiffers) as missing:
        preparer(TABLE, "check")(parameters)
    assert str(missing.value).count("missing") == len(TABLE.exchanges) + len(TABLE.queues)
    preparer(TABLE, "declare")(parameters)
    preparer(TABLE, "check")(parameters)
    with channel(broker) as ch:
        ch.queue_delete(INGRESS)
        ch.queue_declare(INGRESS, durable=True)
    with pytest.raises(TopologyDiffers, match=r"differs: marketing\.ingress: .*x-"):
        preparer(TABLE, "check")(parameters)


def test_the_definitions_can_be_imported_and_then_nothing_differs(broker: str, rabbit_admin: Any) -> None:
    from topology.definitions import definitions, differences, missing_policies

    vhost = broker.rsplit("/", 1)[1]
    rabbit_admin.request(
        "POST", f"/api/definitions/{vhost}", {k: v for k, v in definitions(TABLE, vhost).items() if k != "vhosts"}
    )
    held = rabbit_admin.request("GET", f"/api/definitions/{vhost}")
    assert differences(TABLE, held) == [] and missing_policies(TABLE, held) == []
    preparer(TABLE, "check")(pika.URLParameters(broker))
