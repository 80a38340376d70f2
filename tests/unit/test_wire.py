"""Both doors' reading of a message."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.registry import COMMANDS
from supervision.entry import decode_draft
from supervision.messages import Item
from tests.topology_world import SEGMENTS, door, message
from topology.unreadable import FIELD_CHARS_MAX, NOT_JSON
from topology.wire import (
    ID_BYTES_MAX,
    JSON_DEPTH_MAX,
    MESSAGE_BYTES_MAX,
    BadMessage,
    ByContent,
    ByKey,
    Door,
    MadeUp,
    hash64,
    id_hash,
    reply_key,
)

ANYWHERE = ByContent("marketing.points.events", "points.increase.purchase")


def item(raw: bytes, message_id: str | None = None, source: str = "shop", fallback: Any = ANYWHERE) -> Item:
    taken = door().decode(raw, source, message_id, fallback)
    assert isinstance(taken, Item), taken
    return taken


def refusal(raw: bytes, message_id: str | None = None, source: str = "shop", fallback: Any = ANYWHERE) -> BadMessage:
    refused = door().decode(raw, source, message_id, fallback)
    assert isinstance(refused, BadMessage), refused
    return refused


def nested(levels: int) -> bytes:
    """A message of that depth, the object itself counted."""
    return message(deep=msgspec.Raw(b"[" * (levels - 1) + b"]" * (levels - 1)))


def test_the_senders_bytes_go_into_the_log_as_they_came() -> None:
    raw = b'{ "points":100,"event_type":"points_change",  "user_id":"123456", "unknown": [1.50] }'
    taken = item(raw, "m1")
    assert taken.draft.body == raw and decode_draft(taken.encoded) == taken.draft
    assert (taken.draft.kind, taken.draft.subject, taken.draft.id, taken.draft.root) == (
        "points.change", "user:123456", "shop|m1", "shop|m1",
    )  # fmt: skip
    assert taken.segment == 14 % SEGMENTS


def test_the_property_comes_before_the_bodys_id_and_that_before_the_fallback() -> None:
    raw = message(event_id="e1")
    assert item(raw, "m1").draft.id == "shop|m1"
    assert item(raw).draft.id == "shop|e1"
    assert item(raw, fallback=ByKey("key/3")).draft.id == "shop|e1"
    assert item(message(), fallback=ByKey("key/3")).draft.id == "shop|key/3"


def test_a_message_without_any_id_is_named_by_where_it_came_from_and_what_it_says() -> None:
    one = item(message())
    assert one.id_hash == item(message()).id_hash
    assert one.draft.id == item(b'{"user_id":"7", "points":100, "event_type":"points_change"}').draft.id
    assert one.draft.id != item(message(points=101)).draft.id
    assert one.draft.id != item(message(), fallback=ByContent("marketing.points.events", "points.decrease.x")).draft.id


def test_a_message_that_does_not_say_what_it_is_may_be_known_by_a_field_that_no_other_has() -> None:
    taken = Door(COMMANDS, SEGMENTS).decode(b'{"behavior_type":"click","user_id":"7"}', "shop", "m1", ANYWHERE)
    assert isinstance(taken, Item)
    assert (taken.draft.kind, taken.draft.subject) == ("behaviour.seen", "user:7")
    null = b'{"event_type":null,"behavior_type":"click","user_id":"7"}'
    assert isinstance(Door(COMMANDS, SEGMENTS).decode(null, "shop", "m1", ANYWHERE), Item)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"user_id":"7"}', "missing"),
        (b'{"event_type":null,"user_id":"7"}', "wrong_type"),
        (b'{"event_type":5,"behavior_type":"click","user_id":"7"}', "wrong_type"),
        (b'{"event_type":"clicked","behavior_type":"click","user_id":"7"}', "unknown_event_type"),
    ],
)
def test_what_a_message_says_it_is_counts_more_than_any_field(raw: bytes, code: str) -> None:
    refused = Door(COMMANDS, SEGMENTS).decode(raw, "shop", "m1", ANYWHERE)
    assert isinstance(refused, BadMessage) and (refused.code, refused.field) == (code, "event_type")


def test_a_made_up_name_is_not_remembered() -> None:
    taken = item(message(), fallback=MadeUp("0001"))
    assert taken.draft.id == "shop|0001" and taken.id_hash is None
    assert item(message(event_id="e1"), fallback=MadeUp("e1")).id_hash is not None


def test_who_waits_for_a_reply_says_so_and_is_known_by_the_id_also_by_one_that_was_made_up() -> None:
    for fallback in (MadeUp("m1"), ByKey("k1")):
        asked = door().decode(message(), "http", None, fallback, asked=True)
        assert isinstance(asked, Item)
        assert asked.draft.asked and decode_draft(asked.encoded).asked
        assert reply_key(asked) == id_hash(asked.draft.id, asked.draft.subject)
    assert not item(message()).draft.asked


def test_a_resend_with_other_spaces_and_key_order_is_the_same_command_and_another_value_is_not() -> None:
    one = item(message(points=5), "m1")
    again = item(b'{"points": 5, "user_id": "7",\n "event_type": "points_change"}', "m1")
    other = item(message(points=6), "m1")
    assert (one.id_hash, one.command_hash) == (again.id_hash, again.command_hash)
    assert one.id_hash == other.id_hash and one.command_hash != other.command_hash


def test_ids_are_known_per_source_id_and_subject() -> None:
    hashes = {
        item(message(user), mid, source).id_hash
        for user, mid, source in [
            ("7", "a", "s"),
            ("8", "a", "s"),
            ("7", "b", "s"),
            ("7", "a", "t"),
            ("7", "b|a", "s"),
            ("7", "a", "s|b"),
        ]
    }
    assert len(hashes) == 6


def test_the_hashes_are_what_other_programs_can_compute() -> None:
    assert hash64(b"") == 0xE4A6A0577479B2B4
    assert id_hash("shop|m1", "user:7") == hash64(b"shop|m1\0user:7")


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        (b"", "not_json", ""),
        (b"nonsense", "not_json", ""),
        (b'{"a":NaN}', "not_a_number", "a"),
        (b'{"a":{"b":[0,-Infinity]}}', "not_a_number", "a.b.1"),
        (b'{"a":NaN,"a":1}', "not_a_number", "a"),
        (b'{"a":"\xff"}', "not_utf8", "a"),
        (b'{"a":["\\udc00"]}', "not_utf8", "a.0"),
        (b'{"a":{"\\ud800":1}}', "not_utf8", "a"),
        (b'{"a":"\xff"', "not_json", ""),
        (b'{"a":1} {"b":2}', "not_json", ""),
        (b'{"a":1e999}', "number_out_of_range", "a"),
        (b'{"a":{"b":-1e999}}', "number_out_of_range", "a.b"),
        (b'{"points":' + b"9" * 5_000 + b"}", "number_out_of_range", "points"),
        (b"[]", "not_an_object", ""),
        (b"null", "not_an_object", ""),
        (b"true", "not_an_object", ""),
        (b"1.5", "not_an_object", ""),
        (b'"text"', "not_an_object", ""),
        (nested(JSON_DEPTH_MAX + 1), "too_deep", ""),
        (b"[" * 200_000, "too_deep", ""),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "too_deep", ""),
        (b" " * (MESSAGE_BYTES_MAX + 1), "too_large", ""),
        (b"{}", "missing", "event_type"),
        (b'{"event_type":7}', "wrong_type", "event_type"),
        (b'{"event_type":"nobody_knows"}', "unknown_event_type", "event_type"),
        (message(points=0), "out_of_range", "points"),
        (message(event_id=7), "wrong_type", "event_id"),
        (message(event_id=""), "empty", "event_id"),
        (message(event_id="x" * (ID_BYTES_MAX + 1)), "too_long", "event_id"),
        (message(event_id="a\u0000b"), "control_characters", "event_id"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_refused_with_a_code_the_field_and_a_sentence(raw: bytes, code: str, field: str) -> None:
    refused = refusal(raw)
    assert (refused.code, refused.field) == (code, field) and refused.message


def test_what_is_wrong_is_said_in_our_words() -> None:
    assert refusal(b" ").message == "the message is empty"
    assert refusal(b"\xef\xbb\xbf{}").message == "the message is not JSON: it begins with a byte order mark"
    assert refusal(b'{"a":').message == "the message is not JSON: it ends too early"
    assert refusal(b'{"points":' + b"9" * 5_000 + b"}").message.startswith("points is a number of 5000 digits")
    assert refusal(b'{"points":1e400}').message == "points is a number beyond ±1.8e308"


def test_a_name_that_the_sender_chose_is_cut_and_escaped() -> None:
    assert refusal(b'{"' + b"x" * 10_000 + b'":NaN}').field == "x" * (FIELD_CHARS_MAX - 1) + "…"
    assert refusal(b'{"a\\u0007":NaN}').field == "a\\x07"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":' * 900 + b"[" + b"1," * 120_000 + b"NaN]" + b"}" * 900,
        b"[" + b"1e999," * 40_000 + b"NaN]",
        b'{"a":' + b"9" * 250_000 + b"}",
        b'{"a":1.' + b"9" * 250_000 + b"e999}",
        b'{"a":"' + b"\xff" * 250_000 + b'"}',
        b'{"a":NaN,"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":NaN,"b":"' + b"\\" * 200_000,
    ],
)
def test_looking_for_what_is_wrong_in_a_large_message_ends_soon(raw: bytes) -> None:
    began = time.monotonic()
    assert refusal(raw).code in NOT_JSON | {"number_out_of_range", "too_deep"}
    assert time.monotonic() - began < 5


def test_limits_can_be_reached_but_not_exceeded() -> None:
    assert item(nested(JSON_DEPTH_MAX))
    full = message(pad="x" * (MESSAGE_BYTES_MAX - len(message(pad=""))))
    assert len(full) == MESSAGE_BYTES_MAX and item(full)
    assert item(message(), "é" * (ID_BYTES_MAX // 2))
    assert refusal(message(), "é" * (ID_BYTES_MAX // 2) + "x").message.startswith("message_id must be 1 to 256 bytes")


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert item(message(flat=[[] for _ in range(1_000)], text="{[" * 1_000))


def test_a_bad_source_or_key_is_named() -> None:
    assert refusal(message(), "m1", source="a\nb").field == "app_id"
    assert refusal(message(), fallback=ByKey("x\x7f")).field == "Idempotency-Key"
    assert refusal(message(), fallback=ByKey("\udcff")).field == "Idempotency-Key"
    assert refusal(message(), "\x85").field == "message_id"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary(), st.text(), st.none() | st.text())
def test_no_bytes_make_it_raise(raw: bytes, source: str, message_id: str | None) -> None:
    refused = Door(COMMANDS, SEGMENTS).decode(raw, source, message_id, ANYWHERE)
    assert isinstance(refused, BadMessage) and refused.code and refused.message


@given(
    st.dictionaries(
        st.sampled_from(
            ["user_id", "change_type", "points", "reason", "order_id", "timestamp", "metadata", "event_id", "more"]
        ),
        json_values | st.sampled_from(["7", "increase", "referral", 100, "2025-09-20T14:30:00Z"]),
    ),
    st.sampled_from([ANYWHERE, ByKey("k"), MadeUp("m")]),
)
def test_no_field_makes_it_raise_and_every_refusal_names_its_reason(fields: dict[str, Any], fallback: Any) -> None:
    try:
        raw = msgspec.json.encode({"event_type": "points_change"} | fields)
    except (ValueError, UnicodeEncodeError):
        return
    taken = Door(COMMANDS, SEGMENTS).decode(raw, "shop", None, fallback)
    if isinstance(taken, BadMessage):
        assert taken.code and taken.message
    else:
        assert taken.draft.body == raw
