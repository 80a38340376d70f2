"""`run.py watch`: the effects as they come, one JSON line each. For people and for shell scripts.

It hears through an exclusive queue of its own that vanishes with it, so watching takes nothing from anybody and shows
only what is said from now on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pika

from topology.amqp_thread import parameters
from topology.table import EFFECTS

PREFETCH = 500


class Seen(msgspec.Struct, frozen=True):
    """One effect. `body` as it was published when it is JSON, else its text."""

    key: str
    message_id: str
    segment: str
    seq: int
    body: Any


def watch(url: str, show: Callable[[Seen], bool], key: str = "#") -> None:
    """Show effects whose routing key matches `key`, until `show` returns False. Blocks.

    Raises pika's AMQPError when the broker goes away, ValueError for a bad address.
    """
    connection = pika.BlockingConnection(parameters(url))
    try:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=PREFETCH)
        queue: str = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EFFECTS, key)
        for method, props, body in channel.consume(queue, auto_ack=True):
            if method is not None and not show(_seen(method, props, body or b"")):
                return
    finally:
        if connection.is_open:
            connection.close()


def _seen(method: Any, props: Any, body: bytes) -> Seen:
    headers: dict[str, Any] = props.headers or {}
    try:
        text: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode(errors="replace")
    return Seen(
        str(method.routing_key),
        str(props.message_id or ""),
        str(headers.get("segment", "")),
        int(headers.get("seq", 0)),
        text,
    )
