"""What a dead letter keeps and what it leaves out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.topology_world import door
from topology.amqp_frames import publication
from topology.dead import DETAIL_CHARS_MAX, HEADERS_BYTES_MAX, dead_letter
from topology.intake import Bury, Intake
from topology.ports import Delivery, Props
from topology.table import DEAD
from topology.wire import BadMessage

BAD = BadMessage("not_json", "points", "x" * 2_000)


def dead(**props: object) -> Props:
    delivery = Delivery(3, "marketing.points.events", "points.increase.x", Props(**props), b"body")  # type: ignore[arg-type]
    letter = dead_letter(delivery, BAD)
    assert letter.tag == 3 and letter.message.exchange == DEAD and letter.message.body == b"body"
    return letter.message.props


def test_the_message_keeps_its_properties_and_gets_its_reason() -> None:
    props = dead(
        message_id="m", app_id="shop", type="t", timestamp=5, priority=3, headers={"trace": "x"}, content_type="a/b"
    )
    assert (props.message_id, props.app_id, props.type, props.timestamp, props.priority) == ("m", "shop", "t", 5, 3)
    assert props.headers == {
        "trace": "x", "reason": "not_json", "field": "points", "detail": "x" * DETAIL_CHARS_MAX,
        "first_exchange": "marketing.points.events", "first_key": "points.increase.x",
    }  # fmt: skip
    assert props.delivery_mode == 2


def test_what_the_broker_would_act_upon_is_left_out() -> None:
    headers = dead(
        headers={
            "x-death": [1],
            "x-first-death-queue": "q",
            "x-last-death-reason": "r",
            "x-delivery-count": 3,
            "CC": ["a"],
            "BCC": ["b"],
        },
        reply_to="amq.rabbitmq.reply-to.g2dk",
    )
    assert headers.reply_to is None and headers.headers is not None
    assert set(headers.headers) == {"reason", "field", "detail", "first_exchange", "first_key"}
    assert dead(reply_to="answers").reply_to == "answers"


def test_a_senders_header_cannot_pass_for_the_reason() -> None:
    headers = dead(headers={"reason": "fine"}).headers
    assert headers is not None and headers["reason"] == "not_json"


def test_headers_that_would_not_fit_into_a_frame_with_ours_are_dropped_and_said_so() -> None:
    headers = dead(headers={"big": "y" * HEADERS_BYTES_MAX}).headers
    assert headers is not None and "big" not in headers and "bytes" in headers["headers_dropped"]


def test_header_values_are_of_types_that_can_be_written() -> None:
    odd = {"n": {"a": [1, None, {"b": b"\xff"}]}, "d": Decimal("1.5"), "t": datetime(2026, 1, 1), "f": 0.5, "o": object}
    headers = dead(headers=odd).headers
    assert headers is not None
    assert (
        headers["n"] == odd["n"]
        and headers["d"] == "1.5"
        and headers["t"] == odd["t"]
        and headers["f"] == "0.5"
        and isinstance(headers["o"], str)
    )


short = st.text(max_size=60) | st.binary(max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=10,
)


@given(
    body=st.binary(),
    texts=st.tuples(*[st.none() | short] * 7),
    headers=st.none() | st.dictionaries(short, values, max_size=5),
    exchange=short,
    key=short,
)
def test_whatever_properties_arrive_the_dead_letter_can_be_written(
    body: bytes, texts: tuple[Any, ...], headers: Any, exchange: Any, key: Any
) -> None:
    message_id, app_id, kind, content_type, encoding, correlation, reply_to = texts
    props = Props(content_type, encoding, headers, 1, 3, correlation, reply_to, message_id, 5, kind, app_id)
    bridge = Intake(door())
    bridge.connected(1)
    bridge.delivered(1, [Delivery(1, exchange, key, props, b"x" + body)])
    (group,) = bridge.hand_over()
    assert isinstance(group, Bury)
    written = publication(1, 131_072, group.letters[0].message)
    assert len(written) < 100_000 + len(body)
