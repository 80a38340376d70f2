"""Messages to be published later, on the real program and a real RabbitMQ: any bytes, out of order, with a kill while
some are out, some are due and some are not.

Each arrives once after its id has told repetitions apart, at its time and not before, whatever is due much later; with
its own key, headers, properties and bytes; and what was cancelled, or was no message, not at all. Whoever counts the
effects sees no hole.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pika

from tests.crash.listener import Listener
from tests.crash.program import QUIETLY, Program, until
from tests.crash.publisher import Publisher
from tests.crash.shop import Message

DELAY, DELAYED = "marketing.delay", "marketing.delayed"
QUEUE = "crash.delayed"
MANY = 120
FIRST_MS, LAST_MS = 500, 14_000
A_YEAR_MS = 365 * 86_400_000
CANCELLED = range(0, MANY, 10)
RESENT = range(5, MANY, 10)
ARRIVED_S_MAX = 90.0
OURS = {"x-ganglion-due", "x-ganglion-place", "x-delivery-count"}
HEADERS: dict[str, Any] = {
    "tries": 3,
    "big": 2**40,
    "raw": b"\x00\xff",
    "yes": True,
    "none": None,
    "in": {"a": [1, "二"]},
}


class Arrivals:
    """What a queue bound with `#` has been given, each id's first and whether its repetitions were the same."""

    def __init__(self, url: str) -> None:
        self._connection: Any = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        self._channel.queue_bind(QUEUE, DELAYED, "#")
        self.first: dict[str, tuple[str, Any, bytes]] = {}
        self.early: list[str] = []
        self.again = 0

    def look(self) -> int:
        """Take what has come; how many ids are known now."""
        while (got := self._channel.basic_get(QUEUE, auto_ack=True))[0] is not None:
            method, props, body = got
            due = datetime.fromisoformat(props.headers["x-ganglion-due"])
            self.early += [props.message_id] if datetime.now(UTC) < due else []
            props.headers = {name: props.headers[name] for name in sorted(props.headers) if name != "x-delivery-count"}
            this = (method.routing_key, props, body)
            known = self.first.setdefault(props.message_id, this)
            self.again += known is not this
            assert known == this, "a repetition that differs"
        return len(self.first)

    def close(self) -> None:
        self._connection.close()


def later(n: int, body: bytes, headers: dict[str, Any]) -> Message:
    props = pika.BasicProperties(
        message_id=f"m-{n}", app_id="mailer", content_type="application/octet-stream", type="news", priority=n % 5,
        correlation_id=f"c-{n}", timestamp=1_790_000_000 + n, delivery_mode=2, headers=HEADERS | headers,
    )  # fmt: skip
    return Message(f"mail.{n}", props, body)


def cancel(n: int) -> Message:
    return Message("x", pika.BasicProperties(message_id=f"m-{n}", app_id="mailer", type="cancel"), b"")


def made(rng: Random) -> list[Message]:
    """Spread over some seconds, the latest first, every third by its moment; the last ones in a year."""
    step = (LAST_MS - FIRST_MS) // MANY
    messages: list[Message] = []
    for n in range(MANY):
        ms = LAST_MS - n * step
        at = (datetime.now(UTC) + timedelta(milliseconds=ms)).isoformat()
        body = rng.randbytes(rng.choice([0, 1, 300, 70_000, 256 * 1024]))
        messages.append(later(n, body, {"deliver_at": at} if n % 3 == 0 else {"delay_ms": ms}))
    in_a_year = [later(MANY + n, b"next year", {"delay_ms": A_YEAR_MS}) for n in range(20)]
    return in_a_year + messages


def test_delayed_messages_arrive_once_as_they_were_sent_over_kills_and_what_is_cancelled_does_not(
    broker: str, tmp_path: Path
) -> None:
    program = Program(tmp_path, "--amqp", broker, *QUIETLY)
    with ExitStack() as stack:
        stack.callback(program.close)
        program.start()
        program.ready()
        arrivals = stack.enter_context(closing(Arrivals(broker)))
        effects = stack.enter_context(closing(Listener(broker, {"delay_cancelled", "delay_refused"})))
        sender = stack.enter_context(closing(Publisher(broker, DELAY)))
        sent = made(Random(7))
        by_id = {message.props.message_id: message for message in sent}
        sender.send(sent)
        sender.send([cancel(n) for n in CANCELLED])
        sender.send([by_id[f"m-{n}"] for n in RESENT])
        sender.send([Message("x", pika.BasicProperties(headers={"delay_ms": 1}), b"nobody's")])
        sender.settle()
        wanted = {f"m-{n}" for n in range(MANY) if n not in CANCELLED}
        for part in (len(wanted) // 4, len(wanted) // 2):
            program.until(lambda part=part: arrivals.look() >= part, ARRIVED_S_MAX, lambda: f"{len(arrivals.first)}")
            program.kill()
            program.start()
        program.until(lambda: arrivals.look() >= len(wanted), ARRIVED_S_MAX, lambda: f"{len(arrivals.first)}")
        program.stop()
        arrivals.look()
        assert set(arrivals.first) == wanted and arrivals.early == []
        for id, (key, props, body) in arrivals.first.items():
            as_sent = by_id[id]
            kept = {name: value for name, value in props.headers.items() if name not in OURS}
            assert (key, body, kept) == (as_sent.key, as_sent.body, as_sent.props.headers), id
            props.headers = as_sent.props.headers
            assert props == as_sent.props, id
        until(lambda: len(effects.seen) >= len(CANCELLED), ARRIVED_S_MAX, lambda: f"{effects.seen}")
        assert sorted(each.source["message_id"] for each in effects.seen) == sorted(f"m-{n}" for n in CANCELLED)
        assert {each.source["event_type"] for each in effects.seen} == {"delay_cancelled"}
        assert effects.trouble == [], "no hole in seq"
        assert dead(broker) == ("missing", "message_id")


def dead(url: str) -> tuple[str, str]:
    connection: Any = pika.BlockingConnection(pika.URLParameters(url))
    with closing(connection):
        _, props, _ = connection.channel().basic_get("marketing.dead", auto_ack=True)
        return props.headers["reason"], props.headers["field"]
