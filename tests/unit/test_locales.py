"""Which language a reader gets of those that there are."""

from __future__ import annotations

import pytest

from actors.notification.locales import chain, nearest, normal

BOTH = ("en", "zh-Hans")


@pytest.mark.parametrize(
    ("wanted", "there", "gets"),
    [
        ("zh-Hant-HK", ("en", "zh-Hans", "zh-Hant", "zh-Hant-HK"), "zh-Hant-HK"),
        ("zh-Hant-HK", ("en", "zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-Hant-HK", BOTH, "zh-Hans"),
        ("zh-TW", ("zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-CN", ("zh-Hans", "zh-Hant"), "zh-Hans"),
        ("zh", ("zh-Hans", "zh-Hant"), "zh-Hans"),
        ("en-GB", ("en-US", "zh-Hans"), "en-US"),
        ("sr-Latn", ("en", "sr-Cyrl", "sr-Latn-RS"), "sr-Cyrl"),
        ("fr", BOTH, "en"),
        ("", BOTH, "en"),
    ],
)
def test_a_reader_gets_what_is_nearest_to_his_language(wanted: str, there: tuple[str, ...], gets: str) -> None:
    assert nearest(wanted, there, "en") == gets


def test_a_script_that_is_not_named_is_the_likely_one_and_comes_before_the_language_alone() -> None:
    assert chain("zh-TW") == ("zh-TW", "zh-Hant-TW", "zh-Hant", "zh")
    assert chain("es-419") == ("es-419", "es-Latn-419", "es-Latn", "es")


@pytest.mark.parametrize(
    ("tag", "usual"),
    [("ZH-hans-cn", "zh-Hans-CN"), ("en", "en"), ("es-419", "es-419"), ("zh_CN", ""), ("tlh", ""), ("", "")],
)
def test_a_tag_has_one_usual_form(tag: str, usual: str) -> None:
    assert normal(tag) == usual
