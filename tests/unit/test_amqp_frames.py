"""Our frames against pika's, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec

from supervision.entry import Entry
from topology.amqp_frames import publication
from topology.outflow import effect
from topology.ports import Outgoing, Props

FRAME_MAX = 4_096


def by_pika(channel: int, message: Outgoing) -> bytes:
    """What pika writes for it, in its own frames."""
    p = message.props
    make: Any = pika.BasicProperties
    props = make(
        p.content_type, p.content_encoding, p.headers, p.delivery_mode, p.priority, p.correlation_id, p.reply_to, None,
        p.message_id, p.timestamp, p.type, None, p.app_id,
    )  # fmt: skip
    method: Any = spec.Basic.Publish(exchange=message.exchange, routing_key=message.key, mandatory=True)
    body, part = message.body, FRAME_MAX - spec.FRAME_HEADER_SIZE - spec.FRAME_END_SIZE
    frames: list[Any] = [frame.Method(channel, method), frame.Header(channel, len(body), props)]
    frames += [frame.Body(channel, body[at : at + part]) for at in range(0, len(body), part)]
    return b"".join(each.marshal() for each in frames)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
short = texts | st.binary(max_size=60)
plain = texts | st.integers(-(2**63), 2**63 - 1)
values = plain | st.binary(max_size=40) | st.booleans() | st.none() | st.just(datetime(2026, 11, 11, tzinfo=UTC))
properties = st.builds(
    Props,
    content_type=st.none() | short,
    content_encoding=st.none() | short,
    headers=st.none() | st.dictionaries(texts, plain, max_size=5) | st.dictionaries(texts, values, max_size=5),
    delivery_mode=st.sampled_from([None, 1, 2]),
    priority=st.none() | st.integers(0, 255),
    correlation_id=st.none() | short,
    reply_to=st.none() | short,
    message_id=st.none() | short,
    timestamp=st.none() | st.integers(0, 2**64 - 1),
    type=st.none() | short,
    app_id=st.none() | short,
)


@given(st.integers(1, 65_535), st.builds(Outgoing, exchange=short, key=short, body=st.binary(), props=properties))
def test_a_publication_has_the_bytes_that_pika_would_write(channel: int, message: Outgoing) -> None:
    assert publication(channel, FRAME_MAX, message) == by_pika(channel, message)


@pytest.mark.parametrize("nbytes", [0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, 2 * (FRAME_MAX - 8), 20_000])
def test_a_body_is_cut_where_the_frame_ends(nbytes: int) -> None:
    message = Outgoing("marketing.effects", "notify.sms", b"x" * nbytes, Props("application/json"))
    assert publication(1, FRAME_MAX, message) == by_pika(1, message)


def test_an_effect_has_the_bytes_that_pika_would_write() -> None:
    at = 1_758_378_600_123
    entry = Entry(14, 1_790_000_000, 41, at, 7, "points.earned", "user:1", b'{"a":1}', route="points.earned.x")
    assert publication(1, FRAME_MAX, effect(entry)) == by_pika(1, effect(entry))


@pytest.mark.parametrize("props", [Props(message_id="x" * 256), Props(headers={"x" * 256: 1}), Props(app_id="é" * 128)])
def test_a_short_text_of_more_than_255_bytes_is_refused(props: Props) -> None:
    with pytest.raises(ValueError, match="range"):
        publication(1, FRAME_MAX, Outgoing("e", "k", b"", props))
