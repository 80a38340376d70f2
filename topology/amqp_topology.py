"""Makes the broker hold the table, or refuses a broker that does not.

Declaring is for a broker that is ours alone; it is idempotent, and a queue that exists with other arguments is an
error that names them. Checking is for production, where the engine may configure nothing: every exchange and queue is
declared passively, and, where we may, declared again with its arguments, which changes nothing of what exists but
makes the broker compare. Bindings and policies cannot be asked for over AMQP; `definitions.differences` compares them
with what the broker exports.
"""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from topology.table import Exchange, Queue, Topology

ACCESS_REFUSED = 403
NOT_FOUND = 404

log = structlog.get_logger("topology")


class TopologyDiffers(Exception):
    """The broker does not hold what it should; the text says what, one line each."""


def preparer(table: Topology, declare: Literal["declare", "check"]) -> Callable[[pika.URLParameters], None]:
    """What the shells call before each connection; on a connection of its own, since a refusal closes the channel."""
    if declare == "check":
        log.warning("bindings and policies cannot be checked over AMQP", compare_with="run.py topology --compare FILE")

    def prepare(parameters: pika.URLParameters) -> None:
        connection = pika.BlockingConnection(parameters)
        try:
            if declare == "declare":
                declare_all(connection, table)
            else:
                check_all(connection, table)
        finally:
            if connection.is_open:
                connection.close()

    return prepare


def declare_all(connection: pika.BlockingConnection, table: Topology) -> None:
    """Raises TopologyDiffers at the first object that exists otherwise."""
    channel = connection.channel()
    try:
        for item in (*table.exchanges, *table.queues):
            _declare(channel, item, passive=False)
        for b in table.bindings:
            if b.to == "exchange":
                channel.exchange_bind(b.destination, b.source, b.key)
            else:
                channel.queue_bind(b.destination, b.source, b.key)
    except ChannelClosedByBroker as error:
        raise TopologyDiffers(error.reply_text) from error


def check_all(connection: pika.BlockingConnection, table: Topology) -> None:
    """Raises TopologyDiffers with everything that is missing or otherwise."""
    lines: list[str] = []
    uncompared = 0
    for item in (*table.exchanges, *table.queues):
        refusal = _refusal(connection, item, passive=True)
        if refusal is None:
            refusal = _refusal(connection, item, passive=False)
            if refusal is not None and refusal.reply_code == ACCESS_REFUSED:
                uncompared += 1
                refusal = None
        if refusal is not None:
            what = "missing" if refusal.reply_code == NOT_FOUND else "differs"
            lines.append(f"{what}: {item.name}: {refusal.reply_text}")
    if uncompared:
        log.info("no right to compare arguments over AMQP", objects=uncompared)
    if lines:
        raise TopologyDiffers("\n".join(lines))


def _refusal(
    connection: pika.BlockingConnection, item: Exchange | Queue, passive: bool
) -> ChannelClosedByBroker | None:
    channel = connection.channel()
    try:
        _declare(channel, item, passive)
    except ChannelClosedByBroker as error:
        return error
    channel.close()
    return None


def _declare(channel: BlockingChannel, item: Exchange | Queue, passive: bool) -> None:
    arguments: Mapping[str, Any] = dict(item.arguments)
    if isinstance(item, Exchange):
        channel.exchange_declare(item.name, item.type, passive=passive, durable=True, arguments=arguments)
    else:
        channel.queue_declare(item.name, passive=passive, durable=True, arguments=arguments)
