"""What the profile domain keeps and says: the last one in the log wins, fact by fact, and no value is told."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.profile import facts
from actors.profile.actor import FULL
from actors.profile.facts import FACTS_BYTES_MAX, FACTS_MAX, Fact, Profile
from actors.profile.messages import CHANGES_MAX, ProfileRefused, ProfileUpdate, ProfileUpdated
from actors.profile.view import shown
from tests.profile_world import EPOCH, START_MS, ProfileWorld, message


def updated(*names: str) -> list[tuple[str, Any]]:
    return [("profile.updated", ProfileUpdated(names))]


def refused(*names: str) -> list[tuple[str, Any]]:
    return [("profile.refused", ProfileRefused(names, "profile_full", FULL))]


def test_facts_are_kept_each_with_the_place_and_time_of_its_last_change() -> None:
    world = ProfileWorld()
    world.send({"zone": "Asia/Shanghai", "shoe": 43})
    world.send({"shoe": 44})
    assert shown(world.stored) == {
        "zone": Fact('"Asia/Shanghai"', EPOCH, 1, START_MS + 1_000),
        "shoe": Fact("44", EPOCH, 2, START_MS + 2_000),
    }


def test_what_changed_is_told_by_name_and_never_by_value() -> None:
    said = ProfileWorld().send({"birthday": "1988-02-29", "note": "a secret"})
    assert said == updated("birthday", "note")
    assert b"1988" not in msgspec.json.encode(said[0][1])
    assert b"secret" not in msgspec.json.encode(said[0][1])


def test_the_last_one_in_the_log_wins_whatever_time_its_sender_says() -> None:
    world = ProfileWorld()
    world.send({"zone": "Asia/Shanghai", "locale": "zh-Hans"}, update_timestamp="2025-09-20T14:30:00Z")
    world.send({"zone": "Europe/Berlin"}, update_timestamp="2020-01-01T00:00:00Z")
    assert world.values == {"zone": "Europe/Berlin", "locale": "zh-Hans"}


def test_an_update_that_changes_nothing_says_nothing_and_moves_nothing() -> None:
    world = ProfileWorld()
    world.send({"shoe": 43, "likes": {"a": 1, "b": [2]}})
    before = world.stored
    assert world.send({"shoe": 43}) == []
    assert world.send_raw(msgspec.json.encode(message({})).replace(b"{}", b'{"likes": {"b":[ 2 ], "a":1}}')) == []
    assert world.send({"never_heard_of": None}) == []
    assert world.stored == before


def test_null_forgets_and_leaves_nothing_behind() -> None:
    world = ProfileWorld()
    world.send({"birthday": "02-29"})
    assert world.send({"birthday": None}) == updated("birthday")
    assert world.profile == Profile()
    assert world.send({"birthday": None}) == []


def test_a_value_is_kept_to_the_last_digit_as_it_came() -> None:
    world = ProfileWorld()
    raw = b'{"event_type":"user_profile_update","user_id":"1","profile_changes":{"m":1.10,"big":1' + b"0" * 30 + b"}}"
    world.send_raw(raw)
    assert [fact.value for fact in world.profile.facts.values()] == ["1.10", "1" + "0" * 30]


def full() -> ProfileWorld:
    """A profile with as many facts as it may have."""
    world = ProfileWorld()
    for first in range(0, FACTS_MAX, CHANGES_MAX):
        world.send({f"f{n}": n for n in range(first, first + CHANGES_MAX)})
    assert len(world.profile.facts) == FACTS_MAX
    return world


def test_what_finds_no_room_is_refused_by_name_and_the_rest_is_taken() -> None:
    world = full()
    assert world.send({"one_more": 1, "f7": "other"}) == updated("f7") + refused("one_more")
    assert "one_more" not in world.values
    assert world.values["f7"] == "other"


def test_the_facts_that_rules_lean_on_always_have_room() -> None:
    world = full()
    assert world.send({"zone": "UTC", "birthday": "02-29", "locale": "en"}) == updated("zone", "birthday", "locale")


def test_what_is_forgotten_makes_room_wherever_it_stands() -> None:
    assert full().send({"one_more": 1, "f3": None}) == updated("f3", "one_more")


def test_a_profile_is_bounded_in_bytes_too() -> None:
    world = ProfileWorld()
    for n in range(FACTS_BYTES_MAX // 2_000):
        world.send({f"{n:03}": "x" * 1_995})
    assert world.send({"more": "x" * 1_995}) == refused("more")
    assert world.send({"000": "y" * 1_995}) == updated("000"), "what takes another's place needs none of its own"


def test_the_changes_of_an_update_are_read_by_others_as_plain_values() -> None:
    raw = msgspec.json.encode(message({"zone": "UTC", "shoe": 43.5, "note": None}))
    assert msgspec.json.decode(raw, type=ProfileUpdate).changes() == {"zone": "UTC", "shoe": 43.5, "note": None}


VALUES = st.none() | st.integers(0, 2) | st.sampled_from(("a", "b")) | st.booleans() | st.lists(st.integers(0, 1))


@given(st.lists(st.dictionaries(st.sampled_from("abcde"), VALUES, min_size=1), max_size=12))
def test_any_updates_leave_what_a_plain_dictionary_would_hold(updates: list[dict[str, Any]]) -> None:
    world = ProfileWorld()
    plain: dict[str, bytes] = {}
    for changes in updates:
        before = dict(plain)
        plain.update({name: msgspec.json.encode(value) for name, value in changes.items()})
        plain = {name: value for name, value in plain.items() if value != b"null"}
        said = world.send(changes)
        different = {name for name in changes if before.get(name) != plain.get(name)}
        assert {name for _, body in said for name in body.changed} == different
        assert bool(said) == bool(different)
    assert {name: fact.value.encode() for name, fact in world.profile.facts.items()} == plain
    facts.check(world.profile)
