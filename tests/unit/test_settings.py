"""Settings: every mistake is named with the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import BadSetting, Settings, load


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ganglion.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold_and_the_command_line_wins(tmp_path: Path) -> None:
    assert load(None, {}) == Settings()
    path = toml(tmp_path, 'segments = 4\nhttp = "127.0.0.1:9000"\nseed_queues = true\n')
    settings = load(path, {"segments": "8"})
    assert (settings.segments, settings.http, settings.seed_queues) == (8, "127.0.0.1:9000", True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("segmnets = 4", ["segmnets", "did you mean `segments`"]),
        ("segments = 0", ["segments", ">= 1"]),
        ('segments = "many"', ["segments", "int"]),
        ('declare = "maybe"', ["declare", "check, declare"]),
        ('http = "nowhere"', ["http", "nowhere"]),
        ("seed_queues = 3", ["seed_queues", "bool"]),
        ("segments = = 4", ["not TOML"]),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(BadSetting) as bad:
        load(toml(tmp_path, text), {})
    for word in words:
        assert word in str(bad.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"nothing\.toml"):
        load(tmp_path / "nothing.toml", {})
