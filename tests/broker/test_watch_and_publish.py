"""`run.py publish` and `run.py watch` against a real broker."""

from __future__ import annotations

import threading

import pika

from actors.registry import COMMANDS
from topology.amqp_publish import AmqpPublish
from topology.amqp_topology import preparer
from topology.amqp_watch import Seen, watch
from topology.publish_file import addressed, publish_all
from topology.table import EFFECTS, INGRESS, topology

TABLE = topology(("marketing.points.events",))
LINE = b'{"event_type":"points_change","user_id":"7","change_type":"increase","points":5,"reason":"purchase"}'


def test_a_file_of_messages_is_in_the_ingress_queue_when_publish_returns(broker: str) -> None:
    port = AmqpPublish(broker, preparer(TABLE, "declare"))
    done = publish_all(port, addressed([LINE] * 3_000, COMMANDS), lambda _: None)
    port.close()
    assert (done.confirmed, done.refused, done.unrouted) == (3_000, 0, 0)
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    assert connection.channel().queue_declare(INGRESS, passive=True).method.message_count == 3_000
    connection.close()


def test_watching_shows_effects_as_they_come_and_leaves_nothing_behind(broker: str) -> None:
    preparer(TABLE, "declare")(pika.URLParameters(broker))
    seen: list[Seen] = []
    heard = threading.Event()

    def show(effect: Seen) -> bool:
        seen.append(effect)
        heard.set()
        return len(seen) < 2

    watching = threading.Thread(target=watch, args=(broker, show, "points.#"), daemon=True)
    watching.start()
    connection = pika.BlockingConnection(pika.URLParameters(broker))
    channel = connection.channel()
    props = pika.BasicProperties(message_id="3.1.2", headers={"segment": "3", "seq": 9})
    for _ in range(1_000):  # until its queue is bound, there is nobody to hear
        channel.basic_publish(EFFECTS, "points.earned.x", b'{"points":1}', props)
        connection.process_data_events(0.01)  # pyright: ignore[reportArgumentType]
        if heard.is_set():
            break
    channel.basic_publish(EFFECTS, "points.earned.x", b"text", props)
    watching.join(10)
    connection.close()
    assert not watching.is_alive()
    assert seen[0] == Seen("points.earned.x", "3.1.2", "3", 9, {"points": 1})
