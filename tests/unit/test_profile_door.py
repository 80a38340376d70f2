"""What the door takes of `user_profile_update`, and what it says to the rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.commands import Command, Refusal
from actors.profile.door import PROFILE_UPDATE, RULES, VALUE_RULE
from actors.profile.known import KNOWN, birthday_md, is_locale, is_zone
from actors.profile.messages import CHANGES_BYTES_MAX, CHANGES_MAX, NAME_BYTES_MAX, VALUE_BYTES_MAX, ProfileUpdate
from actors.registry import COMMANDS
from tests.profile_world import knock, message

SEED = {
    "preferred_categories": ["electronics", "books"],
    "price_sensitivity": "medium",
    "purchase_frequency": "weekly",
    "active_time_slots": ["09:00-12:00", "20:00-22:00"],
    "device_preference": "mobile",
}


def refused(changes: Any) -> Refusal:
    answer = knock(message(changes))
    assert isinstance(answer, Refusal), answer
    return answer


def test_the_seeds_example_becomes_a_command_about_its_user() -> None:
    seed = message(SEED, confidence_score=0.85, update_timestamp="2025-09-20T14:30:00Z")
    assert knock(seed) == Command("user.profile", "user:123456", 1_758_378_600_000)


def test_the_registry_knows_the_message_and_the_front_door_it_comes_through() -> None:
    assert COMMANDS["user_profile_update"] is PROFILE_UPDATE
    assert PROFILE_UPDATE.exchange == "marketing.behavior.events"


@pytest.mark.parametrize("field", ["event_type", "user_id", "profile_changes"])
def test_a_required_field_that_is_missing_is_named(field: str) -> None:
    sent = {name: value for name, value in message({"a": 1}).items() if name != field}
    assert knock(sent) == Refusal("missing", field, f"{field} must be {RULES[field]}")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("user_id", "", "empty"),
        ("user_id", "x" * 129, "too_long"),
        ("user_id", 5, "wrong_type"),
        ("profile_changes", None, "wrong_type"),
        ("profile_changes", ["zone"], "wrong_type"),
        ("profile_changes", {}, "empty"),
        ("profile_changes", {str(n): n for n in range(CHANGES_MAX + 1)}, "too_many"),
        ("profile_changes", {"": 1}, "empty"),
        ("profile_changes", {"a\nb": 1}, "control_characters"),
        ("profile_changes", {"x" * (NAME_BYTES_MAX + 1): 1}, "too_long"),
        ("profile_changes", {str(n): "x" * 2_000 for n in range(9)}, "too_long"),
        ("update_timestamp", "yesterday", "not_rfc3339"),
        ("update_timestamp", 5, "wrong_type"),
    ],
)
def test_each_field_has_its_rule_and_the_refusal_says_it(field: str, value: Any, code: str) -> None:
    answer = knock({**message({"a": 1}), field: value})
    assert answer == Refusal(code, field, f"{field} must be {RULES[field]}")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("zone", "Mars/Olympus", "unknown_zone"),
        ("zone", "UTC+8", "unknown_zone"),
        ("zone", "../etc/passwd", "unknown_zone"),
        ("zone", "", "unknown_zone"),
        ("zone", 8, "wrong_type"),
        ("zone", ["UTC"], "wrong_type"),
        ("birthday", "1989-02-29", "no_such_day"),
        ("birthday", "02-30", "no_such_day"),
        ("birthday", "13-01", "no_such_day"),
        ("birthday", 19880229, "wrong_type"),
        ("locale", "zh_CN", "unknown_locale"),
        ("locale", "klingon", "unknown_locale"),
        ("locale", True, "wrong_type"),
    ],
)
def test_a_known_fact_that_cannot_be_is_refused_with_its_own_name(name: str, value: Any, code: str) -> None:
    field = f"profile_changes.{name}"
    assert refused({"shoe": 43, name: value}) == Refusal(code, field, f"{field} must be {RULES[field]}")


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_fact_may_be_forgotten(name: str) -> None:
    assert isinstance(knock(message({name: None})), Command)


def test_limits_can_be_reached_but_not_exceeded() -> None:
    assert isinstance(knock(message({f"{n:02}": n for n in range(CHANGES_MAX)})), Command)
    assert isinstance(knock(message({"x" * NAME_BYTES_MAX: 1})), Command)
    assert isinstance(knock(message({"a": "x" * (VALUE_BYTES_MAX - 2)})), Command)
    field = "profile_changes.a"
    assert refused({"a": "x" * (VALUE_BYTES_MAX - 1)}) == Refusal("too_long", field, f"{field} must be {VALUE_RULE}")
    part = CHANGES_BYTES_MAX // 16
    whole = {f"{n:02}": "x" * (part - 4) for n in range(16)}
    assert isinstance(knock(message(whole)), Command)
    assert refused({**whole, "16": 1}).code == "too_long"


@pytest.mark.parametrize("text", ["UTC", "Asia/Shanghai", "America/Argentina/Buenos_Aires", "Europe/Berlin"])
def test_zones_of_the_data_base_are_known(text: str) -> None:
    assert is_zone(text)


@pytest.mark.parametrize(
    "text", ["localtime", "Factory", "asia/shanghai", "posix/UTC", "/UTC", "UTC\0", "+08:00", "x" * 99]
)
def test_what_names_no_place_is_no_zone(text: str) -> None:
    assert not is_zone(text)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1988-02-29", "02-29"), ("02-29", "02-29"), ("1990-12-31", "12-31"), ("01-01", "01-01"),
        ("0001-01-01", "01-01"),
        ("1989-02-29", None), ("1900-02-29", None), ("0000-01-01", None), ("04-31", None), ("00-10", None),
        ("1-1", None), ("19900101", None), ("1990-W01-1", None), ("٠١-٠١", None), ("01-01\n", None), ("", None),
        ("1990-01-01T00:00:00Z", None),
    ],
)  # fmt: skip
def test_a_birthday_is_a_day_of_some_year_or_of_any(text: str, day: str | None) -> None:
    assert birthday_md(text) == day


@pytest.mark.parametrize("text", ["zh", "zh-Hans", "zh-Hans-CN", "zh-CN", "en-US", "EN-us", "pt-BR", "sr-Latn-RS"])
def test_tags_of_languages_we_can_format_are_locales(text: str) -> None:
    assert is_locale(text)


@pytest.mark.parametrize("text", ["", "c", "en_US", "en-", "-en", "tlh", "x-private", "en-US@euro", "en US", "e" * 40])
def test_what_no_text_can_be_formatted_in_is_no_locale(text: str) -> None:
    assert not is_locale(text)


@given(st.text(max_size=40) | st.from_regex(r"[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,4}", fullmatch=True))
def test_no_text_makes_a_check_raise(text: str) -> None:
    for known in KNOWN.values():
        assert known.fits(text) in (True, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from((*KNOWN, "shoe")) | st.text(max_size=70)


@given(st.dictionaries(NAMES, JSON, max_size=4) | JSON, JSON, st.booleans())
def test_whatever_json_comes_the_door_answers_and_names_the_field(changes: Any, wild: Any, timed: bool) -> None:
    sent = message(changes, **({"update_timestamp": wild} if timed else {}))
    answer = knock(sent)
    if isinstance(answer, Command):
        update = msgspec.json.decode(msgspec.json.encode(sent), type=ProfileUpdate)
        assert set(update.changes()) == set(changes)
    else:
        assert answer.field in RULES
        assert answer.message.startswith(answer.field)
