"""Settings: every mistake is named with the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import BadSetting, Settings, allowed, load


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ganglion.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold_and_the_command_line_wins(tmp_path: Path) -> None:
    assert load(None, {}) == Settings()
    path = toml(tmp_path, 'segments = 4\nhttp = "127.0.0.1:9000"\nseed_queues = true\nprivate_broker = true\n')
    settings = load(path, {"segments": "8"})
    assert (settings.segments, settings.http, settings.seed_queues) == (8, "127.0.0.1:9000", True)
    assert settings.private_broker


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("segmnets = 4", ["segmnets", "did you mean `segments`"]),
        ("segments = 0", ["`segments` is 0, it must be an integer from 1 to 1024"]),
        ("segments = 1025", ["an integer from 1 to 1024"]),
        ('segments = "many"', ["`segments` is 'many', it must be an integer from 1 to 1024"]),
        ("segments = 1.5", ["an integer from 1 to 1024"]),
        ("log_retention_s = 1", ["an integer from 60 to 3153600000"]),
        ('declare = "maybe"', ["declare", "check, declare"]),
        ('http = "nowhere"', ["http", "nowhere", "HOST:PORT with a port from 0 to 65535"]),
        ("http = 8420", ["http", "HOST:PORT"]),
        ('amqp = "http://x"', ["amqp", "amqps://"]),
        ('zone = ""', ["zone", "at least 1 character"]),
        ("seed_queues = 3", ["seed_queues", "true or false"]),
        ("segments = = 4", ["not TOML"]),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(BadSetting) as bad:
        load(toml(tmp_path, text), {})
    for word in ["ganglion.toml: ", *words]:
        assert word in str(bad.value)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:0", "localhost:65535", "[::1]:8420", "[fe80::1%eth0]:1", "0.0.0.0:8420"]
)
def test_an_address_has_a_host_and_a_port(address: str) -> None:
    assert load(None, {"http": address}).http == address


@pytest.mark.parametrize(
    "address", ["8420", ":8420", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:-1", "::1:8420", "[::1]", ""]
)
def test_what_is_no_address_is_refused_with_the_form_and_names_no_file(tmp_path: Path, address: str) -> None:
    with pytest.raises(BadSetting, match=r"^`http` is .* HOST:PORT with a port from 0 to 65535"):
        load(toml(tmp_path, "segments = 4"), {"http": address})


def test_every_number_has_both_bounds_and_every_setting_can_say_what_it_may_be() -> None:
    for name in Settings.__struct_fields__:
        assert allowed(name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"nothing\.toml"):
        load(tmp_path / "nothing.toml", {})
