"""A delayed message that is due, as it goes out: the sender's routing key, properties, headers and bytes, on
`marketing.delayed`.

It has no `seq`: whoever counts the effects of `marketing.effects` to see holes would see one for each message that he
is not meant to hear. It is known by the sender's `message_id`. Ours are two headers, which say the same however often
it is published: when it was due, and its place in the log.
"""

from __future__ import annotations

import msgspec

from actors.delay.messages import DelayedDue
from supervision.entry import Entry
from supervision.envelope import rfc3339
from topology.amqp_tables import unpacked
from topology.ports import Outgoing, Props
from topology.table import DELAYED

DUE_HEADER = "x-ganglion-due"
PLACE_HEADER = "x-ganglion-place"

_said = msgspec.json.Decoder(DelayedDue).decode


def delayed(entry: Entry) -> Outgoing:
    """The message that a `delay.due` becomes."""
    said = _said(entry.body)
    message = said.message
    props = Props(
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        headers=unpacked(message.headers) | {DUE_HEADER: rfc3339(said.due), PLACE_HEADER: entry.place},
        priority=message.priority,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        message_id=message.message_id,
        timestamp=message.timestamp,
        type=message.type,
        app_id=message.app_id,
    )
    return Outgoing(DELAYED, message.key, message.body, props)
