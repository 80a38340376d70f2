"""`run.py notify` from a real RabbitMQ by the real apprise to an HTTP server of the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pika
import pytest

from supervision.clock import SystemClock
from supervision.runtime import Address
from supervision.threads import ThreadRuntime
from tests.topology_world import DEADLINE_S
from topology.amqp_consume import AmqpConsume
from topology.amqp_publish import AmqpPublish
from topology.amqp_topology import preparer as engines
from topology.last_mile.by_apprise import ByApprise
from topology.last_mile.carrier import PREFETCH
from topology.last_mile.heard import Heard
from topology.last_mile.queues import QUEUE, preparer, waiting_queue
from topology.last_mile.routes import parse
from topology.last_mile.service import LastMile, Parts
from topology.table import DEAD, EFFECTS, topology

pytest.importorskip("apprise")
STEPS_S = (0.05, 0.1, 0.2)


class Service:
    """Somebody whom apprise can reach. `answers`: its next ones, then 200; each after `takes_s`."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[int] = []
        self.takes_s = 0.0
        self.changed = threading.Condition()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
                with service.changed:
                    service.heard.append((self.path, body))
                    status = service.answers.pop(0) if service.answers else 200
                    service.changed.notify_all()
                time.sleep(service.takes_s)
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def until(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, DEADLINE_S), self.heard

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Deaf(AmqpConsume):
    """A connection whose acks never reach the broker: it dies first."""

    def ack(self, generation: int, tag: int) -> None:
        """Lost."""


class Counted(AmqpConsume):
    """Tells how often it had to connect."""

    connects = 0

    def connect(self, to: Address) -> int:
        Counted.connects += 1
        return super().connect(to)


class Running:
    """A last mile in a thread, which alone uses the memory."""

    def __init__(self, url: str, folder: Path, *apprise: str, consume: type[AmqpConsume] = AmqpConsume) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(url, folder, apprise, consume), daemon=True)
        self._thread.start()

    def _run(self, url: str, folder: Path, apprise: tuple[str, ...], consume: type[AmqpConsume]) -> None:
        by = ByApprise()
        routes = parse(apprise, by.can)
        with (
            closing(Heard(folder / "heard")) as heard,
            closing(ThreadRuntime(SystemClock())) as runtime,
            closing(consume(url, preparer(routes, STEPS_S), PREFETCH, QUEUE)) as hears,
            closing(AmqpPublish(url, lambda _: None)) as says,
        ):
            LastMile(Parts(hears, says, heard, routes, by.send, runtime, Random(1), STEPS_S)).run(self._ended)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def service() -> Iterator[Service]:
    with closing(Service()) as made:
        yield made


@pytest.fixture
def say(broker: str) -> Iterator[Callable[..., None]]:
    """Publishes an effect, as the relay does."""
    engines(topology(()), "declare")(pika.URLParameters(broker))
    preparer({"sms", "email"}, STEPS_S)(pika.URLParameters(broker))
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    channel = connection.channel()

    def publish(id: str, text: str, channel_name: str = "sms", **more: Any) -> None:
        body = {"event_type": f"notify_{channel_name}", "user_id": "u7", "text": text, "at": "x"} | more
        props = pika.BasicProperties(message_id=id, headers={"segment": "0", "seq": 1}, delivery_mode=2)
        channel.basic_publish(EFFECTS, f"notify.{channel_name}", msgspec.json.encode(body), props)

    yield publish
    connection.close()


def left(url: str, queue: str) -> int:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    count = connection.channel().queue_declare(queue, passive=True).method.message_count
    connection.close()
    return count


def test_each_channel_goes_to_its_own_address_with_text_and_title(
    broker: str, service: Service, say: Callable[..., None], tmp_path: Path
) -> None:
    mile = Running(broker, tmp_path, f"sms=json://{service.address}/sms/{{user_id}}", f"json://{service.address}/all")
    say("0.1.1", "Your order is on its way 你好")
    say("0.1.2", "Long", "email", title="News")
    service.until(2)
    mile.stop()
    told = {path.rstrip("/"): (body["title"], body["message"]) for path, body in service.heard}
    assert told == {"/sms/u7": ("", "Your order is on its way 你好"), "/all": ("News", "Long")}
    assert left(broker, QUEUE) == left(broker, DEAD) == 0


def test_what_is_delivered_or_published_again_is_said_once(
    broker: str, service: Service, say: Callable[..., None], tmp_path: Path
) -> None:
    address = f"sms=json://{service.address}/x"
    first = Running(broker, tmp_path, address, consume=Deaf)
    say("0.1.1", "one")
    service.until(1)
    first.stop()
    second = Running(broker, tmp_path, address)
    say("0.1.1", "one")  # as a relay does that died before it knew of its confirm
    say("0.1.2", "two")
    service.until(2)
    second.stop()
    assert [body["message"] for _, body in service.heard] == ["one", "two"]
    assert left(broker, QUEUE) == 0


def test_an_endpoint_that_fails_and_recovers_gets_the_message_and_nobody_waits_for_it(
    broker: str, service: Service, say: Callable[..., None], tmp_path: Path
) -> None:
    with closing(Service()) as other:
        service.answers = [500, 503]
        mile = Running(broker, tmp_path, f"sms=json://{service.address}", f"email=json://{other.address}")
        say("0.1.1", "again")
        service.until(1)
        say("0.1.2", "by mail", "email", title="T")
        other.until(1)
        service.until(3)
        mile.stop()
    assert [body["message"] for _, body in service.heard] == ["again"] * 3
    assert [left(broker, queue) for queue in (QUEUE, DEAD, *map(waiting_queue, STEPS_S))] == [0] * 5


def test_an_endpoint_that_does_not_recover_leaves_a_dead_letter_with_its_reason(
    broker: str, service: Service, say: Callable[..., None], tmp_path: Path
) -> None:
    service.answers = [500] * 9
    mile = Running(broker, tmp_path, f"sms=json://{service.address}")
    say("0.1.1", "never")
    service.until(len(STEPS_S) + 1)
    mile.stop()
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    _, props, body = connection.channel().basic_get(DEAD, auto_ack=True)
    connection.close()
    assert props is not None and props.headers is not None and body is not None
    assert (props.headers["reason"], props.headers["first_key"]) == ("undelivered", "notify.sms")
    assert msgspec.json.decode(body)["text"] == "never" and props.message_id == "0.1.1"
    assert len(service.heard) == len(STEPS_S) + 1


def test_a_service_that_takes_longer_than_the_heartbeat_costs_no_connection(
    broker: str, service: Service, say: Callable[..., None], tmp_path: Path
) -> None:
    service.takes_s = 4.0
    Counted.connects = 0
    mile = Running(f"{broker}?heartbeat=1", tmp_path, f"sms=json://{service.address}?rto=20", consume=Counted)
    say("0.1.1", "slow")
    service.until(1)
    mile.stop()
    assert Counted.connects == 1 and len(service.heard) == 1
    assert left(broker, QUEUE) == 0
