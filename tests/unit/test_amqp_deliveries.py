"""Our reader of deliveries against pika's, on the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame, spec

from topology.amqp_deliveries import BODY_BYTES_MAX, delivery
from topology.amqp_socket import AmqpConnection
from topology.ports import Delivery

FRAME_MAX = 131_072


class Wire(AmqpConnection):
    """A connection without a socket that notes what it reads, by which way and in which order."""

    def __init__(self, ours: bool) -> None:
        self.read: list[Any] = []
        self._frame_buffer = b""
        self.bytes_received = 0
        self._assembled: list[Any] = []
        if ours:
            self.deliver = self.read.append

    def _process_frame(self, frame_value: Any) -> None:
        """As pika's channel assembles, without the channel."""
        if isinstance(frame_value, frame.Method):
            self._assembled = [frame_value.method] if isinstance(frame_value.method, spec.Basic.Deliver) else []
            if not self._assembled:
                self.read.append(type(frame_value.method).__name__)
        elif isinstance(frame_value, frame.Header):
            self._assembled += [frame_value.properties, frame_value.body_size, b""]
        elif isinstance(frame_value, frame.Body):
            self._assembled[3] += frame_value.fragment
        else:
            self.read.append(type(frame_value).__name__)
        if len(self._assembled) == 4 and len(self._assembled[3]) == self._assembled[2]:
            method, props, _, body = self._assembled
            self.read.append(
                Delivery(method.delivery_tag, method.exchange, method.routing_key, props, body, method.redelivered)
            )
            self._assembled = []


def delivered(tag: int, exchange: Any, key: Any, props: Any, body: bytes, redelivered: bool, part: int) -> bytes:
    method: Any = spec.Basic.Deliver("ctag1.a", tag, redelivered, exchange, key)
    frames: list[Any] = [frame.Method(1, method), frame.Header(1, len(body), props)]
    frames += [frame.Body(1, body[at : at + part]) for at in range(0, len(body), part)]
    return b"".join(each.marshal() for each in frames)


def others() -> list[bytes]:
    acks: Any = [spec.Basic.Ack(7, True), spec.Queue.DeclareOk("q", 3, 1)]
    return [frame.Heartbeat().marshal(), *(frame.Method(1, ack).marshal() for ack in acks)]


def fed(wire: Wire, stream: bytes, cuts: Sequence[int]) -> list[Any]:
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        wire._on_data_available(stream[start:end])  # pyright: ignore[reportPrivateUsage]
    return wire.read


def plain(read: Sequence[Any]) -> list[Any]:
    """Deliveries with their properties as a dict: pika's have no equality that is of use."""
    return [
        (one.tag, one.exchange, one.key, vars(one.props), one.body, one.redelivered)
        if isinstance(one, Delivery)
        else one
        for one in read
    ]


short = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.binary(max_size=40)
properties = st.builds(
    pika.BasicProperties,
    content_type=st.none() | short,
    headers=st.none()
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), st.integers(0, 9)),
    delivery_mode=st.none() | st.sampled_from([1, 2]),
    message_id=st.none() | short,
    timestamp=st.none() | st.integers(0, 2**63),
    app_id=st.none() | short,
    user_id=st.none() | short,
)
messages = st.builds(
    delivered, st.integers(1, 2**63), short, short, properties, st.binary(max_size=300), st.booleans(),
    st.sampled_from([100, FRAME_MAX]),
)  # fmt: skip


@given(st.lists(messages | st.sampled_from(others()), max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_whatever_comes_and_however_it_is_cut_we_read_what_pika_reads(stream: list[bytes], cuts: list[int]) -> None:
    ours, theirs = Wire(ours=True), Wire(ours=False)
    whole = b"".join(stream)
    assert plain(fed(ours, whole, cuts)) == plain(fed(theirs, whole, cuts))
    assert ours.bytes_received == theirs.bytes_received == len(whole)


@pytest.mark.parametrize("nbytes", [0, 1, BODY_BYTES_MAX, BODY_BYTES_MAX + 1, 300_000])
def test_a_long_body_is_left_to_pika_and_what_follows_is_ours_again(nbytes: int) -> None:
    stream = delivered(1, "e", "k", pika.BasicProperties(), b"x" * nbytes, False, FRAME_MAX)
    stream += delivered(2, "e", "k", pika.BasicProperties(), b"y", True, FRAME_MAX)
    read = fed(Wire(ours=True), stream, range(0, len(stream), 4_096))
    assert [(one.tag, len(one.body), one.redelivered) for one in read] == [(1, nbytes, False), (2, 1, True)]


def test_a_frame_that_does_not_end_where_it_says_is_left_to_pika_which_refuses_it() -> None:
    stream = bytearray(delivered(1, "e", "k", pika.BasicProperties(), b"body", False, FRAME_MAX))
    stream[-1] = 0
    assert delivery(bytes(stream), 0) == "other"
    whole = delivered(1, "e", "k", pika.BasicProperties(), b"body", False, FRAME_MAX)
    assert [delivery(whole[:n], 0) for n in range(1, len(whole))] == ["partial"] * (len(whole) - 1)
