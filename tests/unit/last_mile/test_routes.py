"""Where messages go, as the options say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.notification.messages import CHANNELS
from topology.last_mile.routes import BadRoute, Route, parse


def usable(url: str) -> bool:
    return not url.startswith("nope")


def test_an_address_without_a_channel_is_for_all_that_have_none_of_their_own() -> None:
    routes = parse(["json://mail/?a=b", "sms=json://one", "sms=json://two"], usable)
    assert set(routes) == set(CHANNELS)
    assert [route.url for route in routes["sms"]] == ["json://one", "json://two"]
    assert routes["email"] == routes["push"] == (Route("json://mail/?a=b"),)


def test_an_address_that_is_given_twice_is_one(tmp_path: Path) -> None:
    file = tmp_path / "routes"
    file.write_text("sms=json://one\njson://all\n")
    routes = parse(["sms=json://one", f"@{file}", "json://all"], usable)
    assert routes["sms"] == (Route("json://one"),) and routes["push"] == (Route("json://all"),)


def test_a_channel_without_an_address_is_not_heard() -> None:
    assert set(parse(["push=json://one"], usable)) == {"push"}


def test_a_file_holds_addresses_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "routes"
    file.write_text("# ours\n\nsms=json://one\nemail=json://two\n")
    assert set(parse([f"@{file}"], usable)) == {"sms", "email"}


def test_a_file_may_begin_as_other_systems_begin_a_text(tmp_path: Path) -> None:
    file = tmp_path / "routes"
    file.write_bytes(b"\xef\xbb\xbfsms=json://one\r\n")
    assert parse([f"@{file}"], usable) == {"sms": (Route("json://one"),)}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "routes"
    file.write_bytes(b"sms=json://secret\xff")
    with pytest.raises(BadRoute) as refused:
        parse([f"@{file}"], usable)
    assert str(file) in str(refused.value) and "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("fax=json://x", "with a channel of sms, email"), ("mail@example.org", "scheme://"), ("", "no address"),
        ("nope://secret", "apprise cannot use it"), ("sms=nope://secret", "apprise cannot use it"),
        ("json://{user_id}.example/x", "before the path"), ("json://h/{password}", "{password} is none of user_id"),
        ("json://h/{user_id", "%7B"), ("json://h/user_id}", "%7D"), ("json://h/{{user_id}}", "%7B"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_its_place_and_without_the_address(option: str, says: str) -> None:
    with pytest.raises(BadRoute) as refused:
        parse([option], usable)
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_address_is_filled_in_for_each_message() -> None:
    route = Route("sms://gateway/{user_id}?id={message_id}")
    assert route.filled({"user_id": "u-1@shop", "message_id": "3.1.2"}) == "sms://gateway/u-1@shop?id=3.1.2"


@pytest.mark.parametrize("hostile", ["a,b", "a/../b", "a?b", "a%2Cb", "a b", "", "-x", "{channel}", "a;b", "x\n", "é"])
def test_what_could_make_another_address_of_it_is_not_filled_in(hostile: str) -> None:
    with pytest.raises(ValueError, match="user_id"):
        Route("sms://gateway/{user_id}").filled({"user_id": hostile, "channel": "sms"})


def test_an_address_is_known_by_a_name_that_does_not_show_it_and_is_the_same_in_every_run() -> None:
    assert Route("json://user:secret@host").name == Route("json://user:secret@host").name
    assert "secret" not in Route("json://user:secret@host").name
    assert Route("json://a").name != Route("json://b").name
