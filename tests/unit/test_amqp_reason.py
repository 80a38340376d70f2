"""Why a connection failed, without what pika wraps around it."""

from __future__ import annotations

from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorSocketConnectError
from pika.exceptions import AMQPConnectionError

from topology.amqp_reason import REASON_CHARS_MAX, reason_of
from topology.amqp_topology import TopologyDiffers

REFUSED = ConnectionRefusedError(111, "Connection refused")


def test_a_refused_connection_says_so_through_whatever_is_wrapped_around_it() -> None:
    wrapped = AMQPConnectionError(
        AMQPConnectionWorkflowFailed([OSError("first"), AMQPConnectorSocketConnectError(REFUSED)])
    )
    assert reason_of(wrapped) == "ConnectionRefusedError: [Errno 111] Connection refused"


def test_an_error_without_a_text_is_named_by_its_class() -> None:
    assert reason_of(AMQPConnectionError()) == "AMQPConnectionError"


def test_every_object_that_is_missing_is_named_on_one_line() -> None:
    said = reason_of(TopologyDiffers("\n".join(f"missing: marketing.queue.{i}" for i in range(40))))
    assert said.startswith("TopologyDiffers: missing: marketing.queue.0; missing:") and said.endswith("queue.39")
    assert len(reason_of(ValueError("x" * 10 * REASON_CHARS_MAX))) == REASON_CHARS_MAX
