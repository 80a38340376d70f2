"""What the door takes of `points_change`, and what it says to the rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Command, Refusal
from actors.fields import rfc3339_ms
from actors.points.door import POINTS_CHANGE, RULES
from actors.points.messages import PointsChange
from actors.registry import COMMANDS
from tests.points_world import knock, message

MISSING = object()


def refusal(**changes: Any) -> Refusal:
    """The door's answer to a good message with these fields changed (MISSING: taken away)."""
    answer = knock({name: value for name, value in {**message(), **changes}.items() if value is not MISSING})
    assert isinstance(answer, Refusal), answer
    return answer


def test_the_seeds_example_becomes_a_command_about_its_user() -> None:
    seed = message(order_id="ORDER_001", timestamp="2025-09-20T14:30:00Z", metadata={"order_amount": 500.00})
    assert knock(seed) == Command("points.change", "user:123456", 1_758_378_600_000, keep_long=False)


def test_what_is_worth_money_and_has_no_order_is_remembered_long() -> None:
    assert [knock(message(order_id=order)).keep_long for order in (None, "", "A")] == [True, True, False]  # type: ignore[union-attr]


def test_the_registry_knows_the_message_by_its_event_type() -> None:
    assert COMMANDS["points_change"] is POINTS_CHANGE
    assert POINTS_CHANGE.exchange == "marketing.points.events"


@pytest.mark.parametrize("field", ["event_type", "user_id", "change_type", "points", "reason"])
def test_a_required_field_that_is_missing_is_named(field: str) -> None:
    assert refusal(**{field: MISSING}) == Refusal("missing", field, f"{field} must be {RULES[field]}")


@pytest.mark.parametrize("points", [True, 100.0, "100", None, [1], {}])
def test_points_of_another_type_are_refused(points: Any) -> None:
    assert refusal(points=points) == Refusal("wrong_type", "points", "points must be an integer from 1 to 1000000000")


@pytest.mark.parametrize("points", [0, -1, 1_000_000_001, 10**30, -(10**30)])
def test_points_outside_the_limits_are_refused_with_the_limits(points: int) -> None:
    assert refusal(points=points) == Refusal("out_of_range", "points", "points must be an integer from 1 to 1000000000")


@pytest.mark.parametrize("points", [1, 1_000_000_000])
def test_points_at_the_limits_are_taken(points: int) -> None:
    assert isinstance(knock(message(points=points)), Command)


@pytest.mark.parametrize(
    ("user_id", "code"),
    [
        ("", "empty"),
        ("x" * 129, "too_long"),
        ("积" * 43, "too_long"),
        ("a\x00b", "control_characters"),
        ("a\nb", "control_characters"),
        ("a\x7f", "control_characters"),
        ("a\x85", "control_characters"),
        (123456, "wrong_type"),
        (None, "wrong_type"),
    ],
)
def test_user_ids_that_cannot_be_are_refused(user_id: Any, code: str) -> None:
    answer = refusal(user_id=user_id)
    assert (answer.code, answer.field) == (code, "user_id")
    assert "1 to 128 bytes" in answer.message


@pytest.mark.parametrize("user_id", ["x" * 128, "积" * 42, "a b", "a/b%2F#", "👩‍👩‍👧", "\u200d", "0", "-"])
def test_odd_user_ids_that_are_text_are_taken(user_id: str) -> None:
    answer = knock(message(user_id))
    assert isinstance(answer, Command)
    assert answer.subject == f"user:{user_id}"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("change_type", "multiply", "unknown_change_type"),
        ("change_type", 5, "wrong_type"),
        ("reason", "", "empty"),
        ("reason", "r" * 129, "too_long"),
        ("reason", "a\tb", "control_characters"),
        ("reason", 7, "wrong_type"),
        ("order_id", "o" * 129, "too_long"),
        ("order_id", 17, "wrong_type"),
        ("timestamp", "yesterday", "not_rfc3339"),
        ("timestamp", "2025-09-20T14:30:00", "not_rfc3339"),
        ("timestamp", "", "not_rfc3339"),
        ("timestamp", 1758378600, "wrong_type"),
        ("metadata", [1], "wrong_type"),
        ("metadata", "text", "wrong_type"),
        ("metadata", False, "wrong_type"),
    ],
)
def test_each_field_has_its_rule_and_the_refusal_says_it(field: str, value: Any, code: str) -> None:
    assert refusal(**{field: value}) == Refusal(code, field, f"{field} must be {RULES[field]}")


