"""What is taken at `marketing.delay`, and what is refused there with which reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from actors.delay.messages import PublishLater
from actors.delay.waiting import DELAY_MS_MAX
from tests.delay_world import SEGMENTS, delivery, item, refused
from topology.amqp_tables import unpacked
from topology.delay_door import HEADERS_BYTES_MAX, HEADERS_DEPTH_MAX, HEADERS_MAX
from topology.intake import Bury, HandOver, Intake
from topology.ports import UNREADABLE
from topology.wire import MESSAGE_BYTES_MAX, Door


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels - 1):
        value = {"in": value}
    return {"a": value, "delay_ms": 1}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"message_id": None}, ("missing", "message_id")),
        ({"message_id": "a\nb"}, ("bad_id", "message_id")),
        ({"headers": {}}, ("missing", "deliver_at")),
        ({"headers": {"delay_ms": 1, "deliver_at": "2026-09-21T00:00:00Z"}}, ("contradictory", "deliver_at")),
        ({"headers": {"deliver_at": "tomorrow"}}, ("not_rfc3339", "deliver_at")),
        ({"headers": {"deliver_at": datetime(2026, 9, 21, tzinfo=UTC)}}, ("not_rfc3339", "deliver_at")),
        ({"headers": {"delay_ms": -1}}, ("out_of_range", "delay_ms")),
        ({"headers": {"delay_ms": True}}, ("out_of_range", "delay_ms")),
        ({"headers": {"delay_ms": "1"}}, ("out_of_range", "delay_ms")),
        ({"headers": {"delay_ms": DELAY_MS_MAX + 1}}, ("out_of_range", "delay_ms")),
        ({"body": bytes(MESSAGE_BYTES_MAX + 1)}, ("too_large", "")),
        ({"headers": {"delay_ms": 1, "long": "x" * HEADERS_BYTES_MAX}}, ("too_large", "headers")),
        ({"headers": {"delay_ms": 1} | {f"h{n}": n for n in range(HEADERS_MAX)}}, ("too_many", "headers")),
        ({"headers": nested(HEADERS_DEPTH_MAX + 1)}, ("too_many", "headers")),
        ({"headers": {UNREADABLE: "a year beyond all"}}, ("unreadable", "headers")),
        ({"headers": {"delay_ms": 1, "in": [{UNREADABLE: "a year beyond all"}]}}, ("unreadable", "headers")),
        ({"headers": {"delay_ms": 1, "odd": object()}}, ("unreadable", "headers")),
        ({"key": b"\xff"}, ("not_utf8", "routing_key")),
        ({"content_type": b"\xff"}, ("not_utf8", "content_type")),
    ],
)
def test_what_cannot_be_published_later_is_refused_with_its_field(given: dict[str, Any], why: tuple[str, str]) -> None:
    assert refused(delivery(**given)) == why


@pytest.mark.parametrize(
    "given",
    [
        {"headers": {"delay_ms": DELAY_MS_MAX}},
        {"headers": {"delay_ms": 0}},
        {"headers": {"deliver_at": "1999-12-31T23:59:59.5+08:00"}},
        {"body": bytes(MESSAGE_BYTES_MAX)},
        {"body": b"", "key": ""},
        {"headers": {"delay_ms": 1} | {f"h{n}": n for n in range(HEADERS_MAX - 1)}},
        {"headers": nested(HEADERS_DEPTH_MAX)},
        {"headers": {"delay_ms": 1, b"\xff": b"\xff"}},
    ],
)
def test_limits_can_be_reached(given: dict[str, Any]) -> None:
    assert item(delivery(**given)).draft.subject == "delay:m-1"


def test_a_resend_is_the_same_command_and_a_cancel_is_known_by_an_id_of_its_own() -> None:
    first = item(delivery(headers={"delay_ms": 1, "a": 1}))
    again = item(delivery(headers={"a": 1, "delay_ms": 1}))
    other = item(delivery(b"other", headers={"delay_ms": 1, "a": 1}))
    cancel = item(delivery(type="cancel", headers={}))
    redelivered = item(delivery(headers={"delay_ms": 1, "a": 1, "x-delivery-count": 1, "x-acquired-count": 1}))
    assert (again.id_hash, again.command_hash) == (first.id_hash, first.command_hash)
    assert (redelivered.id_hash, redelivered.command_hash) == (first.id_hash, first.command_hash)
    assert other.id_hash == first.id_hash and other.command_hash != first.command_hash
    assert cancel.id_hash != first.id_hash and cancel.draft.subject == first.draft.subject
    assert first.keep_long and first.segment == cancel.segment


def test_a_cancel_that_is_sent_anew_says_so_by_its_correlation_id_or_its_time() -> None:
    def cancel(**props: Any) -> tuple[int | None, int]:
        made = item(delivery(type="cancel", headers={}, **props))
        return made.id_hash, made.command_hash

    sent = [cancel(), cancel(correlation_id="2"), cancel(timestamp=2), cancel(correlation_id="2", timestamp=2)]
    assert len({id_hash for id_hash, _ in sent}) == 4
    assert cancel() == sent[0] and cancel(correlation_id="2") == sent[1], "what comes again is the same"
    assert refused(delivery(type="cancel", correlation_id=b"\xff")) == ("not_utf8", "correlation_id")
    assert refused(delivery(type="cancel", correlation_id="a\0b")) == ("bad_id", "correlation_id")


def test_what_a_broker_would_act_upon_is_left_out_and_nothing_else() -> None:
    acted_upon = {"x-death": [{"count": 1}], "x-first-death-queue": "q", "CC": ["k"], "BCC": ["k"]}
    kept = {"delay_ms": 1, "x-mine": b"\x00\xff", "tries": 3}
    made = item(delivery(headers=acted_upon | kept, reply_to="amq.rabbitmq.reply-to.xyz"))
    message = msgspec.json.decode(made.draft.body, type=PublishLater).message
    assert unpacked(message.headers) == kept and message.reply_to is None


def test_the_bridge_takes_good_ones_and_buries_bad_ones_with_their_reason() -> None:
    bridge = Intake(Door({}, SEGMENTS))
    bridge.connected(1)
    bridge.delivered(1, [delivery(), delivery(message_id=None)])
    good, bad = bridge.hand_over()
    assert isinstance(good, HandOver) and [one.draft.kind for one in good.items] == ["delay.later"]
    assert isinstance(bad, Bury) and list(bad.codes) == ["missing"]
