"""One delayed message's life: pending, then published or cancelled, remembered, forgotten."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.delay.messages import DelayCancelled, DelayRefused
from actors.delay.waiting import DELAY_MS_MAX, REMEMBERED_MS, Waiting
from supervision.envelope import rfc3339
from tests.delay_world import AT, BYTES, One, delivery, item
from topology.dead import is_of_broker
from topology.ports import Props

LATER = item(delivery())
CANCEL = item(delivery(type="cancel", headers={}))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def taken(name: str) -> bool:
    """Whether a header means something to us or to a broker."""
    return is_of_broker(name) or name in ("deliver_at", "x-ganglion-due", "x-ganglion-place")


def code(said: list[Any]) -> str:
    (one,) = said
    assert isinstance(one, DelayRefused)
    return one.code


def test_a_message_goes_out_at_its_time_with_its_key_headers_properties_and_bytes() -> None:
    one = One()
    props = {"content_type": "image/png", "type": "news", "app_id": "shop", "priority": 4, "timestamp": 1_790_000_000}
    assert one.hears(item(delivery(headers={"delay_ms": 5_000, "x": b"\xff"}, **props))) == []
    assert one.armed == AT + 5_000
    (out,) = one.fires()
    assert (out.exchange, out.key, out.body) == ("marketing.delayed", "mail.news", BYTES)
    ours = {"x-ganglion-due": rfc3339(AT + 5_000), "x-ganglion-place": "3.7.99"}
    assert out.props == Props(headers={"delay_ms": 5_000, "x": b"\xff"} | ours, message_id="m-1", **props)


@given(st.binary(max_size=300), st.dictionaries(st.text(max_size=20), values, max_size=8), st.text(max_size=40))
def test_whatever_headers_and_bytes_there_are_they_go_out_as_they_came(
    body: bytes, headers: dict[str, Any], key: str
) -> None:
    headers = {name: value for name, value in headers.items() if not taken(name)} | {"delay_ms": 1}
    one = One()
    one.hears(item(delivery(body, key, headers)))
    (out,) = one.fires()
    sent = {name: value for name, value in out.props.headers.items() if not name.startswith("x-ganglion-")}
    assert (out.body, out.key, sent) == (body, key, headers)


def test_what_should_have_been_long_ago_goes_out_at_once_and_nothing_waits_longer_than_the_limit() -> None:
    one = One()
    one.hears(item(delivery(headers={"deliver_at": "1969-12-31T00:00:00Z"})))
    assert one.armed == AT
    one = One()
    assert one.hears(item(delivery(headers={"deliver_at": rfc3339(AT + DELAY_MS_MAX)}))) == []
    one = One()
    assert code(one.hears(item(delivery(headers={"deliver_at": rfc3339(AT + DELAY_MS_MAX + 1)})))) == "too_far"
    assert one.state == Waiting() and one.armed is None


def test_a_resend_changes_nothing_and_another_message_under_the_same_id_is_refused() -> None:
    one = One()
    other = item(delivery(b"other"))
    one.hears(LATER)
    assert one.hears(LATER, AT + 500) == [] and one.armed == AT + 1_000
    assert code(one.hears(other)) == "id_reused"
    one.fires()
    assert one.hears(LATER, AT + REMEMBERED_MS) == [] and code(one.hears(other)) == "id_reused"
    assert one.state.message is None, "the bytes are kept no longer than they are needed"


def test_what_is_cancelled_does_not_go_out_and_a_late_resend_does_not_bring_it_back() -> None:
    one = One()
    one.hears(LATER)
    assert one.hears(CANCEL) == [DelayCancelled("m-1")]
    assert one.armed == AT + REMEMBERED_MS, "its timer is not the publishing's any more"
    assert one.hears(CANCEL) == one.hears(LATER) == []
    assert one.fires() == [] and one.state == Waiting()


def test_a_cancel_of_what_is_unknown_or_has_gone_out_is_refused_with_that() -> None:
    one = One()
    assert code(one.hears(CANCEL)) == "unknown_message"
    one.hears(LATER)
    one.fires()
    assert code(one.hears(CANCEL)) == "already_published"


def test_an_id_is_forgotten_a_week_after_its_message_went_out_and_may_be_used_again() -> None:
    one = One()
    one.hears(LATER)
    one.fires()
    assert one.armed == AT + 1_000 + REMEMBERED_MS
    assert one.fires() == [] and one.state == Waiting()
    one.hears(item(delivery(b"another")), AT + 2 * REMEMBERED_MS)
    assert one.state.status == "pending"


def test_a_message_whose_firing_an_operator_discards_does_not_wait_for_ever() -> None:
    one = One()
    one.hears(LATER)
    assert one.fires(discarded=True) == [] and one.state.status == "cancelled"
    assert one.fires() == [] and one.state == Waiting()


def test_an_id_is_new_too_when_an_operator_discards_the_firing_that_was_to_forget_it() -> None:
    one = One()
    one.hears(LATER)
    one.fires()
    assert one.fires(discarded=True) == [] and one.state == Waiting() and one.armed is None