def test_fields_we_do_not_know_and_nulls_where_nothing_is_needed_are_no_reason_to_refuse() -> None:
    taken = knock(message(order_id=None, timestamp=None, metadata=None, campaign={"id": [1, 2]}, referrer_id=5))
    assert taken == Command("points.change", "user:123456", 0, keep_long=True)


@pytest.mark.parametrize(
    ("metadata", "field", "code"),
    [
        (MISSING, "metadata.referrer_id", "missing"),
        (None, "metadata.referrer_id", "missing"),
        ({}, "metadata.referrer_id", "missing"),
        ({"referrer_id": None}, "metadata.referrer_id", "wrong_type"),
        ({"referrer_id": ""}, "metadata.referrer_id", "empty"),
        ({"referrer_id": "x" * 129}, "metadata.referrer_id", "too_long"),
        ({"referrer_id": "123456"}, "metadata.referrer_id", "own_referrer"),
        ({"referrer_id": "7", "referrer_points": 0}, "metadata.referrer_points", "out_of_range"),
        ({"referrer_id": "7", "referrer_points": 10**10}, "metadata.referrer_points", "out_of_range"),
        ({"referrer_id": "7", "referrer_points": 1.5}, "metadata.referrer_points", "wrong_type"),
        ([], "metadata", "wrong_type"),
    ],
)
def test_a_referral_that_names_no_other_user_is_refused_as_a_whole(metadata: Any, field: str, code: str) -> None:
    answer = refusal(reason="referral", metadata=metadata)
    assert (answer.field, answer.code) == (field, code)


def test_only_an_increase_for_a_referral_must_name_the_referrer() -> None:
    assert isinstance(knock(message(reason="referral", change="decrease")), Command)
    assert isinstance(knock(message(reason="gift", metadata={"referrer_id": 5})), Command)


def test_of_a_field_said_twice_the_last_counts_for_door_and_actor_alike() -> None:
    raw = b'{"event_type":"points_change","user_id":"1","change_type":"increase","points":5,"points":0,"reason":"x"}'
    answer = POINTS_CHANGE.decode(raw, msgspec.json.decode(raw))
    assert isinstance(answer, Refusal)
    assert answer.field == "points"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-09-20T14:30:00+08:00", 1_758_349_800_000),
        ("2025-09-20T14:30:00-23:59", 1_758_464_940_000),
        ("2025-09-20t14:30:00z", 1_758_378_600_000),
        ("2025-09-20 14:30:00Z", 1_758_378_600_000),
        ("2025-09-20T14:30:00.123456789Z", 1_758_378_600_123),
        ("2025-09-20T14:30:00.9-00:00", 1_758_378_600_900),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_rfc_3339_times_are_understood(text: str, ms: int) -> None:
    assert rfc3339_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "2025-09-20", "2025-09-20T14:30Z", "2025-09-20T14:30:00+0800", "20250920T143000Z", "2025-09-20T24:00:00Z",
        "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-09-20T14:30:00.Z", "2025-09-20T14:30:00,5Z",
        " 2025-09-20T14:30:00Z", "2025-09-20T14:30:00Z\n", "٢٠٢٥-09-20T14:30:00Z", "2025-09-20T14:30:00+24:00",
        "2025-09-20T14:30:00+08:60", "2025-09-20T14:30:00+00:75", "2025-09-20T14:30:00-00:99",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2025-W38-6T00:00:00Z",
    ],
)  # fmt: skip
def test_times_that_rfc_3339_does_not_know_or_utc_cannot_say_are_none(text: str) -> None:
    assert rfc3339_ms(text) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=140),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("event_type", "user_id", "change_type", "points", "reason", "order_id", "timestamp", "metadata")


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sets(st.sampled_from(NAMES)), st.booleans())
def test_whatever_json_comes_the_door_answers_and_names_the_field(
    wild: dict[str, Any], gone: set[str], referral: bool
) -> None:
    sent = {**message(reason="referral" if referral else "gift"), **wild}
    sent = {name: value for name, value in sent.items() if name not in gone}
    answer = knock(sent)
    if isinstance(answer, Command):
        msgspec.json.decode(msgspec.json.encode(sent), type=PointsChange)
    else:
        assert answer.field in RULES
        assert answer.message
        assert answer.code
